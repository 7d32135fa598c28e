"""Every installed header compiles by itself, without a warning.

usage: headers_test.py BUILD CXX
"""

import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile
import unittest

import tools

BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
CXX = sys.argv.pop(1)


# Some are for who has a handle of a library's; libpq's headers stand where only pkg-config knows.
LIBPQ = [flag.replace("-I", "-isystem", 1) for flag in subprocess.run(["pkg-config", "--cflags", "libpq"], capture_output=True, text=True, check=True).stdout.split()]


def why_not_alone(include, header):
    command = [CXX, "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", f"-I{include}", *LIBPQ, "-x", "c++", "-"]
    done = subprocess.run(command, input=f'#include "{header}"\n', capture_output=True, text=True, timeout=200)
    return f"{header}:\n{done.stderr}" if done.returncode != 0 else ""


class Headers(unittest.TestCase):
    def test_each_alone(self):
        with tempfile.TemporaryDirectory(prefix="tidings-install-") as prefix:
            tools.run("cmake", "--install", BUILD, "--prefix", prefix, "--component", "libraries")
            include = pathlib.Path(prefix) / "include"
            headers = [path.relative_to(include) for path in tools.files(include)]
            self.assertGreater(len(headers), 30)
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                self.assertEqual([why for why in pool.map(lambda header: why_not_alone(include, header), headers) if why], [])

    def test_one_that_needs_another_first_would_be_seen(self):
        with tempfile.TemporaryDirectory() as include:
            (pathlib.Path(include) / "lame.hpp").write_text("inline std::string lame() { return {}; }\n")
            self.assertIn("lame.hpp", why_not_alone(include, "lame.hpp"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
