#!/usr/bin/env python3
"""Records the responses of other, unmodified servers in tests/golden/recorded/NAME/REQUEST.json: CI compares Sluice with them without
running those servers. `./dev record [NAME]` runs this file; without NAME it lists them.

A file tests/record/NAME.py defines CLIENT, the environment (tests/clients) of the server, and answers(python), which starts the server
with that interpreter, sends it requests, and returns {request: response}. `./dev test --all` checks that the recording is up to date.
"""
import importlib
import json
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "golden" / "recorded"
sys.path.insert(0, str(ROOT / "tests"))
import clients  # noqa: E402


def names():
    return sorted(path.stem for path in (ROOT / "tests" / "record").glob("*.py"))


def peer(name):
    """The module tests/record/NAME.py."""
    return importlib.import_module(f"record.{name}")


def recorded(name):
    """{request: response}, as recorded."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / name).glob("*.json"))}


def main():
    if len(sys.argv) == 1:
        print("\n".join(names()))
        return
    [name] = sys.argv[1:]
    if name not in names():
        sys.exit(f"record: there is no `{name}`; there are {', '.join(names())}")
    answers = peer(name).answers(clients.python_of(peer(name).CLIENT))
    shutil.rmtree(FOLDER / name, ignore_errors=True)
    (FOLDER / name).mkdir(parents=True)
    for request, answer in answers.items():
        (FOLDER / name / f"{request}.json").write_text(json.dumps(answer, indent=2, sort_keys=True) + "\n")
    subprocess.run(["git", "--no-pager", "diff", "--stat", "--", FOLDER / name], cwd=ROOT, check=True)
    print(f"{FOLDER.relative_to(ROOT) / name}: {len(answers)} responses")


if __name__ == "__main__":
    main()
