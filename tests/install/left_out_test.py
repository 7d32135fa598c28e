"""What lacks its library is left out and says so; who asks the installed package for it is told why. And a build that is not whole is not installed.

usage: left_out_test.py CXX
"""

import pathlib
import re
import sys
import tempfile
import unittest

import tools

CXX = sys.argv.pop(1)
ASK = """cmake_minimum_required(VERSION 3.25)
project(ask LANGUAGES CXX)
find_package(tidings REQUIRED COMPONENTS {room})
add_executable(ask ask.cpp)
target_link_libraries(ask PRIVATE tidings::{room})
"""
EVERYTHING = """cmake_minimum_required(VERSION 3.25)
project(everything LANGUAGES CXX)
find_package(tidings REQUIRED)
if(NOT TARGET tidings::base OR TARGET tidings::event OR tidings_event_FOUND)
  message(FATAL_ERROR "base is there, and event is not")
endif()
find_package(tidings REQUIRED QUIET)
"""
# A project of one room, whose library only pkg-config knows.
CELLAR = {
    "LICENSE": "none\n",
    "CMakeLists.txt": f"""cmake_minimum_required(VERSION 3.25)
project(tidings VERSION 0.1.0 LANGUAGES CXX DESCRIPTION "A cellar")
list(APPEND CMAKE_MODULE_PATH "{tools.SOURCE}/cmake")
include(Options)
include(Needs)
include(Room)
add_subdirectory(cellar)
include(Install)
""",
    "cellar/CMakeLists.txt": "tidings_needs(hash PKGCONFIG libxxhash DEBIAN libxxhash-dev)\ntidings_room(cellar)\n",
    "include/tidings/cellar/cellar.hpp": "unsigned long cellar();\n",
    "cellar/cellar.cpp": "#include <tidings/cellar/cellar.hpp>\n#include <xxhash.h>\nunsigned long cellar() { return XXH64(\"\", 0, 0); }\n",
}
USE_CELLAR = "#include <tidings/cellar/cellar.hpp>\nint main() { return cellar() == 0xEF46DB3751D8E999 ? 0 : 1; }\n"


def write(folder, files):
    for name, text in files.items():
        path = pathlib.Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


