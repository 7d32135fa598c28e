import json
import os
import signal
import unittest

from command_line import CommandLine


class Inspect(CommandLine):
    def setUp(self):
        super().setUp()
        self.data = os.path.join(self.folder, "data")

    def documents(self, status=0):
        lines = self.run_tidings("inspect", self.data, "--json", status=status).stdout.splitlines()
        *topics, last = [json.loads(line) for line in lines]
        return topics, last["slots"]

    def test_one_that_nobody_has_open(self):
        self.publish("orders", range(5), "--durability", "memory")
        self.run_tidings("tail", "orders", "--group", "audit", "--count", "2")
        done = self.run_tidings("inspect", self.data)
        self.assertEqual(done.stdout.splitlines(),
                         ["orders: memory, 1 partition",
                          "partition  segments    bytes  earliest  committed  durable  end  epoch  open  state",
                          "        0         1  1048576         0          5        0    5      2     0  ok",
                          "",
                          "group  members  partition  position  lag  beyond  handled  parked  skipped  held",
                          "audit        0          0         2    3       0        2       0        0  no",
                          "",
                          "no process has the log open"])
        (topic,), slots = self.documents()
        self.assertEqual(slots, [])
        partition = topic["partitions"][0]
        self.assertEqual((topic["topic"], topic["durability"], partition["state"], partition["committed"], partition["writer"]),
                         ("orders", "memory", "current", 5, None))
        self.assertEqual(topic["groups"][0]["partitions"][0]["lag"], 3)

    def test_who_has_it_open_also_when_it_is_stopped(self):
        self.publish("orders", range(5))
        member = self.start("tail", "orders", "--group", "audit")
        self.line_of(member.stdout)
        self.wait_until(lambda: self.lag_of("orders", "audit")["lag"] == 0, "it does not commit")
        member.send_signal(signal.SIGSTOP)
        try:
            (topic,), slots = self.documents()
            self.assertEqual([one["process"] for one in slots], [{"pid": member.pid, "command": "tidings"}])
            self.assertEqual(topic["partitions"][0]["openers"], 1)
            self.assertEqual(topic["partitions"][0]["processes"], [{"pid": member.pid, "command": "tidings"}])
            group = topic["groups"][0]
            self.assertEqual((group["members"], group["partitions"][0]["held"], group["partitions"][0]["position"]), (1, True, 5))
            self.assertEqual(group["partitions"][0]["holder"]["pid"], member.pid)
            self.assertIn(f"pid {member.pid} tidings", self.run_tidings("inspect", self.data).stdout)
            self.hold_the_lock(slots[0]["slot"], "alive", member.pid)
        finally:
            member.send_signal(signal.SIGCONT)
        self.interrupt(member)
        self.end_of(member, 130)
        self.hold_the_lock(slots[0]["slot"], "dead", None)

    def hold_the_lock(self, slot, how, pid):
        """Writes the holder's word, as if it had been stopped, or killed, in the middle of its work."""
        with open(os.path.join(self.data, "slots.lock"), "rb") as file:
            file.seek(1024 + 8 * slot)
            generation = int.from_bytes(file.read(8), "little")
        with open(os.path.join(self.data, "orders/0/control"), "r+b") as file:
            file.seek(64)
            file.write((generation << 16 | slot + 1).to_bytes(8, "little"))
        (topic,), _ = self.documents()
        writer = topic["partitions"][0]["writer"]
        self.assertEqual((writer["slot"], writer["generation"], writer["alive"]), (slot, generation, how == "alive"))
        self.assertEqual(writer.get("process", {}).get("pid"), pid)
        said = f"slot {slot} writes: " + (f"pid {pid} tidings" if pid else "it is dead")
        self.assertIn(said, self.run_tidings("inspect", self.data).stdout)
        with open(os.path.join(self.data, "orders/0/control"), "r+b") as file:
            file.seek(64)
            file.write(bytes(8))

    def write_control(self, place, *values):
        with open(os.path.join(self.data, "orders/0/control"), "r+b") as file:
            file.seek(place)
            file.write(b"".join(value.to_bytes(8, "little") for value in values))

    def state(self):
        return self.run_tidings("inspect", self.data).stdout.splitlines()[2].split("  ")[-1]

    def test_what_went_wrong_is_told_by_its_name(self):
        self.publish("orders", range(5))
        with open(os.path.join(self.data, "orders/0/control"), "rb") as file:
            ready_and_faults = int.from_bytes(file.read(64)[56:], "little")
        # Killed waiters: they are counted for ever, and nobody waits where nobody writes.
        self.write_control(64, 0, 3 | 2 << 32)
        self.assertEqual(self.state(), "ok")
        self.assertEqual(self.documents()[0][0]["partitions"][0]["writers_waiting"], 0)
        self.write_control(152, 4096)  # dirty, and the lock was given up: the disk was full
        self.assertEqual(self.state(), "an append failed")
        self.write_control(152, 0)
        self.write_control(56, ready_and_faults | 1 << 32)
        self.assertEqual(self.state(), "POISONED")
        self.write_control(256, 7 << 16 | 1)  # a sync of a process that is gone
        self.assertEqual(self.state(), "a process died in a sync")
        partition = self.documents()[0][0]["partitions"][0]
        self.assertEqual((partition["poisoned"], partition["died_in_sync"]), (True, True))
        self.publish("orders", [6])
        self.assertEqual(self.state(), "ok")

    def test_after_a_reboot_the_segments_tell(self):
        self.publish("orders", range(7))
        with open(os.path.join(self.data, "orders/0/control"), "r+b") as file:
            file.seek(16)
            file.write(b"another-boot")
        (topic,), _ = self.documents()
        partition = topic["partitions"][0]
        self.assertEqual((partition["state"], partition["committed"], partition["end"]), ("to_recover", 7, 7))
        self.assertIn("to be recovered", self.run_tidings("inspect", self.data).stdout)
        os.remove(os.path.join(self.data, "orders/0/control"))
        self.assertEqual(self.documents()[0][0]["partitions"][0]["end"], 7)

    def test_what_is_damaged_hides_nothing(self):
        for topic in ("orders", "invoices"):
            self.publish(topic, [1])
            self.run_tidings("tail", topic, "--group", "audit", "--no-follow")
        for path in ("invoices/topic.meta", "orders/groups/audit"):
            with open(os.path.join(self.data, path), "r+b") as file:
                file.seek(20)
                file.write(b"!")
        topics, _ = self.documents(status=1)
        self.assertEqual([one["topic"] for one in topics], ["invoices", "orders"])
        self.assertEqual((topics[0]["error"]["code"], topics[1]["groups"][0]["error"]["code"]), ("corrupt", "corrupt"))
        done = self.run_tidings("inspect", self.data, status=1)
        self.assertIn("orders: durable, 1 partition", done.stdout)
        self.assertRegex(done.stderr, "corrupt: .*invoices/topic.meta is damaged")

    def test_it_changes_nothing(self):
        self.publish("orders", range(7))
        before = {name: os.stat(os.path.join(folder, name)).st_mtime_ns for folder, _, names in os.walk(self.data) for name in names}
        self.documents()
        after = {name: os.stat(os.path.join(folder, name)).st_mtime_ns for folder, _, names in os.walk(self.data) for name in names}
        self.assertEqual(before, after)
        self.assertIn("there is no log at", self.run_tidings("inspect", "nowhere", status=1).stderr)
        self.assertEqual(os.listdir(self.folder), ["data"])


if __name__ == "__main__":
    unittest.main()
