"""`tidings dashboard` as its page and others ask it: over a log with a real service."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import ssl
import stat
import subprocess
import threading
import time
import unittest

from watching import ACTION, NEEDED_BY_ALL, PATIENCE_S, Stream, Watching

GROUP = "shop.take"
HOSTILE = "</script><img src=x onerror=alert(1)>\"'`\u202e\u2028"


class Server(Watching):
    def test_it_tells_what_it_is(self):
        self.orders("a:0")
        process = self.watch()
        session = self.api("session")
        self.assertEqual((session["kind"], session["actions"], session["store"]), ("log", False, None))
        self.assertTrue(session["capabilities"]["seek"])
        self.assertIn("default-src 'none'", self.head["Content-Security-Policy"])
        self.assertEqual((self.head["X-Content-Type-Options"], self.head["X-Frame-Options"]), ("nosniff", "DENY"))
        self.assertEqual(self.head["Cache-Control"], "no-store")
        self.ask("/", status=406)  # it is told in gzip only, which every browser takes
        self.assertIn("Content-Security-Policy", self.head)
        self.assertEqual(self.ask("/nothing", status=404)["error"]["code"], "not_found")
        self.assertIn("Content-Security-Policy", self.head)
        self.leave_dashboard(process)
        # It made nothing, and joined nothing.
        self.assertEqual(self.run_tidings("topics", "--json").stdout.count("\n"), 1)
        self.assertIn("no groups yet", self.run_tidings("groups").stderr)

    def test_overview_and_flow(self):
        self.orders("a:0", "b:0")
        service = self.serve()
        self.caught_up()
        self.watch()
        overview = self.api("overview", window="1h")
        self.assertEqual((overview["window"], overview["step"]), (3600, 15))
        self.assertEqual(len(overview["series"]["t"]), len(overview["series"]["lag"]))
        self.assertEqual([one["topic"] for one in overview["topics"]], ["orders"])
        self.assertEqual(overview["topics"][0]["events"], 2)
        group = self.group_of(GROUP)
        self.assertEqual((group["service"], group["handler"], group["lag"], group["members"]), ("shop", "take", 0, True))
        self.assertIn(group["status"], ("ok", "idle"))
        self.wait_until(lambda: self.api("flow")["publishes"], "nobody is known to publish")
        flow = self.api("flow")
        self.assertEqual((flow["publishes"][0]["service"], flow["publishes"][0]["types"]), ("tidings", ["shop.order"]))
        self.assertEqual((flow["consumes"][0]["topic"], flow["consumes"][0]["service"]), ("orders", "shop"))
        stream = self.listen("stream")
        self.assertEqual(stream.next("overview")[1]["groups"][0]["group"], GROUP)
        self.assertEqual(stream.next("flow")[1]["services"][0]["name"], "shop")
        service.send_signal(signal.SIGKILL)
        service.wait()
        while stream.next("overview")[1]["groups"][0]["status"] != "down":
            pass
        self.orders("c:0")
        while (told := stream.next("overview")[1])["lag"] != 1:
            pass
        self.assertIn("nobody holds", told["groups"][0]["reason"])
        self.assertEqual(told["services"][0]["status"], "down")

    def test_other_windows_are_refused(self):
        self.orders("a:0")
        self.watch()
        for path in ("overview", "stream"):
            self.assertIn("10m, 1h or 24h", self.api(path, status=400, window="99m")["error"]["message"])
        self.assertEqual(self.api("overview", window="")["window"], 600)

    def test_a_store_that_is_not_there_is_told_at_the_start(self):
        self.orders("a:0")
        file = os.path.join(self.folder, "later.db")
        process = self.watch("--store", "sqlite:" + file)
        told = self.line_of(process.stderr)
        while "cannot be opened" not in told:
            told = self.line_of(process.stderr)
        self.assertIn("sqlite:" + file, told)
        self.run_tidings("outbox", "schema", "--apply", "--store", "sqlite:" + file)
        self.assertEqual(self.api("outbox")["stores"][0]["waiting"], 0)

    def test_search_goes_back_and_finds_all(self):
        self.run_tidings("publish", "orders", "--type", "shop.order", "--key-field", "k", "--partitions", "3",
                         stdin="".join(json.dumps({"k": str(n % 7), "n": n}) + "\n" for n in range(1000)))
        self.publish("other", [{"n": -1}])
        self.watch()
        first = self.api("events", limit=10)
        self.assertEqual(len(first["events"]), 10)
        self.assertEqual(first["events"][0]["topic"], "other")
        found, cursor = [], ""
        while cursor is not None:
            page = self.api("events", topic="orders", key="3", limit=20, cursor=cursor)
            found += page["events"]
            cursor = page["cursor"]
        self.assertTrue(page["complete"])
        self.assertEqual([one["data"]["n"] for one in found], [n for n in range(999, -1, -1) if n % 7 == 3])
        whole = self.api("event", topic="orders", partition=found[0]["partition"], offset=found[0]["offset"])
        self.assertEqual(whole["id"], found[0]["id"])
        self.assertEqual([one["id"] for one in self.api("events", id=whole["id"])["events"]], [whole["id"]])
        self.api("event", topic="orders", partition=0, offset=100000, status=404)
        self.api("event", topic="orders", partition=1 << 32, offset=0, status=400)
        self.api("events", cursor="nonsense", status=400)
        self.assertEqual(self.api("events", **{"from": "2200-01-01T00:00:00Z"})["events"], [])
        self.assertEqual(self.api("events", to="2000-01-01T00:00:00Z")["events"], [])

    def test_damage_is_named_and_hides_nothing_else(self):
        self.run_tidings("publish", "orders", "--type", "shop.order", "--key-field", "k", "--partitions", "3",
                         stdin="".join(json.dumps({"k": str(n), "n": f"number-{n}-"}) + "\n" for n in range(30)))
        self.publish("other", [{"n": -1}])
        self.watch()
        whole = self.api("events", topic="orders", limit=100)["events"]
        self.assertEqual(len(whole), 30)
        self.assertEqual(self.api("overview")["damaged"], [])
        self.assertEqual(self.api("events")["damaged"], [])
        bad = next(one for one in whole if one["partition"] == 1)
        folder = os.path.join(self.broker[4:], "orders", "1")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "r+b") as file:
                at = file.read().find(bad["data"]["n"].encode())
                if at >= 0:
                    file.seek(at)
                    file.write(b"#")
        found = self.api("events", limit=100)
        self.assertFalse(found["complete"])
        self.assertEqual([(one["name"], "corrupt" in one["message"]) for one in found["damaged"]], [("orders", True)])
        ids = {one["id"] for one in found["events"]}
        self.assertTrue({one["id"] for one in whole if one["partition"] != 1} < ids, "the other partitions are not searched")
        self.assertIn("other", {one["topic"] for one in found["events"]})
        self.assertNotIn(bad["id"], ids)
        self.wait_until(lambda: [one["name"] for one in self.api("overview")["damaged"]] == ["orders"], "the overview does not name it")
        chain = self.api("chain", id=next(one["id"] for one in whole if one["partition"] == 0))
        self.assertEqual((len(chain["nodes"]), chain["complete"]), (1, False))

    def test_the_tail_loses_nothing_that_it_claims(self):
        self.orders("a:0")
        self.watch()
        tail = self.listen("events/stream", topic="orders", max=500)
        self.assertEqual(tail.next("events")[1]["seen"], 0)
        self.publish("orders", [{"n": n} for n in range(10_000)])
        shown, sampled, told = [], False, None
        while told is None or told["seen"] < 10_000 or told["events"]:
            told = tail.next("events")[1]
            self.assertLessEqual(len(told["events"]), 500)
            shown += [one["data"]["n"] for one in told["events"]]
            sampled = sampled or told["sampled"]
            if told["seen"] == 10_000 and (told["shown"] == 10_000 or sampled):
                break
        self.assertEqual((told["seen"], told["matched"]), (10_000, 10_000))
        self.assertEqual(told["shown"], len(shown))
        self.assertEqual(shown, sorted(set(shown)), "each at most once, in order")
        if not sampled:
            self.assertEqual(shown, list(range(10_000)))

    def test_a_slow_stream_of_events_is_shown_whole(self):
        self.orders("a:0")
        self.watch()
        tail = self.listen("events/stream", max=50)
        tail.next("events")
        shown = []
        for batch in range(5):
            self.publish("orders" if batch % 2 else "fresh", [{"n": batch * 100 + n} for n in range(100)])
            while len(shown) < (batch + 1) * 100:
                told = tail.next("events")[1]
                self.assertFalse(told["sampled"])
                shown += [one["data"]["n"] for one in told["events"]]
        self.assertEqual(sorted(shown), list(range(500)))

    def test_hostile_texts_stay_texts(self):
        self.run_tidings("publish", "orders", "--type", "shop.order", "--source", "</script><svg>", "--key-field", "k", "--header", "h=" + HOSTILE[:27],
                         stdin=json.dumps({"k": HOSTILE, "p": HOSTILE}, ensure_ascii=False) + "\n")
        self.watch()
        event = self.api("events")["events"][0]
        self.assertEqual((event["key"], event["data"]["p"], event["headers"]["h"]), (HOSTILE, HOSTILE, HOSTILE[:27]))
        self.assertEqual(self.head["Content-Type"], "application/json")
        self.wait_until(lambda: self.api("flow")["publishes"], "nobody is known to publish")
        self.assertEqual(self.api("flow")["publishes"][0]["service"], "</script><svg>")
        for path in ("/api/v1/" + "%3Cscript%3E", "/%3Cscript%3Ealert(1)%3C/script%3E"):
            told = self.ask(path, status=404)
            self.assertNotIn("<script>", json.dumps(told))

    def test_other_sites_are_refused(self):
        self.orders("a:0")
        self.watch("--allow-actions")
        for headers in ({"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
            for path in ("/api/v1/overview", "/api/v1/stream", "/api/v1/events/stream", "/api/v1/audit"):
                told = self.ask(path, headers=headers, status=421 if "Host" in headers else 403)
                self.assertIn(told["error"]["code"], ("wrong_host", "cross_site"))
            self.ask("/api/v1/pause", "POST", "{}", {**ACTION, **headers}, 421 if "Host" in headers else 403)
        self.ask("/api/v1/pause", "POST", "{}", {"Content-Type": "text/plain"}, 403)
        self.ask("/api/v1/pause", "POST", "{}", {"Content-Type": "application/x-www-form-urlencoded"}, 403)
        self.assertEqual(self.api("audit")["entries"], [])
        self.ask("/api/v1/overview", "POST", "{}", ACTION, 405)
        self.ask("/api/v1/overview", "DELETE", status=405)

    def test_it_only_looks(self):
        self.orders("a:0")
        self.watch()
        for path in ("events", "pause", "seek", "dead-letters", "outbox", "saga"):
            self.assertEqual(self.act(path, 403)["error"]["code"], "read_only")
        self.assertEqual(len(self.tail_json("orders")), 1)

    def test_actions_are_done_and_written_down(self):
        self.orders("a:0", "a:1", "a:2")
        service = self.serve()
        self.caught_up()
        log = os.path.join(self.folder, "audit.jsonl")
        self.watch("--allow-actions", "--audit-log", log)
        self.assertEqual(stat.S_IMODE(os.stat(log).st_mode), 0o600)
        done = self.act("events", topic="orders", type="shop.order", key="\u202ex", data={"order_id": "x", "number": 1})
        self.assertEqual(self.api("event", topic="orders", partition=done["partition"], offset=done["offset"])["id"], done["id"])
        self.act("events", 404, topic="ordres", type="shop.order", key="x", data={})
        self.act("events", 400, topic="orders", type="", key="x", data={})
        paused = self.act("pause", target="shop", paused=True)
        self.assertEqual([(one["group"], one["paused"], one["partitions"]) for one in paused["answers"]], [(GROUP, True, ["orders/0"])])
        self.assertEqual(paused["silent"], [])
        self.wait_until(lambda: self.api("group", group=GROUP, topic="orders")["paused"], "it does not say that it is paused")
        self.orders("b:0")
        self.wait_until(lambda: (self.group_of(GROUP)["status"], self.group_of(GROUP)["reason"][:6]) == ("stalled", "paused"), "it is not stalled")
        self.assertFalse(self.act("pause", target=GROUP, paused=False)["answers"][0]["paused"])
        self.act("pause", 404, target="shap", paused=True)
        self.caught_up()
        self.assertEqual(self.act("seek", 409, group=GROUP, topic="orders", to="earliest")["error"]["code"], "group_active")
        dry = self.act("seek", group=GROUP, topic="orders", to="1", dry_run=True)
        self.assertEqual(dry, {"partitions": [{"partition": 0, "from": 5, "to": 1, "events": 4, "direction": "replay"}], "done": False})
        self.leave(service)
        self.assertTrue(self.act("seek", group=GROUP, topic="orders", to="1")["done"])
        self.assertEqual(self.lag_of("orders", GROUP)["lag"], 4)
        entries = self.api("audit")["entries"]
        self.assertEqual([(one["action"], one["outcome"]) for one in entries],
                         [("seek", "done"), ("seek", "dry_run"), ("seek", "group_active"), ("pause", "unknown_service"), ("pause", "done"),
                          ("pause", "done"), ("publish", "invalid_event"), ("publish", "unknown_topic"), ("publish", "done")])
        with open(log, encoding="utf-8") as file:
            text = file.read()
        lines = [json.loads(line) for line in text.splitlines()]
        last = {}
        for line in lines:
            last[line["id"]] = line
        self.assertEqual(list(last.values()), entries[::-1])
        asked = [line["id"] for line in lines if line["outcome"] == "asked"]
        self.assertEqual(len(asked), len(lines) - len(entries))
        self.assertEqual(set(asked), {one["id"] for one in entries if one["outcome"] != "dry_run"}, "each that may act stands there before")
        self.act("events", 400, topic="orders", type="shop.order", key="k" * 5000, payload="secret", Data="secret", data="secret")
        told = self.api("audit")["entries"][0]
        self.assertEqual((told["outcome"], sorted(told["arguments"])), ("invalid_request", ["data", "key", "topic", "type"]))
        self.assertLess(len(told["arguments"]["key"]), 1100)
        with open(log, encoding="utf-8") as file:
            self.assertNotIn("secret", file.read())
        self.assertNotIn("\u202e", text)
        self.assertNotIn("order_id", text, "payloads are not written down")
        self.assertEqual(entries[-1]["actor"], "127.0.0.1")

    def test_silent_services_keep_no_thread_from_others(self):
        self.orders("a:0")
        service = self.serve()
        self.caught_up()
        self.watch("--allow-actions")
        service.send_signal(signal.SIGSTOP)
        try:
            waiting = [threading.Thread(target=self.act, args=("pause",), kwargs={"target": GROUP, "paused": bool(n)}) for n in range(2)]
            for one in waiting:
                one.start()
            self.wait_until(lambda: [one["outcome"] for one in self.api("audit")["entries"]] == ["asked", "asked"], "they do not wait")
            self.assertEqual(self.act("pause", 503, target=GROUP, paused=True)["error"]["code"], "busy")
            self.api("overview")
            for one in waiting:
                one.join()
        finally:
            service.send_signal(signal.SIGCONT)
        self.assertEqual([one["outcome"] for one in self.api("audit")["entries"]], ["busy", "done", "done"])
        self.act("pause", target=GROUP, paused=False)

    def test_dead_letters(self):
        self.parked()
        self.watch("--allow-actions")
        self.wait_until(lambda: self.api("dead-letters")["groups"], "nothing is parked")
        group = self.api("dead-letters")["groups"][0]
        self.assertEqual((group["group"], group["open"], group["blocked_keys"]), (GROUP, 4, 2))
        self.assertEqual({one["code"]: (one["count"], one["keys"]) for one in group["reasons"]}["refused"][1], 1)
        letters = self.api("dead-letters/list", group=GROUP)["letters"]
        self.assertEqual(sorted((one["key"], one["topic"], one["blocks"], one["follows"]) for one in letters),
                         [("a", "orders", 0, True), ("a", "orders", 1, False), ("b", "orders", 0, True), ("b", "orders", 1, False)])
        self.assertEqual(len(self.api("dead-letters/list", group=GROUP, limit=1)["letters"]), 1)
        self.wait_until(lambda: self.group_of(GROUP)["parked"] == 4, "the overview does not tell")
        self.assertEqual(self.act("dead-letters", group=GROUP, action="redrive", key="b", dry_run=True), {"matched": 2, "request": None})
        self.serve()
        asked = self.act("dead-letters", group=GROUP, action="redrive", key="b")
        self.wait_until(lambda: (now := self.api("dead-letters/progress", request=asked["request"]))["done"] == now["partitions"] > 0, "it is not done")
        self.assertEqual(self.api("dead-letters/progress", request=asked["request"])["redriven"], 2)
        self.wait_until(lambda: self.api("dead-letters")["groups"][0]["open"] == 2, "what was redriven is still there")
        self.api("dead-letters/progress", request="none", status=404)
        # What is meant to be tried only is never done because it is written otherwise.
        for member in ('"dry_run":"true"', '"dry_run":1', '"dry_run":"yes"', '"dry_run":null', '"dry_run":{}', '"dry_run":[]', '"dry_run":true,"dry_run":false',
                       '"only_first":"true"', '"action":"drop"', '"dryrun":true'):
            refused = self.ask("/api/v1/dead-letters", "POST", '{"group":"%s","action":"drop",%s}' % (GROUP, member), ACTION, 400)
            self.assertEqual(refused["error"]["code"], "invalid_request")
        for paused in ('"false"', "0", "null", "[]", "false,\"paused\":true"):
            self.ask("/api/v1/pause", "POST", '{"target":"%s","paused":%s}' % (GROUP, paused), ACTION, 400)
        for path in ("events", "pause", "outbox", "saga"):
            self.assertIn("dry_run", self.act(path, 400, dry_run=True)["error"]["message"])
        self.assertFalse(self.api("group", group=GROUP, topic="orders")["paused"])
        self.assertEqual(self.act("dead-letters", group=GROUP, action="drop", dry_run=True)["matched"], 2)
        self.act("dead-letters", 400, group=GROUP, action="burn")
        chain = self.api("chain", id=letters[0]["id"])
        self.assertTrue(chain["complete"])
        self.assertEqual([(one["group"], one["status"]) for one in chain["nodes"][0]["attempts"]], [(GROUP, "parked" if letters[0]["key"] == "a" else "handled")])

    def test_without_a_store_it_says_so(self):
        self.orders("a:0")
        self.watch()
        for path in ("outbox", "inbox", "sagas", "saga"):
            self.assertEqual(self.api(path, status=404, **({"type": "a", "id": "b"} if path == "saga" else {}))["error"]["code"], "no_store")

    def test_a_store_without_tables_has_nothing_in_them(self):
        self.orders("a:0")
        file = os.path.join(self.folder, "empty.db")
        sqlite3.connect(file).execute("create table other(id integer)").connection.close()
        self.watch("--store", "sqlite:" + file)
        self.assertEqual((self.api("outbox"), self.api("inbox")), ({"stores": []}, {"stores": []}))
        self.assertEqual(self.api("sagas"), {"sagas": [], "counts": [], "next": None})
        self.assertEqual(self.api("saga", status=404, type="a", id="b")["error"]["code"], "unknown_saga")

    def test_each_store_stands_by_itself_and_a_chain_tells_of_outboxes(self):
        self.orders("a:0")
        stores = []
        for name, keys in (("shop", ["a", "b"]), ("bills", ["a"])):
            file = os.path.join(self.folder, name + ".db")
            stores += ["--store", "sqlite:" + file]
            self.run_tidings("outbox", "schema", "--apply", "--store", "sqlite:" + file)
            cause = self.tail_json("orders")[0]["id"]
            attributes = b"".join(len(part).to_bytes(4, "little") for part in (b"causationid", cause.encode())) + b"causationid" + cause.encode()
            with contextlib.closing(sqlite3.connect(file)) as database, database:
                for key in keys:
                    database.execute(f"insert into tidings_outbox({NEEDED_BY_ALL}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                     (0, f"{name}-{key}", "orders", key, "shop.order", 1, 1767225600 * 10**9, attributes, b"{}"))
        self.watch(*stores)
        told = self.api("outbox")["stores"]
        self.assertEqual([(one["store"], one["waiting"], one["exact"], one["relays"], one["held"]) for one in told],
                         [(stores[1], 2, True, [], []), (stores[3], 1, True, [], [])])
        chain = self.api("chain", id=cause)
        self.assertEqual([(one["id"], one["status"], one["effect"]) for one in chain["outbox"]],
                         [("shop-a", "waiting", True), ("shop-b", "waiting", True), ("bills-a", "waiting", True)])
        self.assertEqual(chain["problems"], [])
        only = self.api("chain", id="bills-a")
        self.assertEqual((only["nodes"], [(one["id"], one["effect"]) for one in only["outbox"]]), ([], [("bills-a", False)]))

    def test_elsewhere_it_wants_a_token_and_tls(self):
        self.orders("a:0")
        refused = self.run_tidings("dashboard", "--listen", "0.0.0.0:0", status=1).stderr
        self.assertIn("insecure_listen", refused)
        self.assertIn("--token FILE", refused)
        token = os.path.join(self.folder, "token")
        with open(token, "w", encoding="ascii") as file:
            file.write("0123456789abcdef\n")
        os.chmod(token, 0o644)
        self.assertIn("chmod 600", self.run_tidings("dashboard", "--listen", "127.0.0.1:0", "--token", token, status=1).stderr)
        os.chmod(token, 0o600)
        self.assertIn("insecure_listen", self.run_tidings("dashboard", "--listen", "0.0.0.0:0", "--token", token, status=1).stderr)
        self.watch("--token", token)
        self.assertEqual(self.api("overview", status=401)["error"]["code"], "unauthorized")
        self.ask("/api/v1/overview", headers={"Authorization": "Bearer 0123456789abcdef"})
        self.ask("/login", "POST", "token=wrong", {"Content-Type": "application/x-www-form-urlencoded"}, 303)
        self.assertNotIn("Set-Cookie", self.head)
        self.ask("/login", "POST", "token=0123456789abcdef", {"Content-Type": "application/x-www-form-urlencoded"}, 303)
        cookie = self.head["Set-Cookie"]
        self.assertIn("HttpOnly", cookie)
        self.ask("/api/v1/overview", headers={"Cookie": cookie.split(";")[0]})
        self.streams.append(Stream(self.port, "/api/v1/stream", {"Cookie": cookie.split(";")[0]}))
        self.assertEqual(self.streams[-1].status, 200)
        certificate, key = os.path.join(self.folder, "cert.pem"), os.path.join(self.folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        self.assertIn("tls_failed", self.run_tidings("dashboard", "--listen", "127.0.0.1:0", "--tls-cert", certificate, "--tls-key", token, status=1).stderr)
        process = self.start("dashboard", "--listen", "0.0.0.0:0", "--token", token, "--tls-cert", certificate, "--tls-key", key)
        url = self.line_of(process.stdout).strip()
        self.assertTrue(url.startswith("https://0.0.0.0:"))
        port = int(url.rstrip("/").rsplit(":", 1)[1])
        context = ssl.create_default_context(cafile=certificate)
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain, context.wrap_socket(plain, server_hostname="localhost") as secure:
            for path, status in (("/api/v1/session", 401), ("/", 200)):
                secure.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
                head = b""
                while b"\r\n\r\n" not in head:
                    head += secure.recv(4096)
                self.assertEqual(int(head.split()[1]), status)
                body = head.split(b"\r\n\r\n", 1)[1]
                length = int(head.lower().split(b"content-length: ")[1].split()[0])
                while len(body) < length:
                    body += secure.recv(4096)
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain:  # who speaks no TLS harms nobody
            plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try:
                self.assertNotIn(b"200", plain.recv(100))
            except ConnectionResetError:
                pass
        body = json.dumps({"x": "y" * 200_000}).encode()
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain, context.wrap_socket(plain, server_hostname="localhost") as secure:
            secure.sendall(f"POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer 0123456789abcdef\r\nContent-Type: application/json\r\n"
                           f"X-Tidings-Action: 1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            self.assertIn(b"403", secure.recv(4096))

    def test_bodies_and_heads_have_bounds(self):
        self.orders("a:0")
        self.watch("--allow-actions")
        self.ask("/api/v1/pause", "POST", None, {**ACTION, "Content-Length": str(2 << 20)}, 413)
        self.ask("/api/v1/pause", "POST", "[]", ACTION, 400)
        self.ask("/api/v1/pause", "POST", "{", ACTION, 400)
        self.ask("/api/v1/overview", headers={"X-Long": "x" * 70_000}, status=431)
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as other:
            other.sendall(b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n")
            told = b""
            while some := other.recv(4096):
                told += some
        self.assertIn(b" 505 ", told)
        self.assertIn(b'"wrong_version"', told)
        self.api("overview")

    def test_slow_clients_are_closed_and_others_answered(self):
        self.orders("a:0")
        self.watch()
        slow = [socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) for _ in range(50)]
        for one in slow:
            one.sendall(b"GET /api/v1/overview HTTP/1.1\r\nHost: ")
        self.api("overview")
        for one in slow:
            one.settimeout(PATIENCE_S)
            self.assertEqual(one.recv(100), b"", "it is still open")
            one.close()

    def test_64_listen_and_one_more_is_told_so(self):
        self.orders("a:0")
        process = self.watch()
        streams = [self.listen("stream") if n % 2 else self.listen("events/stream") for n in range(64)]
        self.assertEqual({one.status for one in streams}, {200})
        for one in streams:
            one.next()
        busy = self.ask("/api/v1/stream", status=503)
        self.assertEqual(busy["error"]["code"], "busy")
        times = []
        for _ in range(50):
            begun = time.monotonic()
            self.api("session")
            times.append(time.monotonic() - begun)
        print(f"64 streams: median {sorted(times)[25] * 1000:.1f} ms, most {max(times) * 1000:.1f} ms")
        self.assertLess(sorted(times)[25], 1)
        for one in streams[:32]:
            one.close()
        self.wait_until(lambda: self.listen("stream").status == 200, "who has gone still counts")
        self.leave_dashboard(process)

    def test_a_broker_that_is_not_there(self):
        self.assertIn("not_found", self.run_tidings("dashboard", "--listen", "127.0.0.1:0", status=1).stderr)
        self.assertIn("invalid_address", self.run_tidings("dashboard", "--listen", "nowhere", status=2, TIDINGS_BROKER="log:" + self.made()).stderr)

    def made(self):
        self.orders("a:0")
        return self.broker[4:]


if __name__ == "__main__":
    unittest.main()
