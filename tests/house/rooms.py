"""Arrows point down only: scans every #include of the tree. Run by CTest; `rooms.py ROOT` prints what is wrong and exits 1."""

import pathlib
import re
import sys

# A room may include itself and what stands here for it. `brokers` is the list of all brokers, made when building.
MAY_INCLUDE = {
    "base": set(),
    "event": {"base"},
    "encryption": {"event", "base"},
    "bus": {"event", "base"},
    "log": {"event", "base"},
    "broker": {"event", "base"},
    "brokers": {"broker", "event", "base"},
    "store": {"event", "base"},
    "stores": {"store", "event", "base"},
    "outbox": {"store", "broker", "event", "base"},
    "inbox": {"store", "event", "base"},
    "aggregate": {"outbox", "store", "broker", "event", "base"},
    "bridge": {"broker", "event", "base"},
    "saga": {"outbox", "store", "event", "base"},
    "ops": {"bus", "event", "base"},
    "service": {"ops", "encryption", "saga", "aggregate", "outbox", "inbox", "stores", "store", "brokers", "broker", "event", "base"},
    "testing": {"service", "encryption", "stores", "store", "brokers", "broker", "event", "base"},
}
# The brokers' folders, and what each may include beside `broker` and below.
BROKER_MAY_INCLUDE = {"memory": set(), "log": {"log"}, "nats": set(), "kafka": set()}
# The stores' folders.
STORES = {"postgres", "sqlite"}
# Who includes these has the library already, and its handle in hand.
HANDLES = {f"include/tidings/outbox/{name}.hpp" for name in ("sqlite3", "sqlitecpp", "libpq", "pqxx", "soci")} | {"include/tidings/ops/spdlog_sink.hpp"}
HEAVY = re.compile(r"^(simdjson|CLI/|toml\+\+|toml\.hpp|fmt/|nlohmann/|boost/|nats/|librdkafka/|sqlite3\.h|libpq|pqxx/|soci/|openssl/|SQLiteCpp/|spdlog/)")
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^">]+)[">]', re.MULTILINE)
MACRO = re.compile(r"^\s*#\s*(define|undef)\s+(\w+)", re.MULTILINE)
MACROS_FOR_USERS = {"TIDINGS_BROKER_CONFORMANCE", "TIDINGS_STORE_CONFORMANCE"}
SOURCES = {".cpp", ".hpp", ".in"}


def room_of(path):
    """The room that a file belongs to, and the broker's folder where it is one."""
    parts = path.parts
    if parts[:2] == ("include", "tidings"):
        return parts[2], None
    if parts[0] == "src":
        return parts[1], parts[2] if parts[1] == "brokers" and len(parts) > 3 else None
    return parts[0], None  # apps, examples, testing, tests, bench


def wrong_include(path, included):
    room, broker = room_of(path)
    is_public = path.parts[0] == "include"
    is_test = path.name.endswith(("_test.cpp", "testing.hpp"))  # what tests share
    if HEAVY.match(included) and is_public and path.as_posix() not in HANDLES:
        return "a public header must stay light"
    parts = pathlib.PurePosixPath(included).parts
    if parts[0] == "tidings" and len(parts) > 2:
        target = parts[1]
        if room in ("apps", "examples", "tests", "bench"):
            return None  # the public interface is for everybody
        allowed = MAY_INCLUDE.get(room, set()) | {room}
        if broker is not None:
            allowed |= BROKER_MAY_INCLUDE.get(broker, set())
        if target not in allowed and not (is_test and target in ("testing", "brokers", "stores")):
            return f"{room} must not know {target}"
        return None
    private = {"base", "event", "encryption", "bus", "log", "broker", "brokers", "store", "stores", "outbox", "inbox", "aggregate", "bridge", "saga", "ops", "service"}
    if len(parts) > 1 and parts[0] in private:
        if is_public:
            return "a public header must not include a private one"
        if room in ("tests", "bench"):
            return None  # they take a room apart
        allowed = {room} | (BROKER_MAY_INCLUDE.get(broker, set()) if broker else set())
        if parts[0] not in allowed:
            return f"a private header of {parts[0]} is none of {room}'s"
        if parts[0] == "brokers" and broker is not None and parts[1] != broker:
            return f"the {broker} broker must not know the {parts[1]} broker"
        if parts[0] == "stores" and len(path.parts) > 3 and parts[1] != path.parts[2]:
            return f"the {path.parts[2]} store must not know the {parts[1]} store"
    return None


def macros_left(text):
    """The macros that a header leaves to who includes it."""
    last = {name: what for what, name in MACRO.findall(text)}
    return sorted(name for name, what in last.items() if what == "define" and name not in MACROS_FOR_USERS)


def scan(root):
    root = pathlib.Path(root)
    wrong = []
    for top in ("include", "src", "testing", "apps", "examples", "bench"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in SOURCES or not path.is_file():
                continue
            relative = path.relative_to(root)
            room, broker = room_of(relative)
            if top in ("include", "src") and room not in MAY_INCLUDE:
                wrong.append(f"{relative}: {room} is no room; add it to tests/house/rooms.py and HACKING.md")
                continue
            if broker is not None and broker not in BROKER_MAY_INCLUDE:
                wrong.append(f"{relative}: say in tests/house/rooms.py what the {broker} broker may include")
                continue
            if room == "stores" and top == "src" and len(relative.parts) > 3 and relative.parts[2] not in STORES:
                wrong.append(f"{relative}: name the {relative.parts[2]} store in tests/house/rooms.py")
                continue
            text = path.read_text(encoding="utf-8")
            if top == "include":
                wrong += [f"{relative}: a public header leaves no macro behind: {name}" for name in macros_left(text)]
            for included in INCLUDE.findall(text):
                why = wrong_include(relative, included)
                if why:
                    wrong.append(f"{relative}: includes {included}: {why}")
    return wrong


# Folders of one machine, or of one person on it.
OF_A_MACHINE = re.compile(r"(?<![\w.$}])/(?:home|root|Users|work)/\w")


def scan_rest(root):
    """What is no include: rooms are in HACKING.md, and no file knows the machine that it was written on."""
    root = pathlib.Path(root)
    wrong = []
    hacking = (root / "HACKING.md").read_text(encoding="utf-8") if (root / "HACKING.md").exists() else ""
    for room in MAY_INCLUDE:
        if f"`{room}`" not in hacking and f"/{room}/" not in hacking and f"{room}/" not in hacking:
            wrong.append(f"HACKING.md does not tell of the room {room}")
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if relative.parts[0].startswith((".", "build")) or not path.is_file():
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            if OF_A_MACHINE.search(line):
                wrong.append(f"{relative}:{number}: knows a machine: {line.strip()[:80]}")
    return wrong


if __name__ == "__main__":
    found = scan(sys.argv[1]) + scan_rest(sys.argv[1])
    print("\n".join(found) or "every arrow points down")
    sys.exit(1 if found else 0)
