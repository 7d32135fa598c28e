"""Runs a fuzz program for a while, from seeds that it makes itself: `fuzz.py PROGRAM`. A finding fails, and stays beside the program.

TORTURE_SEED is the seed, TORTURE_FUZZ_SECONDS how long, 60 unless told."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

EXECUTIONS_MIN = 1000  # fewer, and nothing was tried


def main(program):
    name = program.name
    seed = int(os.environ.get("TORTURE_SEED", time.time())) % 2**31 or 1
    seconds = int(os.environ.get("TORTURE_FUZZ_SECONDS", 60))
    work = program.parent.parent / "fuzz" / name
    shutil.rmtree(work / "corpus", ignore_errors=True)
    (work / "corpus").mkdir(parents=True)
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="tidings-fuzz-", dir=in_memory) as scratch:
        return fuzz(program, work, seed, seconds, {**os.environ, "TMPDIR": scratch})


def fuzz(program, work, seed, seconds, environment):
    name = program.name
    subprocess.run([program, f"--write-seeds={work / 'corpus'}"], check=True, env=environment)
    seeds = len(list((work / "corpus").iterdir()))
    for before in work.glob("*-*"):
        before.unlink()
    command = [program, work / "corpus", f"-max_total_time={seconds}", f"-seed={seed}", "-print_final_stats=1", "-timeout=20",
               "-rss_limit_mb=2048", "-max_len=8192", "-use_value_profile=1", f"-artifact_prefix={work}/"]
    dictionary = pathlib.Path(__file__).with_name("json.dict")
    if name in ("json_fuzz", "cloud_events_fuzz"):
        command.append(f"-dict={dictionary}")
    began = time.monotonic()
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", timeout=seconds + 300,
                         env=environment)
    executions = re.findall(r"stat::number_of_executed_units:\s*(\d+)", ran.stdout)
    executions = int(executions[0]) if executions else 0
    print(f"{name}: seed {seed}, {seeds} inputs to begin with, {executions:,} executions in {time.monotonic() - began:.0f} s")
    if ran.returncode == 0 and seeds > 0 and executions >= EXECUTIONS_MIN:
        return 0
    print("\n".join(ran.stdout.splitlines()[-60:]))
    for found in work.glob("*-*"):
        print(f"{name}: found; again with: {program} {found}")
    return 1


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
