"""`tidings why` names what is in an event's way, and `tidings top` how groups stand."""

import json
import os
import pathlib
import signal
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from command_line import NEEDED_BY_ALL  # noqa: E402
from parking import GROUP, Parking  # noqa: E402


class Why(Parking):
    def id_of(self, name):
        key, number = name.split(":")
        for event in self.tail_json("orders"):
            if (event["data"]["order_id"], event["data"]["number"]) == (key, int(number)):
                return event["id"]
        raise AssertionError(name)

    def why(self, name, *options):
        return json.loads(self.run_tidings("why", self.id_of(name), "--json", *options).stdout)

    def group(self, name):
        told = self.why(name)
        self.assertEqual(len(told["groups"]), 1)
        return told["groups"][0]

    def blocker(self, name):
        return self.group(name)["blocker"]

    def test_nobody_is_to_handle_it(self):
        self.orders("a:0")
        self.assertEqual(self.why("a:0")["groups"], [])
        self.assertIn("no group reads topic orders", self.run_tidings("why", self.id_of("a:0")).stdout)

    def test_there_is_no_such_event(self):
        self.orders("a:0")
        self.assertIn("not_found", self.run_tidings("why", "01a216dc-7e46-7019-891e-20c5b4a68351", status=1).stderr)

    def test_passed_and_nobody_there(self):
        self.orders("a:0")
        service = self.serve()
        self.caught_up()
        group = self.group("a:0")
        self.assertEqual((group["status"], group["blocker"]), ("passed", ""))
        self.assertEqual(group["reason"], "the group has come past it: offset 1 is its next; it was handled, unless the service takes no events of its type")
        self.assertIn("shop.take: passed: the group has come past it", self.run_tidings("why", self.id_of("a:0")).stdout)
        self.leave(service)
        self.orders("a:1")
        group = self.group("a:1")
        self.assertEqual((group["status"], group["blocker"], group["members"]), ("pending", "nobody", False))

    def test_parked_and_parked_in_front(self):
        self.parked(bad="a:0", names=("a:0", "a:1", "c:0"))
        first = self.group("a:0")
        self.assertEqual((first["status"], first["blocker"]), ("parked", "parked"))
        self.assertEqual([(one["code"], one["reason"]) for one in first["parked"]], [("away", "the stock is away")])
        self.assertEqual(self.group("a:1")["status"], "parked")
        self.assertIn("parked behind offset 0", self.group("a:1")["reason"])
        self.orders("a:2")
        waits = self.group("a:2")
        self.assertEqual((waits["status"], waits["blocker"]), ("pending", "parked_key"))
        self.assertIn("the stock is away", waits["reason"])
        self.assertEqual(self.blocker("c:0"), "")
        text = self.run_tidings("why", self.id_of("a:0")).stdout
        self.assertRegex(text, r"shop\.take: PARKED: .*\n    parked at \S+Z after 2 attempts, away: the stock is away")
        self.leave(self.redriven())
        again = self.group("a:0")
        self.assertEqual((again["status"], again["reason"]), ("handled", "it was parked, then driven again, and handled"))
        self.assertEqual(self.group("c:0")["status"], "passed")

    def test_dropped(self):
        self.parked(bad="a:0", names=("a:0", "a:1"))
        service = self.serve()
        self.run_tidings("dead-letters", "drop", "--group", GROUP, "--all", "--first")
        self.wait_until(lambda: self.group("a:0")["status"] == "dropped", "it is not told as dropped")
        told = self.group("a:0")
        self.assertEqual((told["status"], told["reason"]), ("dropped", "it was parked, and then dropped: it has not been handled"))
        self.assertEqual(self.group("a:1")["status"], "handled")
        self.assertIn("shop.take: DROPPED: it was parked", self.run_tidings("why", self.id_of("a:0")).stdout)
        self.leave(service)

    def test_passed_over_by_a_seek(self):
        self.orders("a:0")
        service = self.serve()
        self.caught_up()
        self.leave(service)
        self.orders("b:0", "b:1")
        self.run_tidings("seek", "orders", GROUP, "--to", "latest")
        group = self.group("b:0")
        self.assertEqual(group["status"], "passed")
        self.assertIn("; 2 events of this partition were skipped, by a seek or since retention removed them, and it may be among them", group["reason"])
        self.assertNotIn("it was handled", group["reason"])

    def test_expired(self):
        self.orders("a:0", options=("--header", "expirytime=2020-01-01T00:00:00Z"))
        service = self.serve()
        self.caught_up()
        group = self.group("a:0")
        self.assertEqual(group["status"], "passed")
        self.assertIn("its time to live ended at 2020-01-01T00:00:00Z, and it is not handled after that", group["reason"])
        self.assertNotIn("it was handled", group["reason"])
        self.leave(service)

    def redriven(self):
        service = self.serve()
        self.run_tidings("dead-letters", "redrive", "--group", GROUP)
        return service

    def test_paused_and_stalled(self):
        self.orders("a:0")
        service = self.serve()
        self.caught_up()
        self.run_tidings("pause", "shop")
        self.orders("b:0")
        group = self.group("b:0")
        self.assertEqual(group["blocker"], "paused")
        self.assertIn("paused by request since", group["reason"])
        self.run_tidings("resume", "shop")
        self.caught_up()
        service.send_signal(signal.SIGSTOP)  # it holds its partition, and does nothing
        self.orders("c:0", "c:1")
        this, next_one = self.group("c:0"), self.group("c:1")
        self.assertEqual((this["status"], this["blocker"]), ("in_progress", "stalled"))
        self.assertIn("this one, is being handled, or tried again", this["reason"])
        self.assertEqual((next_one["status"], next_one["blocker"]), ("pending", "stalled"))
        service.send_signal(signal.SIGCONT)

    def asked(self, name):
        group, = self.why(name, "--ask")["groups"]
        return group

    def test_what_is_tried_again_is_told_by_its_service(self):
        self.orders("a:0", "a:1", "b:0")
        service = self.serve("a:0", "--delayed", "5")
        self.assertEqual(self.group("a:0")["processes"], [], "nobody is asked")
        self.assertEqual(self.run_tidings("topics", "--json").stdout.count("tidings.control"), 0)
        self.wait_until(lambda: [one["failures"] for one in self.asked("a:0")["processes"]] == [2], "it is not tried")
        first = self.asked("a:0")
        self.assertEqual((first["status"], first["blocker"]), ("in_progress", "retrying"))
        self.assertRegex(first["reason"], r"^it is tried again at \S+Z, in \S+: attempt 2 failed at \S+Z, away: the stock is away$")
        process, = first["processes"]
        self.assertEqual((process["takes"], process["holds"], process["in_hand"], process["failures"]), (True, True, True, 2))
        self.assertEqual([(one["attempt"], one["code"]) for one in process["failed"]], [(1, "away"), (2, "away")])
        behind = self.asked("a:1")
        self.assertEqual((behind["status"], behind["blocker"]), ("pending", "retrying"))
        self.assertIn("offset 0, in front of it, is tried again", behind["reason"])
        text = self.run_tidings("why", self.id_of("a:0"), "--ask").stdout
        self.assertRegex(text, r"shop\.take: in hand: it is tried again at .*\n    attempt 1 failed at \S+Z, away: the stock is away\n    attempt 2 ")
        self.leave(service)

    def test_what_hangs_is_told_by_its_service(self):
        self.orders("a:0")
        service = self.serve("", "--hangs", "a:0")
        told = {}

        def runs():
            told.update(self.asked("a:0"))
            return told["blocker"] == "running"

        self.wait_until(runs, "it does not run")
        self.assertRegex(told["reason"], r"^an attempt at it runs since \S+Z, in \S+$")
        service.send_signal(signal.SIGSTOP)
        silent = self.asked("a:0")
        self.assertEqual((silent["blocker"], silent["processes"]), ("silent", []))
        self.assertIn("who holds the partition does not answer", silent["reason"])
        service.send_signal(signal.SIGCONT)

    def test_what_is_of_a_type_that_is_not_taken(self):
        self.orders("a:0")
        self.run_tidings("publish", "orders", "--type", "shop.other", "--key-field", "order_id", stdin='{"order_id": "a", "number": 1}\n')
        service = self.serve()
        self.caught_up()
        other, taken = self.asked("a:1"), self.asked("a:0")
        self.assertEqual(other["status"], "not_taken")
        self.assertRegex(other["reason"], r"^the group takes no events of type shop\.other, as \S+ says$")
        self.assertEqual(taken["status"], "passed")
        self.assertRegex(taken["reason"], r"; the group takes events of type shop\.order, as \S+ says$")
        self.leave(service)

    def test_one_damaged_topic_keeps_nobody_from_the_rest(self):
        self.parked(bad="a:0", names=("a:0", "c:0"))
        self.publish("bills", [{"n": "number-0-"}])
        event = self.id_of("a:0")
        for topic, text in (("bills", b"number-0-"), ("shop.take.dead-letters", b"the stock is away")):
            folder = os.path.join(self.broker[4:], topic, "0")
            for name in os.listdir(folder):
                with open(os.path.join(folder, name), "r+b") as file:
                    at = file.read().find(text)
                    if at >= 0:
                        file.seek(at)
                        file.write(b"#")
        done = self.run_tidings("why", event, "--json")
        told = json.loads(done.stdout)
        self.assertEqual((told["offset"], [one["group"] for one in told["groups"]]), (0, [GROUP]))
        self.assertEqual([one["name"] for one in told["unread"]], ["bills", "shop.take.dead-letters"])
        self.assertIn("bills was not read whole: corrupt", done.stderr)
        self.assertIn("in what could be read of the topics", self.run_tidings("why", "01a216dc-7e46-7019-891e-20c5b4a68351", status=1).stderr)

    def test_causes_and_effects(self):
        self.publish("orders", [{"n": 1}])
        cause = self.tail_json("orders")[0]["id"]
        self.assertIn("orders/0@0", self.run_tidings("why", cause).stdout)


