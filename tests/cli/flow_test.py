"""`tidings describe` over the shop's services: the flow, its guarantees, and every form in which it is told."""

import json
import os
import re
import shutil
import subprocess
import unittest
import xml.etree.ElementTree

from command_line import PATIENCE_S, CommandLine

SHOP = os.environ["SHOP"]  # the folder of its programs; CTest sets it
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SERVICES = ("orders", "inventory", "payments", "notifications", "analytics")
STORED = ("orders", "inventory", "payments")

# What may do harm in one of the languages that are written.
HOSTILE = 'a"b`c\n-->\\<script>alert(1)</script>]|{x}; end %% &lt; #quot; \x1b[31m'

# A flowchart as this command writes it, line by line: an id, and a text in quotes that has neither quotes nor signs of Mermaid's or HTML's.
MERMAID_TEXT = r'"(?:[A-Za-z0-9 .,:_\-\u0080-\U0010ffff]|#\d+;|<br>)*"'
MERMAID = re.compile("|".join([r"flowchart LR", r"  subgraph s\d+\[T\]", r"    h\d+\[T\]", r"  end", r"  t\d+\(\[T\]\)", r"  o\d+\[/T/\]",
                               r"  [hto]\d+ -\.?->(?:\|T\|)? [hto]\d+", r"  [hto]\d+ -->(?:\|T\|)? [hto]\d+"]).replace("T", MERMAID_TEXT))


def program(service):
    return os.path.join(SHOP, "shop-" + service)


def needs(tool):
    if shutil.which(tool) is None:
        raise AssertionError(f"{tool} is not installed: script/setup does it")


