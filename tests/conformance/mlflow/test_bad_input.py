"""Bad requests to MLflow's API: each is refused with an error in MLflow's shape, in bounded memory, while others are served, and what was recorded stays.

Runs in the environment tests/clients/mlflow.in.
"""
import contextlib
import gzip
import http.client
import json
import random
import urllib.parse
import zlib

import pytest
import routes
import tracked
from bystander import Bystander, forget_memory_peak, memory_peak
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

pytestmark = pytest.mark.needs(cpu=1)
MEMORY_MORE_MB = 160
JSON = {"Content-Type": "application/json"}
RUNS = "/api/2.0/mlflow/runs"


class Recorded:
    """What was recorded before the bad requests, and how it is read back."""

    def __init__(self, client):
        self.client = client
        self.experiment = client.create_experiment("recorded", tags={"kept": "yes"})
        self.run = client.create_run(self.experiment, run_name="recorded", start_time=1).info.run_id
        for step in range(5):
            client.log_metric(self.run, "loss", 1 / (step + 1), timestamp=step, step=step)
        client.log_param(self.run, "lr", "0.1")
        client.log_text(self.run, "recorded", "folder/note.txt")
        client.create_registered_model("recorded", description="recorded")
        client.create_model_version("recorded", f"runs:/{self.run}/folder", self.run)
        self.model = client.create_logged_model(self.experiment, name="recorded").model_id

    def read(self):
        client = self.client
        found = client.get_run(self.run)
        return (found.to_dictionary(), [point.to_dictionary() for point in client.get_metric_history(self.run, "loss")], dict(client.get_experiment(self.experiment)),
                client.get_model_version("recorded", "1").source, client.get_logged_model(self.model).name,
                client._tracking_client._get_artifact_repo(self.run).list_artifacts("folder")[0].path)


class Others(Bystander):
    """They log too."""

    def __init__(self, target):
        super().__init__(target.server, path=f"{RUNS}/get?run_id={target.recorded.run}")
        self.own = target.recorded.client.create_run(target.recorded.experiment).info.run_id
        self.points = 0

    def send_once(self):
        super().send_once()
        status, answer = self.server.ask("POST", f"{RUNS}/log-metric", {"run_id": self.own, "key": "m", "value": self.points, "timestamp": 1, "step": self.points}, JSON)
        if status != 200:
            self.note(answer)
        self.points += 1


