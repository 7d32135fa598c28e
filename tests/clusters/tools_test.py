"""The command line and the demo over a real server: tools_test.py nats|kafka. CTest sets TIDINGS, PARKING_SERVICE and SERVE_FOR_TESTS."""

import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from command_line import TIDINGS  # noqa: E402
from parking import GROUP, SERVICE, Parking  # noqa: E402

SERVE = os.environ["SERVE_FOR_TESTS"]
BROKER = sys.argv.pop(1)
MISSING = 77


class Tools(Parking):
    @classmethod
    def setUpClass(cls):
        cls.tests = 0
        cls.server = subprocess.Popen([SERVE, BROKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        cls.url = cls.server.stdout.readline().strip()
        if cls.url:
            return
        _, why = cls.server.communicate()
        if cls.server.returncode == MISSING and os.environ.get("TIDINGS_ALLOW_MISSING_SERVERS") == "1":
            raise unittest.SkipTest(why.strip())
        raise AssertionError(why.strip())

    @classmethod
    def tearDownClass(cls):
        cls.server.communicate()  # the end of its input is its own

    def setUp(self):
        super().setUp()
        type(self).tests += 1
        self.broker = self.url
        self.name_space = f"t{self.tests}"

    def environment(self, **more):
        return super().environment(TIDINGS_NAMESPACE=self.name_space, **more)

    def json_of(self, *arguments, status=0):
        return [json.loads(line) for line in self.run_tidings(*arguments, "--json", status=status).stdout.splitlines()]

    def positions(self, topic, group):
        return {one["partition"]: one["position"] for one in self.lag_of(topic, group)["partitions"]}

    def test_publish_and_tail(self):
        done = self.run_tidings("publish", "orders", "--key-field", "id", "--acks", "--partitions", "2",
                                stdin="".join(json.dumps({"id": str(n)}) + "\n" for n in range(20)))
        acknowledged = [line.split() for line in done.stdout.splitlines()]
        self.assertEqual(len(acknowledged), 20)
        seen = self.tail_json("orders")
        self.assertEqual({(one["id"], str(one["tidingspartition"]), one["tidingsoffset"]) for one in seen}, {tuple(line) for line in acknowledged})
        self.assertEqual(sorted(int(one["data"]["id"]) for one in seen), list(range(20)))
        first = self.tail_json("orders", "--group", "audit", "--count", "5")
        rest = self.tail_json("orders", "--group", "audit")
        self.assertEqual((len(first), len({one["id"] for one in first + rest})), (5, 20), "a group goes on where it was")
        self.assertEqual(self.lag_of("orders", "audit")["lag"], 0)
        self.assertEqual(len(self.run_tidings("tail", "orders", "--no-follow", "--from", "earliest").stdout.splitlines()), 20)
        self.assertEqual(self.run_tidings("tail", "orders", "--no-follow", "--from", "now").stdout, "")

    def test_what_comes_later_is_followed(self):
        self.publish("orders", [{"n": 1}], "--partitions", "1")
        follower = self.start("tail", "orders", "--from", "earliest", "--json", "--count", "2")
        self.assertEqual(json.loads(self.line_of(follower.stdout))["data"], {"n": 1})
        self.publish("orders", [{"n": 2}])
        self.assertEqual(json.loads(self.line_of(follower.stdout))["data"], {"n": 2})
        self.end_of(follower)

    def test_topics_and_groups_come_and_go(self):
        self.run_tidings("topics", "create", "orders", "--partitions", "3", "--retain-age", "7d")
        self.run_tidings("topics", "create", "orders", "--partitions", "3", "--retain-age", "7d")
        self.assertIn("topic_exists_with", self.run_tidings("topics", "create", "orders", "--partitions", "4", status=1).stderr)
        described = self.json_of("topics", "orders")[0]
        self.assertEqual((described["topic"], len(described["partitions"]), described["retention"]["age"]), ("orders", 3, "PT168H"))
        self.run_tidings("topics", "alter", "orders", "--retain-age", "1d")
        self.assertEqual(self.json_of("topics")[0]["retention"]["age"], "PT24H")
        self.publish("orders", [{"n": n} for n in range(6)])
        self.tail_json("orders", "--group", "audit", "--count", "2")
        self.assertEqual([one["group"] for one in self.json_of("groups", "orders")], ["audit"])
        self.assertEqual(self.json_of("lag")[0]["lag"], 4)
        self.assertIn("unknown_topic", self.run_tidings("lag", "nowhere", status=1).stderr)
        self.run_tidings("groups", "delete", "orders", "audit")
        self.assertEqual(self.json_of("groups", "orders"), [])
        if BROKER == "kafka":
            self.run_tidings("topics", "delete", "orders", "--yes")
            self.assertEqual(self.json_of("topics"), [])
        else:
            self.assertIn("unsupported", self.run_tidings("topics", "delete", "orders", "--yes", status=1).stderr)

    def test_seek(self):
        self.publish("orders", [{"n": n} for n in range(5)], "--partitions", "1")
        time.sleep(0.05)
        middle = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{int(time.time() * 1000) % 1000:03}Z"
        time.sleep(0.05)
        self.publish("orders", [{"n": n} for n in range(5, 10)])
        self.tail_json("orders", "--group", "audit")
        for where, position in (("earliest", 0), ("latest", 10), ("3", 3), (middle, 5), ("now", 10), ("-1h", 0), ("99", 10)):
            moved = self.run_tidings("seek", "orders", "audit", "--to", where)
            self.assertEqual(self.positions("orders", "audit"), {0: position}, f"{where}: {moved.stdout}")
        self.assertIn("did you mean 'orders'?", self.run_tidings("seek", "ordres", "audit", "--to", "earliest", status=1).stderr)
        self.assertIn("unknown", self.run_tidings("seek", "orders", "nobody", "--to", "earliest", status=1).stderr)
        follower = self.start("tail", "orders", "--group", "audit")
        self.wait_until(lambda: self.is_member_there("orders", "audit"), "the group has no member")
        self.assertIn("group_active", self.run_tidings("seek", "orders", "audit", "--to", "earliest", status=1).stderr)
        self.interrupt(follower)

    def test_dead_letters(self):
        self.assertEqual(self.parked(options=("--partitions", "1")), ["c:0"])
        listed = self.json_of("dead-letters", "list")
        self.assertEqual(sorted((one["key"], one["code"], one["events"]) for one in listed), [("a", "refused", 2), ("b", "away", 2)])
        self.assertEqual(len(self.json_of("dead-letters", "show", "--key", "b")), 2)
        good = self.serve()
        redriven = self.json_of("dead-letters", "redrive", "--group", GROUP, "--key", "a")[0]
        self.assertEqual((redriven["state"], redriven["redriven"]), ("done", 2))
        dropped = self.json_of("dead-letters", "drop", "--group", GROUP, "--key", "b", "--first")[0]
        self.assertEqual((dropped["state"], dropped["dropped"], dropped["redriven"]), ("done", 1, 1))
        self.assertEqual(self.json_of("dead-letters", "list"), [])
        self.assertIn(f"{GROUP} paused in process", self.run_tidings("pause", "shop").stdout)
        self.run_tidings("resume", "shop")
        self.assertEqual(self.leave(good), ["a:0", "a:1", "b:1"])

    def test_describe_asks_the_broker(self):
        self.run_tidings("topics", "create", "orders", "--partitions", "3", "--durability", "durable", "--retain-age", "7d")
        self.publish("orders", [{"n": n} for n in range(6)])
        self.tail_json("orders", "--group", GROUP, "--count", "2")
        self.tail_json("orders", "--group", "audit", "--count", "5")
        self.run_tidings("topics", "create", "elsewhere", "--partitions", "1")
        (told,) = self.json_of("describe", SERVICE, "--broker", self.url)
        self.assertTrue(told["knows_broker"])
        topics = {one["topic"]: one for one in told["topics"]}
        self.assertEqual(set(topics), {"orders", "elsewhere"}, "its own topics are of no service")
        orders = topics["orders"]
        self.assertEqual((orders["partitions"], orders["events_kept"], orders["durability"]), (3, 6, "durable"))
        self.assertEqual({one["group"]: one["lag"] for one in orders["groups"]}, {GROUP: 4, "audit": 1})
        (way,) = told["paths"]
        self.assertEqual((way["topic"], way["group"]), ("orders", GROUP))
        self.assertEqual({one["name"] for one in way["loss"]["causes"]}, {"retention", "power-cut"} if BROKER == "nats" else {"retention"})
        self.assertEqual([one["name"] for one in way["duplicates"]["causes"]], ["redelivery"])
        self.assertEqual([one["name"] for one in way["order"]["causes"]], ["stalled"])
        self.assertEqual(any("within 2min" in one for one in way["duplicates"]["provided"]), BROKER == "nats")
        (asyncapi,) = [json.loads(self.run_tidings("describe", SERVICE, "--asyncapi", "--broker", self.url).stdout)]
        channel = asyncapi["channels"]["orders"]
        if BROKER == "nats":
            self.assertEqual(channel["address"], f"tidings.{self.name_space}=orders.{{partition}}")
            self.assertEqual(channel["parameters"]["partition"]["description"], "the number of the partition, 0 to 2")
        else:
            self.assertEqual((channel["address"], channel["bindings"]["kafka"]["partitions"]), (f"{self.name_space}.orders", 3))
        text = self.run_tidings("describe", SERVICE, "--broker", self.url).stdout
        self.assertIn(f"  -> {GROUP}, lag 4\n", text)
        self.assertIn("  -> group audit, of none of these services, lag 1\n", text)

    def test_demo(self):
        done = subprocess.run([TIDINGS, "demo", "--json", "--check", "--broker", self.url, "--count", "600", "--rate", "0"], capture_output=True,
                              text=True, timeout=150)
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = json.loads(done.stdout)
        self.assertTrue(summary["checked"])
        self.assertEqual((summary["differences"], summary["orders_fed"], summary["killed"]), ([], 600, "analytics"))


if __name__ == "__main__":
    unittest.main()
