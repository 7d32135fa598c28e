"""Compiles the C++ of Markdown pages and runs their shell: what a reader copies works.

A fenced block is taken where the line before it says so in a comment:
    <!-- compile -->      a whole translation unit, compiled without a warning
    <!-- run: NAME -->    shell, run in an empty folder that is shared by the blocks of one NAME, with the programs of the build on PATH
    <!-- prints -->       what the block before prints; … stands for anything within a line
    <!-- programs -->     shell that a test cannot run: every line begins with a program of the repository that is there
    <!-- from FILE -->    cut from a file that is compiled and tested: each of its paragraphs stands there, line for line
Every ```cpp and ```sh block of the README must be taken. A picture's text is what the picture itself says that it shows (its aria-label).

usage: readme.py ROOT BUILD CXX [PAGE…]        without pages: the README and everything in docs/
"""

import html
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PICTURE = re.compile(r"!\[(?P<text>[^\]]*)\]\((?P<path>[^)]+\.svg)\)")
BLOCK = re.compile(r"(?:<!-- (?P<mark>[^>]*?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)```", re.DOTALL)


def blocks(page):
    return [(match["mark"] or "", match["language"], match["text"]) for match in BLOCK.finditer(page)]


def compile_block(text, root, compiler):
    command = [compiler, "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{root}/include", "-x", "c++", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120)
    return done.stderr if done.returncode != 0 else ""


def run_block(text, folder, build):
    environment = {**os.environ, "PATH": f"{build}/bin:{os.environ['PATH']}"}
    for name in [name for name in environment if name.startswith("TIDINGS_")]:
        del environment[name]
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    return f"exit {done.returncode}\n{done.stdout}{done.stderr}" if done.returncode != 0 else "", done.stdout


def compare(wanted, printed):
    pattern = "[^\n]*".join(re.escape(part) for part in wanted.split("…"))
    return "" if re.fullmatch(pattern, printed) else f"it prints\n{printed}"


def unindented(lines):
    indent = len(lines[0]) - len(lines[0].lstrip(" "))
    return [line[indent:] if line[:indent].isspace() or not indent else line for line in lines]


def compare_with_file(block, path):
    """Each paragraph of the block stands in the file; how deep it is indented there does not matter."""
    if not path.is_file():
        return f"there is no file {path}"
    source = path.read_text(encoding="utf-8").splitlines()
    for paragraph in block.strip("\n").split("\n\n"):
        lines = paragraph.splitlines()
        size = len(lines)
        if not any(unindented(source[at : at + size]) == unindented(lines) for at in range(len(source) - size + 1)):
            return f"this does not stand in {path.name}:\n{paragraph}"
    return ""


def check_programs(text, root):
    words = [line.split()[0] for line in text.splitlines() if line.strip()]
    missing = [word for word in words if not os.access(pathlib.Path(root) / word, os.X_OK)]
    return f"no programs of the repository: {' '.join(missing)}" if missing else ""


def check_picture(text, path):
    shown = re.search(r'aria-label="([^"]*)"', path.read_text(encoding="utf-8")) if path.is_file() else None
    if shown is None:
        return f"{path} is missing, or does not say what it shows"
    return "" if html.unescape(shown[1]) == text else f"the text of {path.name} is '{text}', and it shows '{html.unescape(shown[1])}'"


def check(page_name, text, root, build, compiler):
    wrong, taken, printed = [], 0, ""
    folders = {}
    for mark, language, block in blocks(text):
        if mark == "compile":
            why = compile_block(block, root, compiler)
        elif mark.startswith("run: "):
            folder = folders.setdefault(mark, tempfile.TemporaryDirectory())
            why, printed = run_block(block, folder.name, build)
        elif mark == "prints":
            why = compare(block, printed)
        elif mark.startswith("from "):
            why = compare_with_file(block, pathlib.Path(root) / mark.removeprefix("from "))
        elif mark == "programs":
            why = check_programs(block, root)
        else:
            if language in ("cpp", "sh") and page_name.endswith("README.md"):
                wrong.append(f"{page_name}: a block that nothing compiles or runs:\n{block}")
            continue
        taken += 1
        if why:
            wrong.append(f"{page_name}: {why}\nin the block\n{block}")
    for folder in folders.values():
        folder.cleanup()
    for picture in PICTURE.finditer(text):
        if why := check_picture(picture["text"], (pathlib.Path(root) / page_name).parent / picture["path"]):
            wrong.append(f"{page_name}: {why}")
    return wrong, taken


def self_test(root, build, compiler):
    """The checks can fail."""
    bad = "<!-- compile -->\n```cpp\nint main() { return nothing; }\n```\n<!-- run: x -->\n```sh\nfalse\n```\n```cpp\nint x;\n```\n"
    bad += "<!-- run: x -->\n```sh\necho this\n```\n<!-- prints -->\n```text\nth…at\n```\n"
    bad += "<!-- from tests/house/readme.py -->\n```py\nimport os\nimport nothing\n```\n<!-- from no/file.cpp -->\n```cpp\n```\n"
    bad += "```sh\ntrue\n```\n<!-- programs -->\n```sh\nscript/test # is there\nscript/none\n```\n"
    bad += "![another text](docs/images/demo.svg) ![none](docs/images/none.svg)\n"
    wrong, _ = check("README.md", bad, root, build, compiler)
    assert len(wrong) == 10, wrong
    good = "<!-- from tests/house/readme.py -->\n```py\nimport os\nimport pathlib\n\nreturn len(lines)\n```\n".replace("return len(lines)", "why = compare(block, printed)")
    assert check("README.md", good, root, build, compiler) == ([], 1)


if __name__ == "__main__":
    root, build, compiler, *pages = sys.argv[1:]
    self_test(root, build, compiler)
    if not pages:
        docs = sorted((pathlib.Path(root) / "docs").rglob("*.md"))
        pages = ["README.md", *(str(page.relative_to(root)) for page in docs)]
    failed = []
    for page in pages:
        wrong, taken = check(page, (pathlib.Path(root) / page).read_text(encoding="utf-8"), root, build, compiler)
        print(f"{page}: {taken} blocks")
        failed += wrong
    print("\n".join(failed))
    sys.exit(1 if failed else 0)
