"""Responses of MLServer, unmodified, to requests of the Open Inference Protocol. It serves a model with the inputs and outputs of a Sluice
endpoint; tests/conformance/test_recorded.py sends the same requests to Sluice."""
import contextlib
import json
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from sluice_program import reserved_address
from waiting import until

CLIENT = "mlserver"
MODEL = "pictures"

TWO_PICTURES = {"name": "image", "shape": [2], "datatype": "BYTES", "parameters": {"content_type": "base64"}}
REQUESTS = {  # name: (method, path, body)
    "live": ("GET", "/v2/health/live", None),
    "ready": ("GET", "/v2/health/ready", None),
    "server": ("GET", "/v2", None),
    "model": ("GET", f"/v2/models/{MODEL}", None),
    "model_ready": ("GET", f"/v2/models/{MODEL}/ready", None),
    "no_model": ("GET", "/v2/models/none", None),
    "no_model_ready": ("GET", "/v2/models/none/ready", None),
    "infer": ("POST", f"/v2/models/{MODEL}/infer", {"id": "7", "inputs": [TWO_PICTURES]}),
    "infer_one_output": ("POST", f"/v2/models/{MODEL}/infer", {"id": "8", "inputs": [TWO_PICTURES], "outputs": [{"name": "label"}]}),
    "infer_no_model": ("POST", "/v2/models/none/infer", {"inputs": [TWO_PICTURES]}),
    "infer_no_shape": ("POST", f"/v2/models/{MODEL}/infer", {"inputs": [{"name": "image", "datatype": "BYTES"}]}),
}

SETTINGS = {"host": "127.0.0.1", "parallel_workers": 0, "debug": False}
MODEL_SETTINGS = {
    "name": MODEL,
    "implementation": "classifier.Classifier",
    "parameters": {"version": "1"},
    "versions": ["1"],
    "platform": "fixed",
    "inputs": [{"name": "image", "datatype": "BYTES", "shape": [-1]}],
    "outputs": [{"name": "label", "datatype": "BYTES", "shape": [-1]}, {"name": "probability", "datatype": "FP32", "shape": [-1, 3]},
                {"name": "rejected", "datatype": "BOOL", "shape": [-1]}],
}
CLASSIFIER = '''
from mlserver import MLModel
from mlserver.types import InferenceResponse, ResponseOutput


class Classifier(MLModel):
    async def predict(self, payload):
        """The same result for every picture."""
        count = len(payload.inputs[0].data)
        outputs = [ResponseOutput(name="label", datatype="BYTES", shape=[count], data=["bird"] * count),
                   ResponseOutput(name="probability", datatype="FP32", shape=[count, 3], data=[0.5, 0.25, 0.25] * count),
                   ResponseOutput(name="rejected", datatype="BOOL", shape=[count], data=[False] * count)]
        wanted = [output.name for output in payload.outputs or outputs]
        return InferenceResponse(id=payload.id, model_name=self.name, model_version=self.version,
                                 outputs=[output for output in outputs if output.name in wanted])
'''


def with_pictures(body, picture):
    """The body of a request with this picture, in base64, as its data."""
    if body is None or "shape" not in body["inputs"][0]:
        return body
    return body | {"inputs": [tensor | {"data": [picture] * tensor["shape"][0]} for tensor in body["inputs"]]}


def ask(url, method, path, body):
    """{"status", "type", "body"}"""
    request = urllib.request.Request(url + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return whole(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return whole(refused)


def whole(answer):
    text = answer.read().decode()
    return {"status": answer.status, "type": answer.headers.get("Content-Type"), "body": json.loads(text) if text else None}


@contextlib.contextmanager
def serving(python):
    """Runs MLServer; yields its URL."""
    with tempfile.TemporaryDirectory(prefix="sluice-record-") as folder:
        addresses = [reserved_address() for _ in range(3)]
        ports = {kind: int(address.rpartition(":")[2]) for kind, address in zip(("http_port", "grpc_port", "metrics_port"), addresses)}
        for name, text in (("settings.json", json.dumps(SETTINGS | ports)), ("model-settings.json", json.dumps(MODEL_SETTINGS)), ("classifier.py", CLASSIFIER)):
            (Path(folder) / name).write_text(text)
        with open(Path(folder) / "log", "wb") as log:
            server = subprocess.Popen([Path(python).with_name("mlserver"), "start", folder], cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            url = f"http://{addresses[0]}"
            until(lambda: is_ready(url, server), f"MLServer is ready; see {folder}/log")
            yield url
        finally:
            server.kill()
            server.wait(30)


def is_ready(url, server):
    assert server.poll() is None, f"MLServer ended with {server.returncode}"
    with contextlib.suppress(OSError):
        return ask(url, "GET", f"/v2/models/{MODEL}/ready", None)["status"] == 200
    return False


def answers(python):
    """{name of the request: response}"""
    with serving(python) as url:
        return {name: ask(url, method, path, with_pictures(body, "cGljdHVyZQ==")) for name, (method, path, body) in REQUESTS.items()}
