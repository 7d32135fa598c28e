"""`tidings demo` as a user runs it: real processes, each service killed in turn, dirty input, everything checked against the input.

usage: demo_test.py BUILD [REAL_ORDERS_CSV]; SERVE_FOR_TESTS is what starts a PostgreSQL.
"""

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
REAL = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else None
TIDINGS = BUILD / "bin" / "tidings"
MISSING = 77
EVERY_WAY = ("--stock", 150, "--cancel-rate", 0.1, "--decline-rate", 0.05, "--silent-rate", 0.05)
HEADER = "invoice_no,stock_code,description,quantity,invoice_time,unit_price,customer_id,country\n"


SERVICES = ("orders", "inventory", "payments", "notifications", "analytics")
PLAIN = ("--cancel-rate", 0, "--decline-rate", 0, "--silent-rate", 0)  # every order is confirmed, if nobody is killed


def demo(*arguments, check=True):
    # A payment that is never answered keeps a run waiting for 6 s: only where it is asked for.
    silent = [] if "--silent-rate" in arguments else ["--silent-rate", "0"]
    command = [str(TIDINGS), "demo", "--json", *(["--check"] if check else []), *silent, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150)
    summary = json.loads(done.stdout) if done.stdout else None
    return done.returncode, summary, done.stderr


def dirty_orders():
    good = "{n},A{n},\"MUG, BLUE\",2,2010-12-01T08:26:00Z,1.25,17850,United Kingdom\n"
    lines = [good.format(n=1000 + n) for n in range(120)]
    lines += [
        "C2000,A1,RETURNED,-1,2010-12-01T09:00:00Z,1.25,17850,United Kingdom\n",
        "C2001,A1,NOT RETURNED,1,2010-12-01T09:00:00Z,1.25,17850,United Kingdom\n",
        "2002,A1,,-10,2010-12-01T09:00:00Z,0,,France\n",
        "2003,A1,FREE,1,2010-12-01T09:00:00Z,0,,France\n",
        "2004,A1,TOO FEW FIELDS\n",
        ",A1,NO INVOICE,1,2010-12-01T09:00:00Z,1,,France\n",
        "2005,A1,\"OPEN,1,2010-12-01T09:00:00Z,1,,France\n",
        "2006,A1,PRICE,1,2010-12-01T09:00:00Z,1.234,,France\n",
        "2007,A1,TIME,1,noon,1,,France\n",
        "2008,A1,QUANTITY,many,2010-12-01T09:00:00Z,1,,France\n",
        "2009,A1,\x1b[31mRED,1,2010-12-01T09:00:00Z,1,,France\r\n",
        "../2010/x,A1,A NAME,1,2010-12-01T09:00:00Z,1,,France\n",
        "\n",
    ]
    return (HEADER + "".join(lines)).encode() + b"2011,A1,\xff\xfe,1,2010-12-01T09:00:00Z,1,,France\n"


class Checked(unittest.TestCase):
    def assert_checked(self, arguments, **expected):
        status, summary, errors = demo(*arguments)
        self.assertEqual(status, 0, f"{arguments}: {errors} {summary}")
        self.assertEqual(summary["differences"], [])
        self.assertTrue(summary["checked"])
        for name, value in expected.items():
            self.assertEqual(summary[name], value, name)
        failed = sum(summary[reason] for reason in ("out_of_stock", "payment_declined", "no_answer", "cancelled"))
        self.assertEqual(summary["placed"], summary["confirmed"] + failed)
        for service in summary["services"]:
            self.assertLess(service["rss_anon_kib"], 20 * 1024, service)
            self.assertGreater(service["rss_anon_kib"], 0, service)
        return summary

    def assert_every_way(self, summary):
        for way in ("confirmed", "out_of_stock", "payment_declined", "no_answer", "cancelled", "returned", "cancellations_rejected", "paid_back_minor"):
            self.assertGreater(summary[way], 0, f"{way}: {summary}")

    def assert_killed(self, summary, kills):
        self.assertEqual((summary["kills"], summary["killed"]), (kills, ""))
        self.assertEqual(sum(service["kills"] for service in summary["services"]), kills)
        self.assertTrue(all(service["kills"] > 0 for service in summary["services"]), summary["services"])


