"""The dashboard's server over a real server: cluster_test.py nats|kafka. CTest sets TIDINGS, PARKING_SERVICE and SERVE_FOR_TESTS."""

import os
import subprocess
import sys
import unittest

from watching import Watching

SERVE = os.environ["SERVE_FOR_TESTS"]
BROKER = sys.argv.pop(1)
MISSING = 77
GROUP = "shop.take"


class Cluster(Watching):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([SERVE, BROKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        cls.url_of_server = cls.server.stdout.readline().strip()
        if cls.url_of_server:
            return
        _, why = cls.server.communicate()
        if cls.server.returncode == MISSING and os.environ.get("TIDINGS_ALLOW_MISSING_SERVERS") == "1":
            raise unittest.SkipTest(why.strip())
        raise AssertionError(why.strip())

    @classmethod
    def tearDownClass(cls):
        cls.server.communicate()  # the end of its input is its own

    def setUp(self):
        super().setUp()
        self.broker = self.url_of_server

    def environment(self, **more):
        return super().environment(TIDINGS_NAMESPACE="watched", **more)

    def test_it_looks_at_everything(self):
        self.orders("a:0", "b:0", "c:0")
        self.serve()
        self.caught_up()
        self.watch("--allow-actions")
        session = self.api("session")
        self.assertEqual((session["kind"], session["namespace"]), (BROKER, "watched"))
        self.wait_until(lambda: self.group_of(GROUP) and self.group_of(GROUP)["members"], "the group has no members")
        self.assertEqual([one["topic"] for one in self.api("overview")["topics"]], ["orders"])
        found = self.api("events", topic="orders")
        self.assertEqual((sorted(one["data"]["order_id"] for one in found["events"]), found["complete"]), (["a", "b", "c"], True))
        times = [one["appended"].rstrip("Z").ljust(29, "0") for one in found["events"]]  # partitions took them at once
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertEqual(self.api("event", topic="orders", partition=found["events"][0]["partition"], offset=found["events"][0]["offset"])["id"],
                         found["events"][0]["id"])
        self.wait_until(lambda: self.api("flow")["publishes"], "nobody is known to publish")
        tail = self.listen("events/stream", topic="orders")
        tail.next("events")
        done = self.act("events", topic="orders", type="shop.order", key="d", data={"order_id": "d", "number": 0})
        while not (told := tail.next("events")[1])["events"]:
            pass
        self.assertEqual([one["id"] for one in told["events"]], [done["id"]])
        self.assertEqual([one["group"] for one in self.act("pause", target="shop", paused=True)["answers"]], [GROUP])
        self.act("pause", target="shop", paused=False)
        self.assertEqual(self.act("seek", 409, group=GROUP, topic="orders", to="earliest")["error"]["code"], "group_active")


if __name__ == "__main__":
    unittest.main()
