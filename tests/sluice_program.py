"""Starts the real programs for tests: servers and commands with a data folder of their own."""
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import waiting

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("SLUICE_BIN", ROOT / "build" / "bin"))
START_LIMIT_S = 60


def environment(**more):
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {name: str(value) for name, value in more.items()}


class Server:
    """`sluice up` on a port that the system chooses, unless `listen` names one."""

    def __init__(self, data, *arguments, listen="127.0.0.1:0", stderr=None, env=None):
        self.data = pathlib.Path(data)
        self.process = subprocess.Popen([BIN / "sluice", "up", "--data", str(data), "--listen", listen, *arguments],
                                        stdout=subprocess.PIPE, stderr=stderr, text=True, env=env or environment())
        waiting.readable(self.process.stdout, "`sluice up` has printed its address", START_LIMIT_S)
        line = self.process.stdout.readline()
        found = re.search(r"https?://\S+", line)
        if not found:
            self.process.wait(START_LIMIT_S)
            raise RuntimeError(f"the server did not start: {line!r}, exit status {self.process.returncode}")
        self.url = found.group(0)

    @property
    def address(self):
        return self.url.partition("://")[2]

    def ask(self, method, path, body=None, headers=None):
        """Sends a request; returns (status, JSON or text)."""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, read(response)
        except urllib.error.HTTPError as refused:
            return refused.code, read(refused)

    def events(self, run, **headers):
        return Events(self, run, headers)

    def first_run(self):
        """Waits for the server's first run; returns its id."""
        return waiting.until(lambda: self.ask("GET", "/v1/runs")[1]["runs"], "the server has a run")[-1]["run"]

    def event(self, run, kind, limit=waiting.LIMIT_S, **fields):
        """Waits for the run's first event of that kind with these fields, and returns it."""
        def first():
            with self.events(run) as events:
                return next((event for _, event in events.until(limit) if event["t"] == kind and fields.items() <= event.items()), None)

        # A server that has just started may not have resumed the run yet; in that case, the stream ends at once.
        return waiting.until(first, f"{kind} of run {run}, {fields}", limit)

    def end_of(self, run, limit=2 * waiting.LIMIT_S):
        """Waits until the run has ended; returns its report."""
        self.event(run, "run_ended", limit)
        return self.ask("GET", f"/v1/runs/{run}")[1]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()  # otherwise it would use memory and processor time during all later tests
                raise

    def kill(self):
        self.process.kill()
        self.process.wait(30)


class Events:
    """The stream of a run's events: pairs (number, event)."""

    def __init__(self, server, run, headers):
        self.run = run
        self.connection = http.client.HTTPConnection(server.address, timeout=60)
        self.connection.request("GET", f"/v1/runs/{run}/events", headers={"Accept": "text/event-stream"} | headers)
        self.answer = self.connection.getresponse()

    def until(self, limit):
        return ((number, data) for kind, number, data in self.of_all_types(limit) if kind == "message")

    def under_way(self, limit=waiting.LIMIT_S):
        """What the stream says about the tasks that are under way, by path, whenever that has changed."""
        return ({task["path"]: task for task in data["tasks"]} for kind, _, data in self.of_all_types(limit) if kind == "under_way")

    def of_all_types(self, limit):
        deadline = time.monotonic() + limit
        number, kind = None, "message"
        for line in self.answer:  # a comment line at least every 15 s
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "id":
                number = int(value)
            elif field == "event":
                kind = value
            elif field == "data":
                yield kind, number, json.loads(value)
            elif not field:
                kind = "message"
            assert time.monotonic() < deadline, f"run {self.run}: not after {limit} s"

    def __iter__(self):
        return self.until(2 * waiting.LIMIT_S)

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def reserved_address():
    """A free address outside the range of ephemeral ports: the system does not assign it to another socket while the server on it restarts."""
    first_ephemeral = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(first_ephemeral // 2, first_ephemeral), 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return f"127.0.0.1:{port}"
    raise OSError("100 ports are in use")


def read(response):
    text = response.read().decode()
    return json.loads(text) if response.headers.get("content-type", "").startswith("application/json") else text


def sluice(*arguments, data=None, limit=120, **more):
    """Runs a command; returns the finished process with stdout and stderr as text."""
    command = [BIN / "sluice", *map(str, arguments)]
    if data is not None:
        command += ["--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=limit, env=environment(), **more)


def start(*arguments, data, **more):
    """Starts a command and does not wait for it."""
    return subprocess.Popen([BIN / "sluice", *map(str, arguments), "--data", str(data)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env=environment(), **more)


def report_of(finished):
    """The JSON that `sluice run --json` prints."""
    assert finished.stdout, f"{finished.args} ended with {finished.returncode}: {finished.stderr}"
    return json.loads(finished.stdout)


def copy_data(data, to):
    """Copies a data folder that is not in use; returns the path of the copy. Omits the files of the supervisor, which may be exiting."""
    shutil.copytree(data, to, symlinks=True, ignore=shutil.ignore_patterns("supervisor.*"))
    return to


@contextlib.contextmanager
def serving(data, *arguments, **options):
    server = Server(data, *arguments, **options)
    try:
        yield server
    finally:
        server.stop()
