"""What JSON answers are made of: which members there are, and of which kind each is."""

# What services or people put in: any member, of any kind.
FREE = ("data", "headers", "state", "arguments")


def kind(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list) else "object"


class Shape:
    """Of several answers together: the kinds at each path, and which members are in all objects there."""

    def __init__(self, *answers):
        self.kinds, self.objects, self.members = {}, {}, {}
        for answer in answers:
            self.add("", answer)

    def add(self, path, value):
        self.kinds.setdefault(path, set()).add(kind(value))
        if path.rpartition(".")[2] in FREE:
            return
        if isinstance(value, list):
            for one in value:
                self.add(path + "[]", one)
        elif isinstance(value, dict):
            self.objects[path] = self.objects.get(path, 0) + 1
            for name, one in value.items():
                at = f"{path}.{name}"
                self.members[at] = self.members.get(at, 0) + 1
                self.add(at, one)

    def is_always(self, path):
        return self.members[path] == self.objects[path.rpartition(".")[0]]


def differences(ours, theirs):
    """What is otherwise in the one than in the other, in words; the mock is `ours`, the server `theirs`. What is never filled on one side must not be so on the other."""
    told = []
    for path in sorted({*ours.kinds, *theirs.kinds}):
        parent = path[:-2] if path.endswith("[]") else path.rpartition(".")[0]
        if any(parent not in side.kinds for side in (ours, theirs)):
            continue  # the parent is told
        for name, side, other in (("the mock", ours, theirs), ("the server", theirs, ours)):
            if path not in side.kinds:
                if path.endswith("[]"):
                    told.append(f"{path}: of {name} it is never filled")
                elif other.is_always(path):
                    told.append(f"{path}: {name} does not have it")
        if path not in ours.kinds or path not in theirs.kinds:
            continue
        if path in ours.members and ours.is_always(path) != theirs.is_always(path):
            told.append(f"{path}: {'the server' if ours.is_always(path) else 'the mock'} does not always have it")
        a, b = ours.kinds[path] - {"null"}, theirs.kinds[path] - {"null"}
        if a != b:
            told.append(f"{path}: {' or '.join(sorted(ours.kinds[path]))} of the mock, {' or '.join(sorted(theirs.kinds[path]))} of the server")
    return told
