"""Bad requests to Kubeflow's API: each is refused in Kubeflow's shape, in bounded memory, while others are served, and what was there stays."""
import contextlib
import http.client
import json
import urllib.parse

import packages
import pytest
import served
from bystander import Bystander, forget_memory_peak, memory_peak

pytestmark = pytest.mark.needs(cpu=1)
MEMORY_MORE_MB = 200
ROOT = "/apis/v2beta1"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
LONG = "n" * 10_000_000


class Target:
    def __init__(self, server, client):
        self.server = server
        self.client = client
        self.experiment = client.create_experiment("kept", "as it is").experiment_id
        self.run = client.create_run_from_pipeline_func(served.one_command, experiment_id=self.experiment).run_id
        served.ended(client, self.run)
        self.pipeline = client.upload_pipeline_from_pipeline_func(served.one_command, "kept").pipeline_id

    def kept(self):
        versions = self.client.list_pipeline_versions(self.pipeline).pipeline_versions
        return (self.client.get_run(self.run), self.client.get_experiment(self.experiment), self.client.get_pipeline(self.pipeline), versions)

    def ask(self, method, path, body=None, headers=JSON):
        connection = http.client.HTTPConnection(self.server.address, timeout=60)
        with contextlib.closing(connection):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may respond before it has read everything
                connection.request(method, ROOT + path, body, headers if body is not None else {})
            response = connection.getresponse()
            return response.status, response.read()

    def answered(self, method, path, body=None, headers=JSON):
        """It is done, or refused in Kubeflow's shape: (status, code, message)."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        status, answer = self.ask(method, path, body, headers)
        if status < 400:
            return status, None, None
        if status in (414, 431):  # before it is known whose path it is
            return status, None, answer.decode()
        assert status < 500 or status == 501, (method, path[:200], status, answer[:300])
        error = json.loads(answer)
        assert error["error"] == error["message"] != "" and 0 < error["code"] <= 16, error
        detail, = error["details"]
        assert (detail["@type"], detail["code"], detail["message"]) == ("type.googleapis.com/google.rpc.Status", error["code"], error["message"])
        assert len(error["message"]) < 20_000, len(error["message"])
        return status, error["code"], error["message"]

    def refused(self, method, path, body=None, headers=JSON):
        status, code, message = self.answered(method, path, body, headers)
        assert status >= 400, (method, path[:200])
        return status, code, message


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    with served.serving(tmp_path_factory.mktemp("bad-requests") / "data") as both:
        yield Target(*both)


@pytest.fixture
def target(started):
    """The server, which serves others meanwhile, keeps what it had, and takes little more memory."""
    pid = started.server.process.pid
    kept = started.kept()
    forget_memory_peak(pid)
    before = memory_peak(pid)
    with Bystander(started.server, path=f"{ROOT}/runs/{started.run}"):
        yield started
    assert memory_peak(pid) - before < MEMORY_MORE_MB
    assert started.kept() == kept


WITH_BODY = [("POST", "/experiments"), ("POST", "/runs"), ("POST", "/pipelines"), ("POST", "/pipelines/create"), ("POST", "/pipelines/x/versions"),
             ("POST", "/pipelines/upload"), ("POST", "/pipelines/upload_version?pipelineid=x"), ("PATCH", "/pipelines/x"), ("PATCH", "/pipelines/x/versions/y")]
NO_JSON = [b"", b"{", b"[]", b"7", b'"text"', b"\xff\xfe", b"{}}", b'{"a": nan}', b"[" * 100_000, b'{"a":' * 100_000, b'{"\xff": 1}', b'{"display_name": "\\ud800"}']
WRONG = [True, 7, -1, 1.5, 2**63, 1e308, "\0", [], [[]], {}, {"": 0}, [{"a": []}] * 3, "x\ny", " "]


@pytest.mark.parametrize("method, path", WITH_BODY)
def test_bodies_that_are_not_json(target, method, path):
    for body in NO_JSON:
        target.refused(method, path, body)


def test_values_of_wrong_types(target):
    spec = {"pipelineInfo": {"name": "x"}, "root": {}, "deploymentSpec": {}}
    bodies = {("POST", "/experiments"): {"display_name": "wrong", "description": "d", "namespace": ""},
              ("POST", "/runs"): {"display_name": "r", "description": "d", "experiment_id": target.experiment, "service_account": "s", "pipeline_spec": spec,
                                  "runtime_config": {"parameters": {"a": 1}, "pipeline_root": "r"},
                                  "pipeline_version_reference": {"pipeline_id": "p", "pipeline_version_id": "v"}},
              ("POST", "/pipelines"): {"name": " ", "display_name": "d", "description": "d", "namespace": "", "tags": {"a": "b"}},
              ("POST", "/pipelines/create"): {"pipeline": {"name": "n"}, "pipeline_version": {"name": "n", "pipeline_spec": spec}},
              ("POST", f"/pipelines/{target.pipeline}/versions"): {"name": "n", "display_name": "d", "code_source_url": "u", "pipeline_spec": spec, "tags": {}},
              ("PATCH", "/pipelines/x"): {"display_name": "d", "tags": {"a": "b"}}}
    for (method, path), body in bodies.items():
        for name in body:
            for wrong in WRONG:
                if (path, name) == ("/pipelines", "name") and wrong not in (" ", "x\ny"):
                    target.answered(method, path, {**body, name: wrong})
                elif path != "/experiments" or name != "description":
                    target.answered(method, path, {**body, name: wrong})
                for inner in body[name] if isinstance(body[name], dict) else ():
                    target.answered(method, path, {**body, name: {**body[name], inner: wrong}})


@pytest.mark.parametrize("path", ["/runs", "/runs/{}:archive", "/runs/{}:unarchive", "/runs/{}:terminate", "/runs/{}:retry", "/runs/{}:none", "/runs/{}/nodes/a/artifacts/b:read",
                                  "/experiments/{}", "/experiments/{}:archive", "/experiments/{}:unarchive", "/pipelines/{}", "/pipelines/{}/versions",
                                  "/pipelines/names/{}", "/pipelines/{}/versions/{}", "/recurringruns/{}", "/artifacts/{}", "/nothing/{}"])
def test_names_in_paths(target, path):
    for name in ["none", "%00", "%FF", "..", "%2e%2e", "%2F", "a%2Fb", "%25", "'", "%22%27%3B", ":", "a:b:c", "x" * 8000, "%F0%9F%98%80"]:
        for method in ("GET", "POST", "DELETE", "PATCH"):
            if (method, path) != ("GET", "/runs"):
                target.refused(method, path.replace("{}", name), {} if method in ("POST", "PATCH") else None)


def test_names_of_ten_megabytes(target):
    for path, body in [("/experiments", {"display_name": LONG}), ("/experiments", {"display_name": "x", "description": LONG}), ("/pipelines", {"name": LONG}),
                       ("/runs", {"display_name": LONG, "pipeline_spec": {}}), ("/runs", {"display_name": "x", "experiment_id": LONG, "pipeline_spec": {}}),
                       ("/runs", {"display_name": "x", "pipeline_version_reference": {"pipeline_version_id": LONG}}),
                       ("/runs", {"display_name": "x", "pipeline_spec": {}, "service_account": LONG}), ("/pipelines/create", {"pipeline": {"name": LONG}}),
                       ("/runs", {"display_name": "x", "pipeline_spec": {LONG: 1}})]:
        status, _, message = target.refused("POST", path, body)
        assert status in (400, 404, 413) and len(message) < 2_000, (path, status, message[:300])
    assert target.ask("GET", f"/runs?filter={LONG}")[0] in (414, 431)


FILTERS = {
    "deep": "[" * 50_000,
    "deep predicates": '{"predicates":' * 5_000,
    "many predicates": json.dumps({"predicates": [{"operation": 1, "key": "name", "stringValue": "x"}] * 200}),
    "many values": json.dumps({"predicates": [{"operation": 7, "key": "name", "stringValues": {"values": ["x"] * 2_000}}]}),
    "no predicate": json.dumps({"predicates": [7]}),
    "unknown key": json.dumps({"predicates": [{"operation": 1, "key": "x' OR 1=1 --", "stringValue": "x"}]}),
    "unknown operation": json.dumps({"predicates": [{"operation": 99, "key": "name", "stringValue": "x"}]}),
    "two values": json.dumps({"predicates": [{"operation": 1, "key": "name", "stringValue": "x", "intValue": 1}]}),
    "not JSON": "name = 'x'",
    "a list": "[]",
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters(target, name):
    for path in ("/runs", "/experiments", "/pipelines", f"/pipelines/{target.pipeline}/versions"):
        status, code, message = target.refused("GET", f"{path}?filter={urllib.parse.quote(FILTERS[name])}")
        assert (status, code) == (400, 3) or status in (414, 431), (status, message)


def test_orders_pages_and_tokens(target):
    for path in ("/runs", "/experiments", "/pipelines", f"/pipelines/{target.pipeline}/versions"):
        for query in ("sort_by=none", "sort_by=name+down", "sort_by=" + "x" * 4_000, "page_size=-1", "page_size=x", "page_size=" + "9" * 40, "page_token=x",
                      "page_token=" + "A" * 4_000, "page_token=e30="):
            assert target.refused("GET", f"{path}?{query}")[0] == 400, query
    assert target.refused("GET", "/runs?experiment_id=none")[:2] == (404, 5)


def form(content, name="uploadfile", file="pipeline.yaml"):
    return f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'.encode() + content + b"\r\n--b--\r\n"


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(9))
UPLOADS = {
    "nothing": (b"", "the form has no line"),
    "truncated": (form(b"sluice: 1")[:60], "no end of its headers"),
    "no end": (form(b"sluice: 1")[:-8], "is missing"),
    "another field": (form(b"sluice: 1", name="file"), "no file in the field `uploadfile`"),
    "no pipeline": (form(b"a: 1"), "unrecognized"),
    "not YAML": (form(b"sluice: 1\npipelines: ["), "invalid YAML"),
    "not text": (form(b"\xff\xfe\x00"), "pipeline.yaml"),
    "empty": (form(b""), ""),
    "half an archive": (form(b"PK\x03\x04" + b"\0" * 1000), "pipeline.yaml: the package has no end"),
    "a zip bomb": (form(packages.zipped({"pipeline.yaml": bytes(100 << 20)})), "unpacks to more than"),
    "a zip bomb that overlaps": (form(packages.overlapping_zip(900)), "unpacks to more than"),
    "10 GB of zeros": (form(packages.gzip_of_zeros(10**10)), "the package is empty"),
    "an archive in an archive": (form(packages.zipped({"pipeline.yaml": packages.zipped({"pipeline.yaml": b"a: 1"})})), "is an archive again"),
    "a way out": (form(packages.zipped({"../pipeline.yaml": b"a: 1"})), "is not a path inside of it"),
    "no pipeline in an archive": (form(packages.zipped({"pipeline.yaml": b"a: 1"})), "pipeline.yaml/pipeline.yaml: unrecognized"),
    "a bomb of aliases": (form(("pipelineInfo: {name: x}\nroot: {}\n" + BOMB).encode()), "pipeline.yaml"),
    "deep": (form(b"[" * 100_000), "pipeline.yaml"),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_uploads(target, name):
    body, words = UPLOADS[name]
    for path in ("/pipelines/upload?name=bad", f"/pipelines/upload_version?name=bad&pipelineid={target.pipeline}"):
        status, _, message = target.refused("POST", path, body, FORM)
        assert status in (400, 413) and words in message, message
    target.refused("POST", "/pipelines/upload?name=bad", form(b"a: 1"), {"Content-Type": "multipart/form-data"})
    target.refused("POST", "/pipelines/upload?name=bad&tags=[", form(b"a: 1"), FORM)


def test_an_upload_that_is_too_large(target):
    assert target.refused("POST", "/pipelines/upload?name=large", form(b"#" * (66 << 20)), FORM)[0] == 413


def test_a_specification_that_is_wrong_names_the_place(target):
    spec = {"pipelineInfo": {"name": "x"}, "sdkVersion": "kfp-2.17.0", "schemaVersion": "2.1.0", "deploymentSpec": {"executors": {}}, "components": {},
            "root": {"dag": {"tasks": {"a": {"componentRef": {"name": "comp-none"}, "taskInfo": {"name": "a"}}}}}}
    status, code, message = target.refused("POST", "/runs", {"display_name": "wrong", "experiment_id": target.experiment, "pipeline_spec": spec})
    assert (status, code) == (400, 3) and message.startswith("wrong:1:") and "comp-none" in message, message
