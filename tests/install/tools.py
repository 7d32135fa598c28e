"""What the tests of installing share: commands with their output on failure, and an environment without Tidings' settings."""

import os
import pathlib
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIDINGS_", "PKG_CONFIG", "DESTDIR"))}
    return {**kept, **more}


def run(*command, fails=False, **options):
    """Standard output and error as one text; asserts how it ended."""
    options = {"env": environment(), "timeout": 280, **options}
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert (done.returncode != 0) == fails, f"{' '.join(map(str, command))}\nexit {done.returncode}\n{done.stdout}"
    return done.stdout


def configure(source, build, *options, generator="Ninja", fails=False):
    options = list(options)
    if ccache := shutil.which("ccache"):
        options.append(f"-DCMAKE_CXX_COMPILER_LAUNCHER={ccache}")
    return run("cmake", "-G", generator, "-S", source, "-B", build, *options, fails=fails)


def build(folder, *targets, config=None):
    config = ["--config", config] if config else []
    return run("cmake", "--build", folder, "--parallel", "2", *config, *(["--target", *targets] if targets else []))


def on_one_line(text):
    """CMake breaks its errors into lines."""
    return " ".join(text.split())


def files(folder):
    return sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file())


def temporary(test):
    folder = tempfile.TemporaryDirectory(prefix="tidings-install-")
    test.addClassCleanup(folder.cleanup)
    return pathlib.Path(folder.name)


def cached(build_folder, name):
    for line in (pathlib.Path(build_folder) / "CMakeCache.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(name + ":"):
            return line.split("=", 1)[1]
    return ""
