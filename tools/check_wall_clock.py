#!/usr/bin/env python3
"""Fails if a module reads the system's clock: runs must replay deterministically, and tests must be able to set the clock.

The wall clock may be read in base and app only. The steady clock, for durations, also in the other programs (host,
supervisor) and in os, which waits for processes.
"""
import pathlib
import re
import sys

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "src" / "sluice"

WALL = re.compile(r"\b(system_clock::now|utc_clock::now|gettimeofday\s*\(|clock_gettime\s*\(\s*CLOCK_(REALTIME|TAI)|timespec_get\s*\("
                  r"|(?<![\w.>:])(std::)?time\s*\(\s*(nullptr|NULL|0|&\w+)\s*\))")
STEADY = re.compile(r"\b((steady_clock|high_resolution_clock)::now|clock_gettime\s*\(\s*CLOCK_(?!REALTIME|TAI))\b")
WALL_MODULES = ("base", "app")
STEADY_MODULES = (*WALL_MODULES, "os", "host", "supervisor")
COMMENT = re.compile(r"//.*")


def main() -> None:
    complaints = []
    for path in sorted(SOURCES.rglob("*.[ch]pp")):
        module = path.relative_to(SOURCES).parts[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = COMMENT.sub("", line)
            for pattern, modules in ((WALL, WALL_MODULES), (STEADY, STEADY_MODULES)):
                found = pattern.search(code)
                if found and module not in modules:
                    complaints.append(f"{path.relative_to(SOURCES.parent.parent)}:{number}: `{found.group().strip()}` outside "
                                      f"{', '.join(modules)}; pass a sluice::Clock& and call its now()")
    print("\n".join(complaints) or "wall clock: read in base and app only")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
