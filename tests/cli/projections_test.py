import json
import os
import signal
import subprocess
import time
import unittest

from command_line import CommandLine

SERVICE = os.environ["PROJECTING_SERVICE"]


class Projections(CommandLine):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.folder, "shop.db")
        self.store = "sqlite:" + self.file

    def listed(self, status=0):
        done = self.run_tidings("projections", "list", "--store", self.store, "--json", status=status)
        return [json.loads(line) for line in done.stdout.splitlines()] if status == 0 else done.stderr

    def await_that(self, is_so):
        until = time.monotonic() + 60
        while not is_so():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)

    def test_what_serves_is_listed_and_what_is_made_anew(self):
        self.assertIn("not_found", self.listed(status=1))
        self.run_tidings("sagas", "schema", "--apply", "--store", self.store)
        self.assertIn("no_projections", self.listed(status=1))
        orders = "".join(json.dumps({"order_id": f"o-{order}", "total": 7, "lines": [], "channel": "web"}) + "\n" for order in range(3))
        self.run_tidings("publish", "orders", "--type", "shop.order-placed", "--key-field", "order_id", stdin=orders)
        arguments = [SERVICE, "--broker", self.broker, "--store", self.store]
        with subprocess.Popen(arguments, cwd=self.folder, stderr=subprocess.DEVNULL) as service:
            try:
                self.await_that(lambda: "rows" in self.run_tidings("projections", "list", "--store", self.store, status=None).stdout
                                and self.listed()[0]["tables"] == [{"table": "order_totals", "rows": 3}])
            finally:
                service.send_signal(signal.SIGTERM)
        self.assertEqual(service.returncode, 0)
        (one,) = self.listed()
        self.assertEqual((one["projection"], one["topic"], one["version"], one["generation"], one["built_to"]),
                         ("order-totals", "orders", 1, 1, []))
        self.assertNotIn("rebuild", one)
        done = subprocess.run(arguments + ["--rebuild", "order-totals"], cwd=self.folder, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("generation 2 serves, of 3 events", done.stderr)
        (one,) = self.listed()
        self.assertEqual((one["generation"], one["tables"][0]["rows"]), (2, 3))
        self.assertEqual(sum(position["next"] for position in one["built_to"]), 3)
        self.assertIn("order-totals", self.run_tidings("projections", "list", "--store", self.store).stdout)


if __name__ == "__main__":
    unittest.main()
