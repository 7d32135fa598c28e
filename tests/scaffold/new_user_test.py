"""What a new user does: installs Tidings, makes a service in an empty folder, builds, tests and runs it, publishes to it, sees the effect, stops it.

usage: new_user_test.py BUILD CXX
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

import projects
import tools

BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
CXX = sys.argv.pop(1)


class NewUser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tools.temporary(cls)
        cls.workshop = projects.Workshop(cls.folder, BUILD, CXX)
        cls.tidings = cls.workshop.tidings

    def empty(self):
        path = self.folder / self.id().rpartition(".")[2]
        path.mkdir()
        return path

    def ask(self, *arguments, cwd, status=0):
        done = subprocess.run([self.tidings, *map(str, arguments)], cwd=cwd, env=tools.environment(), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        return done.stdout, done.stderr

    def test_from_nothing_to_an_effect(self):
        at = self.empty()
        said, told = self.ask("new", "orders", "--with", "event-bus,outbox,inbox,embedded-log,graceful", cwd=at)
        self.assertIn("cmake --preset default", said)
        self.assertIn("sqlite is taken along: inbox requires sqlite or postgres", told)
        project = at / "orders"
        self.workshop.configure(project)
        self.workshop.build_and_test(project)
        program = project / "build/bin/orders"
        for _ in range(2):  # started again it goes on where it was
            service = projects.start(program, cwd=project)
            try:
                readme = (project / "README.md").read_text()
                broker, publish, tail = re.search(r"export (TIDINGS_BROKER=\S+)\n(echo .*)\n(tidings tail .*)\n", readme).groups()
                environment = tools.environment(PATH=f"{self.tidings.parent}:{os.environ['PATH']}")
                shell = lambda command: tools.run("bash", "-euc", f"export {broker}; {command}", cwd=project, env=environment, timeout=60)
                self.assertRegex(shell(publish), r"^[0-9a-f-]{36} \d+ \d+\n")
                until = time.monotonic() + 60
                while "orders.outcomes" not in shell("tidings topics"):  # its first event makes it
                    self.assertLess(time.monotonic(), until)
                    time.sleep(0.05)
                event = json.loads(shell(tail + " --json"))
                self.assertEqual((event["type"], event["data"]), ("orders.accepted", {"id": "7", "quantity": 3}))
                self.assertEqual(event["source"], "orders")
            finally:
                service.send_signal(signal.SIGTERM)
                self.assertEqual(service.wait(timeout=60), 0)
                service.stderr.close()
        self.assertIn("orders.accept", self.workshop.run(self.tidings, "lag", "--broker", "log:./data", cwd=project))

    def test_a_test_of_the_project_fails_where_its_handler_is_broken(self):
        project = self.workshop.new("--with", "event-bus,inbox")
        self.workshop.configure(project)
        for name, right, wrong, test in (
                ("application/accept.cpp", "auto decision = decide(requested);", "Decision decision = Accepted{requested.id, 1};", "what_is_requested_is_accepted"),
                ("domain/decision.cpp", "requested.quantity < 1", "requested.quantity < 0", "rejects_what_is_not")):
            source = project / "src" / name
            text = source.read_text()
            self.assertIn(right, text)
            source.write_text(text.replace(right, wrong))
            self.workshop.run("cmake", "--build", "--preset", "default", cwd=project)
            said = self.workshop.run("ctest", "--preset", "default", "-R", test, cwd=project, fails=True)
            self.assertIn("0% tests passed, 1 tests failed out of 1", said)
            source.write_text(text)

    def test_add_extends_and_stops_at_what_was_changed(self):
        at = self.empty()
        self.ask("new", "orders", "--with", "event-bus", cwd=at)
        project = at / "orders"
        listed, _ = self.ask("add", "docker", "--dry-run", cwd=project)
        self.assertIn("new      Dockerfile\n", listed)
        self.assertFalse((project / "Dockerfile").exists())
        self.ask("add", "docker", cwd=project)
        self.assertTrue((project / "Dockerfile").exists())
        self.assertEqual(self.ask("add", "docker", cwd=project)[0], "nothing to change\n")
        main = project / "src/main.cpp"
        main.write_text(main.read_text() + "// mine\n")
        before = {path: path.read_bytes() for path in tools.files(project)}
        difference, why = self.ask("add", "outbox", cwd=project, status=1)
        self.assertIn("--- src/main.cpp (yours)\n", difference)
        self.assertIn("-// mine\n", difference)
        self.assertIn("nothing is written", why)
        self.assertEqual({path: path.read_bytes() for path in tools.files(project)}, before)
        self.ask("add", "outbox", "--keep", "src/main.cpp", "--into", project, cwd=at)
        self.assertTrue(main.read_text().endswith("// mine\n"))

    def test_what_is_wrong_is_told_and_nothing_is_made(self):
        at = self.empty()
        for name in ("../up", "a b", "a'b", 'a"b', "class", "test", "$(id)", "a;b", "", "${HOME}", "-x", "a\nb"):
            with self.subTest(name):
                self.ask("new", "--with", "docker", "--", name, cwd=at, status=2)
        _, why = self.ask("new", "orders", "--with", "outbx", cwd=at, status=2)
        self.assertIn("did you mean 'outbox'?", why)
        _, why = self.ask("new", "orders", "--with", "kafka,nats", cwd=at, status=2)
        self.assertIn("tidings bridge", why)
        for folder in ("a;b", "a#b", 'a"b', "a\\b", "a\nb"):
            _, why = self.ask("new", "orders", "--with", "docker", "--into", folder, cwd=at, status=2)
            self.assertIn("CMake builds nothing in", why)
        _, why = self.ask("new", "orders", "--with", "outbox inbox", cwd=at, status=2)
        self.assertIn("with ',' between", why)
        self.ask("new", "orders", "--layout", "round", cwd=at, status=2)
        self.ask("new", "orders", "--with", "docker", "--without", "docker", cwd=at, status=2)
        self.ask("new", "orders", "--with", "outbox", "--without", "event-bus", cwd=at, status=2)
        self.ask("add", "docker", cwd=at, status=1)
        self.assertEqual(list(at.iterdir()), [])
        (at / "tidings.toml").write_text("version = 1\nname = \n")
        _, why = self.ask("add", "docker", cwd=at, status=2)
        self.assertIn("tidings.toml:2", why)
        (at / "tidings.toml").write_text('version = 1\nname = "../x"\nlayout = "flat"\n')
        self.ask("add", "docker", cwd=at, status=2)
        _, why = self.ask("new", "orders", "--into", at, "--with", "docker", cwd=at, status=1)
        self.assertIn("not empty", why)
        self.assertEqual([path.name for path in at.iterdir()], ["tidings.toml"])

    def test_capabilities_of_a_team(self):
        at = self.empty()
        own = at / "caps/banner"
        (own / "files").mkdir(parents=True)
        (own / "files/BANNER.mustache").write_text("made for <%name%>\n")
        (own / "capability.toml").write_text('name = "banner"\ntitle = "Banner"\ncategory = "project"\ndescription = "Ours."\n')
        self.ask("new", "orders", "--with", "banner", "--capabilities", at / "caps", cwd=at)
        self.assertEqual((at / "orders/BANNER").read_text(), "made for orders\n")
        (own / "capability.toml").write_text('name = "banner"\ntitel = "Banner"\n')
        _, why = self.ask("capabilities", "--capabilities", at / "caps", cwd=at, status=2)
        self.assertIn("banner/capability.toml:", why)

    def test_asked_on_a_terminal(self):
        at = self.empty()
        ours, its = os.openpty()
        process = subprocess.Popen([self.tidings, "new", "orders"], cwd=at, env=tools.environment(NO_COLOR="1"), stdin=its, stdout=its, stderr=its)
        os.close(its)
        # A number and a word that are none, NATS by its name, SQLite by its number, an outbox, no inbox, no Docker, a workflow, a typo and then more, and yes.
        for answer in ("9", "$(id)", "nats", "2", "maybe", "y", "n", "n", "", "gracefull", "graceful ddd", "y"):
            os.write(ours, (answer + "\n").encode())
        said = b""
        while True:
            try:
                more = os.read(ours, 4096)
            except OSError:  # it has ended
                break
            if not more:
                break
            said += more
        os.close(ours)
        said = said.decode()
        self.assertEqual(process.wait(timeout=60), 0, said)
        self.assertIn("did you mean 'graceful'?", said)
        self.assertEqual(said.count("that is none of these: type a number from 0 to 3"), 2)
        self.assertIn("answer y or n", said)
        record = (at / "orders/tidings.toml").read_text()
        for name in ("nats", "sqlite", "outbox", "ci-github", "graceful", "ddd", "event-bus", "testing"):
            self.assertIn(f'"{name}"', record)
        self.assertNotIn("docker", record)
        self.assertNotIn("inbox", record)

    def test_the_page_is_what_the_program_prints(self):
        page = (tools.SOURCE / "docs/capabilities.md").read_text(encoding="utf-8")
        printed, _ = self.ask("capabilities", "--markdown", cwd=self.folder)
        self.assertEqual(page, printed, "make it anew: build/bin/tidings capabilities --markdown > docs/capabilities.md")


if __name__ == "__main__":
    unittest.main(verbosity=2)
