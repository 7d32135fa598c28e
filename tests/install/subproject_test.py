"""Tidings as a part of a user's project: add_subdirectory builds and runs; the parent's settings stay as they were.

usage: subproject_test.py CXX
"""

import json
import sys
import unittest

import tools

CXX = sys.argv.pop(1)


class Subproject(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tools.temporary(cls)

    def configure(self, how, *options):
        out = self.folder / how
        said = tools.configure(
            tools.HERE / "subproject", out, f"-DHOW={how}", f"-DTIDINGS_TREE={tools.SOURCE}", f"-DCMAKE_CXX_COMPILER={CXX}", *options)
        return out, said

    def test_add_subdirectory(self):
        out, _ = self.configure("add_subdirectory", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
        self.assertEqual(tools.cached(out, "CMAKE_BUILD_TYPE"), "")
        for line in json.loads((out / "compile_commands.json").read_text(encoding="utf-8")):
            if "inside.cpp" not in line["file"]:
                self.assertNotIn("-Werror", line["command"])
                self.assertNotIn("-Wall", line["command"])
        tools.build(out, "inside", "plugin")
        self.assertEqual(tools.run(out / "inside"), "mail for 7\n")
        # Nothing of Tidings is tested or installed by its parent.
        self.assertIn("Total Tests: 0", tools.run("ctest", "--test-dir", out, "-N"))
        tools.run("cmake", "--install", out, "--prefix", self.folder / "prefix")
        self.assertEqual([path.name for path in tools.files(self.folder / "prefix")], ["inside"])

    def test_fetch_content(self):
        out, said = self.configure("FetchContent")
        self.assertNotIn("left out", said)
        self.assertIn("tidings_testing", tools.run("cmake", "--build", out, "--target", "help"))

    def test_a_parent_needs_no_library_of_the_programs(self):
        _, said = self.configure("add_subdirectory_without", "-DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON")
        self.assertNotIn("left out", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
