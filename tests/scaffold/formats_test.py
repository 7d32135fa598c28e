"""What a generated project has for other programs, read by these: Docker, Compose, GitHub's and GitLab's pipelines, pre-commit, dev containers, just, make.
script/formats fetches them. Nothing is run in a container, since that takes a daemon and a registry.

usage: formats_test.py BUILD
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

import projects
import tools

TIDINGS = pathlib.Path(sys.argv.pop(1)).resolve() / "bin/tidings"
FOLDER = pathlib.Path(subprocess.run([tools.SOURCE / "script/formats", "--path"], capture_output=True, text=True, check=True).stdout.strip())
READ = ("docker", "ci-github", "ci-gitlab", "devcontainer", "pre-commit", "linting", "just", "makefile")
# What hadolint says and we do not follow stands in the files, with the reason.
HADOLINT = ("--strict-labels", "--failure-threshold", "info")


def run(program, *arguments, fails=False, **environment):
    program = FOLDER / "bin" / program
    if program.name == "docker-compose":  # the one in Python before it says 0 of everything
        (program,) = program.resolve().parent.parent.glob("lib/python3*/site-packages/compose/docker-compose")
    return tools.run(program, *arguments, fails=fails, env=tools.environment(NO_COLOR="1", **environment))


class Formats(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not FOLDER.is_dir():
            if subprocess.run([tools.SOURCE / "script/formats", "--check"]).returncode == 0:
                raise unittest.SkipTest("no python3-venv: nothing was fetched that reads them")
            raise AssertionError("script/formats fetches what reads these files")
        cls.folder = tools.temporary(cls)
        listed = subprocess.run([TIDINGS, "capabilities", "--json"], capture_output=True, text=True, check=True)
        capabilities = {one["name"]: one for one in map(json.loads, listed.stdout.splitlines())}
        # Each with all of READ, and all that go together.
        together = []
        for name in sorted(capabilities, key=lambda name: (name in ("embedded-log", "sqlite"), name)):
            if not any(projects.are_in_conflict(capabilities, name, other) for other in together):
                together.append(name)
        choices = {name: [name] for name in capabilities} | {"none": [], "together": together}
        cls.made = {name: cls.make(name, [*READ, *more]) for name, more in choices.items()}
        cls.made["without-tests"] = cls.make("without-tests", READ, "--without", "testing")

    @classmethod
    def make(cls, at, names, *more):
        tools.run(TIDINGS, "new", "orders", "--into", cls.folder / at, "--with", ",".join(dict.fromkeys(names)), *more)
        return cls.folder / at

    def each(self, path):
        return [project / path for project in self.made.values()]

    def wrong(self, path, old, new):
        """A copy of one that is wrong."""
        text = (self.made["none"] / path).read_text()
        self.assertIn(old, text)
        copy = pathlib.Path(tempfile.mkdtemp(dir=self.folder)) / pathlib.Path(path).name
        copy.write_text(text.replace(old, new))
        return copy

    def test_docker_reads_the_dockerfiles(self):
        run("hadolint", *HADOLINT, *self.each("Dockerfile"), *self.each(".devcontainer/Dockerfile"))
        run("hadolint", *HADOLINT, self.wrong("Dockerfile", "COPY . /source", "COPPY . /source"), fails=True)

    def test_compose_takes_the_compose_files(self):
        for file in self.each("compose.yaml"):
            with self.subTest(file.parent.name):
                taken = json.loads(run("docker-compose", "--file", file, "config", "--format", "json"))  # with nothing set, as who starts one of its servers
                for name, service in taken["services"].items():
                    for mount in service.get("volumes", []):
                        self.assertIn(mount["source"], taken["volumes"], name)
                service = taken["services"].pop("orders")
                self.assertEqual(set(service.get("depends_on", {})), set(taken["services"]), "it waits for all servers")
                self.assertEqual(service["build"]["additional_contexts"]["tidings"], str(file.parent.parent / "tidings"))
                keys = service.get("environment", {}).get("TIDINGS_ENCRYPTION_KEYS")
                self.assertEqual(keys, "none" if file.parent.name == "encryption" else keys, "no key, and so an error")
        run("docker-compose", "--file", self.wrong("compose.yaml", "restart:", "restarts:"), "config", fails=True)

    def test_what_it_keeps_is_in_a_volume(self):
        for name, keeps in {"sqlite": True, "embedded-log": True, "outbox": True, "event-bus": True, "kafka": False, "nats": False}.items():
            text = (self.made[name] / "compose.yaml").read_text()
            self.assertEqual('- "data:/data"' in text, keeps, name)
        # Whatever its settings say stands in a folder beside it.
        for name, project in self.made.items():
            if re.search(r'"[a-z]+:\./', (project / "orders.toml").read_text()):
                self.assertIn('- "data:/data"', (project / "compose.yaml").read_text(), name)

    def test_pipelines_of_github(self):
        path = ".github/workflows/ci.yml"
        run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *self.each(path))
        run("actionlint", *self.each(path))
        run("actionlint", self.wrong(path, "github.ref", "github.reff"), fails=True)

    def test_pipelines_of_gitlab(self):
        gitlab = ("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
        run(*gitlab, *self.each(".gitlab-ci.yml"))
        run(*gitlab, self.wrong(".gitlab-ci.yml", "script:\n", "skript:\n"), fails=True)

    def test_hooks_of_pre_commit(self):
        said = run("pre-commit", "validate-config", *self.each(".pre-commit-config.yaml"))
        # Debian 12 has 3.0, which knows no other name for it.
        self.assertEqual([line for line in said.splitlines() if "deprecated stage names (push)" not in line], [])
        run("pre-commit", "validate-config", self.wrong(".pre-commit-config.yaml", "entry:", "enter:"), fails=True)

    @unittest.skipUnless((FOLDER / "node_modules").is_dir(), "no npm: nothing that reads dev containers was fetched")
    def test_dev_containers(self):
        for name in ("none", "together", "postgres"):
            project = self.made[name]
            with self.subTest(name):
                said = tools.run(FOLDER / "node_modules/.bin/devcontainer", "read-configuration", "--docker-path", "true", "--workspace-folder", project,
                                 env=tools.environment(TIDINGS_SOURCE="/sources"))
                (read,) = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
                self.assertEqual(read["configuration"]["build"]["options"], ["--build-context", "tidings=/sources"])
                self.assertTrue((project / ".devcontainer" / read["configuration"]["build"]["dockerfile"]).exists())

    def test_just_and_make_would_do_what_their_help_says(self):
        for name in ("none", "together", "without-tests"):
            for target in ("build", "test", "run", "clean"):
                with self.subTest(f"{name}: {target}"):
                    done = {"build": "cmake --build", "test": "ctest --preset default", "run": "build/bin/orders", "clean": "rm -rf build"}[target]
                    if (name, target) == ("without-tests", "test"):
                        done = "cmake --build"
                    self.assertIn(done, run("just", "--justfile", self.made[name] / "justfile", "--dry-run", target))
                    if make := shutil.which("make"):
                        self.assertIn(done, tools.run(make, "--dry-run", "-C", self.made[name], target))

    @unittest.skipUnless(shutil.which("clang-tidy-19"), "no clang-tidy-19 here")
    def test_clang_tidy_knows_all_of_its_settings(self):
        said = tools.run("clang-tidy-19", "--verify-config", f"--config-file={self.made['linting'] / '.clang-tidy'}")
        self.assertIn("No config errors detected", said)

    def test_every_package_that_is_named_is_one_of_debians(self):
        named = set()
        for text in (path.read_text() for path in self.each("Dockerfile")):
            named |= set(re.search(r"recommends \\\n(.*?)&& rm", text, re.DOTALL)[1].replace("\\", " ").split())
        self.assertGreater(len(named), 8)
        if not shutil.which("apt-cache"):
            self.skipTest("no apt-cache here")
        known = subprocess.run(["apt-cache", "pkgnames"], capture_output=True, text=True, check=True).stdout.split()
        if len(known) < 10_000:
            self.skipTest("the lists of Debian's packages are not there: apt-get update")
        self.assertEqual(named - set(known), set())


if __name__ == "__main__":
    os.chdir(tempfile.gettempdir())
    unittest.main(verbosity=2)