class LeftOut(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidings-install-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.build = self.folder / "build"

    def configure_without(self, *packages, options=("-DTIDINGS_TESTS=OFF",), fails=False):
        options = [f"-DCMAKE_CXX_COMPILER={CXX}", *options, *(f"-DCMAKE_DISABLE_FIND_PACKAGE_{package}=ON" for package in packages)]
        return tools.configure(tools.SOURCE, self.build, "--fresh", *options, fails=fails)

    def left_out(self, said):
        return dict(re.findall(r"-- tidings: (\w+) is left out: (.*)", said))

    def ask(self, prefix, room, program, fails=False):
        project = write(self.folder / f"ask-{room}", {"CMakeLists.txt": ASK.format(room=room), "ask.cpp": program})
        said = tools.configure(project, project / "build", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={CXX}", fails=fails)
        if not fails:
            tools.build(project / "build")
            tools.run(project / "build/ask")
        return tools.on_one_line(said)

    def test_the_command_line_without_cli11(self):
        said = self.configure_without("CLI11")
        self.assertEqual(self.left_out(said), {"cli": "CLI11 is missing (Debian: libcli11-dev)"})
        targets = tools.run("cmake", "--build", self.build, "--target", "help")
        self.assertIn("shop-orders:", targets)
        self.assertNotIn("bin/tidings:", targets)

    def test_the_command_line_without_mustache(self):
        why = "mustache is missing (Debian: libkainjow-mustache-dev)"
        self.assertEqual(self.left_out(self.configure_without("mustache")), {name: why for name in ("scaffold", "cli")})

    def test_the_service_without_tomlplusplus(self):
        said = self.configure_without("tomlplusplus")
        why = "tomlplusplus is missing (Debian: libtomlplusplus-dev)"
        self.assertEqual(self.left_out(said), {name: why for name in ("service", "testing", "shop", "scaffold", "cli")})
        self.assertIn("tidings_brokers:", tools.run("cmake", "--build", self.build, "--target", "help"))

    def test_the_service_without_openssl(self):
        said = self.configure_without("OpenSSL")
        why = "OpenSSL is missing (Debian: libssl-dev)"
        self.assertEqual(self.left_out(said), {name: why for name in ("encryption", "service", "testing", "shop", "cli")})
        there = tools.run("cmake", "--build", self.build, "--target", "help")
        self.assertIn("tidings_outbox:", there)
        self.assertIn("tidings_ops:", there, "which can do without")

    def test_base_alone_installs_and_tells_what_it_lacks(self):
        self.configure_without("simdjson")
        build, prefix = self.build, self.folder / "prefix"
        said = tools.on_one_line(tools.run("cmake", "--install", build, "--prefix", prefix, fails=True))
        self.assertIn("nothing is installed, since the build lacks libtidings_base.a. Build everything first: cmake --build", said)
        self.assertFalse(prefix.exists())
        tools.build(build)
        tools.run("cmake", "--install", build, "--prefix", prefix)
        self.assertEqual([path.name for path in (prefix / "include/tidings").iterdir()], ["base"])
        self.ask(prefix, "base", '#include "tidings/base/uuid.hpp"\nint main() { return tidings::make_uuid_v7().to_string().size() == 36 ? 0 : 1; }\n')
        said = self.ask(prefix, "service", "", fails=True)
        self.assertIn("service was left out when Tidings was built: simdjson is missing (Debian: libsimdjson-dev)", said)
        # Without COMPONENTS what is there is enough, but nobody shall wonder where a target is.
        project = write(self.folder / "everything", {"CMakeLists.txt": EVERYTHING})
        said = tools.configure(project, project / "build", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={CXX}")
        left_out = re.findall(r"-- tidings: (\w+) was left out when Tidings was built: simdjson is missing \(Debian: libsimdjson-dev\)", said)
        self.assertEqual(left_out, ["event", "encryption", "bus", "log", "broker", "broker_kafka", "broker_log", "broker_memory", "broker_nats", "brokers", "store", "store_postgres", "store_sqlite", "stores", "outbox", "inbox", "aggregate", "saga", "bridge", "ops", "service", "testing"])

    def test_without_any_room_and_with_tests_it_is_an_error(self):
        said = self.configure_without("xxhash", fails=True)
        self.assertIn("base is left out: xxhash is missing (Debian: libxxhash-dev)", said)
        self.assertIn("every room is left out", said)
        said = tools.on_one_line(self.configure_without("CLI11", options=("-DTIDINGS_TESTS=ON",), fails=True))
        self.assertIn("CLI11 is missing (Debian: libcli11-dev), and the tests are of everything", said)

    def test_shared_libraries_are_refused(self):
        said = tools.on_one_line(self.configure_without(options=("-DBUILD_SHARED_LIBS=ON",), fails=True))
        self.assertIn("BUILD_SHARED_LIBS is not supported", said)

    def test_a_library_that_pkg_config_knows(self):
        project, build, prefix = write(self.folder / "cellar", CELLAR), self.build, self.folder / "prefix"
        tools.configure(project, build, f"-DCMAKE_CXX_COMPILER={CXX}", "-DTIDINGS_TESTS=OFF")
        tools.build(build)
        tools.run("cmake", "--install", build, "--prefix", prefix)
        self.ask(prefix, "cellar", USE_CELLAR)
        flags = tools.run("pkg-config", "--cflags", "--libs", "--static", "tidings-cellar",
                          env=tools.environment(PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig"))).split()
        tools.run(CXX, self.folder / "ask-cellar/ask.cpp", *flags, "-o", self.folder / "use")
        tools.run(self.folder / "use")


if __name__ == "__main__":
    unittest.main(verbosity=2)
