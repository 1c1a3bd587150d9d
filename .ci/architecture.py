#!/usr/bin/env python3
"""Compares the imports of the code with the table of rooms in docs/architecture.md.

  architecture.py           lists what differs, and fails if anything does
  architecture.py --knows   prints what each room imports, for the table

A room is a row whose first cell is `src/NAME/`, `src/NAME.rs` or `crates/NAME/`. The column "Knows"
lists the rooms that it imports, as `NAME`. A room imports rooms of rows above its own only, so
there is no cycle.

Comments, strings, and what is compiled for tests only do not count, and neither does `src/lib.rs`,
which re-exports from every room. The root itself is not a room: code imports
`crate::response::Head`, not `crate::Head`.
"""
import re
import sys
import tomllib
from pathlib import Path

PAGE = Path("docs/architecture.md")
PREFIX = "lambda-stream-"

ROOM = re.compile(r"`((?:src|crates)/(\w+)(?:/|\.rs)?)`")
NOISE = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | b?r(?P<hashes>\#*)".*?"(?P=hashes)
      | b?"(?:\\.|[^"\\])*"
      | b?'(?:\\.[^']*|[^'\\\n])'""",
    re.X | re.S,
)
CFG_TEST = re.compile(r"#\[cfg\((?:doc)?test\)\]|#\[cfg\(all\((?:doc)?test\b[^\]]*\)\)\]")
TEST_FILE = re.compile(r"\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;")
PATH = re.compile(r"(?<!\w)(?<!\w::)(crate|(?:super\s*::\s*)*super|lambda_stream(?:_\w+)?)\s*::\s*")
NAME = re.compile(r"\s*(?:r#)?(\w+)")


def blanked(match):
    """Spaces in place of a comment or a string, with its line ends."""
    return re.sub(r"[^\n]", " ", match[0])


def without_tests(code, path, test_files):
    """Blanks the items after `#[cfg(test)]`, and notes the files that they declare."""
    while found := CFG_TEST.search(code):
        if declared := TEST_FILE.match(code, found.end()):
            folder = path.parent if path.name in ("mod.rs", "lib.rs") else path.with_suffix("")
            test_files |= {folder / f"{declared[1]}.rs", folder / declared[1]}
        end, depth = found.end(), 0
        while end < len(code):
            depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(code[end], 0)
            end += 1
            if depth <= 0 and code[end - 1] in ";}":
                break
        code = code[:found.start()] + re.sub(r"[^\n]", " ", code[found.start():end]) + code[end:]
    return code


def heads(code, at):
    """The first names of what a path continues with: one, or those of a group."""
    if code[at:at + 1] != "{":
        name = NAME.match(code, at)
        return [name[1]] if name else []
    names, depth, start = [], 0, True
    for match in re.finditer(r"[{},]|(?:r#)?\w+", code[at:]):
        token = match[0]
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
            if depth == 0:
                break
        elif token == "," and depth == 1:
            start = True
            continue
        elif depth == 1 and start:
            names.append(token)
        start = token == "{" and depth == 1
    return names


def files_of(folder):
    """The code of each file below a folder or of one file, without comments, strings and tests."""
    test_files, codes = set(), {}
    for path in sorted(folder.rglob("*.rs")) if folder.is_dir() else [folder]:
        code = NOISE.sub(blanked, path.read_text(encoding="utf-8"))
        codes[path] = without_tests(code, path, test_files)
    for path, code in codes.items():
        if path not in test_files and not any(parent in test_files for parent in path.parents):
            yield path, code


def module_depth(path, source):
    """How many `super` lead from a file to the root of its crate."""
    parts = path.relative_to(source).with_suffix("").parts
    return len(parts) - (parts[-1] in ("mod", "lib", "main"))


class Check:
    def __init__(self):
        self.problems = []
        # name -> (path, rooms that the table says it knows), from top to bottom
        self.rooms = {}
        # name -> room it imports -> where it does so first
        self.imports = {}
        self.read_table()

    def read_table(self):
        for number, line in enumerate(PAGE.read_text(encoding="utf-8").splitlines(), 1):
            cells = [cell.strip() for cell in line.split("|")[1:-1]]
            room = ROOM.fullmatch(cells[0]) if cells else None
            if not room or room[2] == "lib":
                continue
            path = Path(room[1])
            if not path.exists():
                self.problems.append(f"{PAGE}:{number}: {path} does not exist")
                continue
            if room[2] in self.rooms:
                self.problems.append(f"{PAGE}:{number}: a second row for {room[2]}")
            self.rooms[room[2]] = path, re.findall(r"`(\w+)`", cells[-1])
        if not self.rooms:
            self.problems.append(f"{PAGE}: there is no table with a row such as `src/error/`")
        on_disk = [path for path in Path("src").iterdir()
                   if path.stem not in ("lib", "main")
                   and (path.is_file() or any(path.rglob("*.rs")))]
        on_disk += [path.parent for path in Path("crates").glob("*/Cargo.toml")]
        for path in sorted(on_disk):
            if path.stem not in self.rooms:
                self.problems.append(f"{PAGE}: there is no row for {path}")

    def read_code(self):
        for room, (path, _) in self.rooms.items():
            self.imports[room] = {}
            is_crate = path.parts[0] == "crates"
            source = path / "src" if is_crate else Path("src")
            for file, code in files_of(source if is_crate else path):
                self.read_file(room, file, code, module_depth(file, source), is_crate)

    def read_file(self, room, file, code, depth, is_crate):
        for found in PATH.finditer(code):
            place = f"{file}:{code.count(chr(10), 0, found.start()) + 1}"
            start = found[1]
            if start.startswith("lambda_stream"):
                self.import_crate(room, start, place)
            elif not is_crate and (start == "crate" or start.count("super") >= depth):
                # One `super` too many would not compile; in an inline module it is one too few.
                for name in heads(code, found.end()):
                    self.import_module(room, name, place)

    def import_crate(self, room, name, place):
        if name == "lambda_stream":
            self.problems.append(f"{place}: {room} imports the root crate")
        elif (name := name.removeprefix("lambda_stream_")) != room:
            self.imports[room].setdefault(name, place)

    def import_module(self, room, name, place):
        in_root = self.rooms.get(name, (Path("crates"),))[0].parts[0] == "src"
        if not in_root:
            self.problems.append(f"{place}: `{name}` is imported through the crate root; "
                                 "import it from its own room or crate")
        elif name != room:
            self.imports[room].setdefault(name, place)

    def compare(self):
        above = []
        for room, (_, listed) in self.rooms.items():
            used = self.imports[room]
            for name, place in used.items():
                if name not in listed:
                    self.problems.append(f"{place}: {room} imports {name}, not listed in {PAGE}")
                if name not in above:
                    self.problems.append(f"{place}: {room} imports {name}, a room below its own")
            for name in listed:
                if name not in used:
                    self.problems.append(f"{PAGE}: {room} knows {name} and does not import it")
            above.append(room)

    def find_cycles(self):
        seen, stack = set(), []

        def visit(room):
            if room in stack:
                cycle = stack[stack.index(room):] + [room]
                self.problems.append("cycle: " + " -> ".join(cycle))
            elif room not in seen:
                seen.add(room)
                stack.append(room)
                for name in self.imports.get(room, {}):
                    visit(name)
                stack.pop()

        for room in self.rooms:
            visit(room)

    def compare_manifests(self):
        """A package depends on exactly the crates that its rooms import."""
        packages, crates = {"Cargo.toml": []}, set()
        for room, (path, _) in self.rooms.items():
            if path.parts[0] == "crates":
                packages[f"{path}/Cargo.toml"] = [room]
                crates.add(room)
            else:
                packages["Cargo.toml"].append(room)
        for manifest, rooms in packages.items():
            dependencies = tomllib.loads(Path(manifest).read_text(encoding="utf-8"))["dependencies"]
            declared = {name[len(PREFIX):] for name in dependencies if name.startswith(PREFIX)}
            used = {name for room in rooms for name in self.imports[room]} & crates
            for name in sorted(declared ^ used):
                what = "is not used" if name in declared else "is missing"
                self.problems.append(f"{manifest}: the dependency {PREFIX}{name} {what}")


def main():
    check = Check()
    check.read_code()
    if sys.argv[1:] == ["--knows"]:
        for room, imports in check.imports.items():
            known = [f"`{name}`" for name in check.rooms if name in imports]
            print(f"{check.rooms[room][0]}: {', '.join(known) or 'no other room'}")
        return
    check.compare()
    check.find_cycles()
    check.compare_manifests()
    for problem in check.problems:
        print(problem, flush=True)
    if check.problems:
        raise SystemExit(f"{len(check.problems)} differences between the code and {PAGE}")
    print(f"{len(check.rooms)} rooms import what {PAGE} says")


main()
