import json
import os
import signal
import sqlite3
import time
import unittest
import uuid

from command_line import NEEDED_BY_ALL, CommandLine


class Outbox(CommandLine):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.folder, "shop.db")
        self.store = "sqlite:" + self.file

    def outbox(self, command, *arguments, status=0):
        return self.run_tidings("outbox", command, "--store", self.store, *arguments, status=status)

    def documents(self, command, *arguments):
        return [json.loads(line) for line in self.outbox(command, "--json", *arguments).stdout.splitlines()]

    def database(self, do):
        database = sqlite3.connect(self.file, timeout=30)
        try:
            with database:
                return do(database)
        finally:
            database.close()

    def enqueue(self, *events, topic="orders", table="tidings_outbox"):
        """As any program may that knows the table: a row for each `KEY:NUMBER`, or of the payload that stands there."""
        def insert(database):
            for event in events:
                key, payload = event if isinstance(event, tuple) else (event.split(":")[0], json.dumps({"order": event}))
                database.execute(f"insert into {table}({NEEDED_BY_ALL}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                 (sum(key.encode()) % 64, str(uuid.uuid4()), topic, key, "shop.order-placed", 1, 1767225600 * 10**9,
                                  b"", payload.encode()))
        self.database(insert)

    def relayed(self, *arguments):
        return self.outbox("relay", "--no-follow", *arguments)

    def orders(self, topic="orders"):
        return [one["data"]["order"] for one in self.tail_json(topic)]

    def park(self):
        """Two keys and an event without one are parked, since their topic takes no more than 1 KiB."""
        self.outbox("schema", "--apply")
        self.run_tidings("topics", "create", "orders", "--event-bytes-max", "1KiB")
        large = json.dumps({"order": "large", "more": "x" * 4096})
        self.enqueue(("a\x1b[1m", large), "a\x1b[1m:1", ("b", large), ("", large), "c:0")
        self.relayed("--attempts", "1")

    def test_the_schema_that_is_printed_is_the_one_that_is_applied(self):
        for names in ((), ("--prefix", "shop_")):
            with self.subTest(names):
                printed = self.run_tidings("outbox", "schema", "--sql", "--dialect", "sqlite", *names).stdout
                self.assertEqual(self.outbox("schema", "--sql", *names).stdout, printed)
                self.assertFalse(os.path.exists(self.file), "nothing is made")
                self.outbox("schema", "--apply", *names)
                everything = "select type, name, tbl_name, sql from sqlite_master order by type, name"
                applied = self.database(lambda database: database.execute(everything).fetchall())
                by_hand = sqlite3.connect(":memory:")
                by_hand.executescript(printed)
                self.assertEqual(applied, by_hand.execute(everything).fetchall())
                by_hand.close()
                self.outbox("schema", "--apply", *names)  # does nothing
                os.remove(self.file)
                by_hand = sqlite3.connect(self.file)
                by_hand.executescript(printed)
                by_hand.close()
                self.assertEqual(self.documents("status", *names)[0]["backlog"], 0)
                os.remove(self.file)
        postgres = self.run_tidings("outbox", "schema", "--sql", "--dialect", "postgres", "--schema", "shop").stdout
        self.assertIn('create table "shop".tidings_outbox(', postgres)
        self.assertEqual(self.run_tidings("outbox", "schema", "--sql", "--schema", "shop", "--store", "postgres://me:secret@nowhere/shop").stdout,
                         postgres)

    def test_what_waits_is_told_and_relayed(self):
        self.outbox("schema", "--apply")
        self.assertRegex(self.outbox("status").stdout,
                         r"^0 events wait\n0 keys are tried again, 0 are parked\nrelay +parts  lease  which\n\(nobody\) +64  free   0-63\n$")
        self.enqueue("a:0", "b:0", "a:1")
        self.assertRegex(self.outbox("status", "--rate").stdout, r"^3 events wait, the oldest for \d+m?s; no more and no fewer than a second ago\n")
        [status] = self.documents("status", "--rate")
        self.assertGreater(status.pop("oldest_seconds"), 0.9)
        self.assertEqual(status, {"backlog": 3, "exact": True, "retried_keys": 0, "parked_keys": 0, "relays": [],
                                  "free_parts": list(range(64)), "change_per_second": 0})
        self.assertEqual(self.relayed().stdout, "3 events published\n")
        self.assertEqual(sorted(self.orders()), ["a:0", "a:1", "b:0"])
        self.assertLess(self.orders().index("a:0"), self.orders().index("a:1"))
        self.assertEqual(self.documents("status")[0]["backlog"], 0)

    def test_how_the_backlog_changes(self):
        self.outbox("schema", "--apply")
        looking = self.start("outbox", "status", "--store", self.store, "--rate", "--json")
        while looking.poll() is None:
            self.enqueue("a:0")
            time.sleep(0.02)
        self.assertGreater(json.loads(self.end_of(looking)[0])["change_per_second"], 0)

    def test_a_relay_that_is_gone(self):
        self.outbox("schema", "--apply")
        self.database(lambda database: database.execute("update tidings_outbox_parts set owner = 'gone\x1b[1m', expires_at = 1 where part in (1, 2, 5)"))
        self.assertRegex(self.outbox("status").stdout, r"\ngone\\x1B\[1m +3  over   1-2, 5\n\(nobody\) +61  free   0, 3-4, 6-63\n$")
        done = self.outbox("status", "--json").stdout
        self.assertNotIn("\x1b", done)
        self.assertEqual(json.loads(done)["relays"], [{"relay": "gone\x1b[1m", "parts": [1, 2, 5], "late": True}])

    def test_a_large_backlog_is_an_estimate(self):
        self.outbox("schema", "--apply")
        self.enqueue(*[f"k{number}:0" for number in range(10_500)])
        self.assertRegex(self.outbox("status").stdout, r"^about 10500 events wait, ")
        self.assertFalse(self.documents("status")[0]["exact"])

    def test_a_relay_runs_until_it_is_ended(self):
        self.outbox("schema", "--apply")
        relay = self.start("outbox", "relay", "--store", self.store, "--namespace", "blue", "--json")
        self.wait_until(lambda: self.documents("status")[0]["relays"], "it takes no parts")
        [holder] = self.documents("status")[0]["relays"]
        self.assertEqual((holder["parts"], holder["late"]), (list(range(64)), False))
        self.enqueue("a:0")
        self.wait_until(lambda: self.documents("status")[0]["backlog"] == 0, "it is not relayed")
        self.interrupt(relay, signal.SIGTERM)
        out, err = self.end_of(relay, 143)
        last = json.loads(out.splitlines()[-1])
        self.assertEqual((last["relay"], last["state"], last["sent"], last["trouble"], err), (holder["relay"], "stopped", 1, "", ""))
        self.assertEqual(self.documents("status")[0]["free_parts"], list(range(64)), "its parts are not given back")
        self.assertEqual(self.orders("blue.orders"), ["a:0"])

    def test_what_is_archived_and_names_of_tables(self):
        names = ("--prefix", "shop_")
        self.outbox("schema", "--apply", *names)
        self.enqueue("a:0", table="shop_outbox")
        self.relayed("--archive-for", "1h", *names)
        self.assertEqual(self.orders(), ["a:0"])
        self.assertEqual(self.database(lambda database: database.execute("select topic, key from shop_outbox_archive").fetchall()), [("orders", "a")])

    def test_a_relay_tells_what_it_waits_for(self):
        self.outbox("schema", "--apply")
        relay = self.start("outbox", "relay", "--store", self.store)
        self.wait_until(lambda: self.documents("status")[0]["relays"], "it takes no parts")
        self.database(lambda database: database.execute("drop table tidings_outbox"))
        self.assertRegex(self.line_of(relay.stdout), r"^0 events published, 0 a second; has \d+ parts; waits for the database: .*tidings_outbox")
        self.interrupt(relay)
        self.end_of(relay, 130)

    def test_list_what_is_held(self):
        self.outbox("schema", "--apply")
        done = self.outbox("list")
        self.assertEqual((done.stdout, done.stderr), ("", "tidings: nothing is held\n"))
        self.park()
        self.assertEqual(self.orders(), ["c:0"])
        done = self.outbox("list")
        self.assertNotIn("\x1b", done.stdout)
        self.assertRegex(done.stdout, r"\norders  a\\x1B\[1m +2  too_large +1  parked \S+Z  \S.*\n")
        self.assertIn("\n4 events of 3 keys held, 3 of them parked\n", done.stdout)
        self.assertNotIn("\x1b", self.outbox("list", "--json").stdout)
        listed = {one["key"]: one for one in self.documents("list")}
        self.assertEqual({key: (one["events"], one["code"], one["attempts"]) for key, one in listed.items()},
                         {"a\x1b[1m": (2, "too_large", 1), "b": (1, "too_large", 1), "": (1, "too_large", 1)})
        self.assertTrue(all(one["parked"] and one["tried_again"] is None for one in listed.values()))
        self.assertIsNone(listed["b"]["row"])
        self.assertEqual([one["key"] for one in self.documents("list", "--topic", "orders", "--key", "b")], ["b"])
        self.assertEqual(self.documents("list", "--row", str(listed[""]["row"])), [listed[""]])
        self.assertEqual(self.documents("list", "--reason", "invalid_name"), [])
        self.assertEqual(self.documents("status")[0]["parked_keys"], 3)

    def test_a_key_that_is_not_parked_yet(self):
        self.outbox("schema", "--apply")
        self.enqueue("a:0", topic="no topic")
        self.relayed()
        [held] = self.documents("list")
        self.assertEqual((held["topic"], held["code"], held["parked"]), ("no topic", "invalid_name", None))
        self.assertRegex(self.outbox("list").stdout, r"  tried again \S+Z  .*\n1 event of 1 key held, 0 of them parked\n$")
        self.assertEqual(self.outbox("drop", "--all", "--yes").stderr, "tidings: nothing is parked\n")
        self.assertEqual(self.outbox("drop", "--topic", "no topic", "--key", "a", "--yes").stdout, "1 event of 1 key dropped\n")

    def test_redrive(self):
        self.park()
        self.assertEqual(self.outbox("redrive", "--all", "--dry-run").stdout, "would redrive 4 events of 3 keys\n")
        # What was wrong is mended.
        self.run_tidings("topics", "delete", "orders", "--yes")
        self.enqueue("b:1")
        done = self.outbox("redrive", "--topic", "orders", "--key", "b")
        self.assertEqual((done.stdout, done.stderr), ("1 event of 1 key redriven\n", "tidings: no relay runs; they are published when one starts\n"))
        relay = self.start("outbox", "relay", "--store", self.store)
        self.wait_until(lambda: len(self.documents("list")) == 2, "it is not driven again")
        done = self.outbox("redrive", "--all")
        self.assertEqual((done.stdout, done.stderr), ("3 events of 2 keys redriven\n", ""))
        self.wait_until(lambda: self.documents("list") == [], "they are not driven again")
        self.interrupt(relay, signal.SIGTERM)
        self.end_of(relay, 143)
        self.relayed()
        orders = self.orders()
        self.assertEqual(sorted(orders), ["a\x1b[1m:1", "b:1", "large", "large", "large"])
        self.assertEqual([one["data"]["order"] for one in self.tail_json("orders") if one.get("partitionkey") == "b"], ["large", "b:1"])
        self.assertEqual(self.documents("redrive", "--all"), [{"action": "redrive", "state": "nothing", "events": 0, "keys": 0}])

    def test_what_is_driven_again_is_published_before_a_relay_ends_that_does_not_follow(self):
        self.park()
        self.run_tidings("topics", "delete", "orders", "--yes")
        self.outbox("redrive", "--all")
        self.relayed()
        self.assertEqual(self.documents("list"), [])
        self.assertEqual(sorted(self.orders()), ["a\x1b[1m:1", "large", "large", "large"])

    def test_drop(self):
        self.park()
        self.assertIn("nothing brings back what is dropped", self.outbox("drop", status=2).stderr)
        self.assertEqual(self.outbox("drop", "--topic", "orders", "--key", "a\x1b[1m", status=1).stderr,
                         "tidings: not_confirmed: 2 events of 1 key would be dropped, and nothing brings them back; add --yes to drop them\n")
        self.assertEqual(self.outbox("drop", "--topic", "orders", "--key", "b", "--dry-run").stdout, "would drop 1 event of 1 key\n")
        self.assertEqual(len(self.documents("list")), 3)
        self.assertEqual(self.outbox("drop", "--topic", "orders", "--key", "b", "--yes").stdout, "1 event of 1 key dropped\n")
        [row] = [one["row"] for one in self.documents("list") if one["row"]]
        self.assertEqual(self.documents("drop", "--topic", "orders", "--row", str(row), "--yes"),
                         [{"action": "drop", "state": "done", "events": 1, "keys": 1}])
        self.assertEqual(self.outbox("drop", "--reason", "too_large", "--yes").stdout, "2 events of 1 key dropped\n")
        self.enqueue("b:1")
        self.relayed()
        self.assertEqual(self.orders(), ["c:0", "b:1"])
        done = self.outbox("drop", "--topic", "orders", "--key", "b", "--yes")
        self.assertEqual((done.stdout, done.stderr), ("", "tidings: nothing is held of what is asked for\n"))

    def test_mistakes_have_clear_errors(self):
        for arguments, what in (
            ((), "--help"),
            (("stats",), "did you mean 'status'"),
            (("status",), "invalid_store: say which database"),
            (("status", "--store", "shop.db"), "invalid_url"),
            (("status", "--store", "mysql:shop"), "unknown_store"),
            (("status", "--store", "postgres://me:secret@host:port/shop"), "invalid_url"),
            (("status", "--store", self.store, "--prefix", "Shop"), "invalid_name"),
            (("schema", "--store", self.store), "--sql prints the statements, --apply makes the tables"),
            (("schema", "--sql"), "--dialect sqlite or postgres"),
            (("schema", "--sql", "--dialect", "mysql"), "there are sqlite and postgres"),
            (("schema", "--sql", "--dialect", "sqlite", "--schema", "shop"), "SQLite has no schemas"),
            (("relay", "--store", self.store, "--broker", "memory:"), "one process only"),
            (("relay", "--store", self.store, "--archive-for", "long"), "invalid_duration"),
            (("relay", "--store", self.store, "--attempts", "0"), "no whole number from 1"),
            (("status", "postgres://me:secret@host/shop"), "'postgres://***@host/shop' is no argument of outbox status"),
            (("redrive", "--store", self.store), "say which, by --topic"),
            (("redrive", "--store", self.store, "--key", "a", "--row", "1"), "give one of the two"),
        ):
            with self.subTest(arguments):
                done = self.run_tidings("outbox", *arguments, status=2)
                self.assertIn(what, done.stderr)
                self.assertNotIn("secret", done.stderr)
        self.assertIn("--namespace is no option of outbox status",
                      self.run_tidings("--namespace", "blue", "outbox", "status", "--store", self.store, status=2).stderr)
        self.assertIn("not_found: there is no database", self.outbox("status", status=1).stderr)
        self.assertIn("where there is none yet, `tidings outbox schema --apply` makes it", self.outbox("status", status=1).stderr)
        self.assertEqual(os.listdir(self.folder), [], "nothing is made")
        sqlite3.connect(self.file).close()
        for command in ("status", "list", "relay"):
            self.assertEqual(self.outbox(command, status=1).stderr,
                             "tidings: no_outbox: the database has no table tidings_outbox_schema; make the outbox's tables with "
                             "`tidings outbox schema --apply`\n")
        self.assertFalse(os.path.exists(os.path.join(self.folder, "data")), "a log is made")

    def test_the_store_may_stand_in_the_environment(self):
        self.run_tidings("outbox", "schema", "--apply", TIDINGS_STORE=self.store)
        self.assertIn("0 events wait", self.run_tidings("outbox", "status", TIDINGS_STORE=self.store).stdout)


if __name__ == "__main__":
    unittest.main()
