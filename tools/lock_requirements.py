#!/usr/bin/env python3
"""Writes FILE.lock from FILE.in: each package that pip would choose on this platform (CPython 3.11, x86-64), with the hash of the one
file that it would fetch. Run it by `./dev lock [NAME]`: NAME is that of a file tests/clients/NAME.in, or `uv`; default: tools/requirements.in."""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OF_TOOLS = {"": ROOT / "tools" / "requirements.in", "uv": ROOT / "tools" / "uv.in"}


def main() -> None:
    known = OF_TOOLS | {path.stem: path for path in (ROOT / "tests" / "clients").glob("*.in")}
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in known:
        sys.exit(f"lock: there is no `{name}`; there are {', '.join(sorted(filter(None, known)))}")
    wanted = known[name]
    report = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--only-binary", ":all:", "--report", "-", "--requirement", wanted],
        check=True, stdout=subprocess.PIPE).stdout
    lines = []
    for package in json.loads(report)["install"]:
        name = package["metadata"]["name"].lower().replace("_", "-").replace(".", "-")
        digest = package["download_info"]["archive_info"]["hash"].removeprefix("sha256=")
        lines.append(f"{name}=={package['metadata']['version']} --hash=sha256:{digest}")
    lock = wanted.with_suffix(".lock")
    head = f"# Made by ./dev lock from {wanted.name}; do not edit. CPython 3.11 on x86-64.\n"
    # What is only there as source is built, by name.
    head += "".join(line + "\n" for line in wanted.read_text().splitlines() if line.startswith("--no-binary "))
    lock.write_text(head + "\n".join(sorted(lines)) + "\n")
    print(f"{lock.relative_to(ROOT)}: {len(lines)} packages")


if __name__ == "__main__":
    main()
