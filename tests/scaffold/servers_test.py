"""A generated service over real servers: what README says is done, and then the service is killed again and again while requests come; each takes effect once.

usage: servers_test.py BUILD CXX nats|kafka [KILLS]     SERVE_FOR_TESTS is what starts the servers
"""

import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time
import unittest

import projects
import tools

KILLS = int(sys.argv.pop(4)) if len(sys.argv) > 4 else 4
BROKER = sys.argv.pop(3)
BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
CXX = sys.argv.pop(1)
SERVE = os.environ["SERVE_FOR_TESTS"]
MISSING = 77
PATIENCE_S = 120
IN_README = {"nats": "nats://localhost:4222", "kafka": "kafka://localhost:9092"}[BROKER]


class Servers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = cls.serve(BROKER)
        cls.store = cls.serve("postgres")
        cls.workshop = projects.Workshop(tools.temporary(cls), BUILD, CXX)
        cls.project = cls.workshop.new("--with", f"event-bus,outbox,inbox,{BROKER},postgres")
        cls.workshop.configure(cls.project)
        cls.workshop.build_and_test(cls.project)

    @classmethod
    def serve(cls, which):
        server = subprocess.Popen([SERVE, which], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        cls.addClassCleanup(server.communicate)  # the end of its input is its own
        url = server.stdout.readline().strip()
        if url:
            return url
        _, why = server.communicate()
        if server.returncode == MISSING and os.environ.get("TIDINGS_ALLOW_MISSING_SERVERS") == "1":
            raise unittest.SkipTest(why.strip())
        raise AssertionError(why.strip())

    def environment(self):
        return tools.environment(TIDINGS_BROKER=self.broker, TIDINGS_STORE=self.store, PATH=f"{self.workshop.tidings.parent}:{os.environ['PATH']}")

    def start_service(self):
        return projects.start(self.project / "build/bin/orders", cwd=self.project, env=self.environment())

    def ask(self, query):
        return subprocess.run(["psql", self.store, "-Atc", query], capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout.splitlines()

    def decided(self):
        return int(self.ask("select count(*) from decisions")[0])

    def eventually(self, is_so, what):
        until = time.monotonic() + PATIENCE_S
        while not is_so():
            self.assertLess(time.monotonic(), until, what)
            time.sleep(0.02)

    def outcomes(self):
        said = tools.run(self.workshop.tidings, "tail", "orders.outcomes", "--from", "earliest", "--no-follow", "--json", env=self.environment())
        return [json.loads(line) for line in said.splitlines()]

    def test_what_readme_says_and_each_request_takes_effect_once(self):
        self.service = self.start_service()
        try:
            self.count_effects()
            self.do_what_readme_says()
            self.kill_again_and_again()
        finally:  # whichever runs now
            self.service.send_signal(signal.SIGTERM)
            self.assertEqual(self.service.wait(timeout=PATIENCE_S), 0)
            self.service.stderr.close()

    def count_effects(self):
        """Each write of a handler, in its own transaction, leaves a row; the service has made its tables when it says that it has started."""
        self.ask("create table effects (id text); "
                 "create function count_effect() returns trigger language plpgsql as 'begin insert into effects values (new.id); return new; end'; "
                 "create trigger count_effect after insert or update on decisions for each row execute function count_effect()")

    def do_what_readme_says(self):
        readme = (self.project / "README.md").read_text()
        commands = re.search(r"```sh\n(export TIDINGS_BROKER=.*?)```", readme, re.DOTALL)[1]
        self.assertIn(IN_README, commands)
        said = tools.run("bash", "-euc", commands.replace(IN_README, self.broker), cwd=self.project, env=self.environment(), timeout=PATIENCE_S)
        self.assertRegex(said.splitlines()[-1], r'orders\.accepted  7  \{"id":"7","quantity":3\}$')
        status = re.search(r"^tidings outbox status .*$", readme, re.MULTILINE)[0].split()
        tools.run(*status[:-1], self.store, env=self.environment())

    def kill_again_and_again(self):
        chance = random.Random(projects.seed())
        publisher = subprocess.Popen([self.workshop.tidings, "publish", "orders.requests", "--type", "orders.requested", "--key-field", "id", "--acks"],
                                     env=self.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        acknowledged = []
        reader = threading.Thread(target=lambda: acknowledged.extend(publisher.stdout))
        reader.start()
        sent = 0
        try:
            for _ in range(KILLS):
                before, more = self.decided(), chance.randint(1, 40)
                until = time.monotonic() + PATIENCE_S
                while self.decided() < before + more:  # so it is at work, and does not run dry
                    self.assertLess(time.monotonic(), until, "it is not at work")
                    for _ in range(10):
                        sent += 1
                        publisher.stdin.write(json.dumps({"id": f"r{sent}", "quantity": 1 + sent % 5}) + "\n")
                    publisher.stdin.flush()
                self.service.kill()
                self.service.wait()
                self.service.stderr.close()
                self.service = self.start_service()
        finally:
            publisher.stdin.close()
            reader.join(PATIENCE_S)
            self.assertEqual(publisher.wait(timeout=PATIENCE_S), 0)
            publisher.stdout.close()
        self.assertEqual(len(acknowledged), sent)
        wanted = {"7", *(f"r{number + 1}" for number in range(sent))}
        self.eventually(lambda: self.decided() == len(wanted), "not all requests were handled")
        self.assertEqual(self.ask("select id, count(*) from effects group by id having count(*) <> 1"), [], "handled twice")
        self.eventually(lambda: {one["data"]["id"] for one in self.outcomes()} == wanted, "not all outcomes came")
        # What a relay that is killed publishes again has the id that it had.
        self.assertEqual(len({one["id"] for one in self.outcomes()}), len(wanted))
        print(f"{sent} requests, {KILLS} kills", flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