class Outbox(Parking):
    ID = "01a216dc-7e46-7019-891e-20c5b4a68351"

    def enqueue(self, id, topic, key, cause=""):
        name = b"causationid"
        attributes = len(name).to_bytes(4, "little") + len(cause).to_bytes(4, "little") + name + cause.encode() if cause else b""
        database = sqlite3.connect(os.path.join(self.folder, "shop.db"))
        with database:
            database.execute(f"insert into tidings_outbox({NEEDED_BY_ALL}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                             (sum(key.encode()) % 64, id, topic, key, "shop.order", 1, 1767225600 * 10**9, attributes, b"{}"))
        database.close()

    def test_where_it_and_what_it_caused_stand_in_the_outbox(self):
        self.orders("a:0")
        store = ("--store", "sqlite:" + os.path.join(self.folder, "shop.db"))
        self.run_tidings("outbox", "schema", "--apply", *store)
        self.assertIn("not_found", self.run_tidings("why", self.ID, *store, status=1).stderr)
        self.enqueue(self.ID, "orders", "b")
        self.assertRegex(self.run_tidings("why", self.ID, *store).stdout,
                         f"shop.order b  orders  {self.ID}: it waits in the outbox for a relay to publish it, since .*Z\n")
        told = json.loads(self.run_tidings("why", self.ID, "--json", *store).stdout)
        self.assertEqual((told["id"], told["topic"], told["groups"], told["effects"]), (self.ID, "orders", [], []))
        self.assertEqual([(one["id"], one["status"], one["effect"]) for one in told["outbox"]], [(self.ID, "waiting", False)])
        cause = self.tail_json("orders")[0]["id"]
        self.enqueue("effect", "bills", "b", cause)
        self.assertRegex(self.run_tidings("why", cause, *store).stdout, r"\n  it caused shop\.order b  bills  effect: it waits in the outbox")
        told = json.loads(self.run_tidings("why", cause, "--json", *store).stdout)
        self.assertEqual((told["offset"], [(one["id"], one["effect"]) for one in told["outbox"]]), (0, [("effect", True)]))
        self.assertEqual(json.loads(self.run_tidings("why", cause, "--json").stdout)["outbox"], [])


class Top(Parking):
    def test_once(self):
        self.parked(bad="", names=("a:0", "b:0"))
        self.orders("a:1")
        told = self.run_tidings("top", "--once").stdout
        self.assertRegex(told, r"published \S+/s +handled \S+/s +parked \S+/s +lag 1 +dead letters 0\n")
        self.assertRegex(told, r"✕ down +shop\.take +orders +1 +0 +0 +nobody holds its partitions, and 1 event waits\n")
        group = json.loads(self.run_tidings("top", "--once", "--json").stdout)["groups"][0]
        self.assertEqual((group["group"], group["status"], group["lag"]), (GROUP, "down", 1))

    def test_dead_letters_and_nobody(self):
        self.parked(bad="a:0", names=("a:0", "a:1"))
        told = self.run_tidings("top", "--once").stdout
        self.assertRegex(told, r"lag 0 +dead letters 2\n")
        self.assertRegex(told, r"○ nobody +shop\.take +orders +0 +0 +2 +nobody is there, and nothing waits\n")
        overview = json.loads(self.run_tidings("top", "--once", "--json").stdout)
        self.assertEqual((overview["parked"], overview["groups"][0]["parked"]), (2, 2))

    def test_it_tells_again_and_again(self):
        self.orders("a:0")
        process = self.start("top", "--json")
        first, second = json.loads(self.line_of(process.stdout)), json.loads(self.line_of(process.stdout))
        self.assertLess(first["now"], second["now"])
        process.send_signal(signal.SIGINT)
        self.end_of(process, 130)

    def test_without_groups(self):
        self.orders("a:0")
        self.assertIn("no groups yet", self.run_tidings("top", "--once").stdout)
        self.assertIn("not_found", self.run_tidings("top", "--once", status=1, TIDINGS_BROKER="log:" + os.path.join(self.folder, "none")).stderr)


if __name__ == "__main__":
    unittest.main()
