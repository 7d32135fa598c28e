import json
import os
import pathlib
import re
import signal
import subprocess
import unittest

from command_line import PATIENCE_S, CommandLine


class Tail(CommandLine):
    def data(self, *arguments):
        done = self.run_tidings("tail", "t", *arguments, "--json")
        return [json.loads(line)["data"] for line in done.stdout.splitlines()]

    def test_where_it_begins_and_ends(self):
        self.publish("t", range(5))
        self.assertEqual(self.data("--from", "earliest", "--no-follow"), [0, 1, 2, 3, 4])
        self.assertEqual(self.data("--from", "3", "--no-follow"), [3, 4])
        self.assertEqual(self.data("--from", "99", "--no-follow"), [])
        self.assertEqual(self.data("--from", "latest", "--no-follow"), [])
        self.assertEqual(self.data("--no-follow"), [])
        self.assertEqual(self.data("--from", "earliest", "--count", "2"), [0, 1])
        self.assertEqual(self.data("--from", "earliest", "--count", "9", "--no-follow"), [0, 1, 2, 3, 4])
        self.assertEqual(self.data("--count", "0"), [])
        self.assertEqual(self.data("--from", "2000-01-01T00:00:00Z", "--count", "1"), [0])
        self.assertEqual(self.data("--from", "2199-01-01T00:00:00+01:00", "--no-follow"), [])

    def test_it_follows(self):
        self.publish("t", [0])
        process = self.start("tail", "t", "--from", "earliest", "--json", "--count", "3")
        self.assertEqual(json.loads(self.line_of(process.stdout))["data"], 0)
        self.publish("t", [1])
        self.assertEqual(json.loads(self.line_of(process.stdout))["data"], 1)
        self.publish("t", [2, 3])
        out, _ = self.end_of(process)
        self.assertEqual(json.loads(out)["data"], 2)

    def test_every_partition(self):
        self.publish("t", [{"k": i} for i in range(3000)], "--partitions", "7", "--key-field", "k")
        self.assertEqual(sorted(event["k"] for event in self.data("--from", "earliest", "--no-follow")), list(range(3000)))
        self.assertEqual(sorted(event["k"] for event in self.data("--group", "g", "--no-follow")), list(range(3000)))

    def test_no_follow_ends_although_more_comes(self):
        self.publish("t", [{"k": i} for i in range(1000)], "--partitions", "4", "--key-field", "k", "--durability", "memory")
        publisher = self.start("publish", "t", "--key", "one", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        feeder = subprocess.Popen(["yes", '{"k":-1}'], stdout=publisher.stdin)
        self.started.append(feeder)
        publisher.stdin.close()
        publisher.stdin = None
        before = len(self.data("--from", "earliest", "--no-follow"))
        for arguments in (("--from", "earliest"), ("--group", "g")):
            read = self.data(*arguments, "--no-follow")
            self.assertEqual(sorted(event["k"] for event in read if event["k"] >= 0), list(range(1000)))
            self.assertGreaterEqual(len(read), before)
        feeder.kill()

    def test_a_missing_topic_is_never_created(self):
        self.assertIn("not_found", self.run_tidings("tail", "orders", status=1).stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "data")))
        self.publish("orders", [1])
        for arguments in ((), ("--group", "g"), ("--no-follow",)):
            done = self.run_tidings("tail", "order", *arguments, status=1)
            self.assertRegex(done.stderr, "^tidings: unknown_topic: .*did you mean 'orders'")
        self.assertEqual(len(self.run_tidings("topics", "--json").stdout.splitlines()), 1)

    def test_a_missing_topic_is_waited_for(self):
        self.publish("orders", [{"n": 0}])
        follower = self.start("tail", "later", "--wait", "--count", "2", "--json")
        never = self.start("tail", "never", "--wait")

        def catches_signals(process):
            caught = re.search(r"^SigCgt:\t(\w+)", pathlib.Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)[1]
            return int(caught, 16) >> (signal.SIGTERM - 1) & 1

        for process in (follower, never):  # from then on it looks for its topic, which is not there
            self.wait_until(lambda: catches_signals(process), "it has not begun")
        self.publish("later", [{"n": 1}, {"n": 2}])
        for n in (1, 2):
            self.assertEqual(json.loads(self.line_of(follower.stdout))["data"], {"n": n})
        self.end_of(follower)
        never.send_signal(signal.SIGTERM)
        self.end_of(never, 143)
        self.assertNotIn("never", self.run_tidings("topics").stdout)

    def test_a_group_goes_on_where_it_stopped(self):
        self.publish("t", range(10))
        self.assertEqual(self.data("--group", "g", "--count", "4"), [0, 1, 2, 3])
        self.assertEqual(self.data("--group", "g", "--count", "1", "--from", "9"), [4])
        self.assertEqual(self.data("--group", "g", "--no-follow"), [5, 6, 7, 8, 9])
        self.assertEqual(self.data("--group", "g", "--no-follow"), [])
        self.publish("t", [10])
        self.assertEqual(self.data("--group", "g", "--no-follow"), [10])
        self.assertEqual(self.data("--group", "late", "--from", "8", "--no-follow"), [8, 9, 10])
        self.assertEqual(self.data("--group", "later", "--from", "latest", "--no-follow"), [])
        self.assertEqual(self.lag_of("t", "g")["partitions"][0]["handled"], 11)

    def test_what_was_not_printed_is_not_committed(self):
        self.publish("t", range(10))
        with open("/dev/full", "wb") as full:
            _, err = self.end_of(self.start("tail", "t", "--group", "g", "--no-follow", stdout=full), 1)
        self.assertRegex(err, "^tidings: disk_full: ")
        self.assertEqual(self.lag_of("t", "g")["lag"], 10)
        # Closed: what the log opens must not stand in its place.
        closed = subprocess.run(["bash", "-c", '"$0" tail t --group g --no-follow >&-', os.environ["TIDINGS"]],
                                cwd=self.folder, env=self.environment(), capture_output=True, timeout=PATIENCE_S)
        self.assertEqual(closed.returncode, 1, closed.stderr)
        self.assertEqual(self.data("--group", "g", "--no-follow"), list(range(10)))

    def members(self, count):
        """So many more members of group g, with what each prints in a file of its own."""
        started = []
        for _ in range(count):
            path = os.path.join(self.folder, f"member-{len(self.started)}")
            with open(path, "wb") as out:
                started.append((self.start("tail", "t", "--group", "g", "--json", stdout=out), path))
        return started

    def read_by(self, path):
        return [json.loads(line)["data"]["k"] for line in self.lines_of(path)]

    def feed_until_each_reads(self, members, first):
        """Publishes until every member has got some of it; gives the end of the numbers."""
        end = first

        def each_reads():
            nonlocal end
            self.publish("t", [{"k": i} for i in range(end, end + 50)], "--key-field", "k")
            end += 50
            self.wait_until(lambda: (self.lag_of("t", "g") or {"lag": 1})["lag"] == 0, "the group did not finish")
            return all(any(k >= first for k in self.read_by(path)) for _, path in members)
        self.wait_until(each_reads, "a member got nothing")
        return end

    def test_members_of_a_group_share(self):
        self.publish("t", [{"k": i} for i in range(200)], "--partitions", "4", "--key-field", "k")
        members = self.members(2)
        self.wait_until(lambda: (self.lag_of("t", "g") or {"lag": 1})["lag"] == 0, "the group did not finish")
        end = self.feed_until_each_reads(members, 200)
        for member, _ in members:
            self.interrupt(member)
            self.end_of(member, 130)
        self.assertEqual(sorted(k for _, path in members for k in self.read_by(path)), list(range(end)))

    def test_members_that_die_and_join_share(self):
        self.publish("t", [{"k": 0}], "--partitions", "3", "--key-field", "k")
        members, end = [], 1
        for _ in range(3):  # one after another, so that the first is the first in the group's file too
            members += self.members(1)
            end = self.feed_until_each_reads(members, end)
        dead, path = members.pop(0)
        dead.kill()
        dead.wait()
        end = self.feed_until_each_reads(members, end)  # the others have taken over
        members += self.members(1)
        end = self.feed_until_each_reads(members, end)
        for member, _ in members:
            self.interrupt(member)
            self.end_of(member, 130)
        read = [k for path in [path] + [path for _, path in members] for k in self.read_by(path)]
        self.assertEqual(sorted(set(read)), list(range(end)))

    def test_signals(self):
        self.publish("t", [1])
        for how, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process = self.start("tail", "t", "--from", "earliest")
            self.line_of(process.stdout)
            self.interrupt(process, how)
            _, err = self.end_of(process, status)
            self.assertEqual(err, "")

    def test_a_signal_ends_it_while_nobody_reads(self):
        self.publish("t", ["x" * 1000] * 1000)
        process = self.start("tail", "t", "--from", "earliest")
        self.line_of(process.stdout)  # then the pipe fills
        self.interrupt(process, signal.SIGTERM)
        self.assertEqual(process.wait(timeout=PATIENCE_S), 143)

    def test_a_closed_pipe_ends_it_quietly(self):
        self.publish("t", range(3))
        # All is printed; nothing more comes that it could fail to write.
        script = '"$0" tail t --from earliest | head -1; echo "${PIPESTATUS[0]}"'
        done = subprocess.run(["bash", "-c", script, os.environ["TIDINGS"]], cwd=self.folder, env=self.environment(),
                              capture_output=True, timeout=PATIENCE_S)
        self.assertEqual(done.stdout.decode().splitlines()[1], "0")
        self.assertEqual(done.stderr, b"")
        self.publish("t", ["x" * 1000] * 5000)
        done = subprocess.run(["bash", "-c", script, os.environ["TIDINGS"]], cwd=self.folder, env=self.environment(),
                              capture_output=True, timeout=PATIENCE_S)
        self.assertEqual(done.stdout.decode().splitlines()[1], "0")
        self.assertEqual(done.stderr, b"")

    def test_the_text_form_shows_escape_sequences_escaped(self):
        hostile = '"\x7f\u009b31m\u202egpj.exe \u2066"'
        self.run_tidings("publish", "t", "--key", "k\x1b]0;owned\x07\r\n\u200f", stdin=hostile + "\n" + '{"a":1}\n')
        text = self.run_tidings("tail", "t", "--from", "earliest", "--no-follow").stdout
        self.assertEqual(len(text.splitlines()), 2)
        self.assertRegex(text.splitlines()[1],
                         r'^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z  0/1  t  k\\x1B]0;owned\\x07\\x0D\\x0A\\u{200F}  {"a":1}$')
        as_json = self.run_tidings("tail", "t", "--from", "earliest", "--no-follow", "--json").stdout
        for shown in (text, as_json):
            for character in "\x1b\x07\x7f\u009b\u202e\u2066\u200f\r":
                self.assertNotIn(character, shown)
        read = [json.loads(line) for line in as_json.splitlines()]
        self.assertEqual(read[0]["data"], hostile[1:-1])
        self.assertEqual(read[0]["partitionkey"], "k\x1b]0;owned\x07\r\n\u200f")

    def test_a_killed_group_loses_nothing(self):
        self.publish("t", [{"k": i % 10, "n": i} for i in range(20_000)], "--key-field", "k", "--partitions", "2")
        path = os.path.join(self.folder, "out")
        for killed_at in (1 << 18, 1 << 20, 2 << 20):
            with open(path, "ab") as out:
                process = self.start("tail", "t", "--group", "g", "--json", stdout=out)
            self.wait_until(lambda: os.path.getsize(path) >= killed_at or process.poll() is not None, "nothing is printed")
            process.kill()
            process.wait()
            with open(path, "ab") as out:
                out.write(b"\n")  # it may have been within a line
        with open(path, "ab") as out:
            self.end_of(self.start("tail", "t", "--group", "g", "--json", "--no-follow", stdout=out))
        newest, seen = {}, set()
        for line in self.lines_of(path):
            try:
                event = json.loads(line)["data"]
            except ValueError:
                continue
            if event["n"] not in seen:
                self.assertGreater(event["n"], newest.get(event["k"], -1), "a key's order is broken")
                newest[event["k"]] = event["n"]
                seen.add(event["n"])
        self.assertEqual(len(seen), 20_000)

    def test_wrong_usage(self):
        self.publish("t", [1])
        for arguments in (("tail", "../x"), ("tail", "t", "--group", "a/b"), ("topics", "../x"), ("lag", "t", "--namespace", "a/b")):
            self.assertIn("invalid_name", self.run_tidings(*arguments, status=2, TIDINGS_BROKER="log:none").stderr)
        for arguments, said in ((("tail",), "TOPIC is required"), (("tail", "t", "--from", "yesterday"), "invalid_start"),
                                (("tail", "t", "--count", "-1"), "'-1' is no whole number"),
                                (("tail", "t", "--count", "many"), "'many' is no whole number"),
                                (("tail", "t", "--group", "a/b"), "invalid_name"),
                                (("tail", "t", "--gruop", "g"), "did you mean '--group'"),
                                (("tail", "t", "u"), "'u' is no argument of tail")):
            self.assertIn(said, self.run_tidings(*arguments, status=2).stderr)


if __name__ == "__main__":
    unittest.main()
