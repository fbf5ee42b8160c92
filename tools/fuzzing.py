#!/usr/bin/env python3
"""Runs a fuzzer of build/asan, starting from its seeds and the inputs found before. `./dev fuzz NAME [SECONDS]` runs this file.

New inputs are stored in build/fuzz-corpus/NAME, failing inputs in build/fuzz-found: each of these becomes a test or a seed,
together with the fix. `./dev fuzz NAME --pack` writes a minimal set of stored inputs with the same total coverage to
tests/fuzz/corpus/NAME.tar.xz, from which fuzzing starts on other machines.
"""
import argparse
import base64
import dataclasses
import io
import lzma
import os
import pathlib
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "asan"
CORPUS = ROOT / "build" / "fuzz-corpus"
FOUND = ROOT / "build" / "fuzz-found"
PACKED = ROOT / "tests" / "fuzz" / "corpus"
INPUT_LIMIT_S = 30  # for one input, on a slow machine and with sanitizers
MEMORY_LIMIT_MB = 4096

SANITIZERS = {
    "ASAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19",
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TBB_ENABLE_SANITIZERS": "1",  # otherwise TBB loads a library in a way that AddressSanitizer rejects
}


@dataclasses.dataclass
class Fuzzer:
    program: str  # below build/asan
    seeds: list[str]  # folders

    @property
    def name(self) -> str:
        return pathlib.Path(self.program).name

    @property
    def corpus(self) -> pathlib.Path:
        return CORPUS / self.name

    @property
    def packed(self) -> pathlib.Path:
        return PACKED / f"{self.name}.tar.xz"


def fuzzers() -> list[Fuzzer]:
    lines = (line.split() for line in (BUILD / "tests.list").read_text().splitlines())
    return [Fuzzer(words[1], words[2:]) for words in lines if words and words[0] == "fuzz"]


def unpack(archive: pathlib.Path, folder: pathlib.Path) -> None:
    with tarfile.open(archive) as packed:
        for member in packed:
            (folder / pathlib.PurePath(member.name).name).write_bytes(packed.extractfile(member).read())


def pack(fuzzer: Fuzzer) -> str:
    """Merges the packed corpus and the corpus of this machine. The same inputs give the same bytes."""
    with tempfile.TemporaryDirectory() as minimal, tempfile.TemporaryDirectory() as packed:
        if fuzzer.packed.exists():
            unpack(fuzzer.packed, pathlib.Path(packed))
        command = [BUILD / fuzzer.program, "-merge=1", f"-timeout={INPUT_LIMIT_S}", f"-rss_limit_mb={MEMORY_LIMIT_MB}", minimal, packed, fuzzer.corpus]
        merged = subprocess.run(command, cwd=ROOT, env={**os.environ, **SANITIZERS}, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
        if merged.returncode != 0:
            sys.exit(merged.stderr[-20_000:] + f"{fuzzer.name}: not packed, exit status {merged.returncode}")
        inputs = sorted(pathlib.Path(minimal).iterdir())
        PACKED.mkdir(exist_ok=True)
        with tarfile.open(fuzzer.packed, "w:xz") as archive:
            for file in inputs:
                content = file.read_bytes()
                member = tarfile.TarInfo(file.name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return f"{len(inputs)} of {len(list(fuzzer.corpus.iterdir()))} inputs, {fuzzer.packed.stat().st_size // 1024} KiB"


def command_of(fuzzer: Fuzzer, seconds: int, seed: int) -> list:
    """Returns the command line. New inputs go to the first folder, which starts as the packed corpus if this machine has none."""
    FOUND.mkdir(parents=True, exist_ok=True)
    if not fuzzer.corpus.exists():
        fuzzer.corpus.mkdir(parents=True)
        if fuzzer.packed.exists():
            unpack(fuzzer.packed, fuzzer.corpus)
    return [BUILD / fuzzer.program, f"-max_total_time={seconds}", f"-timeout={INPUT_LIMIT_S}", f"-report_slow_units={INPUT_LIMIT_S}", f"-rss_limit_mb={MEMORY_LIMIT_MB}",
            "-verbosity=0", "-print_final_stats=1", f"-seed={seed}", f"-artifact_prefix={FOUND}/{fuzzer.name}-", fuzzer.corpus, *fuzzer.seeds]


def failing_inputs(output: str) -> str:
    """The inputs that this output of a fuzzer says it stored, as text: for a machine whose files are gone when its log is read.
    `base64 -d | xz -d` turns each into the input again."""
    inputs = [pathlib.Path(name).read_bytes() for name in re.findall(r"Test unit written to (\S+)", output)]
    return "".join(f"input, xz and base64: {base64.b64encode(lzma.compress(content)).decode()}\n" for content in inputs)


def executions_in(output: str) -> int:
    found = re.search(r"^stat::number_of_executed_units: (\d+)", output, re.MULTILINE)
    return int(found.group(1)) if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="dev fuzz")
    parser.add_argument("name", nargs="?", help="name of the fuzzer; default: list all")
    parser.add_argument("seconds", nargs="?", type=int, default=600, help="default: 600")
    parser.add_argument("--pack", action="store_true", help="do not fuzz; pack the corpus")
    options = parser.parse_args()
    known = {fuzzer.name: fuzzer for fuzzer in fuzzers()}
    if options.name is None:
        print("\n".join(known))
        return
    if options.name not in known:
        parser.error(f"unknown fuzzer `{options.name}`; known: " + ", ".join(known))

    if options.pack:
        print(f"{options.name}: packed {pack(known[options.name])}")
        return

    fuzzer, seed = known[options.name], random.randrange(1, 1 << 31)
    command = command_of(fuzzer, options.seconds, seed)
    known_inputs = len(list(fuzzer.corpus.iterdir()))
    print(f"{fuzzer.name}: {options.seconds} s, seed {seed}, {known_inputs} inputs in the corpus", flush=True)
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **SANITIZERS}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    output, _ = process.communicate()
    seconds = time.monotonic() - start
    new = len(list(fuzzer.corpus.iterdir())) - known_inputs
    found = "found nothing"
    if process.returncode != 0:
        print(output[-20_000:])
        broken = re.findall(r"Test unit written to (\S+)", output)
        found = "found " + ", ".join(broken) if broken else f"exit status {process.returncode}"
    print(f"{fuzzer.name}: {executions_in(output)} executions in {seconds:.0f} s, {new} new inputs, {found}")
    sys.exit(0 if process.returncode == 0 else 1)


if __name__ == "__main__":
    main()
