"""`./dev bench tracking`: raw requests of MLflow's API, to Sluice and to a real `mlflow server`, in turn.

MLflow's server waits 40 ms on each request of a kept connection, by Nagle's algorithm and delayed acknowledgements. Its figures are
given as it is shipped, and (`prompt`) with a client that acknowledges at once.
"""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
import urllib.request

API = "/api/2.0/mlflow"
PROCESSOR_TICKS = os.sysconf("SC_CLK_TCK")


class Connection:
    """A kept connection that sends requests and reads answers, and costs little itself."""

    IDLE_MAX_S = 2  # MLflow's server closes a connection after five seconds

    def __init__(self, port, prompt=False):
        self.port, self.prompt = port, prompt
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.left, self.used = b"", time.monotonic()

    def more(self):
        if self.prompt:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        got = self.socket.recv(1 << 20)
        if not got:
            raise OSError(f"the server on port {self.port} has closed the connection")
        return got

    def raw(self, method, path, body=b"", media_type="application/json"):
        if time.monotonic() - self.used > self.IDLE_MAX_S:
            self.socket.close()
            self.connect()
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        while b"\r\n\r\n" not in self.left:
            self.left += self.more()
        head, _, rest = self.left.partition(b"\r\n\r\n")
        fields = head.lower()
        if b"transfer-encoding: chunked" in fields:
            raise OSError("an answer in chunks")
        length = int(fields.partition(b"content-length:")[2].split(b"\r\n")[0])
        parts, have = [rest], len(rest)
        while have < length:
            parts.append(self.more())
            have += len(parts[-1])
        whole = b"".join(parts)
        self.left, self.used = whole[length:], time.monotonic()
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise OSError(f"{method} {path}: {head.decode()[:200]} {whole[:300]}")
        return whole[:length]

    def ask(self, method, path, body=None):
        return json.loads(self.raw(method, API + path, json.dumps(body).encode() if body is not None else b"") or b"{}")


def descendants(pid):
    found = [pid]
    for file in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in file.read_text().split():
            found += descendants(int(child))
    return found


def processor_seconds(pid):
    """Of a process and those below it."""
    total = 0
    for one in descendants(pid):
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / PROCESSOR_TICKS


def memory(pid):
    """Private bytes of a process and those below it."""
    total = 0
    for one in descendants(pid):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Private_"):
                    total += int(line.split()[1]) * 1024
    return total


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, name, command, folder):
        self.name, self.port = name, free_port()
        start = time.perf_counter()
        with open(folder / f"{name}.log", "wb") as log:
            self.process = subprocess.Popen([str(word).replace("PORT", str(self.port)) for word in command], cwd=folder, stdout=log, stderr=log,
                                            start_new_session=True)
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5).read()
                break
            if self.process.poll() is not None or time.perf_counter() - start > 180:
                raise OSError(f"{name} did not start; see {folder}/{name}.log")
            time.sleep(0.002)
        self.started = time.perf_counter() - start

    def stop(self):
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)

    def connection(self, prompt):
        return Connection(self.port, prompt)

    def processor_of(self, work, count):
        """Processor seconds of the server for each of `count` things that `work` does, and its seconds."""
        before, start = processor_seconds(self.process.pid), time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        return (processor_seconds(self.process.pid) - before) / count, seconds / count


