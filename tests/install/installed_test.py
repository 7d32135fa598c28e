"""The installed project as its users have it: moved from where it was installed to, then asked, built against and run.

usage: installed_test.py BUILD CXX
"""

import json
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

import tools
from tools import run

BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
CXX = sys.argv.pop(1)
OTHER_CXX = shutil.which("clang++-19") or shutil.which("clang++")
DEBUG_INFORMATION = tools.cached(BUILD, "CMAKE_BUILD_TYPE") in ("Debug", "RelWithDebInfo")
PAGE = (tools.SOURCE / "docs/installing.md").read_text(encoding="utf-8")
ROOMS = ["base", "event", "encryption", "bus", "log", "broker", "brokers", "store", "stores", "outbox", "inbox", "aggregate", "saga", "bridge", "ops", "service", "testing"]


def files_that_tell(folder, *secrets):
    """Those that contain one of the paths; debug information does, by nature."""
    found = []
    for path in tools.files(folder):
        if DEBUG_INFORMATION and (path.suffix == ".a" or path.parent.name in ("bin", "tidings")):
            continue
        content = path.read_bytes()
        found += [f"{path.relative_to(folder)} contains {secret}" for secret in secrets if str(secret).encode() in content]
    return found


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tools.temporary(cls)
        cls.first = cls.folder / "as-installed"
        cls.prefix = cls.folder / "moved"
        run("cmake", "--install", BUILD, "--prefix", cls.first)
        cls.first.rename(cls.prefix)

    def pkg_config_environment(self):
        return tools.environment(PKG_CONFIG_PATH=str(self.prefix / "lib/pkgconfig"))

    def pkg_config(self, *arguments):
        return run("pkg-config", *arguments, env=self.pkg_config_environment()).strip()

    def test_what_lies_where(self):
        there = {str(path.relative_to(self.prefix)) for path in tools.files(self.prefix)}
        headers = {str(path.relative_to(tools.SOURCE)) for path in tools.files(tools.SOURCE / "include")}
        self.assertEqual({name for name in there if name.startswith("include/")}, headers)
        self.assertEqual({name for name in there if name.startswith("bin/")}, {"bin/tidings"})
        shop = {f"libexec/tidings/shop-{name}" for name in ("orders", "inventory", "payments", "notifications", "analytics")}
        self.assertEqual({name for name in there if name.startswith("libexec/")}, shop)
        self.assertEqual({name for name in there if name.startswith("share/")}, {"share/doc/tidings/LICENSE", "share/tidings/ops/alerts.yaml", "share/tidings/ops/grafana-dashboard.json"})
        archives = {f"lib/libtidings_{room}.a" for room in [*ROOMS, "broker_kafka", "broker_log", "broker_memory", "broker_nats", "store_postgres", "store_sqlite"]}
        self.assertEqual({name for name in there if name.endswith(".a")}, archives)
        rest = {name for name in there if name.startswith("lib/") and not name.endswith(".a")}
        self.assertEqual({name for name in rest if not re.match(r"lib/(cmake/tidings/tidings.*\.cmake|pkgconfig/tidings-\w+\.pc)$", name)}, set())

    def test_nothing_tells_where_it_was_built_or_installed(self):
        self.assertEqual(files_that_tell(self.prefix, tools.SOURCE, BUILD, self.first), [])

    def test_a_path_that_is_told_would_be_seen(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "x.pc").write_text(f"prefix={BUILD}\n")
            self.assertEqual(len(files_that_tell(folder, BUILD)), 1)

    def test_cmake_finds_it_builds_and_runs(self):
        out = self.folder / "consumer"
        tools.configure(tools.HERE / "consumer", out, f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_CXX_COMPILER={CXX}")
        self.assertTrue(pathlib.Path(tools.cached(out, "tidings_DIR")).is_relative_to(self.prefix))
        tools.build(out)
        self.assertEqual(run(out / "inside"), "mail for 7\n")
        self.assertIn("passed", run(out / "kit"))
        for broker in ("memory:", f"log:{self.folder}/log"):
            self.assertIn("billed 7: 995\n", run(out / "billing", "--broker", broker, cwd=out))

    def build_inside(self, prefix, *options, configs=("",), **more):
        """The smallest consumer of an installed tree, configured, built and run; returns its build folder."""
        out = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        tools.configure(tools.HERE / "consumer", out, f"-DCMAKE_PREFIX_PATH={prefix}", *options, **more)
        self.assertTrue(pathlib.Path(tools.cached(out, "tidings_DIR")).is_relative_to(prefix))
        for config in configs:
            tools.build(out, "inside", config=config)
            self.assertEqual(run(out / config / "inside"), "mail for 7\n")
        return out

    @unittest.skipUnless(OTHER_CXX, "no clang++ here")
    def test_another_compiler_builds_against_it(self):
        out = self.build_inside(self.prefix, f"-DCMAKE_CXX_COMPILER={OTHER_CXX}")
        self.assertIn("clang", tools.cached(out, "CMAKE_CXX_COMPILER"))

    def test_a_build_of_several_configurations(self):
        self.build_inside(self.prefix, f"-DCMAKE_CXX_COMPILER={CXX}", generator="Ninja Multi-Config", configs=("Debug", "Release"))

    def test_staged_by_destdir(self):
        stage, prefix = self.folder / "stage", "/opt/tidings-staged"
        run("cmake", "--install", BUILD, "--prefix", prefix, "--component", "libraries", env=tools.environment(DESTDIR=str(stage)))
        self.assertFalse(pathlib.Path(prefix).exists(), "nothing is written outside of the stage")
        staged = stage / "opt/tidings-staged"
        self.assertEqual(files_that_tell(staged, stage), [])
        names = lambda folder: {path.relative_to(folder) for path in tools.files(folder) if path.parts[len(folder.parts)] in ("include", "lib")}
        self.assertEqual(names(staged), names(self.prefix))
        self.build_inside(staged, f"-DCMAKE_CXX_COMPILER={CXX}")

    def test_cmake_asks_and_is_told(self):
        said = tools.on_one_line(tools.configure(tools.HERE / "questions", self.folder / "questions", f"-DCMAKE_PREFIX_PATH={self.prefix}", fails=True))
        answers = dict(re.findall(r"-- answer ([^:]*): (.*?) ?(?= --|CMake Error)", said))
        for version, fits in {"0.0": 0, "0.1": 1, "0.1.0": 1, "0.1.1": 0, "0.2": 0, "1.0": 0}.items():
            self.assertEqual(answers[f"version {version}"].split(" ")[0], str(fits) if fits else "0", version)
        lacks = "0 tidings::event needs simdjson, which is not found (Debian: libsimdjson-dev)"
        rooms = "base, event, encryption, bus, log, broker, broker_kafka, broker_log, broker_memory, broker_nats, brokers, store, store_postgres, store_sqlite, stores, outbox, inbox, aggregate, saga, bridge, ops, service, testing"
        self.assertEqual(answers["base without simdjson"], "1")
        self.assertEqual(answers["service without simdjson"], lacks)
        self.assertEqual(answers["service if it can be"], "1")
        self.assertEqual(answers["service found"], "FALSE")
        self.assertTrue(answers["everything without simdjson"].startswith(lacks))
        self.assertEqual(answers["a name that is none"], f"0 there is no component pigeon: there are {rooms}")
        self.assertEqual(answers["everything"], "1")
        self.assertNotIn("base alone", answers)
        self.assertIn(f"there is no component pigeon: there are {rooms}", said.split("CMake Error", 1)[1])

    def test_pkg_config_and_a_plain_compiler(self):
        command = re.search(r"^g\+\+ (billing\.cpp .*pkg-config.*--static.*)$", PAGE, re.MULTILINE)[1]
        shutil.copy(tools.HERE / "consumer/billing.cpp", self.folder)
        run("bash", "-euc", f"{CXX} {command}", cwd=self.folder, env=self.pkg_config_environment())
        self.assertIn("billed 7: 995\n", run(self.folder / "billing", "--broker", "memory:", cwd=self.folder))
        # Without --static too, since there is nothing but archives.
        run(CXX, tools.HERE / "consumer/inside.cpp", *self.pkg_config("--cflags", "--libs", "tidings-bus").split(), "-o", self.folder / "inside")
        self.assertEqual(run(self.folder / "inside"), "mail for 7\n")

    def test_a_program_over_stores_links_with_static_and_without(self):
        program = self.folder / "stores.cpp"
        program.write_text('#include <iostream>\n#include <tidings/stores/open.hpp>\n'
                           'int main() { for (const auto& one : tidings::store_factories()) std::cout << one.scheme << " "; }\n')
        for options in ([], ["--static"]):
            run(CXX, program, *self.pkg_config("--cflags", "--libs", *options, "tidings-stores").split(), "-o", self.folder / "stores")
            self.assertEqual(run(self.folder / "stores"), "postgres sqlite ", options)

    def test_pkg_config_knows_every_room_and_asks_only_for_what_it_stands_on(self):
        for room in ROOMS:
            self.assertEqual(self.pkg_config("--modversion", f"tidings-{room}"), tools.cached(BUILD, "CMAKE_PROJECT_VERSION"))
        self.assertNotIn("simdjson", self.pkg_config("--libs", "--static", "tidings-base"))
        self.assertNotIn("tidings_service", self.pkg_config("--libs", "--static", "tidings-bus"))
        self.assertIn("-std=c++26", self.pkg_config("--define-variable=standard=-std=c++26", "--cflags", "tidings-base"))

    def test_the_demo_runs_from_there(self):
        said = run(self.prefix / "bin/tidings", "demo", "--count", "50", "--rate", "0", "--check", "--json", cwd=self.folder)
        summary = json.loads(said.splitlines()[-1])
        self.assertEqual((summary["checked"], summary["differences"]), (True, []))

    def test_programs_alone(self):
        prefix = self.folder / "programs"
        run("cmake", "--install", BUILD, "--prefix", prefix, "--component", "programs")
        self.assertEqual({path.name for path in prefix.iterdir()}, {"bin", "libexec", "share"})

    def test_the_page_shows_what_is_built_here(self):
        blocks = re.findall(r"<!-- from (\S+) -->\n```\w*\n(.*?)```", PAGE, re.DOTALL)
        self.assertEqual(len(blocks), 3)
        for name, block in blocks:
            self.assertIn(block, (tools.SOURCE / name).read_text(encoding="utf-8"), name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
