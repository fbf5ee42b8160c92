#!/usr/bin/env python3
"""Mutation testing: changes the sources of a module in many small ways, one at a time, and counts the changes that a test notices.

All mutants of the sample are compiled into one build (preset `mutate`), behind a switch that an environment variable sets. For each
mutant, the tests that reach it are run, the fastest first, until one fails or hangs. Mutants that no test kills get a test, or an
entry in tests/mutation/equivalent.toml if no test can notice them. Headers, constant expressions and the arguments of macros are
not mutated. Run by `./dev mutate`.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import functools
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import mutants
from mutants import Mutant

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCES = ROOT / "src" / "sluice"
BUILD = ROOT / "build" / "mutate"
MUTATED = BUILD / "mutated"  # SLUICE_MUTATED in CMakePresets.json
EQUIVALENT = ROOT / "tests" / "mutation" / "equivalent.toml"
PROCESSORS = os.cpu_count() or 1
AT_ONCE = 2 * PROCESSORS  # tests; many of them wait, and a mutant that hangs waits for its deadline
SHOWN_EVERY = 25  # mutants


@dataclasses.dataclass(frozen=True)
class Test:
    target: str
    command: tuple[str, ...]  # the program's path is relative to the build folder


def gtest(name: str, *arguments: str) -> Test:
    return Test(f"test_{name}", (f"tests/{name}", "--gtest_fail_fast", "--gtest_brief=1", *arguments))


SIMULATION = Test("sim", ("sim/sim", "--seconds", "8", "--seed", "1"))  # the same seeds for every mutant

# The tests that are likely to kill a mutant of a folder. tests/journals/ is replayed by `driver`.
TESTS = {
    "engine": [gtest("engine"), gtest("golden_engine"), gtest("driver"), gtest("runs"), SIMULATION],
    "driver": [gtest("driver"), gtest("runs"), gtest("native"), SIMULATION],
    "ir": [gtest("golden_ir"), gtest("golden_engine"), gtest("native"), gtest("driver"), gtest("runs")],
    "supervisor": [gtest("supervisor"), gtest("executors_process")],
}

# The supervisor's tests look for processes by the name of an attempt, and would find those of another run of theirs: each test has its
# own process namespace, where that is allowed.
ISOLATED = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
AT_ONCE_IF_NOT_ISOLATED = {"supervisor": 1}


def deadline_of(seconds: float) -> float:
    """How long a test may take with a mutant; one that takes longer is killed, and so is the mutant."""
    return 4 + 4 * seconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="dev mutate")
    parser.add_argument("folder", choices=TESTS)
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--count", type=int, default=300, help="mutants in the sample")
    parser.add_argument("--survivors", action="store_true", help="only those that survived the last time")
    options = parser.parse_args()

    os.nice(5)
    start = time.monotonic()
    listed = [entry for entry in mutants.equivalents(EQUIVALENT) if entry.file.startswith(f"{options.folder}/")]
    sample = build(options.folder, options.count, options.seed)
    numbered = dict(enumerate(sample.mutants(), 1))
    total = len(numbered)
    for entry in listed:
        if not any(entry.matches(mutant) for mutant in sample.all):
            print(f"{EQUIVALENT.relative_to(ROOT)}: no mutant of {entry.file}, {entry.function} is `{entry.original}` → `{entry.mutated}`; remove the entry")
    counted = {number: mutant for number, mutant in numbered.items() if not any(entry.matches(mutant) for entry in listed)}

    results = BUILD / f"{options.folder}.json"  # which test killed which mutant
    before = json.loads(results.read_text()) if options.survivors and results.exists() else {}
    killed = {number: before[repr(mutant)] for number, mutant in counted.items() if before.get(repr(mutant))}
    left = {number: mutant for number, mutant in counted.items() if number not in killed}
    survived = run_all(left, total, TESTS[options.folder], AT_ONCE if isolation() else AT_ONCE_IF_NOT_ISOLATED.get(options.folder, AT_ONCE), killed)
    results.write_text(json.dumps({repr(mutant): killed.get(number) for number, mutant in counted.items()}, indent=1))

    for name, count in collections.Counter(killed.values()).most_common():
        print(f"  killed by {name}: {count}")
    print(f"  {time.monotonic() - start:.0f} s in all")
    print(f"{options.folder}: {len(killed)} of {len(counted)} killed ({100 * len(killed) / len(counted):.1f} %), {len(survived)} survived; "
          f"{total - len(counted)} equivalent ones are not counted", flush=True)


def configure() -> None:
    subprocess.run(["cmake", "--preset", "mutate"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def compiled(targets: list[str]) -> tuple[bool, str]:
    """Whether all is built, and what the compiler printed."""
    done = subprocess.run(["cmake", "--build", str(BUILD), "-j", str(PROCESSORS), "--target", *targets, "--", "-k", "0"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env={**os.environ, "NINJA_STATUS": ""})
    return done.returncode == 0, done.stdout


def build(folder: str, count: int, seed: int) -> mutants.Sample:
    """Builds the tests of the folder with a sample of mutants."""
    shutil.rmtree(MUTATED, ignore_errors=True)
    configure()
    done, output = compiled(["sluice_pch_modules"])
    if not done:
        sys.exit(output)
    sample = mutants.Sample(sites(folder), count, seed)
    print(f"{folder}: {len(sample.mutants())} mutants of {len(sample.all)}", flush=True)
    targets = [*(test.target for test in TESTS[folder]), "sluice-supervisor"]
    while True:
        sources = write(sample)
        configure()
        done, output = compiled(targets)
        if done:
            return sample
        bad = blamed(output, sources)
        if not bad:
            sys.exit(output)
        print(f"  {len(bad)} do not compile, and are replaced by others", flush=True)
        sample.drop(bad)


def sites(folder: str) -> dict[str, list[Mutant]]:
    """All mutants of the folder, by file."""
    loaded = mutants.plugin(BUILD)
    flags = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        if source.is_relative_to(SOURCES / folder):
            words = shlex.split(entry["command"])
            compiler = next(at for at, word in enumerate(words) if word.endswith("clang++-19"))
            flags[str(source.relative_to(SOURCES))] = words[compiler + 1:words.index("-o")]
    with concurrent.futures.ThreadPoolExecutor(PROCESSORS) as pool:
        found = pool.map(lambda file: mutants.find(file, SOURCES / file, loaded, flags[file], BUILD), flags)
        return dict(zip(flags, found))


def write(sample: mutants.Sample) -> dict[str, tuple[mutants.MutatedSource, dict[int, Mutant]]]:
    """Writes the mutated sources; those that have not changed keep their time stamp."""
    written = {}
    everything = dict(enumerate(sample.mutants(), 1))
    for file in {mutant.file for mutant in everything.values()}:
        numbered = {number: mutant for number, mutant in everything.items() if mutant.file == file}
        made = mutants.MutatedSource((SOURCES / file).read_bytes(), numbered)
        target = MUTATED / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != made.text:
            target.write_bytes(made.text)
        written[file] = made, numbered
    return written


def blamed(output: str, sources: dict) -> set[Mutant]:
    """The mutants that the compiler's errors are due to. An error in a header is due to the place that its notes name."""
    bad = set()
    is_open = False  # an error whose place in a mutated source is not known yet
    for path, line, column, kind in re.findall(r"^(/\S+?):(\d+):(\d+): (fatal error|error|note): ", output, re.MULTILINE):
        is_open = is_open or kind != "note"
        if is_open and pathlib.Path(path).is_relative_to(MUTATED):
            source, numbered = sources[str(pathlib.Path(path).relative_to(MUTATED))]
            bad |= {numbered[number] for number in source.at(int(line), int(column))}
            is_open = False
    return bad


