"""What a new user does: installs Tidings, makes a service in an empty folder, builds, tests and runs it, publishes to it, sees the effect, stops it.

usage: new_user_test.py BUILD CXX
"""

import fcntl
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import termios
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
                event = json.loads(shell(tail.split(" #")[0] + " --json"))
                self.assertEqual((event["type"], event["data"]), ("orders.accepted", {"id": "7", "quantity": 3}))
                self.assertEqual(event["source"], "orders")
            finally:
                service.send_signal(signal.SIGTERM)
                self.assertEqual(service.wait(timeout=60), 0)
                service.stderr.close()
        self.assertIn("orders.accept", self.workshop.run(self.tidings, "lag", "--broker", "log:./data", cwd=project))

    def test_a_test_of_the_project_fails_where_its_handler_is_broken(self):
        project = self.workshop.new("--with", "event-bus,inbox")
        for source in ("src/domain/decision.cpp", "tests/decision_test.cpp"):  # sources may stand in folders of a layer
            at = project / source
            (at.parent / "rules").mkdir()
            at.rename(at.parent / "rules" / at.name)
        self.workshop.configure(project)
        for name, right, wrong, test in (
                ("application/accept.cpp", "auto decision = decide(requested);", "Decision decision = Accepted{requested.id, 1};", "what_is_requested_is_accepted"),
                ("domain/rules/decision.cpp", "requested.quantity < 1", "requested.quantity < 0", "rejects_what_is_not")):
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
        self.ask("new", "orders", "--with", "event-bus", "--without", "docker", cwd=at)
        project = at / "orders"
        listed, _ = self.ask("add", "docker", "--dry-run", cwd=project)
        self.assertIn("new      Dockerfile\n", listed)
        self.assertFalse((project / "Dockerfile").exists())
        self.ask("add", "docker", cwd=project)
        self.assertTrue((project / "Dockerfile").exists())
        self.assertEqual(self.ask("add", "docker", cwd=project)[0], "nothing to change\n")
        main = project / "src/main.cpp"
        text = main.read_text()
        line = "  auto service = tidings::Service::from_args(name, argc, argv, std::move(settings));\n"
        self.assertIn(line, text)
        main.write_text("// mine\n" + text.replace(line, line + "  mine(service);\n"))
        before = {path: path.read_bytes() for path in tools.files(project)}
        difference, why = self.ask("add", "outbox", cwd=project, status=1)
        self.assertIn("--- src/main.cpp (yours)\n", difference)
        self.assertIn("-  mine(service);\n", difference)
        self.assertIn("+  if (auto made = orders_service::make_tables(service); !made) {\n", difference)
        self.assertNotIn("// mine", difference)
        self.assertIn("nothing is written", why)
        self.assertEqual({path: path.read_bytes() for path in tools.files(project)}, before)
        self.assertIn(difference, "".join(json.loads(self.ask("--json", "add", "outbox", cwd=project, status=1)[0])["in_the_way"]))
        _, told = self.ask("add", "outbox", "--keep", "src/main.cpp", "--into", project, cwd=at)
        self.assertIn("+  if (auto made = orders_service::make_tables(service); !made) {\n", told)
        self.assertIn("has not all that comes", told)
        self.assertTrue(main.read_text().startswith("// mine\n"))
        # Of other lines both are there.
        readme = project / "README.md"
        readme.write_text(readme.read_text().replace("# orders\n", "# orders\n\nOurs.\n", 1))
        said, _ = self.ask("add", "makefile", cwd=project)
        self.assertIn("merged   README.md\n", said)
        self.assertIn("\nOurs.\n", readme.read_text())
        self.assertIn("\n## make\n", readme.read_text())
        added = json.loads(self.ask("--json", "add", "just", cwd=project)[0])
        self.assertEqual((added["new"], added["merged"]), (["justfile"], ["README.md"]))
        self.assertIn("tidings.toml", added["changed"])

    def test_names_may_stand_anywhere_and_lists_may_have_blanks(self):
        at = self.empty()
        self.ask("new", "--with", "outbox,nats", "billing", cwd=at)
        self.assertIn('"nats"', (at / "billing/tidings.toml").read_text())
        self.ask("new", "--with", "outbox, nats", "shipping", cwd=at)
        self.assertIn('"nats"', (at / "shipping/tidings.toml").read_text())
        for wrong in (["orders", "--with", ","], ["orders", "--with", ",", "--dry-run"], ["orders", "--with", "--dry-run"], ["--with", "outbox"]):
            with self.subTest(wrong):
                self.ask("new", *wrong, cwd=at, status=2)
        _, why = self.ask("new", "billing", "--with", "docker", "--dry-run", cwd=at, status=1)
        self.assertIn("is not empty", why)
        self.assertEqual(sorted(path.name for path in at.iterdir()), ["billing", "shipping"])

    def test_json_and_what_nobody_said(self):
        at = self.empty()
        said, told = self.ask("--json", "new", "orders", cwd=at)
        self.assertEqual(told, "")
        made = json.loads(said)
        self.assertEqual((made["name"], made["folder"], made["layout"]), ("orders", "orders", "layered"))
        self.assertEqual(made["capabilities"], ["ci-github", "docker", "event-bus", "inbox", "outbox", "sqlite", "testing"])
        self.assertIn("src/main.cpp", made["files"])
        self.assertNotIn("critical", [one["severity"] for one in made["warnings"]])
        self.ask("check", cwd=at / "orders")  # nothing in it is an error
        self.assertNotIn("docker-without-health", [one["id"] for one in made["warnings"]])
        for folder in ("a\tb", "a\u202eb"):
            self.assertEqual(json.loads(self.ask("--json", "new", "orders", "--dry-run", "--into", folder, cwd=at)[0])["folder"], folder)
        self.assertIn("u202E", self.ask("--json", "new", "orders", "--dry-run", "--into", folder, cwd=at)[0], "no terminal turns it around")
        self.ask("new", "x", "--without", "event-bus", cwd=at)
        self.assertNotIn("outbox", (at / "x/tidings.toml").read_text())

    def test_what_stands_around_a_new_project_and_how_it_is_left_out(self):
        at = self.empty()
        listed, told = self.ask("new", "orders", "--with", "event-bus,outbox,nats", "--dry-run", cwd=at)
        for file in ("Dockerfile", "compose.yaml", ".github/workflows/ci.yml", "README.md", "tidings.toml", "tests/CMakeLists.txt"):
            self.assertIn(f"\n{file}\n", "\n" + listed)
        self.assertIn("as every new project it has ci-github,docker,testing (--without CAP leaves one out)\n", told)
        listed, told = self.ask("new", "orders", "--with", "outbox", "--without", "docker,ci-github", "--dry-run", cwd=at)
        self.assertNotRegex(listed, "Dockerfile|compose|workflows")
        self.assertNotRegex(told, "docker|ci-github")
        listed, _ = self.ask("new", "orders", "--with", "outbox,ci-gitlab", "--dry-run", cwd=at)
        self.assertIn(".gitlab-ci.yml\n", listed)
        self.assertNotIn("workflows", listed)
        listed, _ = self.ask("new", "orders", "--with", "outbox,ci-gitlab,ci-github", "--dry-run", cwd=at)
        self.assertIn("workflows", listed)

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
        self.ask("new", "orders", "--layout", "round", cwd=at, status=2)
        self.ask("new", "orders", "--with", "docker", "--without", "docker", cwd=at, status=2)
        self.ask("new", "orders", "--with", "outbox", "--without", "event-bus", cwd=at, status=2)
        for hidden in ("base", "http-server"):
            _, why = self.ask("new", "orders", "--with", "http-api", "--without", hidden, cwd=at, status=2)
            self.assertIn(f"'{hidden}' cannot be left out", why)
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

    def test_what_is_wrong_in_settings_of_no_generated_project_is_told_by_check(self):
        at = self.empty()
        (at / "main.cpp").write_text("int main() {}\n")
        for text, why in (('layout = "layerd"\n', "did you mean 'layered'?"), ("version = 2\n", "version = 1 only"),
                          ('[acknowledged]\nno-test = "none yet"\n', "did you mean 'no-tests'?"), ('layuot = "flat"\n', "did you mean 'layout'?")):
            with self.subTest(text):
                (at / "tidings.toml").write_text(text)
                _, told = self.ask("check", cwd=at, status=2)
                self.assertIn(why, told)
        (at / "tidings.toml").write_text('version = 1\n[acknowledged]\nno-tests = "none yet"\n')
        self.ask("check", cwd=at)

    def test_what_stands_where_the_record_should_is_told_at_once(self):
        at = self.empty()
        record = at / "tidings.toml"
        for make, kind in ((record.mkdir, "a folder"), (lambda: os.mkfifo(record), "a pipe"), (lambda: record.symlink_to("/dev/zero"), "a device")):
            with self.subTest(kind):
                make()
                _, told = self.ask("add", "docker", cwd=at, status=1)
                self.assertIn(f"tidings.toml is {kind} and no file", told)
                record.rmdir() if kind == "a folder" else record.unlink()

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

    def on_a_terminal(self, *arguments, cwd, answers, columns=80, lines=24, ends=False):
        """Its exit status and all that was said, where these are the answers and, where it `ends`, then the end of the input."""
        ours, its = os.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        process = subprocess.Popen([self.tidings, "new", *arguments], cwd=cwd, env=tools.environment(NO_COLOR="1"), stdin=its, stdout=its, stderr=its)
        os.close(its)
        os.write(ours, "".join(answer + "\n" for answer in answers).encode() + (b"\x04" if ends else b""))
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
        # All answers are there before the first question: the line's end that each has stands in front of all, not behind its question.
        said = re.sub(r"(name: |\[1\]: |\[Y/n\] |or nothing: )(?!\n)", r"\1\n", said.decode().replace("\r\n", "\n"))
        return process.wait(timeout=60), said

    def test_asked_on_a_terminal(self):
        at = self.empty()
        # Two names that are none, hexagonal by its number, NATS by its name, a database that is not there, SQLite, an outbox, no Docker, a workflow, a typo
        # and then more, and yes.
        answers = ("", "a b", "orders", "2", "nats", "9", "sqlite", "maybe", "y", "n", "", "gracefull", "kafka", "graceful ddd", "y")
        status, said = self.on_a_terminal(cwd=at, answers=answers)
        self.assertEqual(status, 0, said)
        self.assertIn("did you mean 'graceful'?", said)
        self.assertIn("tidings bridge", said)  # Kafka beside NATS: asked for again, and no other answer is lost
        self.assertIn("There is no '9'", said)
        self.assertIn("'maybe' is no answer", said)
        self.assertNotIn("(inbox)?", said)  # it comes with the outbox
        record = (at / "orders/tidings.toml").read_text()
        for name in ("hexagonal", "nats", "sqlite", "outbox", "ci-github", "graceful", "ddd", "event-bus", "testing", "inbox"):
            self.assertIn(f'"{name}"', record)
        self.assertNotIn("docker", record)
        # Warnings are told in full once, behind the last question.
        before, after = said.split("Make it? [Y/n] \n")
        self.assertNotIn("\n  -> ", before)
        self.assertEqual(after.count("broker-without-health\n"), 1)
        # What else there is has a title, and nothing that is there anyway.
        more = before[before.index("What else?"):]
        self.assertIn("dead-letters: Dead letters", more)
        for name in ("event-bus:", "testing:", "outbox:", "docker:", "nats:"):
            self.assertNotIn(f" {name}", more)

    def test_lines_on_a_terminal_are_no_longer_than_it_is_wide(self):
        folder = self.empty()
        for columns in (70, 80, 120):
            at = folder / str(columns)
            at.mkdir()
            status, said = self.on_a_terminal("orders", cwd=at, answers=("", "nats", "none", "y", "y", "", "y"), columns=columns)
            self.assertEqual(status, 0, said)
            self.assertNotIn("(outbox)?", said)
            said = said[said.index("A new service"):]
            self.assertLessEqual(max(map(len, said.splitlines())), columns, said)
            listed = said[said.index("What else?"):said.index("Names, with")]
            self.assertLess(len(listed.splitlines()), 24 if columns >= 80 else 40, listed)

    def test_who_ends_the_questions_makes_nothing(self):
        at = self.empty()
        for answers in ((), ("", "nats"), ("", "", "", "", "", "", "", "n")):
            status, said = self.on_a_terminal("orders", cwd=at, answers=answers, ends=True)
            self.assertEqual(status, 1, said)
            self.assertTrue(said.endswith("\nNothing is made.\n"), said)
            self.assertEqual(list(at.iterdir()), [])
        (at / "orders").mkdir()
        (at / "orders/file").touch()
        status, said = self.on_a_terminal("orders", cwd=at, answers=())
        self.assertIn("not empty", said)
        self.assertNotIn("?", said)

    def test_the_page_is_what_the_program_prints(self):
        page = (tools.SOURCE / "docs/capabilities.md").read_text(encoding="utf-8")
        printed, _ = self.ask("capabilities", "--markdown", cwd=self.folder)
        self.assertEqual(page, printed, "make it anew: build/bin/tidings capabilities --markdown > docs/capabilities.md")


if __name__ == "__main__":
    unittest.main(verbosity=2)
