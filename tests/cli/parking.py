"""What tests of dead letters share: the service that parks, tests/cli/parking_service.cpp, at work and at its end."""

import json
import os
import signal
import subprocess

from command_line import CommandLine

SERVICE = os.environ["PARKING_SERVICE"]  # CTest sets it
GROUP = "shop.take"


class Parking(CommandLine):
    def serve(self, bad="", *options):
        process = subprocess.Popen([SERVICE, "--bad", bad, "--log-level", "warning", *options], cwd=self.folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, env=self.environment())
        self.started.append(process)
        self.wait_until(lambda: self.is_member_there("orders", GROUP), "the service has no partition")
        return process

    def leave(self, process):
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        return out.decode().split()

    def orders(self, *names, options=()):
        lines = "".join(json.dumps({"order_id": name.split(":")[0], "number": int(name.split(":")[1])}) + "\n" for name in names)
        self.run_tidings("publish", "orders", "--type", "shop.order", "--key-field", "order_id", *options, stdin=lines)

    def caught_up(self):
        self.wait_until(lambda: (found := self.lag_of("orders", GROUP)) and found["lag"] == 0, "events are left")

    def parked(self, bad="a,b:0", names=("a:0", "a:1", "b:0", "c:0", "b:1"), options=()):
        """What a service handled that parked, and has stopped."""
        self.orders(*names, options=options)
        service = self.serve(bad)
        self.caught_up()
        return self.leave(service)
