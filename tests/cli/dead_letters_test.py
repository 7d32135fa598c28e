import json
import os
import signal
import subprocess
import time
import unittest

from parking import GROUP, SERVICE, Parking


class DeadLetters(Parking):
    def letters(self, command, *arguments, status=0):
        done = self.run_tidings("dead-letters", command, *arguments, "--json", status=status)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_list_and_show_what_is_parked(self):
        self.assertEqual(self.parked(), ["c:0"])
        done = self.run_tidings("dead-letters", "list")
        self.assertNotIn("\x1b", done.stdout)
        self.assertRegex(done.stdout, r"shop.take  orders/0 +0  a +2  refused +\S+Z  no order of \\x1B\[1mours\\x0A\n")
        self.assertIn("\n4 events parked; of all that ever were 0 were redriven and 0 dropped\n", done.stdout)
        listed = self.letters("list", "--group", GROUP)
        self.assertEqual([(one["key"], one["code"], one["events"], one["offset"], one["attempts"]) for one in listed],
                         [("a", "refused", 2, 0, 1), ("b", "away", 2, 2, 2)])
        self.assertEqual([one["key"] for one in self.letters("list", "--reason", "away")], ["b"])
        self.assertEqual([one["key"] for one in self.letters("list", "--key", "a")], ["a"])
        self.assertEqual(self.letters("list", "--older-than", "1h"), [])
        self.assertEqual(len(self.letters("list", "--newer-than", "1h")), 2)
        shown = self.letters("show", "--key", "b")
        self.assertEqual([one["data"] for one in shown], [{"order_id": "b", "number": 0}, {"order_id": "b", "number": 1}])
        self.assertEqual(json.loads(shown[1]["tidingsheaders"])["tidings-dead-code"], "follows_parked")
        done = self.run_tidings("dead-letters", "show", shown[0]["id"])
        self.assertRegex(done.stdout, r"^shop.take parked orders/0 offset 2 at \S+Z, id " + shown[0]["id"] +
                         r"\n  away after 2 attempts: the stock is away\n  .*\"number\": ?0\}\n$")
        self.assertIn("tidings: not_parked: ", self.run_tidings("dead-letters", "show", "nobody", status=1).stderr)

    def test_redrive_by_the_service_that_runs(self):
        self.parked()
        service = self.serve()
        done = self.run_tidings("dead-letters", "redrive", "--group", GROUP, "--dry-run")
        self.assertEqual(done.stdout, "would redrive 4 events of 2 keys\n")
        done = self.run_tidings("dead-letters", "redrive", "--group", GROUP, "--key", "b")
        self.assertEqual(done.stdout, "2 events redriven\n")
        self.assertEqual([one["key"] for one in self.letters("list")], ["a"])
        [done] = self.letters("redrive", "--group", GROUP)
        self.assertEqual((done["state"], done["events"], done["keys"], done["redriven"], done["failed"]), ("done", 2, 1, 2, 0))
        self.orders("a:2", "b:2")
        self.caught_up()
        handled = self.leave(service)
        self.assertEqual(handled[:4], ["b:0", "b:1", "a:0", "a:1"])
        self.assertEqual(sorted(handled[4:]), ["a:2", "b:2"])  # two keys: at once
        done = self.run_tidings("dead-letters", "redrive", "--group", GROUP)
        self.assertEqual((done.stdout, done.stderr), ("", "tidings: nothing is parked in group shop.take\n"))

    def test_what_fails_again_stays_with_what_is_behind(self):
        self.parked()
        service = self.serve("b:1,a:0")
        done = self.run_tidings("dead-letters", "redrive", "--group", GROUP, status=1)
        self.assertEqual(done.stdout, "1 event redriven\n")
        self.assertRegex(done.stderr, "^tidings: failed_again: 2 events failed again, and stay parked with all that is behind; ")
        listed = self.letters("list")
        self.assertEqual(sorted((one["key"], one["code"], one["events"], one["attempts"]) for one in listed), [("a", "away", 2, 3), ("b", "away", 1, 2)])
        self.assertEqual(self.leave(service), ["b:0"])

    def test_without_a_service_it_is_done_when_one_starts(self):
        self.parked()
        done = self.run_tidings("dead-letters", "redrive", "--group", GROUP)
        self.assertRegex(done.stdout, r"^asked for 4 events of 2 keys, as request \S+\n$")
        self.assertEqual(done.stderr, "tidings: no service of group shop.take runs; it is done when one starts\n")
        service = self.serve()
        self.wait_until(lambda: self.letters("list") == [], "the request is not carried out")
        self.assertEqual(sorted(self.leave(service)), ["a:0", "a:1", "b:0", "b:1"])

    def test_a_service_that_hangs_is_told_of(self):
        self.parked()
        service = self.serve()
        service.send_signal(signal.SIGSTOP)
        try:
            begun = time.monotonic()
            done = self.run_tidings("dead-letters", "redrive", "--group", GROUP, "--deadline", "2s", status=1)
            self.assertLess(time.monotonic() - begun, 30)
            self.assertRegex(done.stderr, "tidings: timeout: no service of the group took it up within 2s; ")
        finally:
            service.send_signal(signal.SIGCONT)
        self.wait_until(lambda: self.letters("list") == [], "the request is not carried out")
        self.leave(service)

    def test_drop(self):
        self.parked()
        service = self.serve("a,b:0")
        self.assertIn("nothing brings back what is dropped", self.run_tidings("dead-letters", "drop", "--group", GROUP, status=2).stderr)
        done = self.run_tidings("dead-letters", "drop", "--group", GROUP, "--key", "b", "--first")
        self.assertEqual(done.stdout, "1 event redriven, 1 event dropped\n")
        done = self.run_tidings("dead-letters", "drop", "--group", GROUP, "--all", "--dry-run")
        self.assertEqual(done.stdout, "would drop 2 events of 1 key\n")
        done = self.run_tidings("dead-letters", "drop", "--group", GROUP, "--all")
        self.assertEqual(done.stdout, "2 events dropped\n")
        self.orders("b:2")
        self.caught_up()
        self.assertEqual(self.leave(service), ["b:1", "b:2"])
        done = self.run_tidings("dead-letters", "list")
        self.assertEqual((done.stdout, done.stderr), ("", "tidings: nothing is parked\n"))

    def test_a_namespace_is_heeded(self):
        blue = ("--namespace", "blue")
        line = json.dumps({"order_id": "a", "number": 0})
        self.run_tidings("publish", "orders", "--type", "shop.order", "--key-field", "order_id", *blue, stdin=line)
        for bad in ("a", ""):
            service = subprocess.Popen([SERVICE, "--bad", bad, *blue], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       env=self.environment())
            self.started.append(service)
            if bad:
                self.wait_until(lambda: self.letters("list", *blue), "nothing is parked")
                self.assertEqual(self.run_tidings("dead-letters", "list", "--namespace", "green").stderr, "tidings: nothing is parked\n")
                self.leave(service)
        done = self.run_tidings("dead-letters", "redrive", "--group", GROUP, *blue)
        self.assertEqual(done.stdout, "1 event redriven\n")
        self.assertEqual(self.leave(service), ["a:0"])

    def test_mistakes_have_clear_errors(self):
        for arguments, what in (
            (("redrive",), "--group is required"),
            (("redrive", "--group", "a/b"), "invalid_name"),
            (("list", "--older-than", "yesterday"), "invalid_time: --older-than takes how long ago"),
            (("redrive", "--group", GROUP, "--deadline", "soon"), "invalid_duration"),
            (("lists",), "did you mean 'list'"),
            ((), "dead-letters"),
        ):
            with self.subTest(arguments):
                self.assertIn(what, self.run_tidings("dead-letters", *arguments, status=2).stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "data")))
        self.run_tidings("dead-letters", "redrive", "--group", GROUP, status=1)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "data")), "nothing is made")
        self.parked()
        error = self.run_tidings("dead-letters", "redrive", "--group", "shop.tak", status=1).stderr
        self.assertEqual(error, "tidings: unknown_group: there is no group 'shop.tak'; did you mean 'shop.take'?\n")
        self.run_tidings("tail", "orders", "--group", "audit", "--no-follow")
        self.assertEqual(self.run_tidings("dead-letters", "redrive", "--group", "audit").stderr,
                         "tidings: nothing was ever parked in group audit\n")

    def test_an_interrupt_leaves_the_request(self):
        self.parked()
        service = self.serve()
        service.send_signal(signal.SIGSTOP)
        asking = self.start("dead-letters", "redrive", "--group", GROUP)
        self.wait_until(lambda: "tidings.control" in self.run_tidings("topics").stdout, "nothing is asked for")
        time.sleep(0.3)
        self.interrupt(asking)
        _, err = self.end_of(asking, 130)
        self.assertEqual(err, "tidings: the request stands, and is carried out all the same\n")
        service.send_signal(signal.SIGCONT)
        self.wait_until(lambda: self.letters("list") == [], "the request is not carried out")
        self.leave(service)


if __name__ == "__main__":
    unittest.main()
