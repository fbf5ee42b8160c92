"""A second client of a server, and the server's memory usage, while a test sends bad requests to it."""
import threading

import waiting


class Bystander:
    """Sends the same requests to a server repeatedly, and records failures. A context manager: its end raises if there were any.

    The server must return the same record of `run` each time, or the same at another `path`.
    """

    def __init__(self, server, run=None, path=None):
        self.server = server
        self.path = path or f"/v1/runs/{run}"
        self.before = server.ask("GET", self.path)
        self.successes = 0
        self.wrong = []
        self.over = threading.Event()
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.send_until_over)

    def send_until_over(self):
        while not self.over.is_set():
            self.send_once()
            self.over.wait(0.02)

    def send_once(self):
        try:
            health, _ = self.server.ask("GET", "/v2/health/live")
            recorded = self.server.ask("GET", self.path)
        except OSError as problem:  # no response, or a connection that was refused or closed
            self.note(repr(problem))
        else:
            self.note(None if health == 200 and recorded == self.before else (health, recorded))

    def note(self, wrong):
        with self.changed:
            if wrong is None:
                self.successes += 1
            else:
                self.wrong.append(wrong)
            self.changed.notify_all()

    def wait_for_some(self, more=1):
        """Waits until that many more requests have succeeded, or one has failed."""
        with self.changed:
            goal = self.successes + more
            assert self.changed.wait_for(lambda: self.successes >= goal or self.wrong, waiting.LIMIT_S), "requests of other clients get no response any more"

    def __enter__(self):
        assert self.before[0] == 200, self.before
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self.thread.join()
        self.send_once()
        if kind is None:
            assert self.server.process.poll() is None, f"the server ended with {self.server.process.returncode}"
            assert not self.wrong, self.wrong[:3]
            assert self.successes > 0


def memory_peak(pid):
    """Returns the peak resident memory of a process, in MB."""
    with open(f"/proc/{pid}/status") as status:
        [line] = [line for line in status if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def forget_memory_peak(pid):
    """Resets the peak that `memory_peak` returns."""
    with open(f"/proc/{pid}/clear_refs", "w") as clear:
        clear.write("5")
