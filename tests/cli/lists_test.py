import json
import os
import unittest

from command_line import CommandLine


class Lists(CommandLine):
    def test_topics(self):
        self.publish("orders", range(3), "--durability", "memory")
        self.publish("invoices", [1], "--partitions", "2")
        self.assertEqual(self.run_tidings("topics").stdout.splitlines(),
                         ["topic     partitions  events  durability",
                          "invoices           2       1  durable",
                          "orders             1       3  memory"])
        self.assertEqual(self.run_tidings("topics", "orders").stdout.splitlines(),
                         ["orders: memory, events up to 1048576 bytes",
                          "partition  earliest  end  events",
                          "        0         0    3       3"])
        documents = [json.loads(line) for line in self.run_tidings("topics", "--json").stdout.splitlines()]
        self.assertEqual(documents[1], {"topic": "orders", "durability": "memory", "event_bytes_max": 1 << 20, "events": 3,
                                        "retention": {"bytes": 0, "age": "PT0S", "waits_for_groups": False},
                                        "partitions": [{"partition": 0, "earliest": 0, "end": 3}]})
        self.assertIn("did you mean 'orders'", self.run_tidings("topics", "oders", status=1).stderr)

    def test_groups_and_lag(self):
        self.publish("orders", range(5))
        self.run_tidings("tail", "orders", "--group", "audit", "--count", "2")
        self.assertEqual(self.run_tidings("groups").stdout.splitlines(),
                         ["group  topic   partition  position  end  handled  parked  skipped  held",
                          "audit  orders          0         2    5        2       0        0  no"])
        self.assertEqual(self.run_tidings("lag", "orders").stdout.splitlines(),
                         ["group  topic   lag  position  end  handled  parked  skipped    held",
                          "audit  orders    3         2    5        2       0        0  0 of 1"])
        document = json.loads(self.run_tidings("lag", "--json").stdout)
        self.assertEqual((document["group"], document["topic"], document["lag"]), ("audit", "orders", 3))
        self.assertEqual(document["partitions"], [{"partition": 0, "position": 2, "end": 5, "earliest": 0, "lag": 3, "lost": 0, "settled_beyond": 0,
                                                   "handled": 2, "parked": 0, "expired": 0, "skipped": 0, "gaps": 0, "owned": False}])
        member = self.start("tail", "orders", "--group", "audit")
        self.wait_until(lambda: self.is_member_there("orders", "audit"), "no member came")
        self.interrupt(member)
        self.end_of(member, 130)
        self.assertFalse(self.is_member_there("orders", "audit"))

    def test_what_is_in_the_way_or_damaged_hides_nothing(self):
        data = os.path.join(self.folder, "data")
        for topic in ("orders", "invoices"):
            self.publish(topic, [1])
            self.run_tidings("tail", topic, "--group", "audit", "--no-follow")
        os.mkdir(os.path.join(data, "notes"))
        self.assertRegex(self.run_tidings("publish", "notes", "--partitions", "2", stdin="1\n", status=1).stderr,
                         "^tidings: exists: .*notes is in the way")
        self.assertNotIn("did you mean", self.run_tidings("topics", "notes", status=1).stderr)
        self.assertNotIn("notes", self.run_tidings("topics").stdout)
        for path in ("invoices/topic.meta", "orders/groups/audit"):
            with open(os.path.join(data, path), "r+b") as file:
                file.seek(20)
                file.write(b"!")
        done = self.run_tidings("topics", "--json", status=1)
        self.assertEqual([json.loads(line)["topic"] for line in done.stdout.splitlines()], ["orders"])
        self.assertRegex(done.stderr, "^tidings: corrupt: .*invoices/topic.meta is damaged")
        done = self.run_tidings("lag", status=1)
        self.assertIn("groups/audit has a damaged header", done.stderr)

    def test_nothing_there(self):
        for command in ("topics", "groups", "lag"):
            self.assertRegex(self.run_tidings(command, status=1).stderr, "^tidings: not_found: there is no log at ")
        self.assertEqual(os.listdir(self.folder), [])
        self.publish("orders", [])
        done = self.run_tidings("lag")
        self.assertEqual((done.stdout, done.stderr), ("", "tidings: no groups yet; a subscriber makes one\n"))

    def test_no_folder_becomes_a_log_by_a_question(self):
        os.makedirs(os.path.join(self.folder, "etc/postgresql/15"))  # numbered, as partitions are
        os.mkdir(os.path.join(self.folder, "etc/groups"))
        for command in (("topics",), ("topics", "orders"), ("groups",), ("lag",), ("tail", "orders"), ("seek", "orders", "g", "--to", "latest"),
                        ("topics", "alter", "orders", "--retain-age", "1d"), ("topics", "delete", "orders"), ("verify",), ("inspect",)):
            self.assertRegex(self.run_tidings(*command, "--broker", "log:etc", status=1).stderr,
                             "^tidings: not_a_log: etc is no log's folder: it has neither slots.lock nor a topic", command)
        self.assertEqual(sorted(os.listdir(os.path.join(self.folder, "etc"))), ["groups", "postgresql"])

    def test_namespaces(self):
        self.publish("orders", [1, 2], "--namespace", "blue")
        self.publish("orders", [3], "--namespace", "green")
        self.run_tidings("tail", "orders", "--namespace", "blue", "--group", "g", "--no-follow")
        self.assertIn("blue.orders", self.run_tidings("topics").stdout)
        self.assertEqual(self.run_tidings("topics", TIDINGS_NAMESPACE="blue").stdout.splitlines()[1:],
                         ["orders           1       2  durable"])
        self.assertEqual(json.loads(self.run_tidings("lag", "--namespace", "blue", "--json").stdout)["group"], "g")
        self.assertEqual(self.run_tidings("lag", "--namespace", "green", "--json").stdout, "")
        self.assertIn("invalid_name", self.run_tidings("topics", "--namespace", "a/b", status=2).stderr)


