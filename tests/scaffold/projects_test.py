"""Projects that are built and tested over an installed Tidings: a slice drawn by a seed, or with --whole each capability alone and every pair.

usage: projects_test.py BUILD CXX [--whole]

A whole run writes down in BUILD/torture/scaffold what has passed, under a hash of what was generated and of what it was built over, so that one that
was stopped goes on where it was. What fails is told at the end, and hides nothing else. It builds each capability alone, then configures
every pair, then builds as many pairs as TORTURE_SECONDS (3000) leave time for, in an order of the seed; runs that follow build the rest.
"""

import hashlib
import pathlib
import random
import shutil
import sys
import tempfile
import time

import projects
import tools

LAYOUTS = ["layered", "hexagonal", "flat"]
BUILDS_AT_LEAST = 30  # pairs, however slow the machine


def hash_of(*folders):
    """Of every file's path and content."""
    made = hashlib.sha256()
    for folder in folders:
        for path in tools.files(folder):
            made.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return made.hexdigest()


class Run:
    def __init__(self, folder, build, compiler, seconds):
        self.workshop = projects.Workshop(folder, build, compiler)
        self.capabilities = self.workshop.capabilities()
        self.until = time.monotonic() + seconds
        self.notes = None  # where it is written down what has passed
        self.failed = []

    def remember_in(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        prefix = self.workshop.prefix
        self.stands_on = hash_of(prefix / "include", prefix / "lib")
        self.notes = folder

    def make(self, names, layout, is_built):
        """Whether it was made now, and had not passed before."""
        what = f"{'built' if is_built else 'configured'}: {', '.join(names)}, {layout}"
        project = self.workshop.new("--with", ",".join(names), "--layout", layout)
        try:
            if self.notes:
                note = self.notes / hashlib.sha256(f"{is_built} {self.stands_on} {hash_of(project)}".encode()).hexdigest()
                if note.exists():
                    return False
            print(what, flush=True)
            projects.check_format(project)
            self.workshop.configure(project)
            if is_built:
                self.workshop.build_and_test(project)
            if self.notes:
                note.write_text(what + "\n")
        except Exception as why:  # one that a tool did not end in time is as bad
            print(f"FAILED {what}: {why}", flush=True)
            self.failed.append(what)
        finally:
            shutil.rmtree(project.parent)
        return True


def layout_of(names):
    """Always the same, so that what has passed is found again; a third each."""
    return LAYOUTS[hashlib.sha256(" ".join(names).encode()).digest()[0] % 3]


def slice_of(run, chance):
    for name in chance.sample(sorted(run.capabilities), 3):
        run.make([name], chance.choice(LAYOUTS), is_built=True)
    pairs = chance.sample(projects.pairs(run.capabilities), 10)
    for at, pair in enumerate(pairs):
        run.make(pair, chance.choice(LAYOUTS), is_built=at < 3)


def whole(run, chance):
    for name in sorted(run.capabilities):
        run.make([name], layout_of([name]), is_built=True)
    pairs = projects.pairs(run.capabilities)
    chance.shuffle(pairs)
    built = sum(run.make(pair, layout_of(pair), is_built=True) for pair in pairs[:BUILDS_AT_LEAST])
    for pair in pairs:
        run.make(pair, layout_of(pair), is_built=False)
    left = pairs[BUILDS_AT_LEAST:]
    while left and time.monotonic() < run.until:
        built += run.make(left[0], layout_of(left.pop(0)), is_built=True)
    print(f"{built} pairs built now, {len(left)} left of {len(pairs)} for runs that follow", flush=True)


def main():
    build, compiler = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    with tempfile.TemporaryDirectory(prefix="tidings-scaffold-") as folder:
        run = Run(folder, build, compiler, projects.seconds())
        if "--whole" in sys.argv:
            run.remember_in(build / "torture/scaffold")
            whole(run, random.Random(projects.seed()))
        else:
            slice_of(run, random.Random(projects.seed()))
        if run.failed:
            sys.exit("failed:\n" + "\n".join(run.failed))


main()
