"""Helpers that wait: for an event if there is one, otherwise by polling with a limit. No other Python test polls."""
import os
import select
import time

LIMIT_S = 60  # far longer than any step takes on a busy machine
PAUSE_S = 0.002
PAUSE_MAX_S = 0.05


def until(condition, what, limit=LIMIT_S):
    """Polls until the condition returns something true, and returns that. Only for conditions without an event to wait for."""
    deadline = time.monotonic() + limit
    pause = PAUSE_S
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not after {limit} s: {what}"
        time.sleep(pause)
        pause = min(pause * 1.3, PAUSE_MAX_S)
    return result


def readable(file, what, limit=LIMIT_S):
    """Waits until the file is readable or at its end."""
    assert readable_within(file, limit), f"not after {limit} s: {what}"


def readable_within(file, seconds):
    poller = select.poll()  # select() refuses descriptors above 1,023
    poller.register(file, select.POLLIN)
    return bool(poller.poll(1000 * max(0, seconds)))


def process_ends(pid, limit=LIMIT_S):
    """Waits until a process, not necessarily a child, has exited; False if it is still running after `limit` seconds."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return readable_within(process, limit)
    finally:
        os.close(process)


class Gate:
    """A named pipe on which tasks block until the test opens it: `read line < PATH`."""

    def __init__(self, path):
        self.path = path
        os.mkfifo(path)
        self.end = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # so that readers do not block in open()

    def open(self):
        """Releases the tasks that wait, and all that open the pipe later."""
        late = self.path.with_name(self.path.name + ".open")
        late.touch()
        late.rename(self.path)  # for tasks that open it from now on
        os.write(self.end, b"\n" * 4096)  # one line for each task that has opened the pipe, or is opening it

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.end)
