#!/usr/bin/env python3
"""Runs clang-tidy on sources and headers, each parsed separately and without a precompiled header, so that a file has to include
what it uses. A clean result is cached, next to ccache's folder, under the digests of every file that was read, the flags, the
checks, the version and the plug-in: unchanged files are not checked again.

usage: tidy.py [FILE...]      below src/; default: every source and header. Needs build/release configured.

The last line says how many results were cached and how many files were checked; the exit status is 1 if there are findings.
"""
import concurrent.futures
import fnmatch
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RELEASE = ROOT / "build" / "release"
OWN = ROOT / "build" / "tidy"  # holds a compile_commands.json with one command per file
TOOL = "clang-tidy-19"
PLUGIN_SOURCE = ROOT / "tools" / "tidy" / "own_declarations.cpp"
PLUGIN_COMMAND = ["clang++-19", "-std=c++20", "-O1", "-fPIC", "-shared", "-fno-rtti", "-isystem", "/usr/lib/llvm-19/include",
                  "-D__STDC_CONSTANT_MACROS", "-D__STDC_FORMAT_MACROS", "-D__STDC_LIMIT_MACROS"]
KEPT_DAYS = 30  # a cached result that was not used for so long is deleted
FORMAT = "1"  # of the cache; a new one invalidates all results


