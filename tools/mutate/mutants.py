"""Mutants of C++ sources: where they are (sites.cpp finds them), which are taken, and the sources that contain them behind a switch."""
import bisect
import dataclasses
import json
import pathlib
import random
import re
import subprocess
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
COMPILER = ["clang++-19", "-std=c++20", "-O0", "-fPIC", "-fno-rtti", "-isystem", "/usr/lib/llvm-19/include",
            "-D__STDC_CONSTANT_MACROS", "-D__STDC_FORMAT_MACROS", "-D__STDC_LIMIT_MACROS"]


@dataclasses.dataclass(frozen=True)
class Mutant:
    file: str  # relative to src/sluice
    line: int
    function: str
    begin: int  # in bytes, as are all offsets
    end: int
    form: str  # expression, negated or removed
    original: str
    mutated: str
    line_text: str = dataclasses.field(default="", compare=False, repr=False)
    code: bytes = dataclasses.field(default=b"", compare=False, repr=False)  # the mutated expression as it is compiled

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.function}: `{self.original}` → " + (f"`{self.mutated}`" if self.mutated else "removed")


@dataclasses.dataclass(frozen=True)
class Equivalent:
    """An entry of the list of mutants that no test can kill; the reason says why."""
    file: str
    function: str
    original: str
    mutated: str
    reason: str
    within: str = ""  # a part of the line, where the function has the same code elsewhere

    def matches(self, mutant: Mutant) -> bool:
        mine = (self.file, self.function, self.original, self.mutated)
        return mine == (mutant.file, mutant.function, mutant.original, mutant.mutated) and self.within in mutant.line_text


def plugin(folder: pathlib.Path) -> pathlib.Path:
    """Compiles the plug-in into the folder; ccache keeps the object."""
    subprocess.run(["ccache", *COMPILER, "-c", "sites.cpp", "-o", folder / "sites.o"], cwd=HERE, check=True)
    subprocess.run(["clang++-19", "-shared", "-fuse-ld=mold", folder / "sites.o", "-o", folder / "sites.so"], check=True)
    return folder / "sites.so"


