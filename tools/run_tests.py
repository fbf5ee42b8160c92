#!/usr/bin/env python3
"""Runs the test programs and fuzzers of build/asan and the tests in Python (tests/system, tests/conformance), and counts every case.

They run concurrently, the longest first: one test program or fuzzer per processor; tests in Python one process per file, by the marker
`needs` (tests/conftest.py). The last line is "N passed, N failed"; the exit status is not 0 if one failed or none ran.
Run by `./dev test`, `./dev check` and `./dev accept`.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from collections.abc import Callable

import clients
import fuzzing
from scheduling import Job, run_concurrently

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "asan"
SECONDS = BUILD / "test-seconds.json"  # how long each job took in the last complete run
PROGRAM_LIMIT_S = 900
LONG_LIMIT_S = 3600  # with --all
SIMULATE_S = 30  # of the simulation, with fresh seeds
FIND_S = 60  # in which the simulation has to find a bug that was planted
FUZZ_S = 20  # new inputs after the seeds; `./dev fuzz NAME` hunts for longer
FUZZ_SEED = 1  # what fails here fails again
SLOWEST = 20
END_LINES = 25  # of what a failed job printed, repeated after all others
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers", "--tb=short", "--color=no"]
CLIENT_CPU = 0.4
PYTHON_FOLDERS = ["tests/system", "tests/conformance"]

# Durations of the longest jobs, for a machine that has not run them yet.
SECONDS_AT_FIRST = {
    "tests/system/test_killed_register.py::test_killed_at_every_change_of_the_disk_it_leaves_one_version": 90,
    "tests/system/test_killed_register.py::test_killed_while_it_imports_the_built_in_models_the_next_start_has_them": 80,
    "tests/system/test_killed_golden_plans.py": 45,
    "tests/system/test_soak.py": 40,
    "tests/system/test_main_job.py": 40,
    "tests/system/test_killed_main_job.py::test_killed_at_every_event_it_ends_as_without": 35,
    "tests/system/test_bad_clients.py": 35,
    "tests/system/test_bad_disks.py": 25,
    "tests/system/test_attempt_model.py": 20,
}

running: set[subprocess.Popen] = set()


@dataclasses.dataclass
class Outcome:
    program: str
    kind: str
    passed: int = 0
    failed: list[str] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)
    cases: list[tuple[float, str]] = dataclasses.field(default_factory=list)  # seconds and name
    output: str = ""  # what there is to see of the failed cases
    remark: str = ""
    seconds: float = 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="dev test")
    parser.add_argument("--fast", action="store_true", help="no fuzzing, no tests in Python")
    parser.add_argument("--golden", action="store_true", help="only the test programs whose name starts with `golden`")
    parser.add_argument("--all", action="store_true", help="also run the tests that are marked `long`")
    parser.add_argument("filter", nargs="?", default="", help="only cases whose name holds this text")
    options = parser.parse_args()

    start = time.monotonic()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="sluice-tests-"))
    try:
        outcomes = run_jobs(programs(options) + ([] if options.golden or options.fast else tests_in_python(options, scratch)), options)
    finally:
        for process in set(running):
            os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(scratch, ignore_errors=True)

    print_times(outcomes, time.monotonic() - start)
    for outcome in outcomes:
        repeat_end(outcome)
    failed = [f"{outcome.program}: {name}" for outcome in outcomes for name in outcome.failed]
    passed = sum(outcome.passed for outcome in outcomes)
    for name in failed:
        print(f"FAILED {name}")
    if not passed and not failed:
        print(f"no test ran{f'; none has `{options.filter}` in its name' if options.filter else ''}")
    print(f"{passed} passed, {len(failed)} failed", flush=True)
    sys.exit(0 if passed and not failed else 1)


def run_jobs(jobs: list[Job], options: argparse.Namespace) -> list[Outcome]:
    before = SECONDS_AT_FIRST | (json.loads(SECONDS.read_text()) if SECONDS.exists() else {})
    for job in jobs:
        job.seconds = before.get(job.name, job.seconds)
    outcomes = []
    for job, outcome in run_concurrently(jobs):
        before[job.name] = round(outcome.seconds, 1)
        outcomes.append(outcome)
        show(outcome)
    if not options.filter:  # otherwise only a part of each job ran
        SECONDS.write_text(json.dumps(before, indent=1, sort_keys=True))
    return outcomes


def show(outcome: Outcome) -> None:
    if outcome.failed:
        print(outcome.output.rstrip())
    for name in outcome.skipped:
        print(f"skipped {outcome.program}: {name}")
    if outcome.passed or outcome.failed:
        print(f"  {outcome.program}: {outcome.passed} passed, {len(outcome.failed)} failed, {outcome.seconds:.1f} s{outcome.remark}", flush=True)


def repeat_end(outcome: Outcome) -> None:
    """Prints the end of what a failed job printed once more: of a long log, often only the last lines are kept."""
    if outcome.failed:
        lines = outcome.output.rstrip().splitlines()[-END_LINES:]
        print("\n".join([f"--- the end of what {outcome.program} printed:", *lines]))


def print_times(outcomes: list[Outcome], seconds: float) -> None:
    """Prints the duration of each kind of test, and the slowest cases."""
    kinds: dict[str, float] = {}
    for outcome in outcomes:
        kinds[outcome.kind] = kinds.get(outcome.kind, 0) + outcome.seconds
    print(f"{seconds:.0f} s in all; summed over concurrent jobs: " + ", ".join(f"{kind} {taken:.0f} s" for kind, taken in kinds.items()))
    slowest = sorted((case for outcome in outcomes for case in outcome.cases), reverse=True)[:SLOWEST]
    if slowest:
        print(f"The {len(slowest)} slowest tests:")
    for taken, name in slowest:
        print(f"  {taken:6.1f} s  {name}")


def run(command: list, extra_environment: dict[str, str], limit_s: float = PROGRAM_LIMIT_S) -> tuple[int | str, str, float]:
    """Exit status (or what ended it), output of both kinds, seconds."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **extra_environment}, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    running.add(process)
    try:
        output, _ = process.communicate(timeout=limit_s)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        status = f"no end after {limit_s} s"
    running.discard(process)
    return status, output.decode(errors="replace"), time.monotonic() - start


