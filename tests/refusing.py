"""Runs a program on a kernel that seems to lack some system calls: refusing.py NUMBER... -- PROGRAM ARGUMENT...

The calls of these numbers fail with ENOSYS, for the program and all that it starts.
"""
import ctypes
import errno
import os
import struct
import sys

LANDLOCK_CREATE_RULESET = 444
SECCOMP = 317

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2
LOAD, SKIP_UNLESS_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000


def refuse(numbers):
    code = struct.pack("HBBI", LOAD, 0, 0, 0)
    for number in numbers:
        code += struct.pack("HBBI", SKIP_UNLESS_EQUAL, 0, 1, number) + struct.pack("HBBI", RETURN, 0, 0, FAIL | errno.ENOSYS)
    code += struct.pack("HBBI", RETURN, 0, 0, ALLOW)
    instructions = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack("H6xQ", len(code) // 8, ctypes.addressof(instructions)))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, FILTER, program, 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    where = sys.argv.index("--")
    refuse(map(int, sys.argv[1:where]))
    os.execv(sys.argv[where + 1], sys.argv[where + 1:])
