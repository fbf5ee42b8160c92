"""What people send first, and what clients of other servers send: it is answered, or explained in words that help.

tests/system/requests/ has bodies that once went wrong, each after a public report.
"""
import gzip
import json
import subprocess
import zlib

import pytest
from sluice_program import ROOT

REQUESTS = ROOT / "tests" / "system" / "requests"
PICTURES = ROOT / "tests" / "fuzz" / "host" / "pictures"
JSON = {"Content-Type": "application/json"}


def case(name):
    return (REQUESTS / name).read_bytes()


@pytest.fixture
def infer(server, endpoint):
    return lambda body, headers=None: server.ask("POST", f"/v2/models/{endpoint}/infer", body, headers)


@pytest.fixture
def good(infer):
    """The response to a request as the protocol has it."""
    status, answer = infer(case("good.json"), JSON)
    assert status == 200, answer
    return answer


def test_null_is_absent(infer, good):
    assert infer(case("outputs-null.json"), JSON) == (200, good)


def test_two_pictures_of_the_shape_2_1(infer, good):
    status, answer = infer(case("shape-n-1.json"), JSON)
    assert status == 200, answer
    for output, one in zip(answer["outputs"], good["outputs"]):
        assert output["shape"][0] == 2 and output["data"] == one["data"] * 2


COMPRESSED = {
    "gzip": lambda: ("gzip", case("good.json.gz")),
    "gzip, no compression": lambda: ("gzip", gzip.compress(case("good.json"), 0)),
    "x-gzip": lambda: ("x-gzip", case("good.json.gz")),
    "deflate": lambda: ("deflate", zlib.compress(case("good.json"))),
    "deflate without a header": lambda: ("deflate", zlib.compress(case("good.json"), wbits=-15)),
    "identity": lambda: ("identity", case("good.json")),
}


@pytest.mark.parametrize("name", COMPRESSED)
def test_compressed(infer, good, name):
    coding, body = COMPRESSED[name]()
    assert infer(body, JSON | {"Content-Encoding": coding}) == (200, good)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "identity, gzip"])
def test_another_content_coding_is_named(infer, coding):
    status, answer = infer(case("good.json"), JSON | {"Content-Encoding": coding})
    assert status == 415
    assert answer["error"] == f"the content coding `{coding}` is not supported; send the body as it is, or compressed once with `gzip` or `deflate`"


def test_a_compressed_submission(server, good):
    """Each route takes compressed bodies; those of /v1 too."""
    plan = {"plan": "sluice: 1\npipelines: {main: {graph: {done: {process: [echo, done]}}}}\n", "file": None, "inputs": None, "code": None}
    status, answer = server.ask("POST", "/v1/runs", gzip.compress(json.dumps(plan).encode()), {"Content-Encoding": "gzip"})
    assert status == 201 and server.end_of(answer["run"])["status"] == "succeeded"


def test_a_tensor_without_its_header(infer):
    for headers in (JSON, {"Content-Type": "application/octet-stream"}, {}):
        status, answer = infer(case("binary-without-header.bin"), headers)
        assert status == 400 and "the header Inference-Header-Content-Length gives the JSON's length" in answer["error"], answer


def test_a_tensor_without_length_prefixes(infer):
    picture = (PICTURES / "rgb.jpg").read_bytes()
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(picture)}}
    head = json.dumps({"inputs": [tensor]}).encode()
    status, answer = infer(head + picture, {"Inference-Header-Content-Length": str(len(head))})
    assert status == 400
    assert answer["error"] == "input `image`: element 0 is a picture without its length prefix (4 bytes, little-endian)"


@pytest.mark.parametrize("content_type", ["image/png", "image/jpeg", "application/octet-stream", "application/x-www-form-urlencoded", "application/json"])
@pytest.mark.parametrize("name", ["rgb.jpg", "rgba.png", "plain.gif", "lossless.webp", "rgb8.tiff"])
def test_a_picture_as_it_is(infer, server, endpoint, name, content_type):
    picture = (PICTURES / name).read_bytes()
    status, answer = infer(picture, {"Content-Type": content_type})
    assert status == 200, answer
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(picture) + 4}}
    head = json.dumps({"inputs": [tensor]}).encode()
    body = head + len(picture).to_bytes(4, "little") + picture
    assert infer(body, {"Inference-Header-Content-Length": str(len(head))}) == (200, answer)


def test_what_is_no_picture_is_named_by_the_host(infer):
    status, answer = infer(b"<svg xmlns='http://www.w3.org/2000/svg'/>", {"Content-Type": "image/svg+xml"})
    assert status == 400 and answer["error"].startswith("image[0]: cannot read picture: SVG or XML is not supported"), answer


def curl(server, endpoint, *arguments):
    done = subprocess.run(["curl", "-sS", f"{server.url}/v2/models/{endpoint}/infer", *arguments], cwd=PICTURES, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_forms_of_curl(server, endpoint, infer):
    one, other = (infer((PICTURES / name).read_bytes())[1]["outputs"][0]["data"] for name in ("rgb.jpg", "rgba.png"))
    labels = lambda answer: answer["outputs"][0]["data"]
    assert labels(curl(server, endpoint, "-F", "image=@rgb.jpg")) == one
    assert labels(curl(server, endpoint, "-F", "a=@rgb.jpg", "-F", "b=@rgba.png")) == one + other
    assert labels(curl(server, endpoint, "-F", 'image=@rgb.jpg;type=application/octet-stream;filename="a \\"b\\"; c.jpg"')) == one
    assert labels(curl(server, endpoint, "-F", "image=<rgb.jpg")) == one, "a picture in a field of text"
    assert labels(curl(server, endpoint, "--data-binary", "@rgb.jpg")) == one
    assert labels(curl(server, endpoint, "-X", "POST", "-T", "rgb.jpg")) == one
    assert labels(curl(server, endpoint, "-H", "Transfer-Encoding: chunked", "-F", "image=@rgb.jpg")) == one
    text = curl(server, endpoint, "-F", "image=rgb.jpg")
    assert text == {"error": "field `image` of the form is text; send pictures as files (curl -F image=@FILE)"}
    damaged = curl(server, endpoint, "-d", "@rgb.jpg")  # `-d` removes line ends
    assert "error" in damaged
    named = curl(server, endpoint, "-F", "a=@rgb.jpg", "-F", "b=@/dev/null")
    assert named == {"error": "image[1]: cannot read picture: it is empty"}


def test_a_form_has_a_limited_number_of_files(server, endpoint):
    answer = curl(server, endpoint, *["-F", "image=@rgb.jpg"] * 257)
    assert "257" in answer["error"] and "256" in answer["error"], answer
