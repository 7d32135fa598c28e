import json
import os
import signal
import subprocess
import unittest

from command_line import CommandLine

SERVICE = os.environ["PARKING_SERVICE"]
PROJECTING = os.environ["PROJECTING_SERVICE"]


class Describe(CommandLine):
    def script(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        return path

    def test_a_service_tells_what_it_does_with_an_event_in_which_order(self):
        with open(os.path.join(self.folder, "shop.toml"), "w") as file:
            file.write("version = 1\n[handlers.take]\ndeadline = '5s'\nrate.events = 10\n")
        done = self.run_tidings("describe", SERVICE, "--steps")
        lines = done.stdout.splitlines()
        self.assertTrue(lines[0].startswith("service shop over "), lines[0])
        self.assertEqual(lines[2], "handler take, group shop.take, of orders, a new group starts at earliest")
        steps = [line.split()[1] for line in lines[4:] if line.split() and line.split()[0].isdigit()]
        self.assertEqual(steps, ["fetch", "unknown-types", "order", "pause", "rate-limit", "time-to-live", "parked-keys",
                                 "deadline", "decode", "handler", "publish", "settle"])
        self.assertIn("in shop.take.dead-letters", done.stdout)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "data")), "nothing is opened, nothing is made")

        (line,) = self.run_tidings("describe", SERVICE, "--steps", "--json").stdout.splitlines()
        told = json.loads(line)
        self.assertEqual((told["version"], told["service"]), (1, "shop"))
        self.assertEqual(told["handlers"][0]["events"], [{"type": "shop.order", "versions": [1], "topic": "orders", "ordered": True, "keyed": True, "ttl": "", "encrypted": False}])
        schema = told["schemas"]["shop.order/1"]
        self.assertEqual(schema["$defs"][schema["$ref"].removeprefix("#/$defs/")]["required"], ["order_id", "number"])

    def test_what_a_program_leaves_behind_is_not_waited_for(self):
        # It is in a session of its own, and holds the output for longer than anybody waits.
        program = self.script("leaves", f'setsid sleep 1000 2>/dev/null &\necho $! >left\nexec {SERVICE} --describe\n')
        try:
            done = self.run_tidings("describe", program, "--steps")
            self.assertTrue(done.stdout.startswith("service shop over "), done.stdout)
        finally:
            with open(os.path.join(self.folder, "left")) as file:
                os.kill(int(file.read()), signal.SIGKILL)
        hangs = self.script("hangs", "sleep 1000\n")
        self.assertIn("did not end within", self.run_tidings("describe", hangs, "--deadline", "200ms", status=1).stderr)

    def test_what_is_verified_without_settings_is_said(self):
        os.makedirs(os.path.join(self.folder, "project"))
        for name, text in (("shop.toml", "version = 1\nbroker = 'memory:'\n"), ("tidings.toml", '[guarantees]\n"orders -> shop.take" = {loss = "none"}\n')):
            with open(os.path.join(self.folder, "project", name), "w") as file:
                file.write(text)
        guarantees = os.path.join("project", "tidings.toml")
        self.assertIn("leave --json out", self.run_tidings("describe", SERVICE, "--verify", "--json", status=2).stderr)
        told = self.run_tidings("describe", SERVICE, "--verify", "--guarantees", guarantees, status=1)
        self.assertIn("other_settings", told.stderr)
        self.assertIn("shop.toml stands in project; run tidings there", told.stderr)
        os.remove(os.path.join(self.folder, "project", "shop.toml"))
        told = self.run_tidings("describe", SERVICE, "--verify", "--guarantees", guarantees)
        self.assertIn("note: shop found no shop.toml in this folder", told.stderr)
        with open(os.path.join(self.folder, "shop.toml"), "w") as file:
            file.write("version = 1\n")
        self.assertEqual(self.run_tidings("describe", SERVICE, "--verify", "--guarantees", guarantees).stderr, "")

    def test_sagas_and_projections_are_told_and_drawn(self):
        told = json.loads(self.run_tidings("describe", PROJECTING, "--steps", "--json", TIDINGS_STORE="postgres://who:secret@127.0.0.1:1/shop").stdout)
        self.assertEqual(told["store"], "postgres://who:***@127.0.0.1:1/shop")
        self.assertEqual(told["projections"], [{"name": "order-totals", "version": 1, "topic": "orders", "tables": ["order_totals"]}])
        (saga,) = told["sagas"]
        self.assertEqual((saga["name"], saga["version"], saga["steps"][0]["act"]["within"]), ("checkout", 3, "30s"))
        self.assertEqual([one["type"] for one in told["publishes"]],
                         ["shop.stock-reserved", "shop.stock-rejected", "shop.reserve-stock", "shop.release-stock"])
        self.assertEqual(set(told["schemas"]), {"shop.order-placed/1", "shop.reserve-stock/1", "shop.release-stock/1",
                                                "shop.stock-reserved/1", "shop.stock-rejected/1"})
        self.assertEqual([(one["handlers"], one["outbox"], one["elsewhere"]) for one in told["publishes"]],
                         [([], False, True), ([], True, False), (["saga-checkout"], False, False), (["saga-checkout"], False, False)])
        for event, way in (("shop.stock-reserved", "direct"), ("shop.stock-rejected", "outbox")):
            self.assertIn(f"  from shop ({way})\n", self.run_tidings("describe", PROJECTING, "--explain", event).stdout)
        text = self.run_tidings("describe", PROJECTING, "--steps").stdout
        for what in ("reserve stock", "order_totals", "shop.release-stock to stock"):
            self.assertIn(what, text)
        drawn = self.run_tidings("describe", PROJECTING, "--diagram").stdout
        self.assertTrue(drawn.startswith("stateDiagram-v2\n"), drawn)
        self.assertIn("s0 --> undoing: shop.stock-rejected or nothing within 30s, 3 times", drawn)
        self.assertEqual(subprocess.run([PROJECTING, "--describe=mermaid"], cwd=self.folder, capture_output=True, text=True,
                                        check=True, timeout=60).stdout, drawn + "\n")

    def test_a_broker_that_cannot_be_reached_is_no_matter_and_its_password_is_not_told(self):
        done = self.run_tidings("describe", SERVICE, "--steps", TIDINGS_BROKER="nats://who:secret@127.0.0.1:1")
        self.assertIn("over nats://who:***@127.0.0.1:1", done.stdout)
        self.assertNotIn("secret", done.stdout + done.stderr)

    def test_one_handler_of_several_programs(self):
        done = self.run_tidings("describe", SERVICE, SERVICE, "--handler", "take")
        self.assertEqual(done.stdout.count("handler take, group"), 2)
        done = self.run_tidings("describe", SERVICE, "--handler", "tike", status=1)
        self.assertIn("unknown_handler", done.stderr)

    def test_what_is_no_service_is_told(self):
        cases = [("/nowhere/at-all", "cannot_start"), ("nowhere-at-all", "one of this folder is ./nowhere-at-all"),
                 (self.script("silent", "exit 0"), "no_description"),
                 (self.script("chatty", "echo '{\"orders\": 7}'"), "no_description"),
                 (self.script("hostile", "printf '\\033[31mred'"), "no_description"),
                 (self.script("newer", "echo '{\"version\":2,\"service\":\"shop\"}'"), "newer_version"),
                 (self.script("killed", "kill -9 $$"), "was killed by SIGKILL"),
                 (self.script("failed", "exit 3"), "ended with status 3"),
                 (self.script("endless", "exec yes"), "too_large")]
        for program, what in cases:
            with self.subTest(program):
                done = self.run_tidings("describe", program, status=1)
                self.assertIn(what, done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertNotIn("\x1b", done.stderr)

    def test_one_that_hangs_is_killed_with_all_that_it_has_started(self):
        hangs = self.script("hangs", "sleep 1000 & echo $! >child; sleep 1000; echo late")
        closes = self.script("closes", "sleep 1000 & echo $! >child; exec >&-; sleep 1000")
        leaves = self.script("leaves", "sleep 1000 & echo $! >child")
        self.assertIn("no_description", self.run_tidings("describe", leaves, status=1).stderr)
        self.check_child_is_gone()
        for program in (hangs, closes):
            with self.subTest(program):
                done = self.run_tidings("describe", program, "--deadline", "1s", status=1)
                self.assertIn("timeout", done.stderr)
                self.assertIn("did not end within 1s", done.stderr)
                self.check_child_is_gone()
        process = self.start("describe", hangs)
        self.wait_until(lambda: os.path.exists(os.path.join(self.folder, "child")), "it has not begun")
        self.interrupt(process)
        self.end_of(process, 130)
        self.check_child_is_gone()

    def check_child_is_gone(self):
        path = os.path.join(self.folder, "child")
        with open(path) as file:
            child = int(file.read())
        os.remove(path)

        def is_gone():
            try:
                with open(f"/proc/{child}/stat") as file:
                    return file.read().rsplit(")", 1)[1].split()[0] == "Z"  # whoever inherits it has yet to hear of it
            except FileNotFoundError:
                return True

        self.wait_until(is_gone, f"process {child} is left")

    def test_a_wrong_setting_is_the_programs_to_tell(self):
        done = self.run_tidings("describe", SERVICE, status=1, TIDINGS_BADD="1")
        self.assertIn("TIDINGS_BADD", done.stderr)
        self.assertIn("ended with status 2", done.stderr)


if __name__ == "__main__":
    unittest.main()