def programs(options: argparse.Namespace) -> list[Job]:
    jobs = []
    for line in (BUILD / "tests.list").read_text().splitlines():
        kind, program = (line.split() + ["", ""])[:2]
        name = pathlib.Path(program).name
        if kind == "gtest" and (not options.golden or name.startswith("golden")):
            jobs.append(Job(program, lambda program=program: run_gtest(program, options.filter)))
        elif kind in ("sim", "planted") and not (options.golden or options.fast) and options.filter in name:
            jobs.append(Job(program, lambda program=program, kind=kind: simulate(program) if kind == "sim" else find_planted(program), seconds=SIMULATE_S))
    for fuzzer in fuzzing.fuzzers():
        if not (options.golden or options.fast) and options.filter in fuzzer.name:
            jobs.append(Job(fuzzer.program, lambda fuzzer=fuzzer: run_fuzzer(fuzzer), seconds=FUZZ_S))
    return jobs


def run_gtest(program: str, text: str) -> Outcome:
    outcome = Outcome(program, "test programs")
    command = [str(BUILD / program), "--gtest_color=no"]
    if text and text not in pathlib.Path(program).name:
        command.append(f"--gtest_filter=*{text}*")
    status, output, outcome.seconds = run(command, fuzzing.SANITIZERS)

    # Read what was printed rather than a report file: a crash leaves no report.
    # parts: what was printed before the first case, then, in turn, a case's name and what it printed.
    parts = re.split(r"^\[ RUN      \] (\S+)\n", output, flags=re.MULTILINE)
    for name, printed in zip(parts[1::2], parts[2::2]):
        verdict = re.search(rf"^.*\[  (     OK|FAILED |SKIPPED) \] {re.escape(name)}\b.* \((\d+) ms\)$", printed, re.MULTILINE)
        kind = verdict.group(1).strip() if verdict else "crashed"
        if verdict:
            outcome.cases.append((int(verdict.group(2)) / 1000, f"{program}: {name}"))
        if kind == "OK":
            outcome.passed += 1
        elif kind == "SKIPPED":
            outcome.skipped.append(name)
        else:
            outcome.failed.append(name if verdict else f"{name} (exit status {status}; cases after it did not run)")
            outcome.output += name + "\n" + (printed[:verdict.end()] if verdict else printed)
    if status != 0 and not outcome.failed:
        outcome.failed.append(f"exit status {status} after its cases")  # a leak, say
        outcome.output = parts[-1]
    return outcome


def run_fuzzer(fuzzer: fuzzing.Fuzzer) -> Outcome:
    outcome = Outcome(fuzzer.program, "fuzzers")
    status, outcome.output, outcome.seconds = run(fuzzing.command_of(fuzzer, FUZZ_S, FUZZ_SEED), fuzzing.SANITIZERS)
    if status == 0:
        outcome.passed = 1
    else:
        outcome.output = outcome.output[-5000:] + fuzzing.failing_inputs(outcome.output)
        outcome.failed.append(f"exit status {status}; the input is in {fuzzing.FOUND.relative_to(ROOT)}")
    return outcome


