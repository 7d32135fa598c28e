"""Projects that are built and tested over an installed Tidings: a slice drawn by a seed, or with --whole each capability alone, and every pair configured.

usage: projects_test.py BUILD CXX [--whole]
"""

import pathlib
import random
import sys
import tempfile

import projects

build, compiler = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
whole = "--whole" in sys.argv

with tempfile.TemporaryDirectory(prefix="tidings-scaffold-") as folder:
    workshop = projects.Workshop(folder, build, compiler)
    capabilities = workshop.capabilities()
    chance = random.Random(projects.seed())
    alone = sorted(capabilities)
    pairs = projects.pairs(capabilities)
    layouts = ["layered", "hexagonal", "flat"]
    if not whole:
        alone = chance.sample(alone, 3)
        pairs = chance.sample(pairs, 10)
    built_pairs = chance.sample(pairs, min(len(pairs), 30 if whole else 3))
    for name in alone:
        layout = chance.choice(layouts)
        print(f"alone: {name}, {layout}", flush=True)
        project = workshop.new("--with", name, "--layout", layout)
        projects.check_format(project)
        workshop.configure(project)
        workshop.build_and_test(project)
    for pair in pairs:
        layout = chance.choice(layouts)
        is_built = pair in built_pairs
        print(f"{'built' if is_built else 'configured'}: {', '.join(pair)}, {layout}", flush=True)
        project = workshop.new("--with", ",".join(pair), "--layout", layout)
        projects.check_format(project)
        workshop.configure(project)
        if is_built:
            workshop.build_and_test(project)