class Flow(CommandLine):
    def setUp(self):
        super().setUp()
        self.shop = os.path.join(self.folder, "shop")
        os.mkdir(self.shop)
        for service in SERVICES:
            more = {"TIDINGS_STORE": f"sqlite:./{service}.db"} if service in STORED else {}
            told = subprocess.run([program(service), "--describe"], cwd=self.folder, env=self.environment(**more), stdout=subprocess.PIPE,
                                  check=True, timeout=PATIENCE_S).stdout
            self.save(self.shop, service, told.splitlines()[-1].decode())

    def save(self, folder, name, text):
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name + ".json")
        with open(path, "w") as file:
            file.write(text)
        return path

    def describe(self, *arguments, status=0, **more):
        return self.run_tidings("describe", "--dir", self.shop, *arguments, status=status, **more).stdout

    def hostile(self):
        """A folder with a service all of whose names mean harm."""
        event = {"type": HOSTILE, "versions": [1], "topic": HOSTILE + "t", "ordered": True, "keyed": True, "ttl": HOSTILE}
        step = {"name": HOSTILE, "does": HOSTILE}
        handler = {"name": HOSTILE, "group": HOSTILE, "topics": [HOSTILE + "t"], "events": [event], "steps": [step], "on_failure": [step], "start": HOSTILE,
                   "dead_letters": HOSTILE, "after_parked": "wait", "unknown_types": "ignore"}
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "#/$defs/x",
                  "$defs": {"x": {"type": "object", "properties": {HOSTILE: {"type": "string"}}, "required": [HOSTILE]}}}
        told = {"version": 1, "service": HOSTILE, "broker": "kafka://" + HOSTILE, "handlers": [handler], "schedules": [{"name": HOSTILE, "recurrence": HOSTILE}],
                "publishes": [{**event, "handlers": [HOSTILE], "schedules": [HOSTILE], "elsewhere": True}],
                "requests": [{"event": event, "replies": [event], "replies_topic": HOSTILE + "r"}], "schemas": {HOSTILE + "/1": schema}}
        folder = os.path.join(self.folder, "hostile")
        self.save(folder, "hostile", json.dumps(told))
        return folder

    def elsewhere(self):
        folder = os.path.join(self.folder, "elsewhere")
        self.save(folder, "x", '{"version":1,"service":"x","name_space":"eu"}')
        return folder

    # ---- The flow

    def test_the_flow_of_the_shop_fits_into_eighty_columns(self):
        text = self.describe()
        self.assertLessEqual(max(map(len, text.splitlines())), 80, max(text.splitlines(), key=len))
        for what in ("5 services, as code says", "  orders: take-orders, saga-checkout, settle-orders; store sqlite:./orders.db\n", "\ntopic submissions\n",
                     "  shop.order-submitted from unknown publishers\n", "  shop.reserve-stock from orders/saga-checkout (outbox)\n",
                     "  -> inventory.keep-stock\n", "  -> notifications.send-mails\n", "\nwhere a guarantee does not hold:\n  redelivery: "):
            self.assertIn(what, text)

    def test_programs_and_saved_descriptions_say_the_same(self):
        programs = json.loads(self.run_tidings("describe", *map(program, SERVICES), "--json", TIDINGS_STORE="sqlite:./x.db").stdout)
        saved = json.loads(self.describe("--json"))
        ways = [[(one["topic"], one["event"], one["group"], one["order"]["holds"], one["loss"]["holds"], one["duplicates"]["holds"])
                 for one in told["paths"]] for told in (programs, saved)]
        self.assertEqual(*ways)
        self.assertEqual(len(saved["services"]), 5)

    def test_guarantees_of_the_shops_ways(self):
        told = json.loads(self.describe("--json"))
        self.assertEqual((told["version"], told["knows_broker"]), (1, False))
        causes = {(one["topic"], one["group"]): tuple(tuple(cause["name"] for cause in one[what]["causes"]) for what in ("loss", "duplicates", "order"))
                  for one in told["paths"]}
        self.assertEqual(causes[("orders", "orders.settle-orders")], ((), (), ()))
        self.assertEqual(causes[("stock.commands", "inventory.keep-stock")], ((), (), ()))
        self.assertEqual(causes[("payments", "orders.saga-checkout")], ((), (), ()))
        # They have no transaction: a mail is written twice, and analytics knows its position by itself.
        self.assertEqual(causes[("orders", "notifications.send-mails")], ((), ("redelivery",), ()))
        self.assertEqual(causes[("orders", "analytics.count-revenue")], ((), ("redelivery",), ()))

    def test_how_an_event_is_published_changes_what_is_promised(self):
        event = {"type": "e", "versions": [1], "topic": "t", "keyed": True, "ordered": True}
        handler = {"name": "h", "group": "eu.a.h", "topics": ["x"], "transaction": False, "after_parked": "wait"}
        told = {"version": 1, "service": "a", "broker": "log:./d", "store": "postgres://h/d", "relays": True, "name_space": "eu", "handlers": [handler],
                "publishes": [{**event, "handlers": ["h"]}]}
        taker = {"version": 1, "service": "b", "broker": "log:./d", "store": "sqlite:./b", "inbox_window": "7d", "name_space": "eu",
                 "handlers": [{"name": "t", "group": "eu.b.t", "topics": ["t"], "events": [event], "transaction": True, "after_parked": "wait"}]}
        folder = os.path.join(self.folder, "two")
        self.save(folder, "b", json.dumps(taker, indent=1))

        def way():
            self.save(folder, "a", json.dumps(told))
            (one,) = [one for one in json.loads(self.run_tidings("describe", "--dir", folder, "--json").stdout)["paths"] if one["event"] == "e"]
            self.assertEqual(one["group"], "b.t")
            return [cause["name"] for what in ("loss", "duplicates", "order") for cause in one[what]["causes"]], " ".join(
                one["order"]["provided"] + one["loss"]["provided"])

        self.assertEqual(way()[0], ["republish"])
        handler["transaction"] = True
        causes, provided = way()
        self.assertEqual(causes, [])
        self.assertIn("locks what the key stands for", provided)
        self.assertNotIn("tidings outbox relay", provided)
        handler["name"] = told["publishes"][0]["handlers"][0] = "saga-like-h"
        self.assertIn("locks what the key stands for", way()[1], "a name makes no saga")
        handler["name"] = told["publishes"][0]["handlers"][0] = "h"
        told["publishes"][0]["keyed"] = False
        self.assertIn("no-key", way()[0], "whoever publishes an event gives it its key")
        told["publishes"][0]["keyed"] = True
        told.update(store="sqlite:./a", relays=False)
        causes, provided = way()
        self.assertEqual(causes, [])
        self.assertNotIn("locks what the key stands for", provided)
        self.assertIn("tidings outbox relay", provided)
        told["publishes"][0]["schedules"] = ["nightly"]
        self.assertIn("who comes first is theirs to settle", way()[1])
        del told["publishes"]
        self.assertIn("by one thread", way()[1])

    def test_services_on_several_brokers_hear_nothing_of_one_another(self):
        folder = os.path.join(self.folder, "two")

        def described(first, second, status=0, *options):
            for name, broker in (("a", first), ("b", second)):
                self.save(folder, name, json.dumps({"version": 1, "service": name, "broker": broker, "handlers": []}))
            return self.run_tidings("describe", "--dir", folder, "--json", *options, status=status).stderr

        for first, second in (("log:./a", "log:./b"), ("log:./a", "kafka://k:9092"), ("nats://a", "nats://b?replicas=3"), ("nats://a", "kafka://a")):
            self.assertIn("several_brokers", described(first, second, 1))
        described("nats://a?replicas=3", "nats://b?replicas=3")
        described("log:./a", "")
        self.run_tidings("topics", "create", "t")
        described("log:./a", "log:./b", 0, "--broker", self.broker)

    def test_what_the_broker_is_changes_what_is_promised(self):
        self.run_tidings("topics", "create", "orders", "--durability", "memory", "--partitions", "3")
        self.run_tidings("publish", "orders", "--type", "shop.order-placed", stdin='{"order_id":"7"}\n')
        self.run_tidings("tail", "orders", "--group", "notifications.send-mails", "--from", "earliest", "--count", "1", "--no-follow")
        self.run_tidings("publish", "orders", "--type", "shop.order-placed", stdin='{"order_id":"8"}\n')
        self.run_tidings("tail", "orders", "--group", "strangers", "--from", "earliest", "--count", "1", "--no-follow")
        told = json.loads(self.describe("--json", "--broker", self.broker))
        (orders,) = [one for one in told["topics"] if one["topic"] == "orders"]
        self.assertEqual((orders["durability"], orders["partitions"], orders["events_kept"]), ("memory", 3, 2))
        lags = {one["group"]: one.get("lag") for one in orders["groups"]}
        self.assertEqual((lags["notifications.send-mails"], lags["strangers"], lags["analytics.count-revenue"]), (1, 1, None))
        (loss,) = {json.dumps(one["loss"]["causes"]) for one in told["paths"] if one["topic"] == "orders"}
        self.assertEqual([one["name"] for one in json.loads(loss)], ["power-cut"])
        text = self.describe("--broker", self.broker)
        self.assertIn("\ntopic orders: 3 partitions, memory, 2 events\n", text)
        self.assertIn("  -> notifications.send-mails, lag 1\n", text)
        self.assertIn("  -> group strangers, of none of these services, lag 1\n", text)
        # Kafka by URL, without a server: what its relay and its members may do shows.
        kafka = json.loads(self.run_tidings("describe", *map(program, SERVICES), "--json", TIDINGS_BROKER="kafka://k1:9092", TIDINGS_STORE="sqlite:./x.db").stdout)
        mails = next(one for one in kafka["paths"] if one["group"] == "notifications.send-mails")
        self.assertEqual([one["name"] for one in mails["order"]["causes"]], ["stalled", "late-repeat"])
        self.assertEqual([one["name"] for one in mails["duplicates"]["causes"]], ["redelivery", "resend"])
        nats = json.loads(self.run_tidings("describe", *map(program, SERVICES), "--json", TIDINGS_BROKER="nats://n1:4222?replicas=3&duplicate_window=10min",
                                           TIDINGS_STORE="sqlite:./x.db", TIDINGS_CLAIM_CHECK__FOLDER="/srv/claims", TIDINGS_CLAIM_CHECK__KEEP="30d").stdout)
        mails = next(one for one in nats["paths"] if one["group"] == "notifications.send-mails")
        self.assertIn("NATS drops it within 10min", mails["duplicates"]["causes"][1]["when"])
        self.assertEqual([one["name"] for one in mails["loss"]["causes"]], ["claim-expiry"])
        self.assertIn("kept for 30d", mails["loss"]["causes"][0]["when"])

    def test_one_event_is_explained(self):
        text = self.describe("--explain", "shop.order-confirmed")
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        for what in ("event shop.order-confirmed, with a key\n", "  from orders/saga-checkout (outbox)\n", "  over topic orders at log:",
                     "  -> group analytics.count-revenue: handler count-revenue of service analytics\n", "      2. unknown-types: ", "      retry: ",
                     "in notifications.send-mails.dead-letters", "to change it: take a Transaction&", "    order: by key\n",
                     "    its effects are there once: in the service's store, with the inbox\n"):
            self.assertIn(what, text)
        done = self.run_tidings("describe", "--dir", self.shop, "--explain", "shop.order-confirmd", status=1)
        self.assertIn("'shop.order-confirmed' may be meant", done.stderr)

    # ---- Declared guarantees

    def declare(self, text):
        with open(os.path.join(self.folder, "tidings.toml"), "w") as file:
            file.write(text)

    def test_what_is_declared_is_verified(self):
        self.declare('version = 1\n[guarantees]\n"orders -> orders.settle-orders" = {loss = "none", duplicates = "none", order = "key"}\n'
                     '"orders -> analytics.count-revenue" = {loss = "none", duplicates = ["redelivery"]}\n"orders -> notifications.send-mails" = {duplicates = "any"}\n')
        self.assertEqual(self.describe("--verify"), "3 ways are as declared\n")
        self.declare('[guarantees]\n"orders -> analytics.count-revenue" = {duplicates = "none"}\n')
        told = " ".join(self.describe("--verify", status=1).split())
        self.assertIn("orders -> analytics.count-revenue: duplicates of shop.order-confirmed: redelivery since its process dies between the effect", told)
        self.assertIn("to change it: take a Transaction&", told)
        self.run_tidings("topics", "create", "orders", "--durability", "interval")
        self.declare('[guarantees]\n"orders -> orders.settle-orders" = {loss = "none"}\n')
        self.describe("--verify")
        self.assertIn("power-cut", self.describe("--verify", "--broker", self.broker, status=1))
        self.declare('[guarantees]\n"orders -> orders.settle-orders" = {loss = ["power-cut"]}\n')
        self.describe("--verify", "--broker", self.broker)

    def test_a_declaration_that_says_nothing_is_no_success(self):
        cases = [('[guarantees]\n"orders -> orders.settle-order" = {loss = "none"}\n', 1, "'orders -> orders.settle-orders' may be meant"),
                 ('[guarantees]\n"orders" = {loss = "none"}\n', 2, "tidings.toml:2: 'orders' is no way"),
                 ('[guarantees]\n"orders -> x.y" = {los = "none"}\n', 2, "there is no guarantee 'los'"),
                 ('[guarantees]\n"orders -> x.y" = {loss = "resend"}\n', 2, "is none of: none, any"),
                 ('[guarantees]\n"orders -> x.y" = {loss = []}\n', 2, "a text, or a list"),
                 ('[guarantees]\n"orders -> x.y" = "none"\n', 2, "write orders -> x.y = {loss"),
                 ("guarantees = 7\n", 2, "must be a table"), ("[guarantees\n", 2, "tidings.toml:1"), ("version = 1\n", 1, "declares none")]
        for text, status, what in cases:
            with self.subTest(text):
                self.declare(text)
                done = self.run_tidings("describe", "--dir", self.shop, "--verify", status=status)
                self.assertIn(what, " ".join((done.stdout + done.stderr).split()))
        os.remove(os.path.join(self.folder, "tidings.toml"))
        self.assertIn("no_guarantees", self.run_tidings("describe", "--dir", self.shop, "--verify", status=1).stderr)

    # ---- Other forms

    @unittest.skipIf(shutil.which("npm") is None or shutil.which("node") is None, "there is no npm, with which script/asyncapi fetches AsyncAPI's parser")
    def test_asyncapis_own_parser_takes_the_document(self):
        folder = subprocess.run([os.path.join(ROOT, "script", "asyncapi"), "--path"], capture_output=True, text=True, check=True).stdout.strip()
        self.assertTrue(os.path.isdir(folder), "AsyncAPI's parser is not there: script/asyncapi fetches it")
        files = [self.save(self.folder, "log", self.describe("--asyncapi"))]
        for name, url in (("kafka", "kafka://who:secret@k1:9092,k2:9092"), ("nats", "nats://n1:4222?replicas=3"), ("memory", "memory:x")):
            told = self.run_tidings("describe", *map(program, SERVICES), "--asyncapi", TIDINGS_BROKER=url, TIDINGS_STORE="sqlite:./x.db", TIDINGS_NAMESPACE="eu")
            self.assertNotIn("secret", told.stdout)
            files.append(self.save(self.folder, name, told.stdout))
        files.append(self.save(self.folder, "harm", self.run_tidings("describe", "--dir", self.hostile(), "--asyncapi").stdout))
        done = subprocess.run(["node", os.path.join(ROOT, "testing", "asyncapi", "validate.cjs"), *files], capture_output=True, text=True, timeout=4 * PATIENCE_S,
                              env={**os.environ, "NODE_PATH": os.path.join(folder, "node_modules")})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("log.json: 7 channels, ", done.stdout)
        broken = json.loads(self.describe("--asyncapi"))
        del broken["channels"]["orders"]
        done = subprocess.run(["node", os.path.join(ROOT, "testing", "asyncapi", "validate.cjs"), self.save(self.folder, "broken", json.dumps(broken))],
                              capture_output=True, text=True, timeout=4 * PATIENCE_S, env={**os.environ, "NODE_PATH": os.path.join(folder, "node_modules")})
        self.assertEqual(done.returncode, 1, done.stdout)

    def test_what_asyncapi_tells(self):
        told = json.loads(self.describe("--asyncapi"))
        self.assertEqual(told["asyncapi"], "3.0.0")
        message = told["components"]["messages"]["orders_shop.order-placed"]
        self.assertIn("shop.order-placed_1", message["payload"]["$ref"])
        self.assertEqual(message["headers"]["properties"]["type"]["const"], "shop.order-placed")
        received = told["operations"]["receive.analytics.count-revenue.orders"]
        self.assertEqual(received["action"], "receive")
        self.assertEqual({one["$ref"] for one in received["messages"]},
                         {"#/channels/orders/messages/orders_shop.order-confirmed", "#/channels/orders/messages/orders_shop.order-returned"})
        # Every reference leads somewhere.
        def check(value):
            if isinstance(value, dict):
                for name, member in value.items():
                    if name == "$ref":
                        at = told
                        for part in member.removeprefix("#/").split("/"):
                            at = at[part]
                    else:
                        check(member)
            elif isinstance(value, list):
                for one in value:
                    check(one)
        check(told)
        nats = json.loads(self.run_tidings("describe", program("analytics"), "--asyncapi", TIDINGS_BROKER="nats://n1:4222", TIDINGS_NAMESPACE="eu").stdout)
        self.assertEqual((nats["channels"]["orders"]["address"], list(nats["channels"]["orders"]["parameters"])), ("tidings.eu=orders.{partition}", ["partition"]))
        kafka = json.loads(self.run_tidings("describe", program("analytics"), "--asyncapi", TIDINGS_BROKER="kafka://k1:9092", TIDINGS_NAMESPACE="eu").stdout)
        self.assertEqual(kafka["servers"]["kafka"]["host"], "k1:9092")
        self.assertEqual(kafka["channels"]["orders"]["bindings"]["kafka"]["topic"], "eu.orders")
        (operation,) = kafka["operations"].values()
        self.assertEqual(operation["bindings"]["kafka"]["groupId"]["enum"], ["eu.analytics.count-revenue@eu.orders"])
        self.assertIn("ce_type", kafka["components"]["messages"]["orders_shop.order-confirmed"]["headers"]["properties"])

    def test_graphviz_draws_it(self):
        needs("dot")
        for folder, names in ((self.shop, {"take-orders", "stock.commands", "analytics"}), (self.hostile(), set())):
            told = self.run_tidings("describe", "--dir", folder, "--dot").stdout
            done = subprocess.run(["dot", "-Tsvg"], input=told, capture_output=True, text=True, timeout=PATIENCE_S)
            self.assertEqual((done.returncode, done.stderr), (0, ""), told)
            picture = xml.etree.ElementTree.fromstring(done.stdout)
            texts = {one.text for one in picture.iter("{http://www.w3.org/2000/svg}text")}
            self.assertLessEqual(names, texts)
            if not names:
                self.assertTrue(any("<script>alert(1)</script>" in text and "&lt; #quot;" in text and "\\x1B" in text for text in texts), texts)
                self.assertFalse(list(picture.iter("{http://www.w3.org/2000/svg}script")))

    def test_mermaid_is_a_flowchart_whatever_the_names_are(self):
        for folder in (self.shop, self.hostile()):
            lines = self.run_tidings("describe", "--dir", folder, "--mermaid").stdout.splitlines()
            for line in lines:
                self.assertTrue(MERMAID.fullmatch(line), line)
            known = {found for line in lines for found in re.findall(r"^ +([hto]\d+)[\[(]", line)}
            arrows = [re.findall(r"^  ([hto]\d+) .*?([hto]\d+)$", line)[0] for line in lines if re.match(r"  [hto]\d+ -", line)]
            self.assertTrue(arrows)
            self.assertLessEqual({end for arrow in arrows for end in arrow}, known)

    def test_names_that_mean_harm_do_none_on_a_terminal(self):
        folder = self.hostile()
        for arguments in ((), ("--json",), ("--steps",), ("--explain", HOSTILE), ("--schema", "all"), ("--schema", HOSTILE), ("--asyncapi",), ("--mermaid",), ("--dot",)):
            with self.subTest(arguments):
                told = self.run_tidings("describe", "--dir", folder, *arguments).stdout
                self.assertNotIn("\x1b", told)
                self.assertFalse([line for line in told.splitlines() if line.startswith("-->")], told)
        json.loads(self.run_tidings("describe", "--dir", folder, "--json").stdout)

    def test_the_page_shows_the_shop_as_it_is(self):
        with open(os.path.join(ROOT, "docs", "describe.md")) as file:
            page = file.read()
        self.assertEqual(re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL), [self.describe("--mermaid")])
        (shown,) = re.findall(r"<!-- the flow's beginning -->\n```\n(.*?)```", page, re.DOTALL)
        self.assertTrue(self.describe().startswith(shown), shown)

    # ---- Schemas

    def test_events_of_the_running_shop_are_what_their_schemas_say(self):
        try:
            import jsonschema
        except ImportError as missing:
            raise AssertionError("python3-jsonschema is not installed: script/setup does it") from missing
        for service in STORED:
            self.start_shop(service)
        line = "536365,85123A,WHITE HANGING HEART,6,2010-12-01T08:26:00Z,2.55,17850,United Kingdom"
        orders = [{"order_id": "536365", "lines": [{"number": 1, "text": line, "problem": ""}]}, {"order_id": "536366", "lines": [{"number": 2, "text": "x", "problem": ""}]}]
        self.run_tidings("publish", "submissions", "--type", "shop.order-submitted", "--key-field", "order_id", stdin="".join(json.dumps(one) + "\n" for one in orders))

        def seen():
            documents = []
            for topic in ("submissions", "orders", "orders.rejected", "stock.commands", "stock", "payments.commands", "payments"):
                done = subprocess.run([os.environ["TIDINGS"], "tail", topic, "--from", "earliest", "--no-follow", "--json"], cwd=self.folder, env=self.environment(),
                                      capture_output=True, timeout=PATIENCE_S)
                documents += [json.loads(one) for one in done.stdout.splitlines()]
            return documents

        wanted = {"shop.order-submitted", "shop.order-placed", "shop.order-confirmed", "shop.line-rejected", "shop.reserve-stock", "shop.stock-reserved",
                  "shop.charge-payment", "shop.payment-charged"}
        self.wait_until(lambda: wanted <= {one["type"] for one in seen()}, "the shop does not come to an end")
        for document in seen():
            told = json.loads(self.describe("--schema", document["type"]))
            jsonschema.Draft202012Validator.check_schema(told)
            jsonschema.Draft202012Validator(told).validate(document["data"])
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.Draft202012Validator(told).validate({})
        bundle = json.loads(self.describe("--schema", "all"))
        jsonschema.Draft202012Validator.check_schema(bundle)
        placed = next(one for one in seen() if one["type"] == "shop.order-placed")["data"]
        of_all = jsonschema.Draft202012Validator({**bundle, "$ref": "#/$defs/shop.order-placed~11"})
        of_all.validate(placed)
        with self.assertRaises(jsonschema.ValidationError):
            of_all.validate({**placed, "lines": [{"product": 7}]})

    def start_shop(self, service):
        with open(os.path.join(self.folder, service + ".log"), "w") as log:
            process = subprocess.Popen([program(service)], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env=self.environment(TIDINGS_STORE=f"sqlite:./{service}.db"))
        self.started.append(process)

    # ---- What is wrong

    def test_what_is_no_description_is_told(self):
        empty = os.path.join(self.folder, "empty")
        os.mkdir(empty)
        self.assertIn("no_description", self.run_tidings("describe", "--dir", empty, status=1).stderr)
        self.save(empty, "x", '{"orders":7}')
        self.assertIn("x.json tells nothing of a service", self.run_tidings("describe", "--dir", empty, status=1).stderr)
        self.save(empty, "x", '{"version":2,"service":"x"}')
        self.assertIn("newer_version", self.run_tidings("describe", "--dir", empty, status=1).stderr)
        self.assertIn("io_error", self.run_tidings("describe", "--dir", "nowhere", status=1).stderr)
        self.assertIn("name programs", self.run_tidings("describe", status=2).stderr)
        self.run_tidings("describe", "--dir", self.shop, "--dot", "--mermaid", status=2)
        self.assertIn("duplicate_service", self.run_tidings("describe", program("analytics"), "--dir", self.shop, status=1).stderr)
        self.assertIn("several_namespaces", self.run_tidings("describe", program("analytics"), "--dir", self.elsewhere(), status=1).stderr)
        self.assertIn("not_found", self.run_tidings("describe", "--dir", self.shop, "--broker", "log:./nowhere", status=1).stderr)


if __name__ == "__main__":
    unittest.main()
