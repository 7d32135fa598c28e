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
import urllib.parse
import uuid

BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
from shapes import Shape, differences  # noqa: E402
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
        """An event that no broker takes, larger than its topic allows, keeps what follows of its key in the outbox; its id."""
        id = str(uuid.uuid4())
        self.run_tidings("topics", "create", "small", "--event-bytes-max", "1KiB")

        def put(database):
            for message, key in ((id, HOSTILE), (str(uuid.uuid4()), "")):
                database.execute(f"insert into tidings_outbox({NEEDED_BY_ALL}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                 (0, message, "small", key, "shop.order-placed", 1, 1767225600 * 10**9, b"", b"x" * 4096))
        self.stored("orders", put)
        return id

    def trouble(self):
        """Dead letters, a saga that is stuck, and an outbox that holds a key back: its event's id."""
        letters = "".join(json.dumps({"order_id": f"{HOSTILE}{number}\u202e", "lines": 3}) + "\n" for number in range(6))
        self.run_tidings("publish", "submissions", "--type", "shop.order-submitted", "--key-field", "order_id", "--header", f"x={HOSTILE}", stdin=letters)
        self.get_stuck()
        return self.hold_back()

    def watch_all(self, *options):
        stores = [word for name in ("orders", "inventory", "payments") for word in ("--store", f"sqlite:{self.kept}/{name}/{name}.db")]
        self.watch("--allow-actions", *options, *stores)
        self.wait_until(lambda: sum(group["open"] for group in self.api("dead-letters")["groups"]) >= 6, "the letters are not dead")
        self.wait_until(lambda: any(one["held"] for one in self.api("outbox")["stores"]), "nothing is held back")

    def test_every_view_and_action(self):
        packages = subprocess.run([str(pathlib.Path(__file__).resolve().parents[2] / "script" / "dashboard"), "--path"], capture_output=True, text=True, check=True).stdout.strip()
        self.trouble()
        audit = os.path.join(self.folder, "audit.jsonl")
        self.watch_all("--audit-log", audit)
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


    def looks(self):
        """By endpoint what it answers with: a real dashboard, or the mock, whichever `port` is of."""
        told = {"session": [self.api("session")], "flow": [self.api("flow")], "overview": [self.api("overview", window=window) for window in ("10m", "1h")]}
        with contextlib.closing(self.listen("stream")) as stream:
            told["stream overview"], told["stream flow"] = [stream.next("overview")[1]], [stream.next("flow")[1]]
        tail, told["events/stream"] = self.listen("events/stream", max=500), []
        tail.next()
        self.run_tidings("publish", "orders", "--type", "shop.noted", "--key-field", "order_id", "--header", "tidings-redact=/name", stdin='{"order_id": "1", "name": "Anna"}\n')
        while not any(event["redacted"] for one in told["events/stream"] for event in one["events"]):
            told["events/stream"].append(tail.next("events")[1])
        tail.close()
        found = self.api("events", limit=100)["events"]
        told["events"] = [self.api("events", limit=100), self.api("events", limit=10), self.api("events?type=shop.noted")]
        told["event"] = [self.api("event", **{name: one[name] for name in ("topic", "partition", "offset")}) for one in [*found[:20], *told["events"][2]["events"]]]
        group = next(one for one in told["overview"][0]["groups"] if one["lag"] >= 0 and one["members"])
        told["group"] = [self.api("group", group=group["group"], topic=group["topic"])]
        told["dead-letters"] = [self.api("dead-letters")]
        parked = told["dead-letters"][0]["groups"][0]["group"]
        told["dead-letters/list"] = [self.api("dead-letters/list", group=parked)]
        told["outbox"], told["inbox"] = [self.api("outbox")], [self.api("inbox")]
        told["sagas"] = [self.api("sagas", limit=10), self.api("sagas?status=stuck")]
        sagas = [*told["sagas"][0]["sagas"], *self.api("sagas?status=running")["sagas"], *told["sagas"][1]["sagas"]]
        told["saga"] = [self.api("saga", type=one["type"], id=one["id"]) for one in sagas]
        return told

    def acts(self):
        told = {}
        group = next(one for one in self.api("overview")["groups"] if one["members"])
        parked = self.api("dead-letters")["groups"][0]["group"]
        told["POST dead-letters"] = [self.act("dead-letters", group=parked, action="redrive", dry_run=dry) for dry in (True, False)]
        told["dead-letters/progress"] = [self.api("dead-letters/progress", request=told["POST dead-letters"][1]["request"])]
        told["POST seek"] = [self.act("seek", group=group["group"], topic=group["topic"], to="earliest", dry_run=True)]
        told["POST events"] = [self.act("events", topic=group["topic"], type="test.published", key="k", data={})]
        told["POST pause"] = [self.act("pause", target=group["service"], paused=paused) for paused in (True, False)]
        held = next(one for store in self.api("outbox")["stores"] for one in store["held"])
        told["POST outbox"] = [self.act("outbox", action="redrive", topic=held["topic"], key=held["key"], row="" if held["row"] is None else str(held["row"]))]
        told["POST saga"] = [self.act("saga", action="resume", **{name: self.api("sagas?status=stuck")["sagas"][0][name] for name in ("type", "id")})]
        told["audit"] = [self.api("audit")]
        told["an error"] = [self.api("saga", status=404, type="none", id="none"), self.ask("/api/v1/pause", "POST", "{}", {}, 403)]
        return told

    def test_the_mock_answers_as_the_server_does(self):
        held = self.trouble()
        self.watch_all()
        placed = [one["id"] for one in self.tail_json("orders") if one["type"] == "shop.order-placed"][-1]
        real = self.port
        mock = subprocess.Popen([shutil.which("node"), str(pathlib.Path(__file__).resolve().parents[2] / "dashboard" / "dev" / "mock.mjs"), str(BUILD / "dashboard"),
                                 "--actions", "--many"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.started.append(mock)
        self.port = urllib.parse.urlparse(self.line_of(mock.stdout).strip()).port
        chains = [self.api("chain", id=one["id"]) for one in self.api("events", type="shop.charge-payment", limit=1)["events"]]
        ours = {name: Shape(*answers) for name, answers in {**self.looks(), **self.acts(), "chain": chains}.items()}
        self.port = real
        theirs = {name: Shape(*answers) for name, answers in self.acts().items()}
        told = []

        def fits():
            """A shop at work is never at once in all states that it can be in."""
            for name, answers in {**self.looks(), "chain": [self.api("chain", id=one) for one in (placed, held)]}.items():
                for one in answers:
                    theirs.setdefault(name, Shape()).add("", one)
            told[:] = [f"{name}{one}" for name in ours for one in differences(ours[name], theirs[name])]
            return not told

        self.assertEqual(ours.keys(), {*theirs, *self.looks(), "chain"})
        try:
            self.wait_until(fits, "")
        except AssertionError:
            self.fail("\n".join(told))

    def test_why_tells_when_effects_were_committed(self):
        store = ("--store", f"sqlite:{self.kept}/orders/orders.db")

        def committed():
            self.event = [one["id"] for one in self.tail_json("orders") if one["type"] == "shop.order-placed"][-1]
            told = json.loads(self.run_tidings("why", self.event, "--json", *store).stdout)
            return any(group["group"] == "orders.saga-checkout" and group["marked"] for group in told["groups"])

        self.wait_until(committed, "its inbox has no mark of the newest")
        self.watch(*store)
        attempts, = [node["attempts"] for node in self.api("chain", id=self.event)["nodes"] if node["id"] == self.event]
        saga, = [one for one in attempts if one["group"] == "orders.saga-checkout"]
        self.assertEqual((saga["status"], saga["blocker"]), ("handled", ""))
        self.assertIn("its effects were committed at", saga["reason"])
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
