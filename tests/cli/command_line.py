"""What the tests of the command line share: a folder of one's own, and the real binary."""

import fcntl
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

TIDINGS = os.environ["TIDINGS"]  # the binary; CTest sets it
NEEDED_BY_ALL = "part, message_id, topic, key, type, type_version, event_time, attributes, payload"  # of a row of the outbox
PATIENCE_S = float(os.environ.get("PATIENCE", "60"))  # how long anything may take on a busy machine


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tidings-cli-")
        self.broker = "log:" + os.path.join(self.folder, "data")
        self.started = []

    def tearDown(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        shutil.rmtree(self.folder)

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDINGS")}
        return {**kept, "TIDINGS_BROKER": self.broker, **more}

    def run_tidings(self, *arguments, stdin="", status=0, **more):
        """Runs to the end, and checks the exit status, unless it may be any (None); `more` goes to the environment."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run([TIDINGS, *arguments], input=data, capture_output=True, cwd=self.folder,
                              env=self.environment(**more), timeout=PATIENCE_S)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        if status is not None:
            self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout[-500:]}{done.stderr[-500:]}")
        return done

    def start(self, *arguments, **streams):
        wanted = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        process = subprocess.Popen([TIDINGS, *arguments], cwd=self.folder, env=self.environment(), **wanted)
        self.started.append(process)
        return process

    def on_terminal(self, columns, *arguments, **more):
        """What it writes to standard error where that is a terminal of so many columns."""
        ours, its = os.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([TIDINGS, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=its, cwd=self.folder,
                                   env=self.environment(**more))
        self.started.append(process)
        os.close(its)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # its other end is closed
            pass
        os.close(ours)
        process.wait(timeout=PATIENCE_S)
        return shown.decode()

    def end_of(self, process, status=0):
        """Waits for the end; gives what it wrote to standard output and standard error."""
        out, err = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, status, err)
        return (out or b"").decode(), (err or b"").decode()

    def line_of(self, stream):
        """The next line, or a failure: no test hangs."""
        line = b""
        until = time.monotonic() + PATIENCE_S
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([stream], [], [], max(0, until - time.monotonic()))
            self.assertTrue(ready, f"no line came, only {line!r}")
            byte = os.read(stream.fileno(), 1)
            self.assertTrue(byte, f"it ended after {line!r}")
            line += byte
        return line.decode()

    def wait_until(self, condition, what):
        until = time.monotonic() + PATIENCE_S
        while not condition():
            self.assertLess(time.monotonic(), until, what)
            time.sleep(0.02)

    def publish(self, topic, events, *arguments):
        lines = "".join(json.dumps(event) + "\n" for event in events)
        return self.run_tidings("publish", topic, *arguments, stdin=lines)

    def tail_json(self, topic, *arguments):
        done = self.run_tidings("tail", topic, "--from", "earliest", "--no-follow", "--json", *arguments)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def lag_of(self, topic, group):
        for line in self.run_tidings("lag", topic, "--json").stdout.splitlines():
            document = json.loads(line)
            if document["group"] == group:
                return document
        return None

    def is_member_there(self, topic, group):
        found = self.lag_of(topic, group)
        return bool(found) and any(one["owned"] for one in found["partitions"])

    def lines_of(self, path):
        with open(path, encoding="utf-8") as file:
            yield from file

    def interrupt(self, process, how=signal.SIGINT):
        process.send_signal(how)