def run_all(numbered: dict[int, Mutant], total: int, tests: list[Test], at_once: int, killed: dict[int, str]) -> list[int]:
    """Runs the tests for each mutant, and adds to `killed` the test that killed it; returns those that survived."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        reached, seconds = {}, {}
        for test, (failure, taken, bytes_reached) in zip(tests, pool.map(lambda test: run(test, 0, None, total), tests)):
            if failure:
                sys.exit(f"{test.target} fails without a mutant: {failure}")
            reached[test], seconds[test] = bytes_reached, taken
            print(f"  {test.target}: {taken:.1f} s, reaches {sum(bytes_reached)} of {total}", flush=True)
        order = sorted(tests, key=seconds.get)

        def killer(number: int) -> str | None:
            for test in order:
                if reached[test][number] and run(test, number, deadline_of(seconds[test]))[0]:
                    return test.target
            return None

        survived = []
        for done, (number, by) in enumerate(zip(numbered, pool.map(killer, numbered)), 1):
            if by:
                killed[number] = by
            else:
                survived.append(number)
                is_reached = any(reached[test][number] for test in tests)
                print(f"survived: {numbered[number]}{'' if is_reached else ' (never reached)'}", flush=True)
            if done % SHOWN_EVERY == 0:
                print(f"  {done} of {len(numbered)}, {len(survived)} survived", flush=True)
        return survived


@functools.cache
def isolation() -> list[str]:
    """What a command begins with to have its own process namespace; nothing if this user may not."""
    return ISOLATED if subprocess.run([*ISOLATED, "true"], capture_output=True, check=False).returncode == 0 else []


def run(test: Test, number: int, limit_s: float | None, total: int = 0) -> tuple[str, float, bytes]:
    """Runs a test with a mutant. Returns how it failed (empty: it did not), its seconds, and which of `total` mutants it reached."""
    mark = f"SLUICE_MUTATE_RUN={uuid.uuid4()}"
    with tempfile.TemporaryDirectory(prefix="mutate-", ignore_cleanup_errors=True) as scratch:
        reached = pathlib.Path(scratch) / "reached"
        environment = {**os.environ, "SLUICE_MUTANT": str(number), "SLUICE_BIN": str(BUILD / "bin"),
                       "SLUICE_MODELS": str(ROOT / "build" / "models"), "TMPDIR": scratch, mark.split("=")[0]: mark.split("=")[1]}
        if total:
            reached.write_bytes(bytes(total + 1))
            environment["SLUICE_MUTANTS_REACHED"] = str(reached)
        start = time.monotonic()
        process = subprocess.Popen([*isolation(), BUILD / test.command[0], *test.command[1:]], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            status = process.wait(limit_s)
            failure = f"exit status {status}" if status else ""
        except subprocess.TimeoutExpired:
            failure = f"no end after {limit_s:.0f} s"
        seconds = time.monotonic() - start
        kill_all(mark.encode())
        process.wait()
        return failure, seconds, reached.read_bytes() if total else b""


def kill_all(mark: bytes) -> None:
    """Kills what a test has left behind: a mutated supervisor, say, that does not end."""
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)
        except OSError:
            pass  # it has ended, or belongs to another user


if __name__ == "__main__":
    main()
