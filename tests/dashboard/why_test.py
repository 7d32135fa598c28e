"""`tidings why` names what is in an event's way, and `tidings top` how groups stand."""

import json
import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
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

    def test_handled_and_nobody_there(self):
        self.orders("a:0")
        service = self.serve()
        self.caught_up()
        self.assertEqual(self.group("a:0")["status"], "handled")
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
        self.assertEqual((again["status"], again["reason"]), ("handled", "it was parked, and has been driven again or dropped since"))

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
        self.assertEqual(self.blocker("c:0"), "stalled")
        self.assertEqual(self.blocker("c:1"), "stalled")
        service.send_signal(signal.SIGCONT)

    def test_causes_and_effects(self):
        self.publish("orders", [{"n": 1}])
        cause = self.tail_json("orders")[0]["id"]
        self.assertIn("orders/0@0", self.run_tidings("why", cause).stdout)


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