def find(file: str, source: pathlib.Path, loaded: pathlib.Path, flags: list[str], folder: pathlib.Path) -> list[Mutant]:
    """All mutants of a source that is compiled in the folder with these flags."""
    done = subprocess.run(["clang++-19", *flags, "-w", "-fsyntax-only", f"-fplugin={loaded}", str(source)], cwd=folder,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{source} cannot be parsed:\n{done.stderr}")
    text = source.read_bytes()
    lines = text.decode().splitlines()
    found = []
    for site in map(json.loads, done.stdout.splitlines()):
        original = text[site["begin"]:site["end"]]
        mutated = {"expression": edited(text, site), "negated": b"!(" + original + b")", "removed": b""}[site["form"]]
        found.append(Mutant(file, site["line"], site["function"], site["begin"], site["end"], site["form"], in_one_line(original),
                            in_one_line(mutated), lines[site["line"] - 1], mutated))
    return found


def edited(text: bytes, site: dict) -> bytes:
    out, at = b"", site["begin"]
    for edit in site["edits"]:
        out += text[at:edit["begin"]] + edit["text"].encode()
        at = edit["end"]
    return out + text[at:site["end"]]


def in_one_line(code: bytes) -> str:
    """Without comments, and with single spaces."""
    return " ".join(re.sub(r"//.*", "", code.decode()).split())


def shares(sizes: dict[str, int], count: int) -> dict[str, int]:
    """How many mutants each file gets, in proportion to its sites; the largest remainders are rounded up."""
    total = sum(sizes.values())
    count = min(count, total)
    exact = {file: count * size / total for file, size in sizes.items()}
    taken = {file: int(share) for file, share in exact.items()}
    by_remainder = sorted(sizes, key=lambda file: (taken[file] - exact[file], file))
    for file in by_remainder[:count - sum(taken.values())]:
        taken[file] += 1
    return taken


class Sample:
    """The mutants that are taken: those that do not compile are replaced by others of the same file."""

    def __init__(self, found: dict[str, list[Mutant]], count: int, seed: int):
        self.all = [mutant for mutants in found.values() for mutant in mutants]
        self.taken: dict[str, list[Mutant]] = {}
        self.spare: dict[str, list[Mutant]] = {}
        wanted = shares({file: len(mutants) for file, mutants in found.items()}, count)
        for file in sorted(found):
            shuffled = list(found[file])
            random.Random(f"{seed} {file}").shuffle(shuffled)
            self.taken[file], self.spare[file] = shuffled[:wanted[file]], shuffled[wanted[file]:]

    def drop(self, bad: set[Mutant]) -> None:
        for file, mutants in self.taken.items():
            kept = [mutant for mutant in mutants if mutant not in bad]
            lost = len(mutants) - len(kept)
            self.taken[file] = kept + self.spare[file][:lost]
            self.spare[file] = self.spare[file][lost:]

    def mutants(self) -> list[Mutant]:
        return [mutant for file in sorted(self.taken) for mutant in sorted(self.taken[file], key=lambda mutant: (mutant.begin, mutant.end, mutant.mutated))]


class MutatedSource:
    """A source with mutants behind a switch. Their numbers are the keys of `numbered`."""

    def __init__(self, text: bytes, numbered: dict[int, Mutant]):
        self.source = text
        self.pieces: list[tuple[bytes, int]] = []  # code, and the innermost mutant that it belongs to (0: none)
        self.put(f'#include "{HERE / "switch.hpp"}"\n'.encode(), 0)
        # Outer ones first; of two at the same place, the statement contains the expression.
        order = sorted(numbered, key=lambda number: (numbered[number].begin, -numbered[number].end, numbered[number].form != "removed", number))
        self.put_range(0, len(text), [(number, numbered[number]) for number in order], 0)
        self.text = b"".join(code for code, _ in self.pieces)

    def put(self, code: bytes, number: int) -> None:
        self.pieces.append((code, number))

    def put_range(self, begin: int, end: int, mutants: list[tuple[int, Mutant]], owner: int) -> None:
        while mutants:
            number, mutant = mutants[0]
            inner = [other for other in mutants[1:] if other[1].begin < mutant.end]
            self.put(self.source[begin:mutant.begin], owner)
            self.put_mutant(number, mutant, inner)
            begin, mutants = mutant.end, mutants[1 + len(inner):]
        self.put(self.source[begin:end], owner)

    def put_mutant(self, number: int, mutant: Mutant, inner: list[tuple[int, Mutant]]) -> None:
        test = f"::sluice_mutants::is_on({number})".encode()
        before, after = {
            "expression": (b"(" + test + b" ? (" + mutant.code + b") : (", b"))"),
            "negated": (b"(" + test + b" != static_cast<bool>(", b"))"),
            "removed": (b"{ if (!" + test + b") ", b" }"),
        }[mutant.form]
        self.put(before, number)
        self.put_range(mutant.begin, mutant.end, inner, number)
        self.put(after, number)

    def at(self, line: int, column: int) -> set[int]:
        """The mutants that an error at this place may be due to: the innermost one there, else those on the line, else all."""
        starts = [0]
        for code, _ in self.pieces:
            starts.append(starts[-1] + len(code))
        begin = sum(len(text) + 1 for text in self.text.split(b"\n")[:line - 1])
        end = self.text.find(b"\n", begin)

        def owner(offset: int) -> int:
            return self.pieces[bisect.bisect_right(starts, offset) - 1][1]

        return ({owner(begin + column - 1)} - {0}) or ({owner(offset) for offset in range(begin, end)} - {0}) or {number for _, number in self.pieces if number}


def equivalents(file: pathlib.Path) -> list[Equivalent]:
    return [Equivalent(**entry) for entry in tomllib.loads(file.read_text()).get("mutant", [])]
