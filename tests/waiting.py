"""How tests wait: for an event where there is one, otherwise by polling, in one place and with a limit."""
import os
import select
import time

LIMIT_S = 60  # far longer than anything takes on a busy machine
PAUSE_S = 0.002
PAUSE_MAX_S = 0.05


def until(condition, what, limit=LIMIT_S):
    """Polls until the condition returns something true, and returns that. Only for conditions without an event to wait for."""
    deadline = time.monotonic() + limit
    pause = PAUSE_S
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not after {limit} s: {what}"
        time.sleep(pause)
        pause = min(pause * 1.3, PAUSE_MAX_S)
    return answer


def readable(file, what, limit=LIMIT_S):
    """Waits until the file can be read, or is at its end."""
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
        """Releases those that wait, and all that come later."""
        late = self.path.with_name(self.path.name + ".open")
        late.touch()
        late.rename(self.path)  # for those that open it from now on
        os.write(self.end, b"\n" * 4096)  # one line for each that has the pipe open, or is just opening it

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.end)
