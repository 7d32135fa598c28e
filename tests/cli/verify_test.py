import json
import os
import shutil
import signal
import stat
import time
import unittest

from command_line import CommandLine

FIRST = "orders/0/" + "0" * 20 + ".log"


class Verify(CommandLine):
    def setUp(self):
        super().setUp()
        self.data = os.path.join(self.folder, "data")

    def change(self, name, at, data):
        with open(os.path.join(self.data, name), "r+b") as file:
            file.seek(at)
            file.write(data)

    def state(self):
        """Of every file what a change would change."""
        found = {}
        for folder, _, names in os.walk(self.data):
            for name in [".", *names]:
                status = os.stat(os.path.join(folder, name))
                found[os.path.join(folder, name)] = (status.st_size, status.st_mtime_ns, status.st_ino, status.st_mode)
        return found

    def findings(self, *arguments, status=0):
        lines = self.run_tidings("verify", self.data, "--json", *arguments, status=status).stdout.splitlines()
        documents = [json.loads(line) for line in lines]
        return documents[:-1], documents[-1]

    def test_a_whole_log(self):
        self.publish("orders", range(100))
        self.run_tidings("tail", "orders", "--group", "audit", "--count", "10")
        before = self.state()
        done = self.run_tidings("verify", self.data)
        self.assertEqual((done.stdout, done.stderr), ("whole; 100 events and 1 group in 1 topic, 1.0 MiB in 1 segment\n", ""))
        for arguments in (("log:" + self.data,), (), ("--broker", "log:data")):
            self.assertEqual(self.run_tidings("verify", *arguments).stdout, done.stdout)
        found, summary = self.findings()
        self.assertEqual(found, [])
        self.assertEqual(summary, {"verified": "whole", "topics": 1, "partitions": 1, "segments": 1, "groups": 1, "events": 100,
                                   "bytes": 1 << 20, "in_use": 0, "to_recover": 0, "errors": 0, "denied": 0, "torn": 0, "repaired": 0, "notes": 0})
        self.assertEqual(self.state(), before)

    def test_damage_is_named(self):
        self.publish("orders", range(100))
        self.change(FIRST, 5000, b"\xff")
        done = self.run_tidings("verify", self.data, status=1)
        self.assertRegex(done.stdout, rf"^error  {FIRST}  byte \d+, offset \d+\n       bad_checksum: the frame's checksum is wrong; "
                                      r"the event at offset \d+ is unreadable; whole ones follow from byte \d+\n"
                                      r"damaged: 1 error; 99 events and 0 groups in 1 topic, 1.0 MiB in 1 segment\n$")
        found, summary = self.findings(status=1)
        self.assertEqual((found[0]["severity"], found[0]["code"], found[0]["file"]), ("error", "bad_checksum", FIRST))
        self.assertLess(abs(found[0]["byte"] - 5000), 500)
        self.assertEqual((summary["verified"], summary["errors"], summary["events"]), ("damaged", 1, 99))
        # It is left as it is.
        self.run_tidings("verify", self.data, "--repair", status=1)
        self.assertFalse(os.path.exists(os.path.join(self.data, "orders/0/quarantine")))

    def test_a_torn_tail_is_no_damage_and_is_moved_when_asked(self):
        self.publish("orders", range(10))
        self.change(FIRST, 100_000, b"half a frame")
        found, summary = self.findings()
        self.assertEqual(([one["code"] for one in found], summary["verified"], summary["torn"]), (["torn_tail"], "torn", 1))
        self.assertIn("torn: 1 unfinished; 10 events", self.run_tidings("verify", self.data).stdout)
        # Not while somebody has it open.
        reader = self.start("tail", "orders", "--from", "earliest")
        self.line_of(reader.stdout)
        _, summary = self.findings("--repair")
        self.assertEqual((summary["in_use"], summary["torn"]), (1, 0))
        self.interrupt(reader)
        self.end_of(reader, 130)
        done = self.run_tidings("verify", self.data, "--repair")
        self.assertRegex(done.stdout, "repaired  orders/0\n       .*moved a torn tail of .* to .*/quarantine/.*\nwhole, 1 repaired; 10 events")
        self.assertEqual(done.stderr, "")
        found, summary = self.findings()
        self.assertEqual(([one["code"] for one in found], summary["verified"]), (["quarantined"], "whole"))
        self.assertEqual(len(self.tail_json("orders")), 10)
        self.change(FIRST, 100_000, b"half a frame")
        torn, repaired, last = [json.loads(line) for line in self.run_tidings("verify", self.data, "--repair", "--json").stdout.splitlines()
                                if "quarantined" not in line]
        self.assertEqual((torn["code"], repaired["repaired"]), ("torn_tail", "orders/0"))
        self.assertRegex(repaired["what"], "moved a torn tail of .* to .*/quarantine/")
        self.assertEqual((last["verified"], last["torn"], last["repaired"]), ("whole", 1, 1))

    def test_in_use_and_by_many(self):
        writer = self.start("publish", "orders", "--file", "/dev/stdin", stdin=-1)
        for round_number in range(20):
            writer.stdin.write(b"".join(b"%d\n" % (round_number * 1000 + i) for i in range(1000)))
            writer.stdin.flush()
            if round_number == 0:
                self.wait_until(lambda: os.path.exists(os.path.join(self.data, FIRST)), "no segment came")
            found, _ = self.findings()
            self.assertEqual(found, [])
        writer.stdin.close()
        writer.stdin = None
        self.end_of(writer)
        _, summary = self.findings()
        self.assertEqual((summary["events"], summary["in_use"]), (20000, 0))

    def test_a_copy_and_one_without_permission_to_write(self):
        self.publish("orders", range(10))
        copy = os.path.join(self.folder, "copy")
        shutil.copytree(self.data, copy)
        with open(os.path.join(copy, "orders/0/control"), "r+b") as file:
            file.seek(16)
            file.write(b"another-machine")
        for folder, folders, names in os.walk(copy):
            for name in names:
                os.chmod(os.path.join(folder, name), stat.S_IRUSR)
            os.chmod(folder, stat.S_IRUSR | stat.S_IXUSR)
        try:
            done = self.run_tidings("verify", copy)
            self.assertEqual(done.stdout, "whole; 10 events and 0 groups in 1 topic, 1.0 MiB in 1 segment\n1 partition was left by another "
                                          "boot or machine; whoever opens the log next recovers it\n")
        finally:
            for folder, _, _ in os.walk(copy):
                os.chmod(folder, 0o700)

    def test_what_is_in_the_way_neither_hangs_nor_harms(self):
        self.publish("orders", range(10))
        os.mkfifo(os.path.join(self.data, "orders/0/" + "9" * 19 + "0.log"))
        os.symlink("/dev/zero", os.path.join(self.data, "orders/groups/linked"))
        with open(os.path.join(self.data, "orders/x\x1b[31mred"), "w", encoding="utf-8"):
            pass
        begun = time.monotonic()
        done = self.run_tidings("verify", self.data, status=1)
        self.assertLess(time.monotonic() - begun, 10)
        self.assertIn("not_a_file", done.stdout)
        self.assertIn("symbolic links are not followed", done.stdout)
        self.assertNotIn("\x1b", done.stdout)
        self.findings(status=1)

    def test_usage(self):
        self.assertIn("there is no log at ", self.run_tidings("verify", "nowhere", status=1).stderr)
        os.mkdir(os.path.join(self.folder, "empty"))
        self.assertIn("not_a_log", self.run_tidings("verify", "empty", status=1).stderr)
        self.publish("orders", [1])
        self.assertIn("name the folder above it", self.run_tidings("verify", "data/orders", status=1).stderr)
        self.assertIn("--namespace is no option of verify", self.run_tidings("verify", "data", "--namespace", "x", status=2).stderr)
        for arguments in (("--broker", "memory:"), ("memory:",), ("nats://x",)):
            self.assertIn("invalid_url", self.run_tidings("verify", *arguments, status=2).stderr)
        self.assertEqual(os.listdir(os.path.join(self.folder, "empty")), [])

    def test_the_bar_fits_into_its_window(self):
        self.publish("orders", range(3))
        with open(os.path.join(self.data, FIRST), "r+b") as file:
            file.truncate(1 << 30)
        for columns, terminal, locale, has in ((40, "xterm", "C.UTF-8", "\u2591"), (40, "xterm", "C", "-"), (24, "xterm", "C", "%"),
                                               (80, "dumb", "C.UTF-8", "")):
            shown = self.on_terminal(columns, "verify", self.data, TERM=terminal, LC_ALL=locale)
            bars = [bar for bar in shown.replace("\x1b[K", "\r").split("\r") if "%" in bar]
            self.assertEqual(bool(bars), terminal != "dumb", shown)
            for bar in bars:
                self.assertLess(len(bar), columns)
                self.assertIn(has, bar)
                self.assertTrue(locale != "C" or bar.isascii(), bar)
            self.assertEqual("\x1b" in shown, terminal != "dumb")

    def test_a_signal_ends_it(self):
        self.publish("orders", [1])
        # A sealed segment of a terabyte that takes no space: a read of all of it would take minutes.
        with open(os.path.join(self.data, FIRST), "r+b") as file:
            file.truncate(1 << 40)
            header = bytearray(file.read(64))
            header[24:32] = (1 << 40).to_bytes(8, "little")
            header[60:64] = crc32c(bytes(header[:60])).to_bytes(4, "little")
            file.seek(0)
            file.write(header)
        started = self.start("verify", self.data)
        time.sleep(0.5)
        self.interrupt(started, signal.SIGINT)
        self.end_of(started, 130)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


if __name__ == "__main__":
    unittest.main()
