"""Finds what the programs of a data folder left on the machine when all of them have ended."""
import os
import pathlib
import shutil
import stat
import time

import waiting
from fault import killing

IDLE_END_LIMIT_S = 40  # a supervisor exits 10 s after its last connection


def environment_of(pid):
    try:
        return dict(part.split("=", 1) for part in pathlib.Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0") if "=" in part)
    except OSError:
        return {}


def children_of(parent, program):
    """Returns the running child processes that run the program."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text() == program[:15] + "\n":
                state, ppid = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
                if int(ppid) == parent and state != "Z":
                    found.append(int(entry.name))
        except OSError:
            continue
    return found


def of(data):
    """Returns a list of leftovers, one line each; first waits until the supervisor has exited."""
    deadline = time.monotonic() + IDLE_END_LIMIT_S
    for pid in killing.processes_of(data, with_supervisor=True):
        waiting.process_ends(pid, deadline - time.monotonic())
    processes = killing.processes_of(data, with_supervisor=True)
    found = [f"process {pid} is left: {words}" for pid, words in processes.items()]
    found += [f"a mount is left: {line.split()[1]}" for line in pathlib.Path("/proc/mounts").read_text().splitlines() if str(data) in line]
    found += [f"a socket is left: {line.split()[-1]}" for line in pathlib.Path("/proc/net/unix").read_text().splitlines() if str(data) in line]
    found += [f"a file is left: {data / name}" for name in ("supervisor.sock", "server.json") if (data / name).exists()]
    group = f"sluice-{os.stat(data).st_dev}-{os.stat(data).st_ino}"
    found += [f"a cgroup is left: {top}/{group}" for top, folders, _ in os.walk("/sys/fs/cgroup") if group in folders]
    # Only empty folders, prepared for the next tasks, may exist.
    found += [f"a folder is left: {path}" for path in (data / "work").iterdir() if path.name.startswith(("task-", "service-"))]
    return found


def remove(folder):
    for inner, _, _ in os.walk(folder):  # materialized artifacts are read-only
        os.chmod(inner, stat.S_IRWXU)
    shutil.rmtree(folder)
