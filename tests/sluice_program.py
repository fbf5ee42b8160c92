"""Starts the real programs for tests: servers and commands over a data folder of their own."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("SLUICE_BIN", ROOT / "build" / "bin"))
START_LIMIT_S = 60


def environment(**more):
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {name: str(value) for name, value in more.items()}


class Server:
    """`sluice up` on a port that the system picks, unless told otherwise."""

    def __init__(self, data, *arguments, listen="127.0.0.1:0"):
        self.data = pathlib.Path(data)
        self.process = subprocess.Popen([BIN / "sluice", "up", "--data", str(data), "--listen", listen, *arguments],
                                        stdout=subprocess.PIPE, text=True, env=environment())
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if not found:
            self.process.wait(START_LIMIT_S)
            raise RuntimeError(f"the server did not start: {line!r}, exit status {self.process.returncode}")
        self.url = found.group(0)

    @property
    def address(self):
        return self.url.removeprefix("http://")

    def ask(self, method, path, body=None, headers=None):
        """(status, JSON or text)"""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, read(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, read(refused)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()  # else it would take the machine's memory and time from all tests that follow
                raise

    def kill(self):
        self.process.kill()
        self.process.wait(30)


def read(answer):
    text = answer.read().decode()
    return json.loads(text) if answer.headers.get("content-type", "").startswith("application/json") else text


def sluice(*arguments, data=None, limit=120, **more):
    """Runs a command; answers the finished process with stdout and stderr as text."""
    command = [BIN / "sluice", *map(str, arguments)]
    if data is not None:
        command += ["--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=limit, env=environment(), **more)


def start(*arguments, data, **more):
    """Starts a command and does not wait."""
    return subprocess.Popen([BIN / "sluice", *map(str, arguments), "--data", str(data)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env=environment(), **more)


def report_of(finished):
    """The JSON that `sluice run --json` prints."""
    assert finished.stdout, f"{finished.args} ended with {finished.returncode}: {finished.stderr}"
    return json.loads(finished.stdout)


def until(condition, limit=60):
    """Waits until the condition answers something true, and gives that back."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(0.005)
    raise TimeoutError(f"nothing true within {limit} s")


def copy_data(data, to):
    """A data folder that nobody uses, as another one; answers its path. Less what belongs to the supervisor, which may just be ending."""
    shutil.copytree(data, to, symlinks=True, ignore=shutil.ignore_patterns("supervisor.*"))
    return to


@contextlib.contextmanager
def serving(data, *arguments):
    server = Server(data, *arguments)
    try:
        yield server
    finally:
        server.stop()
