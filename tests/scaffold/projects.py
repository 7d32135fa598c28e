"""What the tests of the scaffolder share: an installed Tidings, and projects that are made, configured, built and tested over it."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "install"))
import tools  # noqa: E402

NAME = "orders"  # always the same, so that ccache knows what it has compiled for another project


class Workshop:
    """A folder with an installed Tidings, in which projects are made."""

    def __init__(self, folder, build, compiler):
        self.folder = pathlib.Path(folder)
        self.compiler = compiler
        self.prefix = self.folder / "prefix"
        self.tidings = self.prefix / "bin/tidings"
        tools.run("cmake", "--install", build, "--prefix", self.prefix)
        self.made = 0

    def run(self, *command, **options):
        # Sources and headers are told by where they stand within the folder, whatever that is called today.
        environment = tools.environment(CCACHE_BASEDIR=str(self.folder), CCACHE_NOHASHDIR="1", NO_COLOR="1")
        return tools.run(*command, env=environment, **options)

    def capabilities(self):
        return {one["name"]: one for one in map(json.loads, self.run(self.tidings, "capabilities", "--json").splitlines())}

    def new(self, *arguments):
        """A project in a folder of its own; its path. Files around it only where they are named, so that a pair is a pair."""
        self.made += 1
        named = {name for given in arguments for name in str(given).replace(",", " ").split()}
        without = [name for name in ("docker", "ci-github") if name not in named]
        at = self.folder / f"{self.made}"
        self.run(self.tidings, "new", NAME, "--into", at / NAME, *arguments, *(["--without", ",".join(without)] if without else []))
        return at / NAME

    def configure(self, project):
        launcher = [f"-DCMAKE_CXX_COMPILER_LAUNCHER={ccache}"] if (ccache := shutil.which("ccache")) else []
        self.run("cmake", "--preset", "default", f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_CXX_COMPILER={self.compiler}",
                 "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON", *launcher, cwd=project)

    def build_and_test(self, project):
        self.run("cmake", "--build", "--preset", "default", "--parallel", "2", cwd=project, timeout=600)
        if (project / "tests").is_dir():
            said = self.run("ctest", "--preset", "default", cwd=project)
            assert "100% tests passed" in said, said


def check_format(project):
    """The sources are as the project's own .clang-format has them."""
    formatter = shutil.which("clang-format-19") or shutil.which("clang-format")
    sources = [str(path) for path in tools.files(project) if path.suffix in (".cpp", ".hpp") and "build" not in path.parts]
    if formatter and sources:
        tools.run(formatter, "--dry-run", "-Werror", *sources)


def are_in_conflict(capabilities, one, other):
    names = lambda name: {conflict["capability"] for conflict in capabilities[name]["conflicts"]}
    return other in names(one) or one in names(other)


def pairs(capabilities):
    names = sorted(capabilities)
    return [(one, other) for at, one in enumerate(names) for other in names[at + 1:] if not are_in_conflict(capabilities, one, other)]


def start(program, *arguments, cwd, env=None):
    """The service; waits until it says that it has started."""
    process = subprocess.Popen([program, *arguments], cwd=cwd, env=env or tools.environment(), stderr=subprocess.PIPE, text=True)
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "started on " in line:  # in a line of text, or in a text of JSON
            # What it says from here on is for nobody, and must not fill the pipe.
            threading.Thread(target=lambda: [None for _ in process.stderr], daemon=True).start()
            return process
    process.wait()
    raise AssertionError(f"{program} did not start: {''.join(lines)}")


def seed():
    """TORTURE_SEED, else the day: every day takes another slice. Printed, so that what failed can be done again."""
    said = int(os.environ.get("TORTURE_SEED", time.time() // (24 * 60 * 60)))
    print(f"TORTURE_SEED={said}", flush=True)
    return said


def seconds():
    """How long a whole run may go on beginning something new."""
    return int(os.environ.get("TORTURE_SECONDS", "3000"))
