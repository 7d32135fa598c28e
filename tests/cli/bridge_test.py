import json
import os
import signal
import subprocess
import time
import unittest

from command_line import CommandLine

SERVICE = os.environ["PARKING_SERVICE"]  # CTest sets it


class Bridge(CommandLine):
    def setUp(self):
        super().setUp()
        self.there = "log:" + os.path.join(self.folder, "there")

    def publish_numbers(self, first, last, broker=None):
        lines = "".join(json.dumps({"key": str(number % 5), "number": number}) + "\n" for number in range(first, last))
        self.run_tidings("publish", "orders", "--key-field", "key", "--broker", broker or self.broker, stdin=lines)

    def numbers(self, broker):
        out = self.run_tidings("tail", "orders", "--from", "earliest", "--no-follow", "--json", "--broker", broker).stdout
        return [json.loads(line)["data"]["number"] for line in out.splitlines()]

    def assert_in_order(self, numbers):
        for key in range(5):
            of_key = [number for number in numbers if number % 5 == key]
            self.assertEqual(of_key, sorted(of_key))

    def test_mirrors_all_and_ends(self):
        self.run_tidings("topics", "create", "orders", "--partitions", "3")
        self.publish_numbers(0, 500)
        shown = self.run_tidings("bridge", self.broker, self.there, "--no-follow").stdout
        self.assertEqual(shown, "orders: 500 mirrored, 0 to come\n")
        numbers = self.numbers(self.there)
        self.assertEqual(sorted(numbers), list(range(500)))
        self.assert_in_order(numbers)
        again = json.loads(self.run_tidings("bridge", self.broker, self.there, "--no-follow", "--json").stdout)
        self.assertEqual((again["topic"], again["mirrored"], again["behind"]), ("orders", 0, 0))

    def test_killed_again_and_again_while_events_flow_nothing_is_missing_twice_or_out_of_order(self):
        self.publish_numbers(0, 10)
        for first in range(10, 2010, 200):
            process = self.start("bridge", self.broker, self.there)
            self.publish_numbers(first, first + 200)
            time.sleep((first % 7) / 50)
            process.kill()
            process.wait()
        self.run_tidings("bridge", self.broker, self.there, "--no-follow")
        numbers = self.numbers(self.there)
        self.assertEqual(sorted(numbers), list(range(2010)))
        self.assert_in_order(numbers)

    def test_ends_by_a_signal(self):
        self.publish_numbers(0, 10)
        process = self.start("bridge", self.broker, self.there)
        self.wait_until(lambda: os.path.isdir(os.path.join(self.folder, "there", "orders")), "the topic there")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143, err)
        self.assertIn(b"mirrored", out)

    def test_a_group_goes_on_there(self):
        self.publish_numbers(0, 100)
        self.run_tidings("tail", "orders", "--group", "mail", "--count", "40")
        self.run_tidings("bridge", self.broker, self.there, "--no-follow")
        carried = json.loads(self.run_tidings("bridge", self.broker, self.there, "--topic", "orders", "--carry", "mail", "--json").stdout)
        self.assertEqual(carried, {"topic": "orders", "group": "mail", "partition": 0, "position": 40})
        rest = self.run_tidings("tail", "orders", "--group", "mail", "--no-follow", "--json", "--broker", self.there).stdout
        self.assertEqual([json.loads(line)["data"]["number"] for line in rest.splitlines()], list(range(40, 100)))

    def test_a_group_with_open_dead_letters_stays(self):
        orders = "".join(json.dumps({"order_id": "abc"[number % 3], "number": number}) + "\n" for number in range(9))
        self.run_tidings("publish", "orders", "--type", "shop.order", "--key-field", "order_id", stdin=orders)
        self.park("a")
        self.run_tidings("bridge", self.broker, self.there, "--no-follow")
        there = self.run_tidings("topics", "--json", "--broker", self.there).stdout
        self.assertEqual([json.loads(line)["topic"] for line in there.splitlines()], ["orders"], "no dead letters")
        carry = ("bridge", self.broker, self.there, "--topic", "orders", "--carry", "shop.take")
        told = self.run_tidings(*carry, status=1).stderr
        self.assertIn("dead_letters_open: orders, shop.take: 3 events of the topic are parked", told)
        self.assertNotIn("shop.take", self.run_tidings("groups", "--broker", self.there).stdout)
        self.run_tidings("dead-letters", "redrive", "--group", "shop.take")
        self.park("")
        self.run_tidings(*carry)
        self.assertIn("shop.take", self.run_tidings("groups", "--broker", self.there).stdout)

    def park(self, bad):
        """The service handles or parks all there is, and does what was asked of its dead letters."""
        service = subprocess.Popen([SERVICE, "--bad", bad, "--log-level", "warning"], cwd=self.folder,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment())
        self.started.append(service)
        self.wait_until(lambda: (found := self.lag_of("orders", "shop.take")) and found["lag"] == 0, "events are left")
        if not bad:
            self.wait_until(lambda: not self.run_tidings("dead-letters", "list", "--json").stdout, "letters are left")
        service.send_signal(signal.SIGTERM)
        self.assertEqual(service.wait(timeout=60), 0)

    def test_what_is_wrong_is_told(self):
        self.publish_numbers(0, 1)
        for arguments, code, status in (
            ((self.broker, self.broker), "are one broker", 2),
            ((self.broker, self.broker + "/"), "are one broker", 2),
            ((self.broker, self.broker + "/../data"), "are one broker", 2),
            ((self.broker,), "TO is required", 2),
            ((self.broker, "nowhere://x"), "unknown_broker", 2),
            ((self.broker, self.there, "--carry", "mail"), "--carry wants the --topic", 2),
            ((self.broker, self.there, "--topic", "a/b"), "invalid_name", 2),
            ((self.broker, self.there, "--topic", "mails"), "unknown_topic", 1),
            ((self.broker, self.there, "--topic", "orders", "--carry", "mail"), "unknown_group", 1),
            ((self.broker, self.there, "--topic", "mail.dead-letters"), "dead letters name offsets there", 1),
            (("log:" + os.path.join(self.folder, "none"), self.there, "--no-follow"), "not_found", 1),
        ):
            with self.subTest(arguments):
                self.assertIn(code, self.run_tidings("bridge", *arguments, status=status).stderr)


if __name__ == "__main__":
    unittest.main()
