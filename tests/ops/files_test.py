"""The files in ops/: alerts do what they say, and alerts, dashboard and documentation speak of metrics that there are.

usage: files_test.py SOURCE
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
SUFFIX = re.compile(r"_(bucket|sum|count)$")


def exposed():
    text = "".join(path.read_text(encoding="utf-8") for room in ("ops", "service") for path in (SOURCE / "src" / room).glob("*.[ch]pp"))
    return set(re.findall(r'"(tidings_\w+|process_\w+)"', text))


def used(text):
    return {SUFFIX.sub("", name) for name in re.findall(r"\b(?:tidings|process)_[a-z_]+[a-z]\b", text)}


class Files(unittest.TestCase):
    def promtool(self, *arguments):
        if shutil.which("promtool") is None:
            if os.environ.get("TIDINGS_ALLOW_MISSING_SERVERS") == "1":
                self.skipTest("promtool is missing (Debian: prometheus)")
            self.fail("promtool is missing (Debian: prometheus)")
        done = subprocess.run(["promtool", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_alerts_are_well_formed_and_do_what_they_say(self):
        self.promtool("check", "rules", SOURCE / "ops/alerts.yaml")
        self.promtool("test", "rules", SOURCE / "ops/alerts_test.yaml")

    def test_each_alert_is_tried(self):
        rules = set(re.findall(r"- alert: (\w+)", (SOURCE / "ops/alerts.yaml").read_text(encoding="utf-8")))
        tried = set(re.findall(r"alertname: (\w+)", (SOURCE / "ops/alerts_test.yaml").read_text(encoding="utf-8")))
        self.assertEqual(rules, tried)

    def expressions(self):
        board = json.loads((SOURCE / "ops/grafana-dashboard.json").read_text(encoding="utf-8"))
        return [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]

    def test_the_dashboard_has_expressions_that_prometheus_reads(self):
        rules = ["groups:", "  - name: dashboard", "    rules:"]
        for at, expression in enumerate(self.expressions()):
            rules += [f"      - record: panel:{at}", f"        expr: {json.dumps(expression.replace('$__rate_interval', '5m'))}"]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "rules.yaml"
            path.write_text("\n".join(rules) + "\n", encoding="utf-8")
            self.promtool("check", "rules", path)

    def test_they_speak_of_metrics_that_there_are(self):
        there = exposed()
        self.assertGreater(len(there), 30)
        for name in ("ops/alerts.yaml", "ops/grafana-dashboard.json", "ops/alerts_test.yaml", "docs/operations.md"):
            text = (SOURCE / name).read_text(encoding="utf-8")
            self.assertEqual(used(text) - there, set(), name)

    def test_each_metric_is_documented(self):
        text = (SOURCE / "docs/operations.md").read_text(encoding="utf-8")
        own = {name for name in exposed() if name.startswith("tidings_")}
        self.assertEqual(own - used(text), set())


if __name__ == "__main__":
    unittest.main()