class Usage(CommandLine):
    def test_help_and_version(self):
        self.assertRegex(self.run_tidings("--version").stdout, r"^tidings \d+\.\d+\.\d+\n$")
        whole = self.run_tidings("--help").stdout
        for command in ("publish", "tail", "topics", "groups", "lag", "verify", "inspect", "demo"):
            self.assertIn(f"  {command} ", whole)
            help_of_it = self.run_tidings(command, "--help").stdout
            self.assertIn(f"Usage: tidings {command}", help_of_it)
            self.assertIn("Example", help_of_it)
            self.assertLessEqual(max(map(len, help_of_it.splitlines())), 120)

    def test_wrong_usage(self):
        for arguments, said in (((), "Usage: tidings"), (("tial", "x"), "did you mean 'tail'"), (("frobnicate",), "is no command"),
                                (("--borker", "x", "topics"), "did you mean '--broker'"),
                                (("topics", "--jsno"), "did you mean '--json'"),
                                (("topics", "--broker", "amqp:x"), "unknown_broker"),
                                (("topics", "--broker", "data"), "invalid_url"), (("topics", "--broker", "log:x?y=1"), "invalid_url"),
                                (("lag", "--broker", "log:"), "invalid_url")):
            done = self.run_tidings(*arguments, status=2)
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_usage_errors_point_to_the_command(self):
        for arguments, said, see in (
            (("topics", "create", "t", "--partitions", "0"), "'0' is no whole number from 1 to 1024", "topics create"),
            (("topics", "create"), "TOPIC is required", "topics create"),
            (("topics", "create", "t", "--partitoins", "2"), "'--partitoins' is no option of topics create; did you mean '--partitions'?", "topics create"),
            (("topics", "creat", "t1"), "'creat' is no command of topics; did you mean 'create'?", "topics"),
            (("groups", "delet", "t1", "g"), "'delet' is no command of groups; did you mean 'delete'?", "groups"),
            (("topics", "t2", "create"), "'t2' stands before create; write: tidings topics create t2", "topics create"),
            (("topics", "t2", "t3"), "'t3' is no argument of topics", "topics"),
            (("lag", "a", "b"), "'b' is no argument of lag", "lag"),
        ):
            done = self.run_tidings(*arguments, status=2)
            self.assertIn(said, done.stderr)
            self.assertTrue(done.stderr.endswith(f"\ntidings: see: tidings {see} --help\n"), done.stderr)
        self.assertIn("Usage: tidings topics create", self.run_tidings("help", "topics", "create").stdout)
        self.assertIn("'topcs' is no command here; did you mean 'topics'?", self.run_tidings("help", "topcs", status=2).stderr)
        self.assertEqual(self.run_tidings("help").stdout, self.run_tidings("--help").stdout)
        self.publish("orders", [1])
        for command in ("topics", "groups"):
            self.assertIn("leave it out, and all are listed", self.run_tidings(command, "list", status=1).stderr)

    def test_a_broker_that_no_command_can_use_is_told_by_all_in_one_way(self):
        commands = (("publish", "t"), ("tail", "t"), ("topics",), ("groups",), ("lag",), ("demo", "--count", "1"))
        for url, said in (("memory:", "tidings: invalid_url: 'memory:' lives in one process only, and every command is one of its own; use log:DIR\n"),
                          ("memory:x?retain=all", "tidings: invalid_url: 'memory:x?retain=all' lives in one process only"),
                          ("log:", "tidings: invalid_url: 'log:' names no directory; write log:./data\n"),
                          ("log:?any_file_system=true", "tidings: invalid_url: 'log:?any_file_system=true' names no directory"),
                          ("log:x?y=1", "tidings: invalid_url: 'log:x?y=1': 'y=1' is no option of a log"),
                          ("amqp:x", "tidings: unknown_broker: no broker for 'amqp:x' in this build"),
                          ("", "tidings: invalid_url: '' is no broker URL")):
            for command in commands:
                for arguments in ((*command, "--broker", url), ("--broker", url, *command)):
                    done = self.run_tidings(*arguments, stdin="1\n", status=2, TMPDIR=self.folder)
                    self.assertTrue(done.stderr.startswith(said), f"{arguments}: {done.stderr}")
                    self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1), arguments)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_number_out_of_its_range_is_told_the_range(self):
        def refused(command, option, value, said):
            done = self.run_tidings(*command, option, value, status=2, TMPDIR=self.folder)
            self.assertTrue(done.stderr.startswith(f"tidings: {option}: '{value}' is no {said}\n"), done.stderr)
        for option, least, most in (("--count", 1, 10**7), ("--repeat", 1, 10**5), ("--seed", 0, 2**63 - 1), ("--stock", 0, 10**15), ("--chaos", 1, 10**4)):
            for value in ("-1", "", "x", "1x", "1.5", "0x10", str(most + 1), "9" * 30, *(["0"] if least else [])):
                refused(["demo"], option, value, f"whole number from {least} to {most}")
        for value in ("-1", "", "fast", "nan", "inf", "1e9", "0.01", "100/s"):
            refused(["demo"], "--rate", value, "number of orders a second from 0.1 to 1000000, nor 0 for no limit")
        for option in ("--cancel-rate", "--decline-rate", "--silent-rate"):
            for value in ("-0.1", "", "x", "nan", "1.1", "3%"):
                refused(["demo"], option, value, "part of all orders from 0 to 1; 0.03 is three of a hundred")
        refused(["publish", "t"], "--partitions", "0", "whole number from 1 to 1024")
        refused(["tail", "t"], "--count", "-1", f"whole number from 0 to {2**63 - 1}")
        self.assertEqual(os.listdir(self.folder), [])

    def test_options_that_would_do_nothing_are_refused(self):
        for arguments, said in ((("--orders", "x.csv", "--seed", "1", "--cancel-rate", "0"),
                                 "tidings: --seed is of made-up orders, of --chaos, and of who cancels: with --orders and none of these it does nothing\n"),
                                (("--count", "7", "--orders", "x.csv"), "tidings: --orders excludes --count; give one of the two\n"),
                                (("--chaos", "7", "--kill", "orders"), "tidings: --kill excludes --chaos; give one of the two\n"),
                                (("--chaos", "7", "--kill", "none"), "tidings: --kill excludes --chaos; give one of the two\n"),
                                (("--namespace", "x"), "tidings: '--namespace' is no option of demo")):
            self.assertIn(said, self.run_tidings("demo", *arguments, status=2, TMPDIR=self.folder).stderr)
        self.assertIn("each run has a namespace of its own", self.run_tidings("--namespace", "x", "demo", "--count", "1", status=2).stderr)
        help_text = self.run_tidings("demo", "--help").stdout
        self.assertEqual(help_text.count("Not with: --orders"), 1)
        self.assertIn("Each run has a namespace of its own", help_text)

    def test_the_broker_from_environment_and_options(self):
        self.publish("orders", [1])
        other = "log:" + os.path.join(self.folder, "other")
        self.run_tidings("publish", "elsewhere", "--broker", other, stdin="1\n")
        self.assertIn("orders", self.run_tidings("topics").stdout)
        self.assertIn("elsewhere", self.run_tidings("topics", "--broker", other).stdout)
        self.assertIn("elsewhere", self.run_tidings("--broker", other, "topics").stdout)
        self.assertIn('"elsewhere"', self.run_tidings("--json", "topics", TIDINGS_BROKER=other).stdout)
        self.run_tidings("publish", "here", stdin="1\n", TIDINGS_BROKER="")
        self.assertTrue(os.path.isdir(os.path.join(self.folder, "tidings-data", "here")))


if __name__ == "__main__":
    unittest.main()
