import json
import os
import time
import unittest

from command_line import CommandLine

LINES = 100_000
KEYS = 50


class Crowd(CommandLine):
    def test_two_publish_while_three_groups_tail(self):
        """Nothing is lost, and the order within a key is kept: each publisher has its own keys, and numbers them."""
        self.publish("orders", [], "--partitions", "2")
        sources = []
        for publisher in range(2):
            path = os.path.join(self.folder, f"lines-{publisher}")
            with open(path, "w") as file:
                for i in range(LINES):
                    file.write(f'{{"key":"{publisher}-{i % KEYS}","n":{i}}}\n')
            sources.append(path)
        began = time.monotonic()
        tails = []
        for group in ("analytics", "audit", "mail"):
            path = os.path.join(self.folder, group)
            with open(path, "wb") as out:
                tails.append((path, self.start("tail", "orders", "--group", group, "--count", str(2 * LINES), "--json",
                                               stdout=out)))
        publishers = []
        for path in sources:
            with open(path + ".acks", "wb") as out:
                publishers.append(self.start("publish", "orders", "--file", path, "--key-field", "key", "--acks",
                                             stdout=out))
        for publisher in publishers:
            self.end_of(publisher)
        for _, tail in tails:
            self.end_of(tail)
        print(f"{2 * LINES} events to 3 groups in {time.monotonic() - began:.1f} s")
        acknowledged = {line.split(" ")[0] for path in sources for line in self.lines_of(path + ".acks")}
        self.assertEqual(len(acknowledged), 2 * LINES)
        for path, _ in tails:
            newest, seen = {}, set()
            for line in self.lines_of(path):
                event = json.loads(line)
                key, n = event["partitionkey"], event["data"]["n"]
                self.assertGreater(n, newest.get(key, -1))
                newest[key] = n
                seen.add(event["id"])
            self.assertEqual(seen, acknowledged)
        for group in ("analytics", "audit", "mail"):
            self.assertEqual(self.lag_of("orders", group)["lag"], 0)


if __name__ == "__main__":
    unittest.main()