class Target:
    """A server that holds something recorded, and a connection to it."""

    def __init__(self, server, client):
        self.server = server
        self.recorded = Recorded(client)
        self.connection = None

    def ask(self, method, path, body=None, headers=JSON):
        """(status, body); a GET is sent anew where the server has closed the connection after a refusal."""
        for _ in range(2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.server.address, timeout=60)
            try:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may respond before it has read everything
                    self.connection.request(method, path, body, headers if body is not None else {})
                response = self.connection.getresponse()
                answer = response.read()
            except (http.client.RemoteDisconnected, http.client.CannotSendRequest, ConnectionResetError, BrokenPipeError):
                self.connection.close()
                self.connection = None
                continue
            if response.will_close:
                self.connection.close()
                self.connection = None
            return response.status, answer
        raise AssertionError(f"no response to {method} {path}")

    def refused(self, method, path, body=None, headers=JSON, **more):
        """It is refused, by MLflow's rules; returns (status, error_code, message)."""
        status, code, message = self.answered(method, path, body, headers)
        assert 400 <= status < 500, (method, path[:200], status, message)
        return status, code, message

    def answered(self, method, path, body=None, headers=JSON):
        """It is done, or refused by MLflow's rules; returns (status, error_code, message)."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        status, answer = self.ask(method, path, body, headers)
        if status < 400:
            return status, None, None
        assert status < 500 or status == 501, (method, path[:200], (body or b"")[:300], status, answer[:300])
        error = json.loads(answer)
        assert error["error_code"].isupper() and error["message"], error
        assert status != 501 or error["error_code"] == "NOT_IMPLEMENTED", error
        assert len(error["message"]) < 20_000, len(error["message"])
        return status, error["error_code"], error["message"]


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    with tracked.serving(tmp_path_factory.mktemp("bad-input") / "data") as (server, client):
        yield Target(server, client)


@pytest.fixture
def target(started):
    """The server, which serves others meanwhile, keeps what it had, and takes little more memory."""
    pid = started.server.process.pid
    recorded = started.recorded.read()
    forget_memory_peak(pid)
    before = memory_peak(pid)
    with Others(started) as others:
        yield started
    assert len(started.recorded.client.get_metric_history(others.own, "m")) == others.points
    assert memory_peak(pid) - before < MEMORY_MORE_MB
    assert started.recorded.read() == recorded


# Every route that the client's package declares

ROUTES = [route for route in routes.declared() if not route.path.endswith("{*}") or route.method != "PUT"]
NO_BODY = ("GET", "HEAD")
NO_JSON = [b"", b"{", b'{"experiment_id": "0", ', b"[]", b"[1, 2]", b'"text"', b"7", b"\xff\xfe", b"{}}", b'{"a": nan}', b'{"a": 1e999}', b"[" * 100_000, b'{"a":' * 100_000,
           b'{"\xff": 1}', b'{"run_id": "\xc3\x28"}', b'{"run_id": "\\ud800"}']
WRONG = [None, True, 7, -1, 1.5, 2**63, -(2**63) - 1, 10**400, 1e308, "", "x", "\0", "NaN", "' OR 1=1 --", "\U0001f600", "../../etc", [], [[]], [None], {}, {"": 0}, [{"a": []}] * 3]


def address_of(route, name="x"):
    return "/api/" + route.path.replace("{*}", name).replace("{}", name)


@pytest.mark.parametrize("method", sorted({route.method for route in ROUTES}))
def test_bodies_that_are_not_json_on_every_route(target, method):
    for route in ROUTES:
        if route.method != method:
            continue
        for body in NO_JSON:
            target.answered(method, address_of(route), body)
        if method not in NO_BODY:
            target.answered(method, address_of(route), b"{}", {"Content-Type": "text/plain"})


@pytest.mark.parametrize("method", sorted({route.method for route in ROUTES}))
def test_values_of_wrong_types_on_every_route(target, method):
    recorded = target.recorded
    other = recorded.client.create_run("0").info.run_id
    known = {"run_id": other, "run_uuid": other, "experiment_id": "0", "experiment_ids": "0", "model_id": "m-none", "trace_id": "tr-none", "filter": "", "order_by": "name", "page_token": ""}
    for route in ROUTES:
        if route.method != method:
            continue
        whole = routes.example(route.request, known)
        if target.answered(method, address_of(route), whole)[0] == 501:
            continue
        for place in routes.places(whole):
            if method in NO_BODY and len(place) > 1:
                continue
            for wrong in WRONG:
                if method in NO_BODY:
                    text = urllib.parse.quote(wrong if isinstance(wrong, str) else json.dumps(wrong))
                    others = "".join(f"&{name}={urllib.parse.quote(str(value))}" for name, value in whole.items() if name != place[0] and isinstance(value, (str, int)))
                    target.answered(method, f"{address_of(route)}?{place[0]}={text}{others}")
                else:
                    target.answered(method, address_of(route), routes.replaced(whole, place, wrong))


@pytest.mark.parametrize("name", ["%00", "%FF", "..", "%2e%2e", "%2F", "a%2Fb", "%25", "'", "%22%27%3B", "x" * 8000, "%F0%9F%98%80"])
def test_names_in_paths_on_every_route(target, name):
    for route in ROUTES:
        if "{" in route.path:
            body = None if route.method in NO_BODY else {}
            target.answered(route.method, address_of(route, name), body)


# Much of something

LONG = "k" * 10_000_000


@pytest.mark.parametrize("path, body", [
    (f"{RUNS}/log-parameter", {"key": LONG, "value": "1"}),
    (f"{RUNS}/log-parameter", {"key": "k", LONG: "1"}),
    (f"{RUNS}/log-metric", {"key": LONG, "value": 1, "timestamp": 1}),
    (f"{RUNS}/set-tag", {"key": LONG, "value": "1"}),
    (f"{RUNS}/log-batch", {"tags": [{"key": LONG, "value": "1"}]}),
    (f"{RUNS}/log-inputs", {"datasets": [{"dataset": {"name": LONG, "digest": "d", "source_type": "s", "source": "s"}}]}),
    (f"{RUNS}/log-inputs", {"datasets": [{"tags": [{"key": LONG, "value": "1"}], "dataset": {"name": "n", "digest": "d", "source_type": "s", "source": "s"}}]}),
    ("/api/2.0/mlflow/experiments/create", {"name": LONG}),
    ("/api/2.0/mlflow/registered-models/create", {"name": LONG}),
    ("/api/2.0/mlflow/model-versions/create", {"name": LONG, "source": "s"}),
    ("/api/2.0/mlflow/model-versions/create", {"name": "recorded", "source": "s", "tags": [{"key": LONG, "value": "v"}]}),
    ("/api/3.0/mlflow/traces", {"trace": {"trace_info": {"trace_id": LONG}}}),
    ("/api/3.0/mlflow/traces", {"trace": {"trace_info": {"trace_id": "tr-1", "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}, "tags": {LONG: "v"}}}}),
    ("/api/3.0/mlflow/traces/tr-1/assessments", {"assessment": {"assessment_name": LONG, "feedback": {"value": 1}}}),
])
def test_keys_of_ten_megabytes(target, path, body):
    run = target.recorded.client.create_run("0").info.run_id
    status, _, message = target.refused("POST", path, {"run_id": run, "experiment_id": "0"} | body)
    assert status in (400, 404, 413) and len(message) < 2000, message


def test_a_query_of_ten_megabytes(target):
    status, answer = target.ask("GET", f"{RUNS}/get?run_id={LONG}")
    assert status in (414, 431) and answer


MANY = 100_000


@pytest.mark.parametrize("path, body", [
    (f"{RUNS}/log-batch", {"params": [{"key": f"p{i}", "value": "1"} for i in range(MANY)]}),
    (f"{RUNS}/log-batch", {"metrics": [{"key": "m", "value": 1, "timestamp": 1}] * MANY}),
    (f"{RUNS}/log-batch", {"tags": [{"key": f"t{i}", "value": ""} for i in range(15_000)]}),
    (f"{RUNS}/log-inputs", {"datasets": [{"dataset": {"name": f"n{i}", "digest": "d", "source_type": "s", "source": "s"}} for i in range(MANY)]}),
    (f"{RUNS}/outputs", {"models": [{"model_id": f"m-{i}", "step": i} for i in range(20_000)]}),
    (f"{RUNS}/search", {"experiment_ids": [str(i) for i in range(90_000)]}),
    (f"{RUNS}/search", {"experiment_ids": ["0"], "order_by": [f"params.p{i}" for i in range(50_000)]}),
    ("/api/2.0/mlflow/logged-models/search", {"experiment_ids": [str(i) for i in range(90_000)]}),
    ("/api/2.0/mlflow/logged-models", {"params": [{"key": f"p{i}", "value": "1"} for i in range(20_000)]}),
    ("/api/3.0/mlflow/traces/batchGetInfos", {"trace_ids": [f"tr-{i}" for i in range(80_000)]}),
    ("/api/3.0/mlflow/traces/search", {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": str(i)}} for i in range(8_000)]}),
    ("/api/2.0/mlflow/traces/delete-traces", {"request_ids": [f"tr-{i}" for i in range(80_000)]}),
    ("/api/2.0/mlflow/traces/link-to-run", {"trace_ids": [f"tr-{i}" for i in range(80_000)]}),
])
def test_lists_that_are_too_long(target, path, body):
    run = target.recorded.client.create_run("0").info.run_id
    status, _, message = target.answered("POST", path, {"run_id": run, "experiment_id": "0"} | body)
    assert status in (200, 400, 413) and len(message or "") < 2000, message


def test_a_run_of_a_hundred_thousand_parameters(target):
    """In batches of the greatest size that is accepted; it is read as any other."""
    client = target.recorded.client
    run = client.create_run("0").info.run_id
    for first in range(0, MANY, 100):
        status, _, message = target.answered("POST", f"{RUNS}/log-batch", {"run_id": run, "params": [{"key": f"p{i}", "value": str(i)} for i in range(first, first + 100)]})
        if status != 200:
            assert status == 400 and "parameters" in message, message
            break
    assert client.get_run(run).data.params == {f"p{i}": str(i) for i in range(first + 100 if status == 200 else first)}


# Filters

BOMBS = {
    "deep": "(" * 100_000 + "a" + ")" * 100_000,
    "not": "not " * 100_000 + "a = 1",
    "and": " AND ".join(["attributes.status = 'x'"] * 20_000),
    "or": " OR ".join(["attributes.status = 'x'"] * 20_000),
    "in": "attributes.run_id IN (" + ",".join(["'a'"] * 100_000) + ")",
    "long": "tags.`" + "x" * 900_000 + "` = 'y'",
    "long value": "tags.x = '" + "y" * 900_000 + "'",
    "quotes": "'" * 500_001,
    "back-ticks": "tags.`" * 100_000,
    "wildcards": "tags.x LIKE '" + "%a" * 30_000 + "'",
    "some wildcards": "tags.wild LIKE '" + "%a" * 3000 + "b'",
    "ilike": "tags.wild ILIKE '" + "%A_" * 2500 + "b'",
    "rlike": "tags.wild RLIKE '(a+)+$'",
    "rlike of groups": "tags.wild RLIKE '" + "(" * 2000 + "a" + ")*" * 2000 + "'",
    "rlike counts": "tags.wild RLIKE '((a{1,1000}){1,1000}){1,1000}'",
    "zero": "tags.x = '\0'",
    "number": "metrics.x > " + "9" * 100_000,
    "blank": " " * 900_000,
    "comments": "/*" * 100_000,
    "sql": "name = 'a'; DROP TABLE runs; --",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_filters_that_are_bombs(target, bomb):
    client = target.recorded.client
    run = client.create_run("0", tags={"wild": "a" * 8000}).info.run_id
    where = {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}]}
    text = BOMBS[bomb]
    for path, body in ((f"{RUNS}/search", {"experiment_ids": ["0"], "filter": text}), (f"{RUNS}/search", {"experiment_ids": ["0"], "order_by": [text]}),
                       ("/api/2.0/mlflow/experiments/search", {"filter": text, "max_results": 10}), ("/api/2.0/mlflow/logged-models/search", {"experiment_ids": ["0"], "filter": text}),
                       ("/api/3.0/mlflow/traces/search", where | {"filter": text}), ("/api/3.0/mlflow/traces/search", where | {"order_by": [text]}),
                       ("/api/3.0/mlflow/traces/calculate-filter-correlation", {"experiment_ids": ["0"], "filter_string1": text, "filter_string2": text}),
                       ("/api/3.0/mlflow/traces/metrics", {"experiment_ids": ["0"], "view_type": "TRACES", "metric_name": "trace_count", "aggregations": [{"aggregation_type": "COUNT"}],
                                                           "filters": [text]}),
                       ("/graphql", {"operationName": "SearchRuns", "query": "query SearchRuns { x }", "variables": {"data": {"experimentIds": ["0"], "filter": text}}})):
        status, _, message = target.answered("POST", path, body)
        assert len(message or "") < 3000, (path, message[:200])
    for path in ("registered-models/search", "model-versions/search"):
        target.ask("GET", f"/api/2.0/mlflow/{path}?filter={urllib.parse.quote(text)}")
    client.delete_run(run)


# Artifact paths, and links

OUTSIDE = ["../ledger.db", "../../etc/passwd", "a/../../b", "%2e%2e/x", "%2e%2e%2fx", "..%2f..%2fledger.db", "%252e%252e%252fx", "%25252e%25252e%25252fx", "a/%2e%2e/%2e%2e/x", "%5c..%5cx", "..%5c..%5cx",
           "..%255c..%255cx", "a%00b", "%00", "a/..%2F..%2F..%2F..%2Fetc%2Fpasswd", "C:%5Cx", "a/..%5C..%5Cx/../y", "%c0%ae%c0%ae/x", "%ff%fe", "x" * 5000, "/".join(["a"] * 3000)]


@pytest.mark.parametrize("path", OUTSIDE)
def test_artifact_paths_that_leave_the_root(target, path):
    recorded = target.recorded
    root = "/api/2.0/mlflow-artifacts"
    for method, body in (("GET", None), ("PUT", b"x"), ("DELETE", None)):
        for tree in (f"{root}/artifacts/{path}", f"{root}/artifacts/{recorded.experiment}/{recorded.run}/artifacts/{path}", f"/mlflow{root}/artifacts/{path}"):
            target.refused(method, tree, body, {})
    for action in ("create", "complete", "abort"):
        target.refused("POST", f"{root}/mpu/{action}/{path}", {"path": "x", "num_parts": 1, "upload_id": "u", "parts": []})
    target.refused("GET", f"{root}/presigned/{path}")
    for query in (f"/get-artifact?run_id={recorded.run}&path={path}", f"/model-versions/get-artifact?name=recorded&version=1&path={path}",
                  f"/ajax-api/2.0/mlflow/logged-models/{recorded.model}/artifacts/files?artifact_file_path={path}"):
        target.refused("GET", query)
    for query in (f"{root}/artifacts?path={path}", f"/api/2.0/mlflow/artifacts/list?run_id={recorded.run}&path={path}",
                  f"/api/2.0/mlflow/logged-models/{recorded.model}/artifacts/directories?artifact_directory_path={path}"):
        target.answered("GET", query)
    for name in ("/static-files/", "/mlflow/static-files/"):
        target.refused("GET", name + path)


@pytest.mark.parametrize("path", ["%2Fetc%2Fpasswd", "//etc/passwd", "./x", "a//b"])
def test_artifact_paths_that_are_written_oddly_stay_below_the_root(target, path):
    recorded = target.recorded
    file = f"/api/2.0/mlflow-artifacts/artifacts/{recorded.experiment}/{recorded.run}/artifacts/{path}"
    assert target.ask("PUT", file, b"here", {})[0] == 200 and target.ask("GET", file) == (200, b"here")
    assert all(name.split("/")[0] in ("etc", "x", "a", "folder") for name in names_below(recorded)), names_below(recorded)
    assert target.ask("DELETE", file)[0] == 200


def names_below(recorded):
    return [entry.path for entry in recorded.client.list_artifacts(recorded.run)]


def test_a_link_in_the_place_of_an_object_is_not_followed(target, tmp_path):
    recorded, data = target.recorded, target.server.data
    (tmp_path / "secret").write_text("not for clients")
    recorded.client.log_text(recorded.run, "to be replaced", "replaced.txt")
    (file,) = [path for path in (data / "objects").glob("??/??/*") if path.is_file() and path.read_bytes() == b"to be replaced"]
    file.unlink()
    file.symlink_to(tmp_path / "secret")
    try:
        for path in (f"/api/2.0/mlflow-artifacts/artifacts/{recorded.experiment}/{recorded.run}/artifacts/replaced.txt", f"/get-artifact?run_id={recorded.run}&path=replaced.txt"):
            status, answer = target.ask("GET", path)
            assert status == 500 and json.loads(answer)["error_code"] == "INTERNAL_ERROR" and b"not for clients" not in answer, (status, answer)
    finally:
        file.unlink()
        recorded.client.log_text(recorded.run, "to be replaced", "replaced.txt")
        target.ask("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{recorded.experiment}/{recorded.run}/artifacts/replaced.txt")


# Compressed bodies, and noise

def gzip_bomb(megabytes=1000):
    """Blanks, compressed with gzip; one compressed block repeated."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    head, piece = (pack.compress(b" " * (1 << 20)) + pack.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return head + piece * (megabytes - 1)