class Demo(Checked):
    def test_each_service_is_killed_in_turn(self):
        for service in (*SERVICES, "none"):
            with self.subTest(service):
                summary = self.assert_checked(["--count", 1500, "--rate", 0, "--kill", service, "--seed", 7], orders_fed=1500)
                self.assertEqual(summary["killed"], "" if service == "none" else service)
                if service not in ("none", "orders"):
                    self.assertGreater(summary["lag_at_restart"], 0)

    def test_a_victim_that_gets_nothing_from_the_first_half_is_killed_all_the_same(self):
        self.assert_checked(["--count", 1, "--seed", 14, "--rate", 0], orders_fed=1, placed=0)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "orders.csv"
            bad = "{n},A1,BAD,none,2010-12-01T08:26:00Z,1.25,1,UK\n"
            good = "{n},A1,MUG,2,2010-12-01T08:26:00Z,1.25,1,UK\n"
            path.write_text(HEADER + "".join((bad if n < 60 else good).format(n=n) for n in range(100)))
            for service in ("analytics", "notifications"):
                self.assert_checked(["--orders", path, "--kill", service, *PLAIN], orders_fed=100, placed=40, confirmed=40, lines_rejected=60, mails=40)

    def test_a_service_that_starts_slowly_is_not_stopped_before_it_can_end_well(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("tidings", *(f"shop-{service}" for service in SERVICES)):
                shutil.copy(BUILD / "bin" / name, folder)
            os.rename(f"{folder}/shop-analytics", f"{folder}/analytics")
            slow = pathlib.Path(folder, "shop-analytics")
            slow.write_text(f"#!/bin/sh\nsleep 1\nexec {folder}/analytics \"$@\"\n")
            slow.chmod(0o755)
            done = subprocess.run([f"{folder}/tidings", "demo", "--check", "--json", "--count", "1", "--rate", "0"], capture_output=True, text=True, timeout=100)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_services_killed_at_random_again_and_again_do_everything_once(self):
        summary = self.assert_checked(["--count", 1000, "--rate", 0, "--chaos", 20, "--seed", 1], orders_fed=1000, published_twice=0)
        self.assert_killed(summary, 20)
        self.assertEqual(summary["out_of_stock"], 0)

    def test_whatever_is_killed_every_order_has_its_goods_and_its_money_or_neither(self):
        summary = self.assert_checked(["--count", 1000, "--rate", 0, "--chaos", 20, "--seed", 2, *EVERY_WAY], orders_fed=1000, published_twice=0)
        self.assert_killed(summary, 20)
        self.assert_every_way(summary)

    def test_cancellations_are_drawn_and_each_has_its_answer(self):
        summary = self.assert_checked(["--count", 400, "--rate", 0, "--cancel-rate", 0.5, "--kill", "none"])
        self.assertGreater(summary["cancelled"], 0)
        self.assertGreater(summary["cancellations_rejected"], 0)
        self.assertEqual(summary["cancellations"], summary["cancelled"] + summary["cancellations_rejected"])
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "orders.csv"
            path.write_bytes(dirty_orders())
            self.assert_checked(["--orders", path, "--cancel-rate", 1, "--kill", "none"], cancellations=131, placed=123)
            self.assert_checked(["--orders", path, *PLAIN, "--kill", "none"], cancellations=0, cancelled=0, confirmed=123)

    def test_chaos_is_for_few_orders_and_for_many_kills_too(self):
        self.assert_killed(self.assert_checked(["--count", 3, "--seed", 3, "--chaos", 12], orders_fed=3), 12)

    def test_the_view_counts_kills(self):
        status, screen = on_a_terminal("--count", "300", "--rate", "0", "--chaos", "12")
        self.assertEqual(status, 0, screen)
        self.assertRegex(screen, r"12 of 12 kills; all is done")
        self.assertRegex(" ".join(screen.split()), r"killed 12 times: orders \d+, inventory \d+, payments \d+, notifications \d+, analytics \d+")

    def test_stock_is_conserved_when_it_runs_out(self):
        for service in ("inventory", "orders"):
            summary = self.assert_checked(["--count", 2000, "--rate", 0, "--stock", 50, "--kill", service])
            self.assertGreater(summary["out_of_stock"], 0)

    def test_dirty_lines_are_parked_never_dropped(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "orders.csv"
            path.write_bytes(dirty_orders())
            for service in ("orders", "analytics"):
                self.assert_checked(["--orders", path, "--kill", service], placed=123, returned=1, lines_rejected=9, mails=123)
            self.assert_checked(["--orders", path, "--repeat", 5], placed=5 * 123, lines_rejected=5 * 9)

    def test_the_same_broker_serves_several_demos(self):
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(2):
                self.assert_checked(["--count", 200, "--rate", 0, "--broker", f"log:{folder}/log"])

    def test_keep_leaves_everything_and_refuses_what_is_there(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assert_checked(["--count", 100, "--rate", 0, "--keep", f"{folder}/kept"])
            self.assertTrue(pathlib.Path(folder, "kept", "notifications", "mails").is_dir())
            self.assertEqual(subprocess.run([TIDINGS, "lag", "--broker", f"log:{folder}/kept/log"], capture_output=True).returncode, 0)
            status, _, errors = demo("--count", 100, "--keep", f"{folder}/kept")
            self.assertEqual(status, 1)
            self.assertIn("is not empty", errors)

    def test_rejected_lines_stand_in_their_topic_with_the_reason(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "orders.csv"
            path.write_bytes(dirty_orders())
            self.assert_checked(["--orders", path, "--cancel-rate", 0, "--keep", f"{folder}/kept"], lines_rejected=9)
            command = [TIDINGS, "tail", "orders.rejected", "--from", "earliest", "--no-follow", "--json", "--broker", f"log:{folder}/kept/log"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
            rejected = {event["number"]: (event["text"], event["reason"]) for event in (json.loads(line)["data"] for line in done.stdout.splitlines())}
            lines = dirty_orders().split(b"\n")
            self.assertEqual(
                {number: reason for number, (_, reason) in rejected.items()},
                {
                    123: "its quantity is not below 0, in a return",
                    124: "its quantity is not above 0, and it is no return",
                    126: "it has 3 fields, not 8",
                    127: "it has no invoice number",
                    128: "its quotes do not match",
                    129: "its price '1.234' is no amount of pounds and pence up to 1000000000.00",
                    130: "its time 'noon' is none",
                    131: "its quantity 'many' is no whole number",
                    135: "it is not UTF-8; what is not stands here as \\xNN",
                },
            )
            for number, (text, _) in rejected.items():
                if number != 135:
                    self.assertEqual(text, lines[number - 1].decode().rstrip("\r"))

    def test_the_largest_amounts_are_counted_and_larger_ones_parked(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "orders.csv"
            line = "{},A1,MUG,{},2010-12-01T09:00:00Z,{},,France\n"
            path.write_text(HEADER + line.format(1, 9999999999, "999999999.99") + line.format(2, 1, "0000000000.50")
                            + line.format(3, 1, "1000000000.00") + line.format(4, 10, "99999999.99") + line.format(4, 1, "0.11"))
            self.assert_checked(["--orders", path, *PLAIN], placed=3, lines_rejected=2, revenue_minor=50 + 10**11 + 10**11 - 10)

    def test_without_a_terminal_the_view_is_plain_lines(self):
        done = subprocess.run([TIDINGS, "demo", "--count", "100", "--rate", "0"], capture_output=True, text=True, timeout=150)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("\x1b", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^ *\d+\.\d s  fed 100/100  orders \d+  inventory \d+  payments \d+  notifications \d+  analytics \d+")
        self.assertRegex(done.stdout, r"(?m)^ *\d+\.\d s  analytics was killed \(SIGKILL\); the others go on$")
        self.assertRegex(done.stdout, r"(?m)^  fed +100 orders of [\d,]+ lines, through in ")
        self.assertRegex(done.stdout, r"(?m)^  killed +analytics: ")

    def test_the_dashboard_is_there_while_it_runs(self):
        running = subprocess.Popen([TIDINGS, "demo", "--rate", "50", "--count", "1000", "--dashboard-port", "0"], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
        try:
            told = running.stdout.readline()
            self.assertRegex(told, r"^the dashboard, while this runs: http://127\.0\.0\.1:\d+/$")
            url = told.split()[-1] + "api/v1/"
            until = time.monotonic() + 60
            while True:
                with urllib.request.urlopen(url + "overview", timeout=60) as answer:
                    services = {one["service"] for one in json.load(answer)["services"]}
                if services == set(SERVICES):
                    break
                self.assertLess(time.monotonic(), until, services)
            with urllib.request.urlopen(url + "session", timeout=60) as answer:
                session = json.load(answer)
            self.assertFalse(session["actions"])
            self.assertEqual(session["store"].count("sqlite:"), 3)
        finally:
            running.send_signal(signal.SIGTERM)
            running.communicate(timeout=60)
        without = subprocess.run([TIDINGS, "demo", "--count", "10", "--rate", "0", "--no-dashboard"], capture_output=True, text=True, timeout=150)
        self.assertEqual(without.returncode, 0, without.stderr)
        self.assertNotIn("dashboard", without.stdout)

    def test_on_a_terminal_the_view_is_drawn_in_place(self):
        status, screen = on_a_terminal("--count", "200", "--rate", "0")
        self.assertEqual(status, 0, screen)
        for part in ("\x1b[?25l", "\x1b[?25h", "Tidings demo", "200 of 200 orders", "█", "● running", "✗ KILLED", "\x1b[K"):
            self.assertIn(part, screen)
        self.assertRegex(screen, r"\x1b\[\d+A\r")
        self.assertRegex(screen, r"analytics has caught up, after \d")
        self.assertLess(screen.rindex("\x1b[?25h"), screen.rindex("best sellers"), "the summary comes when the view is gone")

    def test_the_catching_up_can_be_watched(self):
        status, screen = on_a_terminal("--count", "400", "--rate", "100", "--silent-rate", "0", "--check")
        self.assertEqual(status, 0, screen[-2000:])
        lags = [int(lag.replace(",", "")) for lag in re.findall(r"● catching up\x1b\[0m.*?([\d,]+)(?:\x1b\[0m \x1b\[33m[▏▎▍▌▋▊▉█]+|)\x1b\[0m +counts revenue", screen)]
        self.assertGreaterEqual(len(lags), 8, f"it was seen for less than 0.8 s: {lags}")
        falling = lags[lags.index(max(lags)):]
        self.assertGreaterEqual(len(falling), 8, f"the last orders come while it begins, and then nothing more: {lags}")
        self.assertEqual(falling, sorted(falling, reverse=True), "nothing more comes, so it falls")
        self.assertGreater(lags[0], 150)
        told = " ".join(screen[-2000:].split())
        self.assertRegex(told, r"analytics: \d+ events behind when it came back, caught up in \d+\.\d\d s \(held to 250 a second, to be watched\)")

    def test_a_slow_removal_is_told_and_may_be_interrupted(self):
        with tempfile.TemporaryDirectory() as folder:
            slow = f"{folder}/slow.so"
            source = "#include <unistd.h>\nint remove(const char* path) { usleep(30000); return unlink(path) == 0 ? 0 : rmdir(path); }\n"
            subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", slow, "-"], input=source, text=True, check=True)
            running = subprocess.Popen([TIDINGS, "demo", "--count", "200", "--rate", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       env={**os.environ, "LD_PRELOAD": slow, "TMPDIR": folder})
            printed = ""
            while "Ctrl-C leaves them in" not in printed:
                line = running.stdout.readline()
                self.assertNotEqual(line, "", "it ended without a word")
                printed += line
            running.send_signal(signal.SIGINT)
            rest, errors = running.communicate(timeout=60)
            self.assertEqual(running.returncode, 130)
            self.assertEqual(rest, "")
            self.assertIn("best sellers", printed, "the summary comes first")
            left = re.fullmatch(r"tidings: the run's files are left in (.*)\n", errors)
            self.assertIsNotNone(left, errors)
            self.assertIn(f"Ctrl-C leaves them in {left[1]}\n", printed)
            self.assertTrue(any(pathlib.Path(left[1]).rglob("*.eml")))

    def test_wrong_input_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "orders.csv"
            for content, wanted in ((b"", "header"), (b"a,b\n", "header"), (HEADER.encode(), "has no orders")):
                path.write_bytes(content)
                status, _, errors = demo("--orders", path)
                self.assertEqual(status, 1)
                self.assertIn(wanted, errors)
        status, _, errors = demo("--orders", "/nowhere/orders.csv")
        self.assertEqual(status, 1)
        self.assertIn("not_found", errors)
        self.assertEqual(demo("--kill", "nobody")[0], 2)
        self.assertEqual(demo("--broker", "memory:")[0], 2)

    def test_what_is_wrong_is_told_before_anything_is_made(self):
        with tempfile.TemporaryDirectory() as folder:
            temporary, lone, kept = (pathlib.Path(folder, name) for name in ("tmp", "lone", "kept"))
            temporary.mkdir(), lone.mkdir()
            shutil.copy(TIDINGS, lone)
            usual = {"program": TIDINGS, "wanted": 2}
            for arguments, how in ((["--kill", "analytic"], usual), (["--frobnicate"], usual), (["--count", "0"], usual), (["--rate", "fast"], usual),
                                   (["--broker", "log:"], usual), (["--chaos", "0"], usual),
                                   (["--store", "sqlite:x.db"], usual), (["--store", "postgres://127.0.0.1:x/shop"], usual),
                                   (["--store", "postgres://127.0.0.1:1/shop"], {**usual, "wanted": 1}), (["--broker", "memory:"], usual), (["extra"], usual),
                                   (["--orders", f"{folder}/missing.csv"], {**usual, "wanted": 1}), (["--orders", folder], {**usual, "wanted": 1}),
                                   (["--broker", "log:/dev/null"], {**usual, "wanted": 1}), (["--count", "1"], {"program": lone / "tidings", "wanted": 1})):
                for more in ([], ["--keep", str(kept)]):
                    command = [how["program"], "demo", *arguments, *more]
                    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, "TMPDIR": str(temporary)})
                    self.assertEqual(done.returncode, how["wanted"], f"{command} {done.stderr}")
                    self.assertRegex(done.stderr, "^tidings: ")
                    self.assertNotIn("is kept in", done.stderr)
                    self.assertEqual((os.listdir(temporary), kept.exists()), ([], False), command)
        done = subprocess.run([TIDINGS, "demo", "--kill", "analytic"], capture_output=True, text=True, timeout=60)
        self.assertIn("did you mean 'analytics'?", done.stderr)

    def test_a_folder_that_cannot_be_made_is_told(self):
        def told(**environment):
            done = subprocess.run([TIDINGS, "demo", "--count", "1"], capture_output=True, text=True, timeout=60, env={**os.environ, **environment})
            self.assertEqual(done.returncode, 1, done.stderr)
            return done.stderr
        self.assertIn("tidings: io_error: $TMPDIR names no directory", told(TMPDIR="/nowhere"))
        with tempfile.TemporaryDirectory() as folder:
            full = f"{folder}/full.so"
            source = """#define _GNU_SOURCE
                #include <dlfcn.h>
                #include <errno.h>
                #include <string.h>
                #include <sys/stat.h>
                int mkdir(const char* path, mode_t mode) {
                  const char* name = strrchr(path, '/');
                  if (name && strcmp(name, "/inventory") == 0) return errno = ENOSPC, -1;
                  return ((int (*)(const char*, mode_t))dlsym(RTLD_NEXT, "mkdir"))(path, mode);
                }"""
            subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", full, "-"], input=source, text=True, check=True)
            self.assertRegex(told(LD_PRELOAD=full, TMPDIR=folder), "tidings: io_error: cannot make .*/inventory: No space left")

    def test_orders_of_no_regular_file_are_refused(self):
        for path in ("/dev/zero", "/", "/dev/null"):
            status, _, errors = demo("--orders", path)
            self.assertEqual((status, errors.splitlines()[0]), (1, f"tidings: invalid_orders: {path} is no regular file"))
        with tempfile.TemporaryDirectory() as folder:
            huge = f"{folder}/huge.csv"
            with open(huge, "w") as file:
                file.truncate(1 << 40)
            status, _, errors = demo("--orders", huge)
            self.assertEqual(status, 1)
            self.assertIn("the demo reads up to 512 MiB", errors)

    def test_rounds_give_no_two_orders_one_number(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "orders.csv"
            line = "{},A1,MUG,1,2010-12-01T09:00:00Z,{},,France\n"
            path.write_text(HEADER + line.format("A", "0000000000001.00") + line.format("A-2", 2) + line.format("B", "99999999999.9") + line.format("B", "999999999999"))
            self.assert_checked(["--orders", path, "--repeat", 2, *PLAIN], placed=4, lines_rejected=4, revenue_minor=600)

    def test_an_interrupt_stops_every_process(self):
        with tempfile.TemporaryDirectory() as folder:
            running = subprocess.Popen([TIDINGS, "demo", "--rate", "50", "--keep", f"{folder}/kept"], stdout=subprocess.DEVNULL)
            until = time.monotonic() + 30
            while len(children_of(running.pid)) < 5 and time.monotonic() < until:
                time.sleep(0.02)
            children = children_of(running.pid)
            self.assertEqual(len(children), 5)
            running.send_signal(signal.SIGINT)
            self.assertEqual(running.wait(60), 130)
            self.assertEqual([pid for pid in children if pathlib.Path(f"/proc/{pid}").exists()], [])

    def test_a_service_that_somebody_kills_is_told_with_its_last_words(self):
        with tempfile.TemporaryDirectory() as folder:
            running = subprocess.Popen([TIDINGS, "demo", "--rate", "50", "--keep", f"{folder}/kept"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            until = time.monotonic() + 30
            log = pathlib.Path(folder, "kept", "notifications.log")
            while not (log.exists() and log.read_text()) and time.monotonic() < until:
                time.sleep(0.02)
            victims = [pid for pid in children_of(running.pid) if "notifications" in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]
            os.kill(victims[0], signal.SIGKILL)
            _, errors = running.communicate(timeout=60)
            self.assertEqual(running.returncode, 1)
            lines = errors.splitlines()
            self.assertEqual(lines[0], "tidings: service_ended: notifications was killed by SIGKILL, which the demo did not ask for; its last words:")
            self.assertRegex(lines[1], "^tidings:   .*notifications")
            self.assertNotIn("\\x0A", errors)

    def test_services_die_with_a_killed_demo(self):
        with tempfile.TemporaryDirectory() as folder:
            running = subprocess.Popen([TIDINGS, "demo", "--rate", "50", "--keep", f"{folder}/kept"], stdout=subprocess.DEVNULL)
            until = time.monotonic() + 30
            while len(children_of(running.pid)) < 5 and time.monotonic() < until:
                time.sleep(0.02)
            children = children_of(running.pid)
            running.kill()
            running.wait()
            while any(alive(pid) for pid in children) and time.monotonic() < until:
                time.sleep(0.02)
            self.assertEqual([pid for pid in children if alive(pid)], [])

    @unittest.skipUnless(REAL is not None and REAL.exists(), "the real orders are not beside the repository")
    def test_real_orders(self):
        for service in SERVICES:
            with self.subTest(service):
                self.assert_checked(["--orders", REAL, "--kill", service], orders_fed=512, lines_fed=10000, placed=439, returned=43, lines_rejected=30, mails=439)
        self.assert_checked(["--orders", REAL, *PLAIN, "--kill", "none"], confirmed=439, revenue_minor=18066775)
        self.assert_checked(["--orders", REAL, "--repeat", 8], orders_fed=8 * 512, placed=8 * 439)


class OverPostgres(Checked):
    """The rows in a PostgreSQL."""

    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([os.environ["SERVE_FOR_TESTS"], "postgres"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        cls.url = cls.server.stdout.readline().strip()
        if cls.url:
            return
        _, why = cls.server.communicate()
        if cls.server.returncode == MISSING and os.environ.get("TIDINGS_ALLOW_MISSING_SERVERS") == "1":
            raise unittest.SkipTest(why.strip())
        raise AssertionError(why.strip())

    @classmethod
    def tearDownClass(cls):
        cls.server.communicate()  # the end of its input is its own

    def schemas(self):
        query = "select nspname from pg_namespace where nspname like 'tidings_demo%' order by nspname"
        return subprocess.run(["psql", self.url, "-Atc", query], capture_output=True, text=True, timeout=60, check=True).stdout.split()

    def test_services_killed_at_random_again_and_again_do_everything_once(self):
        summary = self.assert_checked(["--count", 1000, "--rate", 0, "--chaos", 20, *EVERY_WAY, "--store", self.url], published_twice=0)
        self.assert_killed(summary, 20)
        self.assert_every_way(summary)
        self.assertEqual(self.schemas(), [])

    def test_keep_leaves_the_schemas_and_names_them(self):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([TIDINGS, "demo", "--count", "50", "--rate", "0", "--store", self.url, "--keep", f"{folder}/kept"], capture_output=True, text=True, timeout=150)
            self.assertEqual(done.returncode, 0, done.stderr)
            inventory, orders, payments = kept = self.schemas()
            self.assertRegex(orders, "^tidings_demo_[0-9a-f]{12}_orders$")
            self.assertIn(f"is kept in {folder}/kept, and in the schemas {orders}, {inventory} and {payments}\n", done.stderr)
            subprocess.run(["psql", self.url, "-qc", f"drop schema {', '.join(kept)} cascade"], capture_output=True, timeout=60, check=True)

    def test_an_interrupt_leaves_no_schema(self):
        with tempfile.TemporaryDirectory() as folder:
            running = subprocess.Popen([TIDINGS, "demo", "--rate", "50", "--store", self.url], stdout=subprocess.DEVNULL, env={**os.environ, "TMPDIR": folder})
            until = time.monotonic() + 30
            while len(children_of(running.pid)) < 5 and time.monotonic() < until:
                time.sleep(0.02)
            self.assertEqual(len(self.schemas()), 3)
            running.send_signal(signal.SIGINT)
            self.assertEqual(running.wait(60), 130)
            self.assertEqual((self.schemas(), os.listdir(folder)), ([], []))


class Script(unittest.TestCase):
    """script/demo in a house of its own, where the build says what it is told to say."""

    def run_script(self, said, status=0):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("script/setup", ""), ("script/build", f"cat <<'END'\n{said}END\nexit {status}\n"), ("build/bin/tidings", "echo shown \"$@\"\n")):
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("#!/usr/bin/env bash\n" + text)
                path.chmod(0o755)
            shutil.copy(pathlib.Path(__file__).resolve().parents[2] / "script" / "demo", f"{folder}/script")
            done = subprocess.run([f"{folder}/script/demo", "--count", "1"], capture_output=True, text=True, timeout=60, env={**os.environ, "TMPDIR": folder})
            self.assertEqual([name for name in os.listdir(folder) if name.startswith("tmp")], [])
            return done.returncode, done.stdout, done.stderr

    CHECKED = "[0/2] Re-checking globbed directories...\n"

    def test_it_is_quiet_where_nothing_is_to_be_built(self):
        self.assertEqual(self.run_script(self.CHECKED + "ninja: no work to do.\n"), (0, "shown demo --count 1\n", ""))
        self.assertEqual(self.run_script(self.CHECKED + "[1/1] Re-running CMake...\nninja: no work to do.\n"), (0, "shown demo --count 1\n", ""))

    def test_a_line_says_that_something_is_built(self):
        self.assertEqual(self.run_script(self.CHECKED + "[1/2] Building CXX object a.o\n[2/2] Linking\n"), (0, "shown demo --count 1\n", "building …\n"))

    def test_what_fails_is_shown_whole(self):
        said = self.CHECKED + "[1/2] Building CXX object a.o\nFAILED: a.o\na.cpp:1:1: error\n"
        self.assertEqual(self.run_script(said, status=1), (1, "", "building …\n" + said))


def on_a_terminal(*arguments):
    """The exit status, and everything that was written to the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execv(TIDINGS, [str(TIDINGS), "demo", *arguments])
    screen = b""
    while True:
        try:
            got = os.read(terminal, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        if not got:
            break
        screen += got
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), screen.decode()


def children_of(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    os.environ.pop("TIDINGS_BROKER", None)
    if REAL is None or not REAL.exists():
        print("not run: test_real_orders, since the real orders are not beside the repository")
    unittest.main(verbosity=2)