def batch(run, number):
    """A thousand points of ten metrics."""
    return json.dumps({"run_id": run, "metrics": [{"key": f"k{i % 10}", "value": i * 0.37, "timestamp": 1_700_000_000_000 + i, "step": number * 100 + i // 10}
                                                  for i in range(1000)]}).encode()


class Workload:
    """What is measured, against one server; figures by name."""

    def __init__(self, server, prompt, runs, scale):
        self.server, self.scale = server, scale
        self.connection = server.connection(prompt)
        self.prompt = prompt
        self.figures = {}
        self.experiment = self.connection.ask("POST", "/experiments/create", {"name": f"bench {prompt} {time.time()}"})["experiment_id"]
        self.runs = [self.create(i) for i in range(runs)]

    def create(self, i):
        return self.connection.ask("POST", "/runs/create", {
            "experiment_id": self.experiment, "user_id": "u", "start_time": 1_700_000_000_000 + i,
            "tags": [{"key": "mlflow.user", "value": "u"}, {"key": "mlflow.source.name", "value": "train.py"}]})["run"]["info"]["run_id"]

    def note(self, name, work, count):
        self.figures[name + " cpu"], self.figures[name] = self.server.processor_of(work, count)

    def log_some(self, connection, count, key):
        for i in range(count):
            connection.ask("POST", "/runs/log-metric", {"run_id": self.runs[0], "key": key, "value": i / 7, "timestamp": 1_700_000_000_000 + i, "step": i})

    def create_runs(self):
        count = 20 * self.scale
        self.note("create run", lambda: [self.create(i) for i in range(count)], count)

    def log_metrics(self):
        count = 30 * self.scale
        self.note("log metric", lambda: self.log_some(self.connection, count, "loss"), count)

    def log_by_eight(self):
        count = 10 * self.scale
        connections = [self.server.connection(self.prompt) for _ in range(8)]

        def work():
            threads = [threading.Thread(target=self.log_some, args=(one, count, f"m{i}")) for i, one in enumerate(connections)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.note("log metric, 8 clients", work, 8 * count)

    def log_batches(self):
        count = 2 * self.scale
        bodies = [batch(self.runs[1], i) for i in range(count)]
        self.note("metric of a batch", lambda: [self.connection.raw("POST", API + "/runs/log-batch", body) for body in bodies], 1000 * count)

    def fill(self):
        for i, run in enumerate(self.runs):
            self.connection.ask("POST", "/runs/log-batch", {
                "run_id": run, "metrics": [{"key": f"m{k}", "value": (i * 37 + k) % 1000, "timestamp": 1, "step": 0} for k in range(5)],
                "params": [{"key": f"p{k}", "value": str(i % 7)} for k in range(5)]})

    def search(self, name, count=5, **query):
        body = json.dumps({"experiment_ids": [self.experiment], "max_results": 1000} | query).encode()
        self.note(name, lambda: [self.connection.raw("POST", API + "/runs/search", body) for _ in range(count)], count)

    def history(self):
        run = self.create(0)
        for i in range(0, 100_000, 1000):
            self.connection.raw("POST", API + "/runs/log-batch", json.dumps({"run_id": run, "metrics": [
                {"key": "long", "value": j * 0.37, "timestamp": 1_700_000_000_000 + j, "step": j} for j in range(i, i + 1000)]}).encode())

        def read():
            token, points = "", 0
            while True:
                page = json.loads(self.connection.raw("GET", f"{API}/metrics/get-history?run_id={run}&metric_key=long&max_results=25000&page_token={token}"))
                points += len(page["metrics"])
                token = page.get("next_page_token", "")
                if not token:
                    assert points == 100_000
                    return
        self.note("history of 100,000", read, 1)

    def artifact(self, megabytes=200):
        path = f"/api/2.0/mlflow-artifacts/artifacts/{self.experiment}/{self.runs[0]}/artifacts/large.bin"
        body = os.urandom(megabytes << 20)
        self.note("upload", lambda: self.connection.raw("PUT", path, body, "application/octet-stream"), megabytes)
        self.note("download", lambda: self.connection.raw("GET", path), megabytes)


def measure(server, prompt, runs, scale):
    work = Workload(server, prompt, runs, scale)
    work.create_runs()
    work.log_metrics()
    work.log_by_eight()
    work.log_batches()
    work.fill()
    work.search(f"search 1,000 of {runs} runs")
    work.search("… filter and order by a metric", filter="metrics.m1 > 500 and params.p1 = '3'", order_by=["metrics.m2 DESC"])
    work.search("… order by a metric", order_by=["metrics.m2 DESC"])
    work.history()
    work.artifact()
    return work.figures