@pytest.mark.parametrize("path, kind", [(f"{RUNS}/log-batch", "application/json"), (f"{RUNS}/log-inputs", "application/json"), ("/api/3.0/mlflow/traces", "application/json"),
                                        ("/v1/traces", "application/x-protobuf"), ("/v1/traces", "application/json"), ("/graphql", "application/json")])
def test_gzip_bombs(target, path, kind):
    headers = {"Content-Type": kind, "Content-Encoding": "gzip", "x-mlflow-experiment-id": "0"}
    status, _, message = target.refused("POST", path, gzip_bomb(), headers)
    assert status == 413 and "decompressed" in message, message
    for damaged in (gzip_bomb(1)[:-10], b"no gzip", gzip.compress(b"{}")[:-4]):
        assert target.refused("POST", path, damaged, headers)[0] == 400


def test_noise_on_the_route_of_spans(target):
    chance = random.Random(7)
    whole = ExportTraceServiceRequest()
    span = whole.resource_spans.add().scope_spans.add().spans.add(trace_id=bytes(range(16)), span_id=bytes(range(8)), name="noise", start_time_unix_nano=1, end_time_unix_nano=2)
    span.attributes.add(key="deep").value.array_value.values.add().kvlist_value.values.add(key="k").value.string_value = "v"
    span.events.add(name="event", time_unix_nano=1)
    good = whole.SerializeToString()
    headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": "0"}
    for number in range(1500):
        noise = bytearray(good if number % 3 else chance.randbytes(chance.randrange(300)))
        for _ in range(chance.randrange(1, 5)):
            if noise:
                noise[chance.randrange(len(noise))] = chance.randrange(256)
        target.answered("POST", "/v1/traces", bytes(noise[:chance.randrange(1, len(noise) + 1)] if noise and number % 2 else noise), headers)
    for body in (b"\x0a" * 1_000_000, b"\x0a\xff\xff\xff\xff\x0f" * 1000, b"\x0b" * 1_000_000, b"\x0a\x80" * 100_000):
        target.refused("POST", "/v1/traces", body, headers)
    deep = b""
    for _ in range(20_000):  # a list in a list …
        inner = b"\x0a" + varint(len(deep)) + deep
        deep = b"\x2a" + varint(len(inner)) + inner
    attribute = b"\x0a\x01k\x12" + varint(len(deep)) + deep
    bomb = b"\x0a\x10" + bytes(range(16)) + b"\x12\x08" + bytes(range(8)) + b"\x4a" + varint(len(attribute)) + attribute
    for _ in range(3):
        bomb = (b"\x12" if _ < 2 else b"\x0a") + varint(len(bomb)) + bomb
    target.refused("POST", "/v1/traces", bomb, headers)


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])
