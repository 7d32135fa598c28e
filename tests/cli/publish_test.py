import fcntl
import json
import os
import re
import signal
import subprocess
import unittest

from command_line import PATIENCE_S, TIDINGS, CommandLine


class Publish(CommandLine):
    def test_round_trip(self):
        events = [{"order_id": "7", "total": 12}, {"order_id": "8", "n": 2**63 - 1}, {"order_id": "ä€😀"}]
        self.publish("orders", events, "--key-field", "order_id", "--type", "shop.order-placed", "--source", "test",
                     "--header", "tenant=a=b", "--header", "empty=")
        read = self.tail_json("orders")
        self.assertEqual([event["data"] for event in read], events)
        self.assertEqual([event["partitionkey"] for event in read], ["7", "8", "ä€😀"])
        for event in read:
            self.assertEqual(event["type"], "shop.order-placed")
            self.assertEqual(event["source"], "test")
            self.assertEqual(json.loads(event["tidingsheaders"]), {"tenant": "a=b", "empty": ""})
            self.assertEqual(event["specversion"], "1.0")

    def test_the_version_of_a_type(self):
        self.run_tidings("publish", "orders", "--type", "shop.order-placed", "--type-version", "2", stdin='{"a":1}\n')
        (line,) = self.run_tidings("tail", "orders", "--from", "earliest", "--no-follow", "--json").stdout.splitlines()
        self.assertIn("2", json.dumps({name: value for name, value in json.loads(line).items() if "version" in name and name != "specversion"}))
        self.run_tidings("publish", "orders", "--type-version", "0", stdin="", status=2)

    def test_the_type_is_the_topic_unless_given(self):
        self.publish("orders", [1])
        self.assertEqual(self.tail_json("orders")[0]["type"], "orders")

    def test_any_json_value_and_blank_lines(self):
        self.run_tidings("publish", "t", stdin='\n1\n  \n"two"\r\n\t[3] \n{}\nnull\n\xef\xbb\xbf'.encode("latin-1"), status=1)
        self.assertEqual([event["data"] for event in self.tail_json("t")], [1, "two", [3], {}, None])

    def test_a_byte_order_mark_is_no_part_of_the_first_line(self):
        self.run_tidings("publish", "t", stdin=b'\xef\xbb\xbf{"a":1}\n')
        self.assertEqual(self.tail_json("t")[0]["data"], {"a": 1})

    def test_acknowledgements(self):
        done = self.run_tidings("publish", "t", "--acks", "--partitions", "3", "--key-field", "k",
                                stdin="".join(f'{{"k":{i}}}\n' for i in range(50)))
        acks = [line.split(" ") for line in done.stdout.splitlines()]
        self.assertEqual(len(acks), 50)
        read = {event["id"]: event for event in self.tail_json("t")}
        self.assertEqual(len(read), 50)
        for identity, partition, offset in acks:
            self.assertRegex(identity, r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
            self.assertEqual(read[identity]["tidingspartition"], int(partition))
            self.assertEqual(read[identity]["tidingsoffset"], offset)
        as_json = self.run_tidings("publish", "t", "--acks", "--json", stdin="1\n")
        self.assertEqual(sorted(json.loads(as_json.stdout)), ["id", "offset", "partition"])

    def test_bad_lines_are_told_and_the_others_published(self):
        lines = b'{"k":1}\nnot json\n{"n":2}\n{"k":1.5}\n\xff\xfe\n{"k":2}{}\n' + b"[" * 10_000 + b'\n{"k":"last"}'
        done = self.run_tidings("publish", "t", "--key-field", "k", stdin=lines, status=1)
        told = re.findall(r"^tidings: line (\d+): (\w+): .", done.stderr, re.M)
        self.assertEqual(told[0], ("2", "invalid_json"))
        self.assertEqual(told[1], ("3", "missing_member"))
        self.assertEqual(told[2], ("4", "wrong_type"))
        self.assertEqual([number for number, _ in told], ["2", "3", "4", "5", "6", "7"])
        self.assertEqual([event["data"]["k"] for event in self.tail_json("t")], [1, "last"])

    @unittest.skipIf("SANITIZED" in os.environ, "a sanitizer takes more memory than the limit")
    def test_a_line_over_the_limit_costs_no_memory(self):
        with open(os.path.join(self.folder, "long"), "wb") as file:
            file.write(b"1\n" + b'"')
            for _ in range(100):
                file.write(b"x" * (1 << 20))
            file.write(b'"\n2\n"' + b"y" * (1 << 20) + b'"')
        # 100 MiB in one line: with 80 MiB of room in all it can only be passed over.
        limited = 'ulimit -v 81920; exec "$0" publish t --file long'
        done = subprocess.run(["bash", "-c", limited, os.environ["TIDINGS"]], cwd=self.folder, capture_output=True,
                              env=self.environment(), timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 1, done.stderr[-500:])
        told = re.findall(rb"^tidings: line (\d+): too_large: ", done.stderr, re.M)
        self.assertEqual(told, [b"2", b"4"])
        advice = b" than the 1048576 bytes that an event of topic t may have; split it, or keep its data elsewhere and publish where they are\n"
        self.assertEqual(done.stderr.count(advice), 2, "what a user of the command line can do")
        self.assertEqual([event["data"] for event in self.tail_json("t")], [1, 2])

    def test_a_first_batch_larger_than_a_first_segment(self):
        with open(os.path.join(self.folder, "lines"), "w") as file:
            for _ in range(300):
                file.write(json.dumps("x" * 10_000) + "\n")
        for topic in (("t",), ("u", "--durability", "memory")):
            self.run_tidings("publish", *topic, "--file", "lines")
            self.assertEqual(len(self.tail_json(topic[0])), 300)

    def test_a_typed_line_leaves_at_once(self):
        process = self.start("publish", "t", "--acks", stdin=subprocess.PIPE)
        for i in range(3):
            # The beginning of the next line is there already: it must hold up nothing.
            process.stdin.write(b'{"n":%d}\n{"n"' % i if i == 0 else b':%d}\n{"n"' % i)
            process.stdin.flush()
            self.assertRegex(self.line_of(process.stdout), rf" 0 {i}\n$")
        process.stdin.write(b":3}")
        process.stdin.close()
        process.stdin = None
        self.end_of(process)
        self.assertEqual([event["data"]["n"] for event in self.tail_json("t")], [0, 1, 2, 3])

    def test_signals_end_it_once_what_was_sent_is_acknowledged(self):
        for how, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process = self.start("publish", "t", "--acks", stdin=subprocess.PIPE)
            process.stdin.write(b"1\n")
            process.stdin.flush()
            self.line_of(process.stdout)
            self.interrupt(process, how)
            self.end_of(process, status)
        self.assertEqual(len(self.tail_json("t")), 2)

    def test_a_signal_ends_it_while_nobody_reads_the_acknowledgements(self):
        self.publish("t", [])
        reading, writing = os.pipe()
        fcntl.fcntl(writing, 1031, 4096)  # F_SETPIPE_SZ: full after a page
        process = self.start("publish", "t", "--acks", stdin=subprocess.PIPE, stdout=writing)
        os.close(writing)
        process.stdin.write(b"1\n" * 1000)
        process.stdin.flush()
        self.wait_until(lambda: len(self.tail_json("t")) >= 100, "nothing was published")
        self.interrupt(process, signal.SIGTERM)
        self.end_of(process, 143)
        os.close(reading)

    def test_who_has_seen_enough_acknowledgements_keeps_nothing_from_being_published(self):
        process = self.start("publish", "t", "--acks", stdin=subprocess.PIPE)
        process.stdin.write(b"1\n")
        process.stdin.flush()
        self.line_of(process.stdout)
        process.stdout.close()
        process.stdin.write(b"2\n" * 5000)
        process.stdin.close()
        self.assertEqual(process.wait(timeout=PATIENCE_S), 0)
        self.assertEqual(len(self.tail_json("t")), 5001)

    def test_acknowledgements_that_cannot_be_written_fail(self):
        with open("/dev/full", "wb") as full:
            process = self.start("publish", "t", "--acks", stdin=subprocess.PIPE, stdout=full)
            process.stdin.write(b"1\n")
            process.stdin.close()
            process.stdin = None
            _, err = self.end_of(process, 1)
        self.assertIn("tidings: disk_full: ", err)

    def test_a_topic_is_created_once(self):
        self.publish("fast", [1], "--durability", "memory", "--partitions", "4")
        topic = json.loads(self.run_tidings("topics", "fast", "--json").stdout)
        self.assertEqual((topic["durability"], len(topic["partitions"])), ("memory", 4))
        self.publish("fast", [2])
        self.publish("fast", [3], "--durability", "memory")
        for other in (("--durability", "durable"), ("--partitions", "5")):
            done = self.run_tidings("publish", "fast", *other, stdin="4\n", status=1)
            self.assertIn("tidings: topic_exists_with: ", done.stderr)
        self.assertEqual(sum(1 for _ in self.tail_json("fast")), 3)

    def test_files(self):
        with open(os.path.join(self.folder, "lines.ndjson"), "w") as file:
            file.write("1\n2\n")
        self.run_tidings("publish", "t", "--file", "lines.ndjson")
        self.run_tidings("publish", "t", "--file", "-", stdin="3\n")
        self.assertEqual([event["data"] for event in self.tail_json("t")], [1, 2, 3])
        self.assertIn("tidings: not_found: cannot open absent", self.run_tidings(
            "publish", "t", "--file", "absent", status=1).stderr)
        self.assertIn("Is a directory", self.run_tidings("publish", "t", "--file", self.folder, status=1).stderr)

    def test_without_standard_descriptors_nothing_is_written_into_the_log(self):
        lines = os.path.join(self.folder, "lines")
        with open(lines, "w") as file:
            file.write('{"a":1}\nthis is no JSON\n')
        done = subprocess.run(["sh", "-c", 'exec "$0" publish t --acks --file "$1" 0<&- >&- 2>&-', TIDINGS, lines], cwd=self.folder,
                              env=self.environment(), timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 1)
        self.assertEqual([event["data"] for event in self.tail_json("t")], [{"a": 1}])
        for folder, _, names in os.walk(os.path.join(self.folder, "data")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    content = file.read()
                self.assertNotIn(b"invalid_json", content, name)
                self.assertNotIn(b"0 0\n", content, name)

    def test_wrong_usage(self):
        for arguments, code in ((("publish", "../x"), "invalid_name"), (("publish", "t", "--durability", "high"), "invalid_durability"),
                                (("publish", "t", "--header", "x"), "invalid_header"),
                                (("publish", "t", "--header", "x=a\nb"), "invalid_event"),
                                (("publish", "t", "--key", "a", "--key-field", "b"), "--key"),
                                (("publish", "t", "--type", "a\x1b[31m"), "invalid_name"),
                                (("publish", "t", "--type", "a b"), "invalid_name"), (("publish", "t", "--type", "a" * 201), "invalid_name"),
                                (("publish", "t", "--partitions", "0"), "--partitions"), (("publish",), "TOPIC is required")):
            done = self.run_tidings(*arguments, stdin="1\n", status=2)
            self.assertIn(code, done.stderr)
            self.assertNotIn("\x1b", done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertEqual(os.listdir(self.folder), [], "nothing is touched")


if __name__ == "__main__":
    unittest.main()
