"""`./dev bench tracking`: raw requests of MLflow's API, to Sluice and to a real `mlflow server`, in turn.

MLflow's server waits 40 ms on each request of a kept connection, by Nagle's algorithm and delayed acknowledgements. Its figures are
given as it is shipped, and (`prompt`) with a client that acknowledges at once.

What is measured is the answer, not this client: requests are written before the clock runs, and answers are not parsed while it does.
What is stored for the rows "with 100,000 runs" and "of 1,000,000 points" is made by requests too, fifty under way at a time.
"""
import contextlib
import json
import os
import pathlib
import re
import selectors
import signal
import socket
import subprocess
import time
import urllib.request

API = "/api/2.0/mlflow"
PROCESSOR_TICKS = os.sysconf("SC_CLK_TCK")


class Connection:
    """A kept connection that sends requests and reads answers, and costs little itself: memory that is touched for the first time
    takes longer than what is measured, so answers that nobody looks at are read into the same bytes again and again."""

    IDLE_MAX_S = 2  # MLflow's server closes a connection after five seconds
    HEAD_END = b"\r\n\r\n"

    def __init__(self, port, prompt=False):
        self.port, self.prompt = port, prompt
        self.space = memoryview(bytearray(1 << 18))
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.left, self.used = b"", time.monotonic()

    def more(self, limit):
        """How many bytes are in `space` now."""
        if self.prompt:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        got = self.socket.recv_into(self.space, min(limit, len(self.space)))
        if not got:
            raise OSError(f"the server on port {self.port} has closed the connection")
        return got

    def send(self, request):
        if time.monotonic() - self.used > self.IDLE_MAX_S:
            self.socket.close()
            self.connect()
        self.socket.sendall(request)

    def receive(self, keep=False):
        """Reads an answer; returns its body with `keep`."""
        while self.HEAD_END not in self.left:
            self.left += self.space[:self.more(1 << 16)]
        head, _, self.left = self.left.partition(self.HEAD_END)
        fields = head.lower()
        if b"transfer-encoding: chunked" in fields:
            raise OSError("an answer in chunks")
        length = int(fields.partition(b"content-length:")[2].split(b"\r\n")[0])
        ok = head.startswith(b"HTTP/1.1 200 ")
        body, self.left = self.left[:length], self.left[length:]
        parts, missing = [body], length - len(body)
        while missing:
            got = self.more(missing)
            missing -= got
            if keep or not ok:
                parts.append(bytes(self.space[:got]))
        self.used = time.monotonic()
        if not ok:
            raise OSError(f"{head.decode()[:200]} {b''.join(parts)[:300]}")
        return b"".join(parts) if keep else None

    def raw(self, request, keep=False):
        self.send(request)
        return self.receive(keep)

    def ask(self, method, path, body=None):
        return json.loads(self.raw(request_of(method, API + path, json.dumps(body).encode() if body is not None else b""), True) or b"{}")

    def all(self, requests, at_once=50, keep=False):
        """The answers to many requests, of which some are under way at a time: only for a server that reads one after the other."""
        answers = []
        for i in range(0, len(requests), at_once):
            part = requests[i:i + at_once]
            self.send(b"".join(part))
            answers += [self.receive(keep) for _ in part]
        return answers


def request_of(method, path, body=b"", media_type="application/json"):
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def post(path, body):
    return request_of("POST", API + path, json.dumps(body).encode())


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


