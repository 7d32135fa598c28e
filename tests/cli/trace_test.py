import json
import os
import re
import subprocess
import unittest

from command_line import CommandLine


class Trace(CommandLine):
    def test_what_an_order_set_off_is_a_tree(self):
        keep = os.path.join(self.folder, "demo")
        subprocess.run([os.environ["TIDINGS"], "demo", "--count", "20", "--rate", "0", "--keep", keep, "--json"], check=True, capture_output=True,
                       timeout=120)
        self.broker = "log:" + os.path.join(keep, "log")
        event = next(json.loads(line) for line in self.run_tidings("tail", "stock", "--from", "earliest", "--no-follow", "--json").stdout.splitlines()
                     if json.loads(line)["type"] == "shop.stock-reserved")
        text = self.run_tidings("trace", event["correlationid"]).stdout
        lines = text.splitlines()
        self.assertRegex(lines[0], r"^shop\.order-submitted \S+  submissions/0@\d+  \d{4}-\d\d-\d\dT")
        self.assertRegex(lines[1], r"^  shop\.order-placed \S+  orders/0@\d+  \+")
        for depth, event_type in ((4, "reserve-stock"), (6, "stock-reserved"), (4, "charge-payment")):
            self.assertTrue(any(re.match(rf"^ {{{depth}}}shop\.{event_type} ", line) for line in lines), text)
        documents = [json.loads(line) for line in self.run_tidings("trace", event["id"], "--json").stdout.splitlines()]
        self.assertEqual([one["depth"] for one in documents][:2], [0, 1], "an event's id stands for its correlation")
        self.assertIn(event["id"], [one["id"] for one in documents])
        self.assertIn("not_found", self.run_tidings("trace", "nothing", status=1).stderr)
        self.assertIn("not_found", self.run_tidings("trace", event["correlationid"], "--from", "now", status=1).stderr)
        self.run_tidings("trace", status=2)


if __name__ == "__main__":
    unittest.main()
