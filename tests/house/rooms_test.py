"""Each rule of rooms.py is seen to fail on a small tree that breaks it."""

import pathlib
import tempfile
import unittest

import rooms

BROKEN = {
    "an upward include": ("src/base/a.cpp", '#include "tidings/event/envelope.hpp"', "base must not know event"),
    "sideways": ("src/log/a.cpp", '#include "tidings/bus/bus.hpp"', "log must not know bus"),
    "upward in a public header": ("include/tidings/event/a.hpp", "#include <tidings/broker/broker.hpp>", "event must not know broker"),
    "another room's private header": ("src/service/a.cpp", '#include "log/segment.hpp"', "is none of service's"),
    "a private header in a public one": ("include/tidings/log/a.hpp", '#include "log/segment.hpp"', "must not include a private one"),
    "an application at a private header": ("apps/tidings/a.cpp", '#include "log/segment.hpp"', "is none of apps's"),
    "an example at a private header": ("examples/shop/a.cpp", '#  include "brokers/log/member.hpp"', "is none of examples's"),
    "a heavy library in a public header": ("include/tidings/event/a.hpp", "#include <simdjson.h>", "must stay light"),
    "a broker that knows another": ("src/brokers/memory/a.cpp", '#include "brokers/log/member.hpp"', "must not know the log broker"),
    "a broker that knows the log": ("src/brokers/memory/a.cpp", '#include "log/segment.hpp"', "is none of brokers's"),
    "a public header with somebody's library": ("include/tidings/outbox/a.hpp", "#include <pqxx/pqxx>", "must stay light"),
    "a macro in a public header": ("include/tidings/event/a.hpp", "#if 1\n# define TIDINGS_A 1\n#endif", "leaves no macro behind: TIDINGS_A"),
    "a store that knows another": ("src/stores/sqlite/a.cpp", '#include "stores/postgres/a.hpp"', "must not know the postgres store"),
    "a store nobody knows": ("src/stores/pigeon/a.cpp", "", "name the pigeon store"),
    "a room nobody knows": ("src/cellar/a.cpp", "", "cellar is no room"),
    "a broker nobody knows": ("src/brokers/pigeon/a.cpp", "", "what the pigeon broker may include"),
}
FINE = {
    "src/event/a.cpp": '#include "tidings/base/text.hpp"\n#include "event/b.hpp"\n#include <simdjson.h>\n#include <vector>',
    "src/brokers/log/a.cpp": '#include "log/segment.hpp"\n#include "brokers/log/member.hpp"\n#include "tidings/broker/broker.hpp"',
    "bench/log_bench.cpp": '#include <boost/signals2.hpp>\n#include "log/segment.hpp"\n#include "report.hpp"',
    "include/tidings/event/b.hpp": "#define TIDINGS_B 1\n#undef TIDINGS_B",
    "apps/tidings/a.cpp": '#include <CLI/CLI.hpp>\n#include "tidings/service/service.hpp"\n#include "demo/view.hpp"',
}


def tree(files):
    root = tempfile.TemporaryDirectory()
    for name, text in files.items():
        path = pathlib.Path(root.name) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


class Rooms(unittest.TestCase):
    def test_what_is_fine_passes(self):
        with tree(FINE) as root:
            self.assertEqual(rooms.scan(root), [])

    def test_each_rule_fails_where_it_is_broken(self):
        for name, (path, text, why) in BROKEN.items():
            with self.subTest(name), tree({**FINE, path: text}) as root:
                found = rooms.scan(root)
                self.assertEqual(len(found), 1, found)
                self.assertIn(why, found[0])


    def test_what_is_no_include(self):
        told = " ".join(f"`{room}`" for room in rooms.MAY_INCLUDE)
        folder = "/".join(["", "home", "somebody", "x"])
        with tree({"HACKING.md": told, "docs/a.md": "see docs/home/a and ./tmp/x"}) as root:
            self.assertEqual(rooms.scan_rest(root), [])
        with tree({"HACKING.md": told.replace("`log`", ""), "docs/a.md": f"fine\nsee {folder}"}) as root:
            found = rooms.scan_rest(root)
            self.assertEqual(len(found), 2, found)
            self.assertIn("does not tell of the room log", found[0])
            self.assertIn("docs/a.md:2: knows a machine", found[1])


if __name__ == "__main__":
    unittest.main()
