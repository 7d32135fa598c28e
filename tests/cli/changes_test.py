import contextlib
import json
import os
import sqlite3
import unittest

from command_line import CommandLine


class Changes(CommandLine):
    def topic(self, name):
        return json.loads(self.run_tidings("topics", name, "--json").stdout)

    def test_topics_are_created_and_altered(self):
        self.run_tidings("topics", "create", "orders", "--partitions", "3", "--durability", "memory", "--retain-age", "7d",
                         "--retain-bytes", "10GiB", "--event-bytes-max", "8KiB")
        topic = self.topic("orders")
        self.assertEqual((len(topic["partitions"]), topic["durability"], topic["event_bytes_max"]), (3, "memory", 8192))
        self.assertEqual(topic["retention"], {"bytes": 10 << 30, "age": "PT168H", "waits_for_groups": False})
        self.assertEqual(self.run_tidings("topics", "orders").stdout.splitlines()[0],
                         "orders: memory, events up to 8192 bytes, kept for 7d and up to 10GiB a partition")
        self.run_tidings("topics", "create", "orders", "--partitions", "3")  # as it is there
        self.assertRegex(self.run_tidings("topics", "create", "orders", "--partitions", "2", status=1).stderr,
                         "^tidings: topic_exists_with: ")
        self.run_tidings("topics", "alter", "orders", "--retain-age", "0", "--wait-for-groups")
        self.assertEqual(self.topic("orders")["retention"], {"bytes": 10 << 30, "age": "PT0S", "waits_for_groups": True})
        self.run_tidings("topics", "alter", "orders", "--retain-bytes", "0")
        self.assertIn(", kept for ever; once bounded, groups are waited for\n", self.run_tidings("topics", "orders").stdout)
        self.run_tidings("topics", "alter", "orders", "--no-wait-for-groups")
        self.assertEqual(self.topic("orders")["retention"], {"bytes": 0, "age": "PT0S", "waits_for_groups": False})

    def test_what_cannot_be_is_refused_and_nothing_is_made(self):
        for arguments, code, status in (
            (("create", "a/b"), "invalid_name", 2),
            (("create", "orders", "--retain-age", "5 days"), "invalid_duration", 2),
            (("create", "orders", "--retain-age", "1ms"), "invalid_options", 2),
            (("create", "orders", "--retain-bytes", "10GB"), "invalid_size", 2),
            (("create", "orders", "--retain-bytes", "17000000TiB"), "invalid_size", 2),
            (("create", "orders", "--retain-bytes", "99999999999999999999GiB"), "is too large", 2),
            (("create", "orders", "--event-bytes-max", "0"), "--event-bytes-max is 1 to 256MiB", 2),
            (("create", "orders", "--event-bytes-max", "257MiB"), "--event-bytes-max is 1 to 256MiB", 2),
            (("create", "orders", "--durability", "sometimes"), "invalid_durability", 2),
            (("create", "orders", "--wait-for-groups", "--no-wait-for-groups"), "give one of the two", 2),
            (("alter", "orders", "--no-wait-for-groups", "--wait-for-groups"), "give one of the two", 2),
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

        before = 4
        for to, where in (("earliest", 0), ("3", 3), ("latest", 5), ("2000-01-01T00:00:00Z", 0), ("99", 5), ("-1h", 0), ("now", 5)):
            self.assertEqual(self.run_tidings("seek", "orders", "audit", "--to", to).stdout, f"orders/0: {before} -> {where}\n")
            self.assertEqual(position()["position"], where, to)
            before = where
        self.assertEqual(json.loads(self.run_tidings("seek", "orders", "audit", "--to", "2", "--json").stdout),
                         {"topic": "orders", "group": "audit", "partition": 0, "from": 5, "to": 2})
        self.assertIn("too large", self.run_tidings("seek", "orders", "audit", "--to", "9" * 20, status=2).stderr)
        self.assertIn("unknown_group", self.run_tidings("seek", "orders", "adit", "--to", "latest", status=1).stderr)
        self.assertIn("did you mean 'audit'", self.run_tidings("seek", "orders", "adit", "--to", "latest", status=1).stderr)
        self.assertIn("did you mean 'orders'?", self.run_tidings("seek", "ordres", "audit", "--to", "latest", status=1).stderr)
        self.assertIn("lists those that there are", self.run_tidings("seek", "zzz", "audit", "--to", "latest", status=1).stderr)
        self.assertIn("invalid_start", self.run_tidings("seek", "orders", "audit", "--to", "noon", status=2).stderr)
        self.run_tidings("seek", "orders", "audit", status=2)
        # With the store of a service that has handled 0 and 1 longer ago than it remembers.
        file = os.path.join(self.folder, "audit.db")
        store = ("--store", f"sqlite:{file}")
        self.assertIn("--store", self.run_tidings("seek", "orders", "audit", "--to", "0", "--replay", status=2).stderr)
        self.assertIn("not_found: there is no database", self.run_tidings("seek", "orders", "audit", "--to", "0", *store, status=1).stderr)
        with contextlib.closing(sqlite3.connect(file)) as database:
            database.executescript("""
                create table tidings_inbox_consumers(id integer primary key, consumer text, topic text, window_ms integer);
                create table tidings_inbox(mark integer primary key, consumer integer, message_id text, part integer, place integer);
                create table tidings_inbox_ends(consumer integer, part integer, place integer);
                insert into tidings_inbox_consumers values (7, 'audit', 'orders', 604800000);
                insert into tidings_inbox values (1, 7, 'a', 0, 2), (2, 7, 'b', 0, 3);
                insert into tidings_inbox_ends values (7, 0, 2);""")
        refused = self.run_tidings("seek", "orders", "audit", "--to", "earliest", *store, status=1).stderr
        self.assertIn("beyond_inbox_window", refused)
        self.assertIn("before offset 2 of partition 0", refused)
        self.assertEqual(position()["position"], 2, "it was moved back")
        self.assertEqual(self.run_tidings("seek", "orders", "audit", "--to", "3", *store).stdout, "orders/0: 2 -> 3\n")
        self.assertEqual(self.run_tidings("seek", "orders", "audit", "--to", "earliest", "--replay", *store).stdout, "orders/0: 3 -> 0\n")
        with contextlib.closing(sqlite3.connect(file)) as database:
            self.assertEqual(database.execute("select count(*) from tidings_inbox").fetchone()[0], 0)
        self.run_tidings("seek", "orders", "audit", "--to", "2", *store)
        member = self.start("tail", "orders", "--group", "audit")
        self.wait_until(lambda: self.is_member_there("orders", "audit"), "no member came")
        self.assertIn("group_active", self.run_tidings("seek", "orders", "audit", "--to", "earliest", status=1).stderr)
        self.interrupt(member)
        self.end_of(member, 130)

    def test_groups_are_deleted_unless_they_have_members(self):
        self.publish("orders", range(5))
        self.run_tidings("tail", "orders", "--group", "audit", "--count", "2")
        self.run_tidings("tail", "orders", "--group", "other", "--count", "3")
        self.assertIn("did you mean 'audit'", self.run_tidings("groups", "delete", "orders", "adit", status=1).stderr)
        member = self.start("tail", "orders", "--group", "audit")
        self.wait_until(lambda: self.is_member_there("orders", "audit"), "no member came")
        self.assertRegex(self.run_tidings("groups", "delete", "orders", "audit", status=1).stderr, "^tidings: group_active: ")
        self.interrupt(member)
        self.end_of(member, 130)
        self.run_tidings("groups", "delete", "orders", "audit")
        self.assertIsNone(self.lag_of("orders", "audit"))
        self.assertEqual(self.lag_of("orders", "other")["lag"], 2)
        self.assertIn("unknown_group", self.run_tidings("groups", "delete", "orders", "audit", status=1).stderr)
        again = self.run_tidings("tail", "orders", "--group", "audit", "--no-follow").stdout
        self.assertEqual(len(again.splitlines()), 5)
        # A damaged one too: nobody can be a member of it.
        with open(os.path.join(self.folder, "data/orders/groups/audit"), "r+b") as file:
            file.write(b"!")
        self.run_tidings("groups", "delete", "orders", "audit")
        self.run_tidings("verify")

    def test_a_deleted_group_holds_no_events_up(self):
        self.run_tidings("topics", "create", "orders", "--durability", "memory", "--retain-bytes", "1", "--wait-for-groups")
        self.publish("orders", ["x"])
        self.run_tidings("tail", "orders", "--group", "gone", "--count", "1")
        for _ in range(6):
            self.publish("orders", ["x" * 700_000])
        self.assertEqual(self.topic("orders")["events"], 7)
        self.run_tidings("groups", "delete", "orders", "gone")
        self.assertLess(self.topic("orders")["events"], 7)

    def test_what_retention_took_is_no_lag(self):
        self.publish("orders", ["x"], "--durability", "memory")
        self.run_tidings("tail", "orders", "--group", "audit", "--count", "1")
        for _ in range(6):
            self.publish("orders", ["x" * 700_000])
        self.assertNotIn("lost", self.run_tidings("lag").stdout)
        self.run_tidings("topics", "alter", "orders", "--retain-bytes", "1")
        kept = self.topic("orders")["events"]
        self.assertLess(kept, 6)
        document = self.lag_of("orders", "audit")
        self.assertEqual((document["lag"], document["lost"], document["partitions"][0]["earliest"]), (kept, 6 - kept, 7 - kept))
        for command in ("lag", "groups"):
            heading, row = self.run_tidings(command).stdout.splitlines()
            self.assertEqual((heading.split()[-1], row.split()[-1]), ("lost", str(6 - kept)))
        self.run_tidings("tail", "orders", "--group", "audit", "--no-follow")
        document = self.lag_of("orders", "audit")
        self.assertEqual((document["lag"], document["lost"], document["partitions"][0]["skipped"]), (0, 0, 6 - kept))


if __name__ == "__main__":
    unittest.main()