def points(run, first, keys=("long",)):
    """A thousand points, the keys in turn."""
    return post("/runs/log-batch", {"run_id": run, "metrics": [
        {"key": keys[i % len(keys)], "value": i * 0.37, "timestamp": 1_700_000_000_000 + i, "step": i // len(keys)} for i in range(first, first + 1000)]})


def creation(experiment, i):
    return post("/runs/create", {"experiment_id": experiment, "user_id": "u", "start_time": 1_700_000_000_000 + i,
                                 "tags": [{"key": "mlflow.user", "value": "u"}, {"key": "mlflow.source.name", "value": "train.py"}]})


def id_of(answer):
    return json.loads(answer)["run"]["info"]["run_id"]


def content(run, i):
    return post("/runs/log-batch", {"run_id": run, "metrics": [{"key": f"m{k}", "value": (i * 37 + k) % 1000, "timestamp": 1, "step": 0} for k in range(5)],
                                    "params": [{"key": f"p{k}", "value": str(i % 7)} for k in range(5)]})


class Workload:
    """What is measured, against one server; figures by name."""

    def __init__(self, server, prompt, runs, scale):
        self.server, self.scale = server, scale
        self.connection = server.connection(prompt)
        self.prompt = prompt
        self.figures = {}
        self.experiment = self.new_experiment(f"bench {prompt}")
        self.runs = [id_of(self.connection.raw(creation(self.experiment, i), True)) for i in range(runs)]

    def new_experiment(self, name):
        return self.connection.ask("POST", "/experiments/create", {"name": f"{name} {time.time()}"})["experiment_id"]

    def note(self, name, work, count):
        self.figures[name + " cpu"], self.figures[name] = self.server.processor_of(work, count)

    def send(self, requests):
        for request in requests:
            self.connection.raw(request)

    def metrics(self, count, key):
        return [post("/runs/log-metric", {"run_id": self.runs[0], "key": key, "value": i / 7, "timestamp": 1_700_000_000_000 + i, "step": i})
                for i in range(count)]

    def create_runs(self):
        requests = [creation(self.experiment, i) for i in range(20 * self.scale)]
        self.note("create run", lambda: self.send(requests), len(requests))

    def log_metrics(self):
        requests = self.metrics(30 * self.scale, "loss")
        self.note("log metric", lambda: self.send(requests), len(requests))

    def by_eight(self, name, requests_of, count):
        """Eight connections, each of which has one request under way: one thread sends for all of them. `requests_of(i)` has `count`."""
        clients = {}
        with selectors.DefaultSelector() as ready:
            for i in range(8):
                client = self.server.connection(self.prompt)
                clients[client] = iter(requests_of(i))
                ready.register(client.socket, selectors.EVENT_READ, client)

            def work():
                for client, requests in clients.items():
                    client.send(next(requests))
                left = len(clients)
                while left:
                    for key, _ in ready.select():
                        client = key.data
                        client.receive()
                        request = next(clients[client], None)
                        if request is None:
                            left -= 1
                        else:
                            client.send(request)
            self.note(name, work, 8 * count)

    def log_by_eight(self):
        count = 10 * self.scale
        self.by_eight("log metric, 8 clients", lambda i: self.metrics(count, f"m{i}"), count)

    def register(self):
        """Models, and versions of one of them; by eight clients of eight."""
        count, names = 2 * self.scale, f"bench {time.time()}"
        models = [post("/registered-models/create", {"name": f"{names} {i}"}) for i in range(max(count, 8))]
        self.note("create model", lambda: self.send(models), len(models))

        def versions(model):
            return [post("/model-versions/create", {"name": f"{names} {model}", "source": f"s3://bucket/{i}"}) for i in range(count)]
        one = versions(0)
        self.note("create version", lambda: self.send(one), count)
        self.by_eight("create version, 8 clients", versions, count)

    def log_batches(self):
        ten = [f"k{i}" for i in range(10)]
        requests = [points(self.runs[1], 1000 * i, ten) for i in range(2 * self.scale)]
        self.note("metric of a batch", lambda: self.send(requests), 1000 * len(requests))
        many = [f"layer{i}/weight" for i in range(1000)]
        requests = [points(self.runs[2], 1000 * i, many) for i in range(self.scale)]
        self.note("… of 1,000 keys", lambda: self.send(requests), 1000 * len(requests))

    def fill(self):
        self.send([content(run, i) for i, run in enumerate(self.runs)])

    def search(self, name, count=5, path=API, **query):
        request = request_of("POST", path + "/runs/search", json.dumps({"experiment_ids": [self.experiment], "max_results": 1000} | query).encode())
        self.note(name, lambda: self.send([request] * count), count)

    def history(self):
        run = id_of(self.connection.raw(creation(self.experiment, 0), True))
        self.send([points(run, i) for i in range(0, 100_000, 1000)])

        def read():
            token, count = "", 0
            while True:
                page = self.connection.raw(request_of("GET", f"{API}/metrics/get-history?run_id={run}&metric_key=long&max_results=25000&page_token={token}"), True)
                count += page.count(b'"timestamp"')
                more = re.search(rb'"next_page_token": ?"([^"]+)"', page[-300:])
                if not more:
                    assert count == 100_000
                    return
                token = more[1].decode()
        self.note("history of 100,000", read, 1)

    def artifact(self, megabytes=200):
        path = f"/api/2.0/mlflow-artifacts/artifacts/{self.experiment}/{self.runs[0]}/artifacts/large.bin"
        upload = request_of("PUT", path, os.urandom(megabytes << 20), "application/octet-stream")
        self.note("upload", lambda: self.connection.raw(upload), megabytes)
        download = request_of("GET", path)
        self.note("download", lambda: self.connection.raw(download), megabytes)

    def many_runs(self, count=100_000):
        """In an experiment of their own, which is searched from now on."""
        self.experiment = self.new_experiment("many runs")
        for first in range(0, count, 5000):
            numbers = range(first, min(first + 5000, count))
            made = [id_of(answer) for answer in self.connection.all([creation(self.experiment, i) for i in numbers], keep=True)]
            self.connection.all([content(run, i) for run, i in zip(made, numbers)])
        self.search("of 100,000 runs, 1,000 by a metric", order_by=["metrics.m2 DESC"])
        self.page("of 100,000 runs, a page of the interface")

    def page(self, name):
        """The two searches of the page of an experiment's runs, as MLflow's interface sends them."""
        queries = {"max_results": 50, "filter": ""}, {"max_results": 100}
        requests = [request_of("POST", "/ajax-api/2.0/mlflow/runs/search", json.dumps(
            {"experiment_ids": [self.experiment], "run_view_type": "ACTIVE_ONLY", "order_by": ["attributes.start_time DESC"]} | query).encode()) for query in queries]
        self.note(name, lambda: self.send(requests), 1)

    def long_history(self, count=1_000_000):
        run = id_of(self.connection.raw(creation(self.experiment, 0), True))
        for first in range(0, count, 50_000):
            self.connection.all([points(run, i) for i in range(first, first + 50_000, 1000)])
        request = request_of("GET", f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={run}&metric_key=long&max_results=320")
        self.note("chart of 1,000,000 points", lambda: self.send([request] * 5), 5)


def measure(server, prompt, runs, scale):
    work = Workload(server, prompt, runs, scale)
    work.create_runs()
    work.log_metrics()
    work.log_by_eight()
    work.log_batches()
    work.register()
    work.fill()
    work.search(f"search 1,000 of {runs} runs")
    work.search("… filter and order by a metric", filter="metrics.m1 > 500 and params.p1 = '3'", order_by=["metrics.m2 DESC"])
    work.search("… order by a metric", order_by=["metrics.m2 DESC"])
    work.history()
    work.artifact()
    return work.figures


def measure_large(server):
    """What would take MLflow's server hours to store."""
    work = Workload(server, False, 0, 0)
    work.many_runs()
    work.long_history()
    return work.figures
