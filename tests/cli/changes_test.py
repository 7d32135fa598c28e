import json
import os
import unittest

from command_line import CommandLine


class Changes(CommandLine):
    def topic(self, name):
        return json.loads(self.run_tidings("topics", name, "--json").stdout)

    def test_topics_are_created_and_altered(self):
        self.run_tidings("topics", "create", "orders", "--partitions", "3", "--durability", "memory", "--retain-age", "7d",
                         "--retain-bytes", "10GiB", "--event-bytes-max", "5000")
        topic = self.topic("orders")
        self.assertEqual((len(topic["partitions"]), topic["durability"], topic["event_bytes_max"]), (3, "memory", 5000))
        self.assertEqual(topic["retention"], {"bytes": 10 << 30, "age": "PT168H", "waits_for_groups": False})
        self.assertEqual(self.run_tidings("topics", "orders").stdout.splitlines()[0],
                         "orders: memory, events up to 5000 bytes, kept for 7d and up to 10GiB a partition")
        self.run_tidings("topics", "create", "orders", "--partitions", "3")  # as it is there
        self.assertRegex(self.run_tidings("topics", "create", "orders", "--partitions", "2", status=1).stderr,
                         "^tidings: topic_exists_with: ")
        self.run_tidings("topics", "alter", "orders", "--retain-age", "0", "--wait-for-groups")
        self.assertEqual(self.topic("orders")["retention"], {"bytes": 10 << 30, "age": "PT0S", "waits_for_groups": True})
        self.run_tidings("topics", "alter", "orders", "--retain-bytes", "0", "--no-wait-for-groups")
        self.assertEqual(self.topic("orders")["retention"], {"bytes": 0, "age": "PT0S", "waits_for_groups": False})

    def test_what_cannot_be_is_refused_and_nothing_is_made(self):
        for arguments, code, status in (
            (("create", "a/b"), "invalid_name", 2),
            (("create", "orders", "--retain-age", "5 days"), "invalid_duration", 2),
            (("create", "orders", "--retain-age", "1ms"), "invalid_options", 2),
            (("create", "orders", "--retain-bytes", "10GB"), "invalid_size", 2),
            (("create", "orders", "--retain-bytes", "17000000TiB"), "invalid_size", 2),
            (("create", "orders", "--durability", "sometimes"), "invalid_durability", 2),
            (("alter", "orders"), "nothing to change", 2),
        ):
            with self.subTest(arguments):
                self.assertIn(code, self.run_tidings("topics", *arguments, status=status).stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "data")))
        self.publish("orders", [1])
        self.assertIn("did you mean 'orders'", self.run_tidings("topics", "alter", "oders", "--retain-age", "1d", status=1).stderr)

    def test_old_events_go(self):
        large = "x" * 700_000
        for _ in range(6):
            self.publish("orders", [large], "--durability", "memory")
        self.assertEqual(self.topic("orders")["events"], 6)
        self.run_tidings("topics", "alter", "orders", "--retain-bytes", "1")
        topic = self.topic("orders")
        self.assertLess(topic["events"], 6)
        self.assertEqual(topic["partitions"][0]["end"], 6)
        shown = self.run_tidings("tail", "orders", "--from", "earliest", "--no-follow").stdout.splitlines()
        self.assertEqual(len(shown), topic["events"])

    def test_topics_are_deleted_unless_somebody_uses_them(self):
        self.publish("orders", range(3))
        self.publish("invoices", [1])
        self.assertIn("has 3 events", self.run_tidings("topics", "delete", "orders", status=1).stderr)
        member = self.start("tail", "orders", "--group", "audit")
        self.wait_until(lambda: self.is_member_there("orders", "audit"), "no member came")
        self.assertRegex(self.run_tidings("topics", "delete", "orders", "--yes", status=1).stderr, "^tidings: busy: ")
        self.interrupt(member)
        self.end_of(member, 130)
        self.assertEqual(self.topic("orders")["events"], 3)
        self.run_tidings("topics", "delete", "orders", "--yes")
        self.assertEqual([one for one in os.listdir(os.path.join(self.folder, "data")) if "orders" in one], [])
        self.assertIn("unknown_topic", self.run_tidings("topics", "orders", status=1).stderr)
        self.assertIn("did you mean 'invoices'", self.run_tidings("topics", "delete", "invoice", "--yes", status=1).stderr)
        self.publish("orders", [7])  # made anew
        self.assertEqual(self.topic("orders")["partitions"][0]["end"], 1)
        self.run_tidings("verify")

    def test_a_topic_that_is_damaged_can_be_deleted(self):
        self.publish("orders", range(3))
        with open(os.path.join(self.folder, "data", "orders", "topic.meta"), "r+b") as meta:
            meta.write(b"?" * 16)
        self.assertIn("add --yes", self.run_tidings("topics", "delete", "orders", status=1).stderr)
        self.run_tidings("topics", "delete", "orders", "--yes")
        self.assertEqual(self.run_tidings("topics").stdout, "")
        self.publish("orders", [7])

    def test_groups_are_moved(self):
        self.publish("orders", range(5))
        self.run_tidings("tail", "orders", "--group", "audit", "--count", "4")

        def position():
            return json.loads(self.run_tidings("groups", "orders", "--json").stdout)["partitions"][0]

        for to, where in (("earliest", 0), ("3", 3), ("latest", 5), ("2000-01-01T00:00:00Z", 0), ("99", 5)):
            self.run_tidings("seek", "orders", "audit", "--to", to)
            self.assertEqual(position()["position"], where, to)
        self.assertIn("unknown_group", self.run_tidings("seek", "orders", "adit", "--to", "latest", status=1).stderr)
        self.assertIn("did you mean 'audit'", self.run_tidings("seek", "orders", "adit", "--to", "latest", status=1).stderr)
        self.assertIn("invalid_start", self.run_tidings("seek", "orders", "audit", "--to", "noon", status=2).stderr)
        self.run_tidings("seek", "orders", "audit", status=2)
        member = self.start("tail", "orders", "--group", "audit")
        self.wait_until(lambda: self.is_member_there("orders", "audit"), "no member came")
        self.assertIn("group_active", self.run_tidings("seek", "orders", "audit", "--to", "earliest", status=1).stderr)
        self.interrupt(member)
        self.end_of(member, 130)


if __name__ == "__main__":
    unittest.main()
