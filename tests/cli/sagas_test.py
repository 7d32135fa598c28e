import contextlib
import json
import os
import sqlite3
import unittest

from command_line import CommandLine


class Sagas(CommandLine):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.folder, "shop.db")
        self.store = ("--store", "sqlite:" + self.file)

    def sagas(self, *arguments, status=0):
        return self.run_tidings("sagas", *arguments, *self.store, status=status)

    def put(self, name, status, why=""):
        steps = [{"name": "reserve stock", "status": "done", "attempts": 1}, {"name": "charge payment", "status": "sent", "attempts": 2}]
        with contextlib.closing(sqlite3.connect(self.file, timeout=30)) as database, database:
            columns = [row[1] for row in database.execute("pragma table_info(tidings_sagas)")]
            values = {"type": "checkout", "id": name, "definition": 1, "status": status, "revision": 3, "state": '{"total":7}',
                      "progress": json.dumps({"backward": False, "stage": 0, "steps": steps, "why": why}), "correlation": "c1"}
            database.execute(f"insert into tidings_sagas({', '.join(columns)}) values ({', '.join('?' for _ in columns)})",
                             [values.get(column, 1700000000000000000) for column in columns])

    def test_they_are_listed_shown_and_steered(self):
        self.assertIn("not_found", self.sagas("list", status=1).stderr)
        self.sagas("schema", "--apply")
        self.sagas("schema", "--apply")
        self.assertEqual(self.sagas("list").stdout, "no sagas\n")
        self.put("o-1", "running")
        self.put("o-2", "stuck", "charge payment: no answer came")
        self.put("o-\x1b[31m", "running")
        listed = self.sagas("list").stdout
        self.assertIn("waits for: charge payment", listed)
        self.assertNotIn("\x1b", listed)
        self.assertIn("o-2", self.sagas("list", "--status", "stuck").stdout)
        self.assertNotIn("o-1", self.sagas("list", "--status", "stuck").stdout)
        documents = [json.loads(line) for line in self.sagas("list", "--json").stdout.splitlines()]
        self.assertEqual({one["id"] for one in documents}, {"o-1", "o-2", "o-\x1b[31m"})
        shown = json.loads(self.sagas("show", "checkout", "o-2", "--json").stdout)
        self.assertEqual((shown["status"], shown["state"], shown["steps"][1]["status"]), ("stuck", {"total": 7}, "sent"))
        self.assertIn("no answer came", self.sagas("show", "checkout", "o-2").stdout)
        self.assertIn("s1: charge payment (sent)", self.sagas("show", "checkout", "o-2", "--diagram").stdout)
        self.assertIn("asked", self.sagas("resume", "checkout", "o-2").stdout)
        self.assertEqual([one["kind"] for one in json.loads(self.sagas("show", "checkout", "o-2", "--json").stdout)["waits"]], ["resume"])

    def test_a_list_says_that_it_is_not_all(self):
        self.sagas("schema", "--apply")
        for name in ("o-1", "o-2", "o-3"):
            self.put(name, "running")
        self.assertIn("more than these 2", self.sagas("list", "--count", "2").stderr)
        self.assertIn("more than these 2", self.sagas("list", "--count", "2", "--json").stderr)
        self.assertEqual(self.sagas("list", "--count", "3").stderr, "")

    def test_what_is_over_waits_for_nothing_and_is_not_steered(self):
        self.sagas("schema", "--apply")
        self.put("o-1", "completed", "charge payment: no answer came")
        self.put("o-2", "abandoned")
        listed = self.sagas("list").stdout
        self.assertNotIn("no answer came", listed)
        self.assertNotIn("waits for", listed)
        self.assertIn("correlation: c1", self.sagas("show", "checkout", "o-1").stdout)
        self.assertIn("saga_over", self.sagas("resume", "checkout", "o-1", status=1).stderr)
        self.put("o-3", "stuck")
        self.sagas("abandon", "checkout", "o-3")
        self.assertIn("asked to abandon, which no process has done yet", self.sagas("show", "checkout", "o-3").stdout)

    def spoil(self, name, column, value):
        with contextlib.closing(sqlite3.connect(self.file)) as database, database:
            database.execute(f"update tidings_sagas set {column} = ? where id = ?", (value, name))

    def test_a_row_that_cannot_be_read_hides_no_other(self):
        self.sagas("schema", "--apply")
        for name in ("o-1", "o-2", "o-3"):
            self.put(name, "running")
        self.spoil("o-1", "progress", "{")
        self.spoil("o-2", "status", "frozen\x1b[2J")
        listed = self.sagas("list").stdout
        self.assertIn("o-3", listed)
        self.assertEqual(listed.count("unreadable"), 2)
        self.assertNotIn("\x1b", listed)
        documents = [json.loads(line) for line in self.sagas("list", "--json").stdout.splitlines()]
        self.assertEqual([one["status"] for one in documents], ["unreadable", "unreadable", "running"])
        self.assertIn("corrupt", self.sagas("show", "checkout", "o-1", status=1).stderr)

    def test_a_state_that_is_no_json_stays_one_text(self):
        self.sagas("schema", "--apply")
        self.put("o-1", "running")
        for state in ("no json", '{}}\n{"saga":"forged"', '{"a":\n1}'):
            self.spoil("o-1", "state", state)
            lines = self.sagas("list", "--json").stdout.splitlines()
            self.assertEqual(len(lines), 1, state)
            self.assertIn(json.loads(lines[0])["state"], (state, {"a": 1}))
            self.assertEqual(json.loads(self.sagas("show", "checkout", "o-1", "--json").stdout)["id"], "o-1")

    def test_mistakes_have_clear_errors(self):
        with contextlib.closing(sqlite3.connect(self.file)) as database, database:
            database.execute("create table theirs(a)")
        self.assertIn("no_sagas", self.sagas("list", status=1).stderr)
        self.sagas("schema", "--apply")
        self.assertIn("unknown_saga", self.sagas("show", "checkout", "o-9", status=1).stderr)
        self.assertIn("unknown_saga", self.sagas("abandon", "checkout", "o-9", status=1).stderr)
        self.assertIn("invalid_status", self.sagas("list", "--status", "broken", status=2).stderr)
        self.run_tidings("sagas", "schema", status=2)
        self.assertIn("create table", self.run_tidings("sagas", "schema", "--sql", "postgres").stdout)
        self.assertIn("invalid_store", self.run_tidings("sagas", "list", status=2).stderr)


if __name__ == "__main__":
    unittest.main()