def simulate(program: str) -> Outcome:
    outcome = Outcome(program, "simulation")
    status, outcome.output, outcome.seconds = run([BUILD / program, "--seconds", str(SIMULATE_S)], fuzzing.SANITIZERS)
    if status == 0:
        outcome.passed = 1
        outcome.remark = "; " + outcome.output.strip()
    else:
        outcome.failed.append(f"exit status {status}")
    return outcome


def find_planted(program: str) -> Outcome:
    """A simulation with a bug in it: it passes if the bug is found."""
    outcome = Outcome(program, "simulation")
    status, outcome.output, outcome.seconds = run([BUILD / program, "--seconds", str(FIND_S)], fuzzing.SANITIZERS)
    found = re.match(r"seed \d+: .*", outcome.output)
    if status == 1 and found:
        outcome.passed = 1
        outcome.remark = "; found, " + found.group()
    else:
        outcome.failed.append(f"the bug was not found in {FIND_S} s (exit status {status})")
    return outcome


def tests_in_python(options: argparse.Namespace, scratch: pathlib.Path) -> list[Job]:
    """One job per file and need; one per client for the tests that run in its environment."""
    choice = (["-k", options.filter] if options.filter else []) + (["--all"] if options.all else [])
    environment = {
        "SLUICE_TESTS_SHARED": str(scratch / "shared"),
        "PYTHONPYCACHEPREFIX": str(ROOT / "build" / "pycache"),  # keeps byte code out of the source tree
    }
    jobs: list[Job] = []

    def add(name: str, cpu: float, python: Callable[[], pathlib.Path], chosen: list) -> None:
        folder = scratch / str(len(jobs))
        jobs.append(Job(name, lambda: run_pytest(name, python, [*choice, *chosen], environment, folder, options), cpu))

    parts: dict[tuple[str, float], list[str]] = {}
    for test in collected(choice, environment, scratch):
        part = (test["id"] if test["apart"] else test["file"], test["cpu"])
        parts.setdefault(part, []).append(test["id"])
    for (name, cpu), tests in parts.items():
        add(name, cpu, lambda: sys.executable, list(dict.fromkeys(tests)))
    for folder in (ROOT / "tests" / "conformance").iterdir():
        if folder.name in clients.names() and may_match(folder, options.filter):
            add(str(folder.relative_to(ROOT)), CLIENT_CPU, lambda client=folder.name: clients.python_of(client), [folder])
    return jobs


def may_match(folder: pathlib.Path, text: str) -> bool:
    """Whether a test in the folder may have this text in its name: no environment is made only to find that none has."""
    return any(text.lower() in f"{path.name} {path.read_text()}".lower() for path in folder.glob("test_*.py"))


def collected(choice: list[str], environment: dict[str, str], scratch: pathlib.Path) -> list[dict]:
    """The tests that pytest selects, and what each needs (tests/conftest.py)."""
    answer = scratch / "tests.json"
    status, output, _ = run([sys.executable, *PYTEST, "--collect-only", *choice, *PYTHON_FOLDERS], environment | {"SLUICE_TESTS_LIST": str(answer)})
    if not answer.exists():
        print(output)
        sys.exit(f"the tests in Python cannot be collected: exit status {status}")
    return json.loads(answer.read_text())


def run_pytest(name: str, python: Callable[[], pathlib.Path], chosen: list, environment: dict[str, str], folder: pathlib.Path,
               options: argparse.Namespace) -> Outcome:
    outcome = Outcome(name, "tests in Python")
    report = folder.with_suffix(".xml")
    try:
        interpreter = python()
    except clients.InstallFailed as problem:
        outcome.failed.append("its environment cannot be created")
        outcome.output = str(problem)
        return outcome
    command = [interpreter, *PYTEST, f"--junit-xml={report}", f"--basetemp={folder}", *chosen]
    status, outcome.output, outcome.seconds = run(command, environment, LONG_LIMIT_S if options.all else PROGRAM_LIMIT_S)
    if report.exists():
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            test = f"{case.get('classname')}.{case.get('name')}"
            outcome.cases.append((float(case.get("time", 0)), test))
            if case.find("failure") is not None or case.find("error") is not None:
                outcome.failed.append(test)
            elif case.find("skipped") is not None:
                outcome.skipped.append(test)
            else:
                outcome.passed += 1
    no_test_chosen = 5
    if status not in (0, no_test_chosen) and not outcome.failed:
        outcome.failed.append(f"pytest: exit status {status}")
    return outcome


if __name__ == "__main__":
    main()