def digest(*parts: str | bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()


def output_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def cache_folder() -> pathlib.Path:
    """Returns a folder next to ccache's, so that whatever preserves one between builds preserves the other."""
    folder = pathlib.Path(output_of("ccache", "--get-config", "cache_dir").strip()).parent / "sluice-clang-tidy"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class CleanResults:
    """The cache of clean results. It maps the digest of a file's command to the list of files that were read, and has a mark for each
    combination of such a list and the contents of its files."""

    def __init__(self, folder: pathlib.Path, tool: str):
        self.folder, self.tool, self.contents = folder, tool, {}

    def content(self, path: str) -> str:
        if path not in self.contents:
            try:
                self.contents[path] = digest((ROOT / path).read_bytes())
            except OSError:
                self.contents[path] = "absent"
        return self.contents[path]

    def place(self, key: str) -> pathlib.Path:
        return self.folder / key[:2] / key

    def mark(self, command: str, read: list[str]) -> pathlib.Path:
        return self.place(digest(command, *(part for path in read for part in (path, self.content(path)))))

    def is_clean(self, command: str) -> bool:
        reads = self.place(command)
        try:
            for used in (self.mark(command, reads.read_text().splitlines()), reads):
                os.utime(used)
            return True
        except OSError:
            return False

    def add(self, command: str, read: list[str]) -> None:
        for path, text in ((self.place(command), "".join(f"{name}\n" for name in read)), (self.mark(command, read), "")):
            path.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
                file.write(text)
            os.replace(file.name, path)

    def delete_old(self) -> None:
        oldest = time.time() - KEPT_DAYS * 86400
        for path in [*self.folder.glob("??/*"), *self.folder.glob("own_declarations-*")]:
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink()
            except FileNotFoundError:
                pass  # another run deleted it


def plugin(folder: pathlib.Path, version: str) -> pathlib.Path:
    """Returns the plug-in, which is rebuilt when its source or the version changes."""
    made = folder / f"own_declarations-{digest(version, PLUGIN_SOURCE.read_bytes(), *PLUGIN_COMMAND)[:16]}.so"
    if not made.exists():
        scratch = folder / f"{made.name}.{os.getpid()}"
        subprocess.run([*PLUGIN_COMMAND, str(PLUGIN_SOURCE), "-o", str(scratch)], check=True)
        os.replace(scratch, made)
    os.utime(made)
    return made


def commands() -> dict[str, list[str]]:
    """Returns the command that parses each source and header below src/, by its path in the checkout."""
    made, by_root = {}, {}
    for entry in json.loads((RELEASE / "compile_commands.json").read_text()):
        source = os.path.relpath(entry["file"], ROOT)
        if not source.startswith("src/"):
            continue
        words = [word for word in shlex.split(entry["command"]) if not word.endswith("ccache")]
        at = words.index("-include-pch")
        del words[at:at + 2]
        target = words[words.index("-o") + 1].partition(".dir/")[0].rpartition("/")[2]
        # Drop the object, the source and the compiler's warnings: the build reports these, and parses all bodies.
        words = [word for word in words[:words.index("-o")] if not word.startswith("-W")]
        made.setdefault(source, [*words, entry["file"]])
        roots = [word for word in words if word.startswith("-I") and word.endswith("/root")]
        for root in roots:
            module = "sluice_" + root.partition("/include/")[2].removesuffix("/root").replace("/", "_")
            rank = (module != target, len(roots))
            if root not in by_root or rank < by_root[root][0]:
                by_root[root] = (rank, words)
    # A header is parsed like a source of its module; in a module without sources, like the source with the fewest other include roots.
    for root, (_, words) in by_root.items():
        for link in pathlib.Path(root.removeprefix("-I")).rglob("*.hpp"):
            header = link.resolve()
            made[os.path.relpath(header, ROOT)] = [*words, "-Wno-pragma-once-outside-header", "-x", "c++-header", str(header)]
    return made


def check(path: str, command: list[str], loaded: pathlib.Path) -> tuple[int, str, list[str]]:
    """Returns exit status, findings, and the files that were read; their paths are relative to the checkout if they are below it."""
    with tempfile.NamedTemporaryFile("r", prefix="reads-", dir=OWN) as reads:
        done = subprocess.run([TOOL, "-p", str(OWN), f"--load={loaded}", "--quiet", "--warnings-as-errors=*", str(ROOT / path)],
                              capture_output=True, text=True, env={**os.environ, "SLUICE_TIDY_READS": reads.name})
        names = {os.path.realpath(os.path.join(RELEASE, line)) for line in reads.read().splitlines()}
    kept = sorted(name.removeprefix(f"{ROOT}/") for name in names if os.path.isfile(name))
    findings = done.stdout if done.returncode == 0 else done.stdout + "".join(
        line for line in done.stderr.splitlines(keepends=True) if not fnmatch.fnmatch(line.strip(), "* warning* generated*"))
    return done.returncode, findings, kept


def main() -> int:
    folder = cache_folder()
    version = output_of(TOOL, "--version")
    loaded = plugin(folder, version)
    results = CleanResults(folder, digest(FORMAT, version, loaded.name, (ROOT / ".clang-tidy").read_bytes()))
    results.delete_old()

    known = commands()
    OWN.mkdir(parents=True, exist_ok=True)
    (OWN / "compile_commands.json").write_text(json.dumps(
        [{"directory": str(RELEASE), "file": str(ROOT / path), "arguments": words} for path, words in known.items()]))

    wanted = sorted(os.path.relpath(path, ROOT) for path in sys.argv[1:]) or sorted(known)
    todo, cached = [], 0
    for path in wanted:
        if path not in known:
            print(f"{path}:1:1: error: no command compiles it, so clang-tidy cannot check it; add it to the CMakeLists.txt of its module")
            return 1
        key = digest(results.tool, *(word.replace(str(ROOT), "") for word in known[path]))
        if results.is_clean(key):
            cached += 1
        else:
            todo.append((path, key))

    worst = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (path, key), (status, findings, read) in zip(todo, pool.map(lambda job: check(job[0], known[job[0]], loaded), todo)):
            sys.stdout.write(findings)
            if status == 0 and not findings.strip() and read:
                results.add(key, read)
            worst = max(worst, 1 if status else 0)
    print(f"clang-tidy: {cached} files unchanged, {len(todo)} checked", flush=True)
    return worst


if __name__ == "__main__":
    sys.exit(main())
