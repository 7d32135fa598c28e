import json
import os
import signal
import subprocess
import unittest

from command_line import CommandLine

SERVICE = os.environ["PARKING_SERVICE"]  # CTest sets it
GROUP = "shop.take"


class Pause(CommandLine):
    def serve(self, *arguments):
        process = subprocess.Popen([SERVICE, *arguments], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment())
        self.started.append(process)
        while "started on" not in (line := self.line_of(process.stderr)):
            self.lines.append(line)
        return process

    def setUp(self):
        super().setUp()
        self.lines = []

    def order(self, name):
        self.run_tidings("publish", "orders", "--type", "shop.order", "--key-field", "order_id",
                         stdin=json.dumps({"order_id": name, "number": 0}) + "\n")

    def test_a_service_pauses_and_goes_on(self):
        service = self.serve()
        self.order("a")
        self.assertEqual(self.line_of(service.stdout), "a:0\n")
        done = self.run_tidings("pause", "shop")
        self.assertRegex(done.stdout, rf"^shop\.take paused in process \S+:{service.pid}, which holds orders/0\n$")
        self.assertIn("1 handler paused, in 1 process; what runs goes on to its end", done.stderr)
        self.assertIn("take is paused by request", self.line_of(service.stderr))
        self.order("b")
        self.assertEqual(self.lag_of("orders", GROUP)["lag"], 1)
        listed = self.run_tidings("pause", "--list", "--json").stdout
        self.assertEqual([(one["target"], one["paused"]) for one in map(json.loads, listed.splitlines())], [("shop", True)])
        answered = json.loads(self.run_tidings("resume", GROUP, "--json").stdout)
        self.assertEqual((answered["group"], answered["paused"], answered["partitions"]), (GROUP, False, ["orders/0"]))
        self.assertEqual(self.line_of(service.stdout), "b:0\n")
        self.assertRegex(self.run_tidings("pause", "--list").stdout, r"shop +paused +\S+Z\nshop.take +goes on +\S+Z\n$")

    def test_a_pause_outlives_its_processes(self):
        service = self.serve()
        self.run_tidings("pause", "shop/take")
        service.send_signal(signal.SIGKILL)
        service.wait()
        self.order("a")
        again = self.serve()
        self.assertTrue(any("take starts paused by request" in line for line in self.lines), self.lines)
        self.run_tidings("resume", "shop/take")
        self.assertEqual(self.line_of(again.stdout), "a:0\n")
        self.assertIn("nothing is paused", self.run_tidings("pause", "--list").stderr)

    def test_where_nobody_answers(self):
        self.order("a")
        refused = self.run_tidings("pause", "shap", status=1).stderr
        self.assertIn("tidings: unknown_service: no process answers as shap", refused)
        self.assertIn("nothing is paused", self.run_tidings("pause", "--list").stderr)
        service = self.serve()
        service.send_signal(signal.SIGTERM)
        service.wait()
        self.assertIn("tidings: nobody_answers: no process of shop runs; the pause stands",
                      self.run_tidings("pause", "shop", status=1).stderr)
        self.assertIn('"shop"', self.run_tidings("pause", "--list", "--json").stdout)

    def test_a_name_that_nobody_has_leaves_nothing_behind(self):
        self.serve()
        self.run_tidings("pause", "shop")
        for wrong, meant in (("shop/tak", "shop/take"), ("shap.take", "shop.take"), ("shopp", "shop")):
            refused = self.run_tidings("pause", wrong, status=1).stderr
            self.assertIn(f"no process answers as {wrong}", refused)
            self.assertIn(f"did you mean '{meant}'?", refused)
        self.assertRegex(self.run_tidings("pause", "--list").stdout, r"^target +is +since\nshop +paused +\S+Z\n$")

    def test_one_that_hangs_is_named(self):
        service = self.serve()
        service.send_signal(signal.SIGSTOP)
        self.assertIn("tidings: timeout: no answer within 1s from who holds shop.take orders/0; the request stands",
                      self.run_tidings("pause", "shop", "--deadline", "1s", status=1).stderr)
        service.send_signal(signal.SIGCONT)
        self.assertIn("take is paused by request", self.line_of(service.stderr))

    def test_wrong_usage(self):
        self.assertIn("say what to pause", self.run_tidings("pause", status=2).stderr)
        self.run_tidings("resume", status=2)
        self.run_tidings("pause", "shop", "--list", status=2)
        self.assertIn("invalid_name", self.run_tidings("pause", "a b", status=2).stderr)


if __name__ == "__main__":
    unittest.main()
