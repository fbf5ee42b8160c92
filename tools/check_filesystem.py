#!/usr/bin/env python3
"""Fails if a source calls a function of std::filesystem that throws on an error of the file system.

Worker threads of the server and of hosts run outside any `try`: an exception ends the process, and with it all other work in
it. So every such call must pass a std::error_code as its last argument, or be replaced by a function of sluice/os/files.hpp,
which returns a Result. Queries of a file_status (`exists(status)`) are exempt: they access no file.
"""
import pathlib
import re
import sys

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "src" / "sluice"

STATUS_CHECKS = {"exists", "is_block_file", "is_character_file", "is_directory", "is_fifo", "is_other", "is_regular_file", "is_socket",
                 "is_symlink", "status_known"}
OPERATIONS = STATUS_CHECKS - {"status_known"} | {
    "absolute", "canonical", "copy", "copy_file", "copy_symlink", "create_directories", "create_directory", "create_directory_symlink",
    "create_hard_link", "create_symlink", "current_path", "equivalent", "file_size", "hard_link_count", "is_empty", "last_write_time",
    "permissions", "proximate", "read_symlink", "relative", "remove", "remove_all", "rename", "resize_file", "space", "status",
    "symlink_status", "temp_directory_path", "weakly_canonical"}
# Methods of a directory_entry and of an iterator.
METHODS = STATUS_CHECKS - {"status_known"} | {"file_size", "hard_link_count", "last_write_time", "status", "symlink_status", "refresh",
                                              "increment"}

NAMESPACE = r"(?<![\w.>])(?:std::)?(?:filesystem|fs)::"
CALL = re.compile(NAMESPACE + r"(\w+)\s*\(")
OBJECT = re.compile(NAMESPACE + r"((?:recursive_)?directory_iterator|directory_entry)(?:\s+\w+)?\s*([({])")
METHOD = re.compile(r"(?:\.|->)\s*(\w+)\s*\(")
RANGE_FOR = re.compile(r"\bfor\s*\([^;()]*[^:]:(?!:)[^;]*?" + NAMESPACE + r"(?:recursive_)?directory_iterator")
ITERATOR = re.compile(NAMESPACE + r"(?:recursive_)?directory_iterator\s+(\w+)")
IMPORT = re.compile(r"\busing\s+(?:namespace\s+std::filesystem\b|std::filesystem::(?!path\b)\w+)")
ERROR_CODE = re.compile(r"\berror_code\s*&?\s+(\w+)")
STATUS = re.compile(r"\b(\w+)\s*=\s*" + NAMESPACE + r"(?:symlink_)?status\b")
# Comments and the contents of strings, which are not code.
NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\((.*?)\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)


def arguments(code: str, start: int) -> list[str]:
    """Returns the arguments of the call whose opening bracket is just before `start`."""
    depth, begin, out = 0, start, []
    for at in range(start, len(code)):
        if code[at] in "([{":
            depth += 1
        elif code[at] in ")]}":
            if depth == 0:
                return [*out, code[begin:at].strip()]
            depth -= 1
        elif code[at] == "," and depth == 0:
            out.append(code[begin:at].strip())
            begin = at + 1
    return [*out, code[begin:].strip()]


def complaints_about(text: str) -> list[tuple[int, str]]:
    """Returns line and name of each call that may throw."""
    code = NO_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    codes = set(ERROR_CODE.findall(code))
    statuses = set(STATUS.findall(code))
    found = []
    for match in CALL.finditer(code):
        last = arguments(code, match.end())[-1]
        of_status = match.group(1) in STATUS_CHECKS and (last in statuses or re.match(NAMESPACE + r"(symlink_)?status\(", last))
        if match.group(1) in OPERATIONS and last not in codes and not of_status:
            found.append((match.start(), match.group(1)))
    for match in OBJECT.finditer(code):
        given = arguments(code, match.end())
        if given != [""] and given[-1] not in codes:
            found.append((match.start(), match.group(1)))
    if "directory_iterator" in code or "directory_entry" in code:
        for match in METHOD.finditer(code):
            if match.group(1) in METHODS and arguments(code, match.end())[-1] not in codes:
                found.append((match.start(), match.group(1)))
    for match in RANGE_FOR.finditer(code):
        found.append((match.start(), "range-for over a directory_iterator"))
    for name in ITERATOR.findall(code):
        for match in re.finditer(rf"\+\+\s*{name}\b|\b{name}\s*\+\+", code):
            found.append((match.start(), "++ of a directory_iterator"))
    for match in IMPORT.finditer(code):
        found.append((match.start(), "import of std::filesystem"))
    return [(code.count("\n", 0, at) + 1, what) for at, what in sorted(set(found))]


def main() -> None:
    complaints = [f"{path.relative_to(SOURCES.parent.parent)}:{line}: {what} throws; give it a std::error_code, or use sluice/os/files.hpp"
                  for path in sorted(SOURCES.rglob("*.[ch]pp")) for line, what in complaints_about(path.read_text())]
    print("\n".join(complaints) or "filesystem: no call throws")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
