"""Others who use a server while a test does it harm."""
import threading
import time


class Bystander:
    """Asks a server the same things over and over, and keeps what went wrong. For `with`: raises at its end if anything did.

    What was recorded before (`run`) must be answered as it was.
    """

    def __init__(self, server, run):
        self.server = server
        self.run = run
        self.before = server.ask("GET", f"/v1/runs/{run}")
        self.answered = 0
        self.wrong = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.ask_on)

    def ask_on(self):
        while not self.over.is_set():
            self.ask_once()
            self.over.wait(0.02)

    def ask_once(self):
        try:
            health, _ = self.server.ask("GET", "/v2/health/live")
            recorded = self.server.ask("GET", f"/v1/runs/{self.run}")
        except OSError as problem:  # no answer, or a connection that was refused or cut
            self.wrong.append(repr(problem))
            return
        if health == 200 and recorded == self.before:
            self.answered += 1
        else:
            self.wrong.append((health, recorded))

    def __enter__(self):
        assert self.before[0] == 200, self.before
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self.thread.join()
        self.ask_once()
        if kind is None:
            assert self.server.process.poll() is None, f"the server ended with {self.server.process.returncode}"
            assert not self.wrong, self.wrong[:3]
            assert self.answered > 0


def memory_peak(pid):
    """The most memory that a process has held at once, in MB."""
    with open(f"/proc/{pid}/status") as status:
        [line] = [line for line in status if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def forget_memory_peak(pid):
    """From here on, `memory_peak` tells of what comes now."""
    with open(f"/proc/{pid}/clear_refs", "w") as clear:
        clear.write("5")


def wait_for_some(bystander, more=1, limit=60):
    """Until the bystander was answered that many times more."""
    goal = bystander.answered + more
    deadline = time.monotonic() + limit
    while bystander.answered < goal and not bystander.wrong:
        assert time.monotonic() < deadline, "nobody else is answered any more"
        time.sleep(0.01)
