#!/usr/bin/env python3
"""Writes tools/requirements.lock from tools/requirements.in: each package that pip would choose on this platform
(CPython 3.11, x86-64), with the hash of the one file that it would fetch. Run it by `./dev lock`."""
import json
import pathlib
import subprocess
import sys

TOOLS = pathlib.Path(__file__).resolve().parent


def main() -> None:
    report = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-",
         "--requirement", TOOLS / "requirements.in"],
        check=True, stdout=subprocess.PIPE).stdout
    lines = []
    for package in json.loads(report)["install"]:
        name = package["metadata"]["name"].lower().replace("_", "-").replace(".", "-")
        digest = package["download_info"]["archive_info"]["hash"].removeprefix("sha256=")
        lines.append(f"{name}=={package['metadata']['version']} --hash=sha256:{digest}")
    head = "# Made by ./dev lock from requirements.in; do not edit. CPython 3.11 on x86-64.\n"
    (TOOLS / "requirements.lock").write_text(head + "\n".join(sorted(lines)) + "\n")
    print(f"tools/requirements.lock: {len(lines)} packages")


if __name__ == "__main__":
    main()
