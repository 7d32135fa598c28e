import json
import os
import pathlib
import subprocess
import signal
import stat
import time
import unittest

from command_line import CommandLine

BAD = """#include "tidings/service/service.hpp"
void tell(tidings::Service& service) {
  (void)service.publish(OrderPlaced{"7"});
}
"""
WORSE = """#include "tidings/service/service.hpp"
void wire(tidings::Service& service) {
  Stock stock(100);
  service.on("reserve", {}, [&](const OrderPlaced& order) { stock.reserve(order.id); });
}
"""


class Check(CommandLine):
    def write(self, path, text):
        path = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def git(self, *arguments):
        environment = {**self.environment(), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=self.folder, env=environment, check=True, capture_output=True)

    def findings(self, *arguments, status=0):
        done = self.run_tidings("check", *arguments, "--json", status=status)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_warnings_are_told_and_errors_fail(self):
        self.write("src/tell.cpp", BAD)
        done = self.run_tidings("check")
        self.assertTrue(done.stdout.startswith("src/tell.cpp:3:17: warning: the result of 'publish' is cast away"), done.stdout)
        self.assertIn("what to do: ", done.stdout)
        self.write("src/wire.cpp", WORSE)
        told = self.findings(status=1)
        self.assertEqual([(one["file"], one["line"], one["severity"]) for one in told], [("src/tell.cpp", 3, "warning"), ("src/wire.cpp", 4, "error")])
        self.write("tidings.toml", 'version = 1\n[check.severity]\ndangling-capture = "advice"\nunchecked-publish = "off"\n')
        self.assertEqual([one["severity"] for one in self.findings()], ["advice"])

    def test_combinations_of_capabilities_are_told_unless_acknowledged(self):
        self.run_tidings("new", "billing", "--with", "event-bus", "--without", "testing")
        (critical,) = [one for one in self.findings("billing", status=1) if one["severity"] == "error"]
        self.assertEqual((critical["rule"], critical["file"]), ("event-bus-without-outbox", "billing/tidings.toml"))
        record = os.path.join(self.folder, "billing/tidings.toml")
        with open(record) as file:
            text = file.read()
        self.assertTrue(text.splitlines()[critical["line"] - 1].startswith("capabilities"), text)
        self.write("billing/tidings.toml", text.replace("[acknowledged]", "[acknowledged]\nevent-bus-without-outbox = 'these are hints'"))
        self.assertNotIn("event-bus-without-outbox", [one["rule"] for one in self.findings("billing")])
        self.write("billing/tidings.toml", text.replace("capabilities =", "'capabilities'\t="))
        self.assertIn("event-bus-without-outbox", [one["rule"] for one in self.findings("billing", status=1)])
        self.write("billing/tidings.toml", text.replace("[acknowledged]", "[acknowledged]\nevent-bus-without-outbx = 'these are hints'"))
        self.assertIn("event-bus-without-outbx", self.run_tidings("check", "billing", status=2).stderr)
        self.write("billing/tidings.toml", text.replace("capabilities = [", "capabilities = ['outbux', "))
        self.assertIn("outbox", self.run_tidings("check", "billing", status=2).stderr)

    def test_capabilities_that_were_written_down_by_hand_must_go_together(self):
        self.run_tidings("new", "billing", "--with", "outbox")
        text = pathlib.Path(self.folder, "billing/tidings.toml").read_text()
        told = lambda: [one["what"] for one in self.findings("billing", status=1) if one["rule"] == "capabilities-incomplete"]
        self.assertEqual([one for one in self.findings("billing") if one["rule"] == "capabilities-incomplete"], [])
        self.write("billing/tidings.toml", text.replace('  "sqlite",\n', ""))
        self.assertEqual(told(), ["there is no sqlite: inbox requires sqlite or postgres"])
        self.write("billing/tidings.toml", text.replace('  "sqlite",\n', '  "sqlite",\n  "postgres",\n', 1))
        self.assertIn("sqlite and postgres do not go together", told()[0])
        self.write("billing/tidings.toml", text.replace('"sqlite"', '"sqlit"'))
        self.assertIn("tidings.toml: there is no capability 'sqlit'; did you mean 'sqlite'?", self.run_tidings("check", "billing", status=2).stderr)
        self.write("billing/tidings.toml", text.replace('"outbox"', '"outbux"'))
        self.assertIn("tidings.toml: there is no capability 'outbux'", self.run_tidings("add", "uuid", "--into", "billing", status=2).stderr)

    def test_add_finds_the_lists_however_they_are_written(self):
        self.run_tidings("new", "billing", "--with", "outbox", "--without", "docker")
        text = pathlib.Path(self.folder, "billing/tidings.toml").read_text()
        self.write("billing/tidings.toml", text.replace("capabilities =", '"capabilities" =').replace("implied =", "'implied' ="))
        self.run_tidings("add", "uuid", "--into", "billing")
        self.run_tidings("add", "docker", "--into", "billing")
        added = pathlib.Path(self.folder, "billing/tidings.toml").read_text()
        self.assertEqual([added.count(word) for word in ('"capabilities" =', "'implied' =", '"uuid"', '"docker"')], [1, 1, 1, 1], added)

    def test_sarif_goes_to_a_file_or_to_standard_output(self):
        self.write("src/wire.cpp", WORSE)
        told = json.loads(self.run_tidings("check", "--sarif", "-", status=1).stdout)
        self.assertEqual(told["version"], "2.1.0")
        (result,) = told["runs"][0]["results"]
        self.assertEqual(result["ruleId"], "dangling-capture")
        self.assertEqual(result["locations"][0]["physicalLocation"]["region"]["startLine"], 4)
        done = self.run_tidings("check", "--sarif", "check.sarif", status=1)
        self.assertIn("dangling-capture", done.stdout)
        with open(os.path.join(self.folder, "check.sarif")) as file:
            self.assertEqual(json.load(file), told)
        # A report that cannot be written is no finding: whoever waits for it must hear of it.
        # What was found is told all the same.
        done = self.run_tidings("check", "--sarif", "nowhere/check.sarif", status=2)
        self.assertIn("dangling-capture", done.stdout)
        self.assertIn("nowhere/check.sarif", done.stderr)
        (found,) = [json.loads(line) for line in self.run_tidings("check", "--json", "--sarif", "nowhere/check.sarif", status=2).stdout.splitlines()]
        self.assertEqual(found["rule"], "dangling-capture")

    def test_only_lines_that_were_changed(self):
        self.write("src/tell.cpp", BAD)
        for option in (["--diff", "HEAD"], ["--staged"]):
            self.assertIn("no_git", self.run_tidings("check", *option, status=2).stderr)
        self.git("init", "-q")
        self.git("add", ".")
        self.git("commit", "-qm", "first")
        self.assertEqual(self.findings("--diff", "HEAD"), [])
        self.write("src/tell.cpp", "\n" + BAD + BAD.replace("tell", "tell_again"))
        self.assertEqual([one["line"] for one in self.findings("--diff", "HEAD")], [8])
        self.assertEqual(self.findings("--staged"), [])
        self.git("add", ".")
        self.assertEqual([one["line"] for one in self.findings("--staged")], [8])
        # What is staged is judged, and not what was written over it since.
        self.write("src/tell.cpp", "// later\n" * 5)
        self.assertEqual([one["line"] for one in self.findings("--staged")], [8])
        self.write("src/tell.cpp", "\n" + BAD + BAD.replace("tell", "tell_again"))
        self.write("src/new.cpp", BAD)
        self.assertEqual([one["file"] for one in self.findings("--diff", "HEAD")], ["src/new.cpp", "src/tell.cpp"])
        for reference in ("nothing", "--output=stolen", "HEAD;true"):
            done = self.run_tidings("check", "--diff=" + reference, status=2)
            self.assertIn("unknown_reference", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "stolen")))
        self.run_tidings("check", "--diff", "HEAD", "--staged", status=2)
        # The same in a folder of the work tree.
        self.assertEqual([one["file"] for one in self.findings("src", "--diff", "HEAD")], ["src/new.cpp", "src/tell.cpp"])
        # A file that was only moved has no lines that were changed.
        self.git("add", ".")
        self.git("commit", "-qm", "second")
        self.git("mv", "src/new.cpp", "src/moved.cpp")
        self.assertEqual(self.findings("--diff", "HEAD") + self.findings("--staged"), [])

    def test_the_index_is_judged_and_not_what_stands_on_disk(self):
        self.git("init", "-q")
        self.write("tidings.toml", 'version = 1\n[check.severity]\nunchecked-publish = "error"\n')
        self.write("src/tell.cpp", BAD)
        self.write("src/third_party/tell.cpp", BAD)
        self.git("add", ".")
        # Whatever is done to the work tree since.
        told = lambda status: [(one["file"], one["line"], one["severity"]) for one in self.findings("--staged", status=status)]
        self.assertEqual(told(1), [("src/tell.cpp", 3, "error")])
        self.write("tidings.toml", "[check")
        self.assertEqual(told(1), [("src/tell.cpp", 3, "error")])
        os.remove(os.path.join(self.folder, "tidings.toml"))
        os.remove(os.path.join(self.folder, "src/tell.cpp"))
        self.assertEqual(told(1), [("src/tell.cpp", 3, "error")])
        self.write("src/other.cpp", BAD)  # is not staged
        self.write("events.lock.json", "{")
        self.assertEqual(told(1), [("src/tell.cpp", 3, "error")])
        self.git("add", "events.lock.json")
        os.remove(os.path.join(self.folder, "events.lock.json"))
        self.assertEqual([one[0] for one in told(1)], ["events.lock.json", "src/tell.cpp"])
        self.git("rm", "-q", "--cached", "-r", ".")
        self.assertIn("no_sources", self.run_tidings("check", "--staged", status=2).stderr)

    def test_what_is_staged_is_built_as_is_staged(self):
        self.git("init", "-q")
        self.write("src/main.cpp", "int main() {}\n")
        self.write("CMakeLists.txt", "add_executable(a src/main.cpp)\n")
        self.write("src/refunds.cpp", "int refunds;\n")
        self.git("add", ".")
        self.assertEqual([one["rule"] for one in self.findings("--staged")], ["orphan-file"])
        self.write("CMakeLists.txt", "add_executable(a src/main.cpp src/refunds.cpp)\n")
        self.assertEqual([one["rule"] for one in self.findings("--staged")], ["orphan-file"])
        self.git("add", ".")
        os.remove(os.path.join(self.folder, "CMakeLists.txt"))
        self.assertEqual(self.findings("--staged"), [])

    def test_lines_are_lines_whatever_git_is_told_of_them(self):
        self.git("init", "-q")
        self.write("src/tell.cpp", "\n" * 40)
        self.write(".gitattributes", "*.cpp -diff\n")
        self.git("add", ".")
        self.git("commit", "-qm", "first")
        self.write("src/tell.cpp", "\n" * 40 + BAD)
        self.assertEqual([one["rule"] for one in self.findings("--diff", "HEAD")], ["unchecked-publish"])
        self.write(".gitattributes", "*.cpp diff=upper\n")
        self.git("config", "diff.upper.textconv", "touch ran; head -n 1")
        self.assertEqual([one["rule"] for one in self.findings("--diff", "HEAD")], ["unchecked-publish"])
        self.assertFalse(os.path.exists(os.path.join(self.folder, "ran")))

    def test_of_projects_within_each_other_each_finding_is_told_once(self):
        self.git("init", "-q")
        self.write("services/a/src/tell.cpp", BAD)
        self.write("src/tell.cpp", BAD)
        self.git("add", ".")
        self.git("commit", "-qm", "first")
        self.write("services/a/src/tell.cpp", "\n" + BAD + BAD.replace("tell", "tell_again"))
        for folders in ([".", "services/a"], ["services/a", "."], ["services", "./services/a"], ["services/../services/a", "services"]):
            self.assertEqual([(one["file"], one["line"]) for one in self.findings(*folders, "--diff", "HEAD")], [("services/a/src/tell.cpp", 8)])

    def test_capabilities_have_rules_too(self):
        self.run_tidings("new", "billing", "--with", "event-bus", "--without", "testing")
        listed = [json.loads(line) for line in self.run_tidings("check", "--list-rules", "--json").stdout.splitlines()]
        names = [one["rule"] for one in listed]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue({"capabilities-incomplete", "event-bus-without-outbox", "no-tests"} <= set(names), names)
        for one in listed:
            self.assertTrue(all(one[key] for key in ("finds", "can_happen", "to_do", "bad", "good")), one)
        self.assertIn("without outbox", self.run_tidings("check", "--explain", "event-bus-without-outbox").stdout)
        run = json.loads(self.run_tidings("check", "billing", "--sarif", "-", status=1).stdout)["runs"][0]
        for result in run["results"]:
            self.assertTrue(run["tool"]["driver"]["rules"][result["ruleIndex"]]["help"]["text"], result)
        record = pathlib.Path(self.folder, "billing/tidings.toml")
        record.write_text(record.read_text() + '[check.severity]\nevent-bus-without-outbox = "advice"\nno-tests = "off"\n')
        told = {one["rule"]: one["severity"] for one in self.findings("billing")}
        self.assertEqual(told.get("event-bus-without-outbox"), "advice")
        self.assertNotIn("no-tests", told)
        record.write_text(record.read_text().replace('no-tests = "off"', 'no-test = "off"'))
        self.assertIn("did you mean 'no-tests'?", self.run_tidings("check", "billing", status=2).stderr)

    def test_schemas_are_recorded_and_compared(self):
        event = """#include "tidings/event/traits.hpp"
struct OrderPlaced {
  std::string id;
  std::int64_t total = 0;
  static constexpr tidings::traits<OrderPlaced> event{.name = "shop.order-placed", .key = &OrderPlaced::id};
};
"""
        self.write("src/events.hpp", event)
        self.assertIn("has 1 event", self.run_tidings("check", "--update-schemas").stdout)
        self.assertEqual(self.findings(), [])
        self.write("src/events.hpp", event.replace("std::int64_t total = 0;", ""))
        (one,) = self.findings(status=1)
        self.assertEqual((one["rule"], one["file"]), ("schema-changed", "src/events.hpp"))
        self.run_tidings("check", "--update-schemas")
        self.assertEqual(self.findings(), [])
        for broken in ("{", "", "[]", '{"version": 9, "events": []}'):
            self.write("events.lock.json", broken)
            (one,) = self.findings(status=1)
            self.assertEqual(one["file"], "events.lock.json")
            self.run_tidings("check", "--update-schemas", status=2)  # what was agreed to is not written over
            self.assertEqual(pathlib.Path(self.folder, "events.lock.json").read_text(), broken)

    def test_several_services_are_looked_at_together(self):
        event = """#include "tidings/service/service.hpp"
struct OrderPlaced {
  std::string id;
  static constexpr tidings::traits<OrderPlaced> event{.name = "shop.order-placed", .topic = "orders", .key = &OrderPlaced::id};
};
"""
        self.write("orders/main.cpp", event + """int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("orders", argc, argv);
  if (!service.publish(OrderPlaced{"7"})) return 1;
  return service.run();
}
""")
        self.write("billing/main.cpp", event + """int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("billing", argc, argv);
  return service.run();
}
""")
        self.assertEqual(self.findings("orders"), [])
        self.assertEqual([one["rule"] for one in self.findings("orders", "billing")], ["topic-without-consumer"])

    def test_rules_are_listed_and_explained(self):
        self.assertIn("dangling-capture", self.run_tidings("check", "--list-rules").stdout)
        names = [json.loads(line)["rule"] for line in self.run_tidings("check", "--list-rules", "--json").stdout.splitlines()]
        for name in names:
            told = self.run_tidings("check", "--explain", name).stdout
            for part in ("finds:", "what can happen:", "what to do:", "is found:", "is not:"):
                self.assertIn(part, told)
        done = self.run_tidings("check", "--explain", "danglng-capture", status=2)
        self.assertIn("did you mean 'dangling-capture'?", done.stderr)

    def test_what_is_broken_is_told(self):
        for arguments, what in ((["nowhere"], "not_a_folder"), (["."], "no_sources")):
            self.assertIn(what, self.run_tidings("check", *arguments, status=2).stderr)
        self.write("src/a.cpp", "int a;")
        self.write("tidings.toml", "[check]\nlayerz = 1\n")
        self.assertIn("tidings.toml:2: unknown key 'layerz' in [check]; did you mean 'layers'?", self.run_tidings("check", status=2).stderr)
        self.write("tidings.toml", "[check\n")
        self.assertIn("tidings.toml:1", self.run_tidings("check", status=2).stderr)
        self.run_tidings("check", "--update-schemas", status=2)
        os.remove(os.path.join(self.folder, "tidings.toml"))
        path = self.write("compile_commands.json", "[{")
        self.assertIn("compile_commands.json is no list of compile commands", self.run_tidings("check").stderr)
        self.assertIn("broken_compile_commands", self.run_tidings("check", "--compile-commands", path, status=2).stderr)
        self.assertIn("unreadable", self.run_tidings("check", "--compile-commands", "nowhere.json", status=2).stderr)
        self.write("compile_commands.json", json.dumps([{"directory": self.folder, "command": "c++ -Iinclude -c src/a.cpp", "file": "src/a.cpp"}]))
        self.assertEqual(self.run_tidings("check", "--compile-commands", ".").stderr, "")

    def test_a_folder_that_is_none_is_told_why(self):
        os.symlink("b", os.path.join(self.folder, "a"))
        os.symlink("a", os.path.join(self.folder, "b"))
        self.write("file", "")
        for name, why in (("", "the name of a folder is empty; leave it out for the current one"), ("a", "'a' is a link that leads back to itself"),
                          ("nowhere", "'nowhere' is not there"), ("file", "'file' is no folder")):
            for more in ([], ["--staged"]):
                self.assertIn(why, self.run_tidings("check", name, *more, status=2).stderr)

    def test_a_teams_capabilities_that_are_away_hide_nothing_else(self):
        self.write("caps/ours/capability.toml", 'name = "ours"\ntitle = "Ours"\ncategory = "modelling"\ndescription = "What we have."\n')
        self.write("caps/warnings.toml", '[[warning]]\nid = "ours-alone"\nseverity = "advice"\nhas_all = ["ours"]\nlacks_all = ["outbox"]\nhappens = "It hurts."\nwhat_to_do = "tidings add outbox."\n')
        self.write("src/wire.cpp", WORSE)
        self.assertEqual(self.run_tidings("check", "--capabilities", "caps", status=1).stderr, "")
        for away in ("nowhere", "src"):
            # Nothing here is of these capabilities.
            self.assertEqual(self.rules_of("--capabilities", away, status=1), ["dangling-capture"], away)
        self.assertIn("nowhere", self.run_tidings("check", "--capabilities", "nowhere", status=1).stderr)
        self.assertEqual(self.rules_of(status=1, TIDINGS_CAPABILITIES="nowhere"), ["dangling-capture"])
        self.write("tidings.toml", 'version = 1\nname = "x"\nlayout = "flat"\ncapabilities = ["event-bus"]\n[check.severity]\nours-alone = "warning"\n')
        self.assertIn("event-bus-without-outbox", self.rules_of("--capabilities", "nowhere", status=1))
        # Here is one, of which nobody knows what it hurts with: the rest is told, and that it was not looked at.
        self.write("tidings.toml", 'version = 1\nname = "x"\nlayout = "flat"\ncapabilities = ["event-bus", "ours"]\n')
        self.assertEqual(self.rules_of("--capabilities", "nowhere", status=2), ["dangling-capture"])
        self.assertIn("there is no capability 'ours'", self.run_tidings("check", "--capabilities", "nowhere", status=2).stderr)

    def rules_of(self, *arguments, status=0, **more):
        return [json.loads(line)["rule"] for line in self.run_tidings("check", "--json", *arguments, status=status, **more).stdout.splitlines()]

    def test_the_first_signal_ends_it_while_it_computes(self):
        handler = "".join(f"""  service.on("h{number}", {{}}, [&](const OrderPlaced& order, tidings::Context& context) -> tidings::Result<> {{
    if (auto done = context.publish(OrderTaken{{order.id}}); !done) return done.error();
    return {{}};
  }});
""" for number in range(10_000))
        for number in range(6):
            self.write(f"src/wire{number}.cpp", '#include "tidings/service/service.hpp"\nvoid wire(tidings::Service& service) {\n' + handler + "}\n")

        def spent(process):
            with open(f"/proc/{process.pid}/stat") as file:
                return sum(map(int, file.read().rpartition(")")[2].split()[11:13]))

        def end(process):
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            return used.ru_utime + used.ru_stime

        whole = self.start("check", stdout=subprocess.DEVNULL)
        needed = end(whole)
        self.assertEqual(whole.returncode, 0)
        for how in (signal.SIGTERM, signal.SIGINT):
            process = self.start("check", stdout=subprocess.DEVNULL)
            while spent(process) / os.sysconf("SC_CLK_TCK") < needed / 8:
                time.sleep(0.001)
            process.send_signal(how)
            used = end(process)
            self.assertEqual(process.returncode, 128 + how)
            self.assertLess(used, needed / 2, "it went on to the end")

    def test_whatever_stands_there_is_borne(self):
        self.write("src/a.cpp", BAD.replace("\n", "\r\n").rstrip())
        self.write("src/binary.cpp", bytes(range(256)) * 10)
        self.write("src/latin.cpp", "// caf\xe9\nint a;".encode("latin-1"))
        self.write("src/huge.cpp", b"int a;\n" * 1_000_000)
        self.write("src/open.cpp", 'const char* a = "open\nvoid f( { [ R"(')
        self.write("src/generated.cpp", "// Generated by a program. DO NOT EDIT.\n" + BAD)
        self.write("src/tell_test.cpp", BAD)
        os.symlink("..", os.path.join(self.folder, "src", "loop"))
        os.symlink("a.cpp", os.path.join(self.folder, "src", "link.cpp"))
        os.symlink("user@host.1", os.path.join(self.folder, "src", ".#a.cpp"))
        self.write("build/CMakeCache.txt", "")
        self.write("build/made.cpp", BAD)
        done = self.run_tidings("check", "--json")
        self.assertEqual([json.loads(line)["file"] for line in done.stdout.splitlines()], ["src/a.cpp"])
        self.assertIn("src/binary.cpp is left out: it is no text", done.stderr)
        self.assertIn("src/huge.cpp is left out", done.stderr)
        self.assertIn("src/generated.cpp is not judged: its first comment says that it is generated", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 3, done.stderr)

    def test_what_cannot_be_read_is_told_after_the_findings(self):
        self.write("src/a.cpp", BAD)

        def told(*arguments):
            done = self.run_tidings("check", "--json", *arguments, status=2)
            self.assertEqual([json.loads(line)["file"] for line in done.stdout.splitlines()], ["src/a.cpp"], arguments)
            return done.stderr

        for name in ("src/b.cpp", "src/b.hpp", "CMakeLists.txt", "tidings.toml", "events.lock.json", "compile_commands.json"):
            path = os.path.join(self.folder, name)
            arguments = ("--compile-commands", name) if name == "compile_commands.json" else ()
            for target in ("/dev/zero", os.path.basename(name), "nowhere"):
                os.symlink(target, path)
                self.assertIn(name, told(*arguments))
                os.remove(path)
            os.mkfifo(path)
            self.assertIn(name + " is a pipe", told(*arguments))
            if name == "events.lock.json":
                self.run_tidings("check", "--update-schemas", status=2)
                self.assertTrue(stat.S_ISFIFO(os.stat(path).st_mode))
            os.remove(path)
            if not name.startswith("src/"):
                os.mkdir(path)
                self.assertIn(name, told(*arguments))
                os.rmdir(path)
        self.findings()

    def test_a_report_goes_into_what_stands_there(self):
        self.write("src/a.cpp", WORSE)
        path = os.path.join(self.folder, "check.sarif")
        os.umask(umask := os.umask(0))
        check = lambda *arguments: self.run_tidings("check", "--sarif", *arguments, status=1)
        check("check.sarif")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o666 & ~umask)
        os.chmod(path, 0o640)
        os.symlink("check.sarif", os.path.join(self.folder, "link"))
        self.write("check.sarif", "before")
        check("link")
        self.assertTrue(os.path.islink(os.path.join(self.folder, "link")))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o640)
        json.loads(pathlib.Path(path).read_text())
        os.remove(path)
        check("link")  # to a file that is not there
        json.loads(pathlib.Path(path).read_text())
        os.remove(path)
        os.mkfifo(path)
        reader = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
        check("check.sarif")
        json.loads(reader.communicate()[0])
        self.assertTrue(stat.S_ISFIFO(os.stat(path).st_mode))
        check("/dev/null")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))
        done = self.run_tidings("check", "--sarif", "/dev/full", status=2)
        self.assertIn("/dev/full", done.stderr)
        self.assertIn("[dangling-capture]", check("/dev/stdout").stdout)

    def test_a_folder_of_capabilities_takes_no_project_with_it(self):
        os.mkdir(os.path.join(self.folder, "ours"))
        self.write("billing/src/a.cpp", BAD)
        self.write("src/b.cpp", BAD)
        self.assertEqual([one["file"] for one in self.findings("--capabilities", "ours", "billing")], ["billing/src/a.cpp"])
        self.assertEqual([one["file"] for one in self.findings("--capabilities", "ours", "--capabilities", "ours", "billing")], ["billing/src/a.cpp"])
        self.run_tidings("new", "--capabilities", "ours", "orders", "--with", "outbox")
        self.assertTrue(os.path.exists(os.path.join(self.folder, "orders/tidings.toml")))

    def test_slips_are_told(self):
        self.write("src/a.cpp", BAD)
        self.assertIn("--diff", self.run_tidings("check", "--diff", "", status=2).stderr)
        self.write("tidings.toml", 'version = 1\n[check.severity]\nunchecked = "off"\n')
        self.assertIn("did you mean 'unchecked-publish'?", self.run_tidings("check", status=2).stderr)
        self.write("tidings.toml", 'version = 1\n[check.severity]\nunchecked-pubish = "off"\n')
        self.assertIn("did you mean 'unchecked-publish'?", self.run_tidings("check", status=2).stderr)
        self.write("tidings.toml", 'version = 1\n[check.severity]\nsomething-quite-else = "off"\n')
        self.assertIn("--list-rules", self.run_tidings("check", status=2).stderr)


if __name__ == "__main__":
    unittest.main()
