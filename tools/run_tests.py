#!/usr/bin/env python3
"""Runs the test programs and fuzzers of build/asan and the tests in Python (tests/system, tests/conformance), and counts every case.

Its last line is "N passed, N failed"; the exit status is not 0 if one failed or none ran.
Run by `./dev test`, `./dev check` and `./dev accept`.
"""
import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

import fuzzing

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "asan"
PROGRAM_LIMIT_S = 900
SIMULATE_S = 30  # of the simulation, with fresh seeds
FIND_S = 60  # in which the simulation has to find a bug that was planted
FUZZ_S = 20  # new inputs after the seeds; `./dev fuzz NAME` hunts for longer
FUZZ_SEED = 1  # what fails here fails again


@dataclasses.dataclass
class Outcome:
    program: str
    passed: int = 0
    failed: list[str] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)
    output: str = ""  # what there is to see of the failed cases
    remark: str = ""
    seconds: float = 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="dev test")
    parser.add_argument("--fast", action="store_true", help="no fuzzing, no tests in Python")
    parser.add_argument("--golden", action="store_true", help="only the test programs whose name starts with `golden`")
    parser.add_argument("filter", nargs="?", default="", help="only cases whose name holds this text")
    options = parser.parse_args()

    jobs = []
    for line in (BUILD / "tests.list").read_text().splitlines():
        kind, program = (line.split() + ["", ""])[:2]
        if kind == "gtest" and (not options.golden or pathlib.Path(program).name.startswith("golden")):
            jobs.append(lambda program=program: run_gtest(program, options.filter))
        elif kind in ("sim", "planted") and not (options.golden or options.fast) and options.filter in pathlib.Path(program).name:
            jobs.append(lambda program=program, kind=kind: simulate(program) if kind == "sim" else find_planted(program))
    for fuzzer in fuzzing.fuzzers():
        if not (options.golden or options.fast) and options.filter in fuzzer.name:
            jobs.append(lambda fuzzer=fuzzer: run_fuzzer(fuzzer))

    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for future in concurrent.futures.as_completed([pool.submit(job) for job in jobs]):
            outcomes.append(future.result())
            show(outcomes[-1])
    if not (options.golden or options.fast):
        outcomes.append(run_pytest(options.filter))  # alone: its cases use every core themselves
        show(outcomes[-1])

    failed = [f"{outcome.program}: {name}" for outcome in outcomes for name in outcome.failed]
    passed = sum(outcome.passed for outcome in outcomes)
    for name in failed:
        print(f"FAILED {name}")
    if not passed and not failed:
        print(f"no test ran{f'; none has `{options.filter}` in its name' if options.filter else ''}")
    print(f"{passed} passed, {len(failed)} failed", flush=True)
    sys.exit(0 if passed and not failed else 1)


def show(outcome: Outcome) -> None:
    if outcome.failed:
        print(outcome.output.rstrip())
    for name in outcome.skipped:
        print(f"skipped {outcome.program}: {name}")
    if outcome.passed or outcome.failed:
        print(f"  {outcome.program}: {outcome.passed} passed, {len(outcome.failed)} failed, {outcome.seconds:.1f} s{outcome.remark}", flush=True)


def run(command: list, extra_environment: dict[str, str]) -> tuple[int | str, str, float]:
    """Exit status (or what ended it), output of both kinds, seconds."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **extra_environment}, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=PROGRAM_LIMIT_S)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        status = f"no end after {PROGRAM_LIMIT_S} s"
    return status, output.decode(errors="replace"), time.monotonic() - start


def run_gtest(program: str, text: str) -> Outcome:
    outcome = Outcome(program)
    command = [str(BUILD / program), "--gtest_color=no"]
    if text and text not in pathlib.Path(program).name:
        command.append(f"--gtest_filter=*{text}*")
    status, output, outcome.seconds = run(command, fuzzing.SANITIZERS)

    # Read what was printed rather than a report file: a crash leaves no report.
    # parts: what was printed before the first case, then, in turn, a case's name and what it printed.
    parts = re.split(r"^\[ RUN      \] (\S+)\n", output, flags=re.MULTILINE)
    for name, printed in zip(parts[1::2], parts[2::2]):
        verdict = re.search(rf"^.*\[  (     OK|FAILED |SKIPPED) \] {re.escape(name)}\b.* \(\d+ ms\)$", printed, re.MULTILINE)
        kind = verdict.group(1).strip() if verdict else "crashed"
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
    outcome = Outcome(fuzzer.program)
    status, outcome.output, outcome.seconds = run(fuzzing.command_of(fuzzer, FUZZ_S, FUZZ_SEED), fuzzing.SANITIZERS)
    if status == 0:
        outcome.passed = 1
    else:
        outcome.output = outcome.output[-5000:]
        outcome.failed.append(f"exit status {status}; the input is in {fuzzing.FOUND.relative_to(ROOT)}")
    return outcome


def simulate(program: str) -> Outcome:
    outcome = Outcome(program)
    status, outcome.output, outcome.seconds = run([BUILD / program, "--seconds", str(SIMULATE_S)], fuzzing.SANITIZERS)
    if status == 0:
        outcome.passed = 1
        outcome.remark = "; " + outcome.output.strip()
    else:
        outcome.failed.append(f"exit status {status}")
    return outcome


def find_planted(program: str) -> Outcome:
    """A simulation with a bug in it: it passes if the bug is found."""
    outcome = Outcome(program)
    status, outcome.output, outcome.seconds = run([BUILD / program, "--seconds", str(FIND_S)], fuzzing.SANITIZERS)
    found = re.match(r"seed \d+: .*", outcome.output)
    if status == 1 and found:
        outcome.passed = 1
        outcome.remark = "; found, " + found.group()
    else:
        outcome.failed.append(f"the bug was not found in {FIND_S} s (exit status {status})")
    return outcome


def run_pytest(text: str) -> Outcome:
    outcome = Outcome("tests/system and tests/conformance")
    report = BUILD / "pytest.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "--color=no",
               f"--junit-xml={report}", "tests/system", "tests/conformance"]
    status, outcome.output, outcome.seconds = run(command + (["-k", text] if text else []), {})
    if report.exists():
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            name = f"{case.get('classname')}.{case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                outcome.failed.append(name)
            elif case.find("skipped") is not None:
                outcome.skipped.append(name)
            else:
                outcome.passed += 1
    no_test_chosen = 5
    if status not in (0, no_test_chosen) and not outcome.failed:
        outcome.failed.append(f"pytest: exit status {status}")
    return outcome


if __name__ == "__main__":
    main()
