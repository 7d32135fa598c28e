"""What README of a generated project tells its user to run, run in its order: a project of some capabilities every day, with --whole one of all that go together.

usage: readme_test.py BUILD CXX [--whole]
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import projects
import tools

SOME = "embedded-log,outbox,inbox,dead-letters,http-api,health,projection,graceful,makefile"
# What is not run, by its first words, and why.
LEFT_OUT = {
    "apt-get install": "what this machine has is not for a test to change",
    "TIDINGS_SOURCE=../tidings docker compose": "takes a daemon and a registry",
    "devcontainer up": "takes a daemon and a registry",
    "pre-commit install": "takes a clone of git",
    "just": "no package of Debian 12; formats_test.py has it",
    "sqlite3": "a program of another",
}
IN_TEXT = ("curl ", "tidings ", "build/bin/orders", "make ")
PATIENCE_S = 120


def commands_of(readme):
    """Each line of its blocks, and in its text what is a command whole, in their order."""
    for block, inline in re.findall(r"^```sh\n(.*?)^```|`([^`\n]+)`", readme, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
        if inline.startswith(IN_TEXT) and " " in inline:
            yield inline


def free_port():
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        return own.getsockname()[1]


class Reader:
    """Somebody who has opened two shells in the project's folder, and types what stands there."""

    def __init__(self, workshop, project):
        self.workshop, self.project = workshop, project
        self.environment = tools.environment(PATH=f"{workshop.tidings.parent}:{os.environ['PATH']}", CMAKE_PREFIX_PATH=str(workshop.prefix),
                                             CMAKE_CXX_COMPILER_LAUNCHER=shutil.which("ccache") or "")
        self.service = None
        self.ran = []
        # Ports of its own, instead of those that every generated service has.
        self.ports = {port: str(free_port()) for port in ("8080", "9464")}
        settings = project / "orders.toml"
        settings.write_text(self.with_own_ports(settings.read_text()))

    def with_own_ports(self, text):
        return re.sub(r"127\.0\.0\.1:(8080|9464)", lambda found: "127.0.0.1:" + self.ports[found[1]], text)

    def run(self, command, status=0):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=self.project, env=self.environment, capture_output=True, text=True, timeout=900)
        assert done.returncode == status, f"{command}\nexit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def eventually(self, command, pattern):
        until = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, said := self.run(command))):
            assert time.monotonic() < until, f"{command} never said {pattern}: {said}"
            time.sleep(0.05)
        return found

    def start(self, program):
        self.service = projects.start(self.project / program, cwd=self.project, env=self.environment)

    def type(self, command):
        """A line of README; what it has for names is filled in."""
        command = self.with_own_ports(command.partition("   #")[0].strip())
        if not command or command.startswith(tuple(LEFT_OUT)):
            return
        self.ran.append(command)
        if command == "build/bin/orders":
            self.start(command)
        elif command.startswith("export "):
            name = command[len("export "):].partition("=")[0]
            self.environment[name] = self.run(f"{command}; printf %s \"${name}\"")
        elif {"ID", "URL", "CAPABILITY"} & set(command.split()):
            self.run(self.filled_in(command))
        elif command.startswith("make run"):
            pass  # the service, which runs already
        else:
            said = self.run(command)
            if "tail" in command:
                assert re.search(r'orders\.accepted  7  \{"id":"7","quantity":3\}', said), said
            if command.startswith("curl -i"):
                assert re.match(r"HTTP/1.1 20\d ", said), said

    def filled_in(self, command):
        command = command.replace("URL", "sqlite:./orders.db").replace("CAPABILITY", "uuid")
        if command.startswith("tidings dead-letters show"):
            self.run("""echo '{"id":"8","quantity":"many"}' | tidings publish orders.requests --type orders.requested --key-field id""")
            return command.replace("ID", self.eventually("tidings dead-letters list --json", r'"id":"([^"]+)"')[1])
        if command.startswith("tidings sagas"):
            return command.replace("ID", self.eventually("tidings sagas list --store sqlite:./orders.db --json", r'"key":"([^"]+)"|"id":"([^"]+)"')[1] or "7")
        if command.startswith("tidings trace"):
            said = self.run(self.with_own_ports("curl -si http://127.0.0.1:8080/requests -H 'Idempotency-Key: 2' -d '{\"id\":\"17\",\"quantity\":3}'"))
            return command.replace("ID", re.search(r"X-Request-Id: (\S+)", said)[1])
        return command

    def stop(self):
        if self.service:
            self.service.send_signal(signal.SIGTERM)
            assert self.service.wait(timeout=PATIENCE_S) == 0
            self.service.stderr.close()
            self.service = None


def main():
    whole = "--whole" in sys.argv
    with tempfile.TemporaryDirectory(prefix="tidings-readme-") as folder:
        workshop = projects.Workshop(folder, pathlib.Path(sys.argv[1]).resolve(), sys.argv[2])
        asked = SOME
        if whole:
            capabilities = workshop.capabilities()
            together = ["embedded-log", "sqlite"]
            for name in sorted(capabilities):
                if name not in together and not any(projects.are_in_conflict(capabilities, name, other) for other in together):
                    together.append(name)
            asked = ",".join(together)
        project = workshop.new("--with", asked)
        reader = Reader(workshop, project)
        try:
            for command in commands_of((project / "README.md").read_text()):
                print(command, flush=True)
                reader.type(command)
        finally:
            reader.stop()
        assert len(reader.ran) > 12, reader.ran
        assert any(command.startswith("tidings tail") for command in reader.ran)


main()
