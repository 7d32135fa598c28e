"""The dashboard's page in a real browser over the shop at work: its services are killed again and again, payments are declined or never answered, stock runs
out, and there are dead letters with hostile values, an outbox that holds a key back, and a saga that is stuck. Every view and every action.

usage: shop_test.py BUILD. Screenshots are left in BUILD/dashboard/shop/screenshots.
"""

import contextlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import unittest
import uuid

BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
from watching import NEEDED_BY_ALL, PATIENCE_S, Watching  # noqa: E402


MISSING = 77
PAGE_S = 840
HOSTILE = "<img src=x onerror=window.harmed=1>"


class Shop(Watching):
    def setUp(self):
        super().setUp()
        self.kept = os.path.join(self.folder, "shop")
        self.broker = f"log:{self.kept}/log"
        self.demo = self.start("demo", "--count", "1000000", "--rate", "60", "--chaos", "4000", "--cancel-rate", "0.1", "--decline-rate", "0.1",
                               "--silent-rate", "0.05", "--stock", "300", "--keep", self.kept, "--no-dashboard")
        self.wait_until(lambda: self.sagas("completed") > 20, "the shop does not get going")

    def tearDown(self):
        self.interrupt(self.demo)  # which ends its services
        self.demo.communicate(timeout=PATIENCE_S)
        super().tearDown()

    def stored(self, service, do):
        with contextlib.closing(sqlite3.connect(f"{self.kept}/{service}/{service}.db", timeout=60)) as database, database:
            return do(database)

    def sagas(self, status):
        try:
            return self.stored("orders", lambda database: database.execute("select count(*) from tidings_sagas where status = ?", [status]).fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # it is not made yet

    def get_stuck(self):
        """A saga of the shop's own, as one would stand there whose payment nobody answers."""
        def put(database):
            steps = [{"name": "reserve stock", "status": "done", "attempts": 1}, {"name": "charge payment", "status": "sent", "attempts": 3}]
            row = database.execute("select * from tidings_sagas where status = 'completed' limit 1")
            columns = [one[0] for one in row.description]
            completed = dict(zip(columns, row.fetchone(), strict=True))
            values = completed | {"id": HOSTILE, "status": "stuck", "progress": json.dumps({"backward": False, "stage": 0, "steps": steps, "why": "charge payment: " + HOSTILE})}
            database.execute(f"insert into tidings_sagas({', '.join(columns)}) values ({', '.join('?' for _ in columns)})", list(values.values()))
            told = [one[1] for one in database.execute("pragma table_info(tidings_saga_history)")]
            database.execute(f"insert into tidings_saga_history({', '.join(told)}) select {', '.join('?' if one == 'id' else one for one in told)} "
                             "from tidings_saga_history where type = ? and id = ?", [HOSTILE, values["type"], completed["id"]])
        self.stored("orders", put)

    def hold_back(self):
        """An event that no broker takes, larger than its topic allows, keeps what follows of its key in the outbox."""
        self.run_tidings("topics", "create", "small", "--event-bytes-max", "1KiB")

        def put(database):
            database.execute(f"insert into tidings_outbox({NEEDED_BY_ALL}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                             (0, str(uuid.uuid4()), "small", HOSTILE, "shop.order-placed", 1, 1767225600 * 10**9, b"", b"x" * 4096))
        self.stored("orders", put)

    def test_every_view_and_action(self):
        packages = subprocess.run([str(pathlib.Path(__file__).resolve().parents[2] / "script" / "dashboard"), "--path"], capture_output=True, text=True, check=True).stdout.strip()
        letters = "".join(json.dumps({"order_id": f"{HOSTILE}{number}\u202e", "lines": 3}) + "\n" for number in range(6))
        self.run_tidings("publish", "submissions", "--type", "shop.order-submitted", "--key-field", "order_id", "--header", f"x={HOSTILE}", stdin=letters)
        self.get_stuck()
        self.hold_back()
        audit = os.path.join(self.folder, "audit.jsonl")
        stores = [word for name in ("orders", "inventory", "payments") for word in ("--store", f"sqlite:{self.kept}/{name}/{name}.db")]
        self.watch("--allow-actions", "--audit-log", audit, *stores)
        self.wait_until(lambda: sum(group["open"] for group in self.api("dead-letters")["groups"]) >= 6, "the letters are not dead")
        self.wait_until(lambda: self.api("outbox")["held"], "nothing is held back")
        browser = next(filter(None, (os.environ.get("CHROMIUM"), shutil.which("chromium"), shutil.which("google-chrome"))), None)
        page = [shutil.which("node"), str(pathlib.Path(__file__).with_name("page_test.mjs")), packages, str(BUILD / "dashboard" / "shop"), "--url", self.url,
                "--hostile", "--must", "publish,pause,resume,redrive,drop,outbox,saga"]
        done = subprocess.run(page, env={**os.environ, "CHROMIUM": browser}, capture_output=True, text=True, timeout=PAGE_S)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIsNone(self.demo.poll(), "the shop ended meanwhile")
        with open(audit, encoding="utf-8") as file:
            outcomes = {(one["action"], one["outcome"]) for one in map(json.loads, file)}
        # A group that works is not moved: the dry run is what the page can show of it.
        for one in (("publish", "done"), ("pause", "done"), ("seek", "dry_run"), ("dead-letters.redrive", "done"), ("dead-letters.drop", "done"),
                    ("outbox.redrive", "done"), ("saga.resume", "done")):
            self.assertIn(one, outcomes)


    def test_why_tells_when_effects_were_committed(self):
        store = ("--store", f"sqlite:{self.kept}/orders/orders.db")

        def committed():
            self.event = [one["id"] for one in self.tail_json("orders") if one["type"] == "shop.order-placed"][-1]
            told = json.loads(self.run_tidings("why", self.event, "--json", *store).stdout)
            return any(group["group"] == "orders.saga-checkout" and group["marked"] for group in told["groups"])

        self.wait_until(committed, "its inbox has no mark of the newest")
        text = self.run_tidings("why", self.event, *store).stdout
        self.assertIn("its effects were committed at", text)
        self.assertIn("notifications.send-mails", text)
        self.assertNotIn("is it the right database?", text, "the database is another service's")

def what_is_missing():
    if not shutil.which("node") or not (os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")):
        return "Node.js or chromium; script/setup test installs them"
    return None


if __name__ == "__main__":
    if missing := what_is_missing():
        print(f"SKIPPED: there is no {missing}")
        sys.exit(MISSING)
    unittest.main(verbosity=2)
