"""The Open Inference Protocol V2, with NVIDIA's client (tritonclient.http, unmodified) and with plain HTTP.

Runs in the environment of the client (tests/clients/tritonclient.in). From conftest.py: `server` is a running server
(`url`: "http://127.0.0.1:PORT", `address`: that without the scheme), `endpoint` the name of an endpoint on it that serves a
picture classifier.
"""
import base64
import http.client
import json
import struct
import urllib.error
import urllib.request
import zlib

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException


def png(red, green, blue, side=64):
    """A square PNG with one color outside and another inside."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    inside, outside = bytes((red, green, blue)), bytes((255 - red, 255 - green, 255 - blue))
    rows = [b"\0" + b"".join(inside if side // 4 < x < 3 * side // 4 and side // 4 < y < 3 * side // 4 else outside
                             for x in range(side)) for y in range(side)]
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b""))


PICTURES = [png(200, 30, 30), png(20, 120, 220), png(90, 90, 90)]
OUTPUTS = ("label", "probability", "rejected")


@pytest.fixture
def client(server):
    with triton.InferenceServerClient(server.address, network_timeout=60.0) as made:
        yield made


def binary_input(pictures):
    tensor = triton.InferInput("image", [len(pictures)], "BYTES")
    tensor.set_data_from_numpy(np.array(pictures, dtype=np.object_), binary_data=True)
    return tensor


def json_input(pictures):
    tensor = triton.InferInput("image", [len(pictures)], "BYTES")
    text = [base64.b64encode(picture).decode() for picture in pictures]
    tensor.set_data_from_numpy(np.array(text, dtype=np.object_), binary_data=False)
    return tensor


def outputs(binary):
    return [triton.InferRequestedOutput(name, binary_data=binary) for name in OUTPUTS]


def words(array):
    return [word.decode() if isinstance(word, bytes) else word for word in array]


def post(url, body, headers):
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.headers, response.read()


def test_server_and_model_are_ready(client, endpoint):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(endpoint)
    version = client.get_model_metadata(endpoint)["versions"][0]
    assert client.is_model_ready(endpoint, version)
    assert not client.is_model_ready("no-such-endpoint")


def test_metadata(client, endpoint):
    server = client.get_server_metadata()
    assert server["name"] == "sluice"
    assert "binary_tensor_data" in server["extensions"]
    model = client.get_model_metadata(endpoint)
    assert model["name"] == endpoint
    assert model["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1]}]
    shapes = {output["name"]: (output["datatype"], output["shape"]) for output in model["outputs"]}
    classes = model["parameters"]["classes"]
    assert shapes == {"label": ("BYTES", [-1]), "probability": ("FP32", [-1, len(classes)]), "rejected": ("BOOL", [-1])}
    assert client.get_model_metadata(endpoint, model["versions"][-1]) == model


def test_binary_tensors_both_ways(client, endpoint):
    classes = client.get_model_metadata(endpoint)["parameters"]["classes"]
    result = client.infer(endpoint, [binary_input(PICTURES)], outputs=outputs(True), request_id="7")
    response = result.get_response()
    assert response["id"] == "7"
    assert response["model_name"] == endpoint
    assert all("binary_data_size" in output["parameters"] for output in response["outputs"])
    probability = result.as_numpy("probability")
    assert probability.dtype == np.float32
    assert probability.shape == (len(PICTURES), len(classes))
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-4)
    assert words(result.as_numpy("label")) == [classes[i] for i in probability.argmax(axis=1)]
    assert result.as_numpy("rejected").dtype == np.bool_
    assert result.as_numpy("rejected").shape == (len(PICTURES),)


def test_json_both_ways_gives_the_same(client, endpoint):
    binary = client.infer(endpoint, [binary_input(PICTURES)], outputs=outputs(True))
    text = client.infer(endpoint, [json_input(PICTURES)], outputs=outputs(False), parameters={"content_type": "base64"})
    assert all("data" in output for output in text.get_response()["outputs"])
    assert words(text.as_numpy("label")) == words(binary.as_numpy("label"))
    np.testing.assert_allclose(text.as_numpy("probability"), binary.as_numpy("probability"), atol=1e-5)
    np.testing.assert_array_equal(text.as_numpy("rejected"), binary.as_numpy("rejected"))


def test_all_outputs_come_binary_where_none_is_named(client, endpoint):
    result = client.infer(endpoint, [binary_input(PICTURES[:1])])
    assert [output["name"] for output in result.get_response()["outputs"]] == list(OUTPUTS)
    assert all("binary_data_size" in output["parameters"] for output in result.get_response()["outputs"])


def test_only_the_outputs_that_are_named(client, endpoint):
    result = client.infer(endpoint, [binary_input(PICTURES[:1])], outputs=[triton.InferRequestedOutput("rejected")])
    assert [output["name"] for output in result.get_response()["outputs"]] == ["rejected"]
    assert result.as_numpy("label") is None


def test_a_version_can_be_named(client, endpoint):
    version = client.get_model_metadata(endpoint)["versions"][0]
    result = client.infer(endpoint, [binary_input(PICTURES[:1])], model_version=version)
    assert result.get_response()["model_version"] == version
    with pytest.raises(InferenceServerException) as missing:
        client.infer(endpoint, [binary_input(PICTURES[:1])], model_version="999999")
    assert missing.value.status() == "404"


def test_asynchronous_requests(client, endpoint, server):
    with triton.InferenceServerClient(server.address, concurrency=4, network_timeout=60.0) as many:
        pending = [many.async_infer(endpoint, [binary_input([PICTURES[i % 3]])]) for i in range(12)]
        labels = [words(request.get_result().as_numpy("label")) for request in pending]
    assert labels[:3] * 4 == labels


def test_json_as_the_protocol_has_it(server, endpoint):
    body = {"id": "a", "inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"content_type": "base64"},
                                   "data": [base64.b64encode(PICTURES[0]).decode()]}]}
    headers, answer = post(f"{server.url}/v2/models/{endpoint}/infer", json.dumps(body).encode(), {"Content-Type": "application/json"})
    assert headers["Content-Type"] == "application/json"
    answer = json.loads(answer)
    assert answer["id"] == "a"
    assert [output["name"] for output in answer["outputs"]] == list(OUTPUTS)


def test_one_picture_as_the_whole_body(server, endpoint):
    headers, answer = post(f"{server.url}/v2/models/{endpoint}/infer", PICTURES[0],
                           {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": "0"})
    length = int(headers["Inference-Header-Content-Length"])
    result = triton.InferenceServerClient.parse_response_body(answer, header_length=length)
    assert result.as_numpy("label").shape == (1,)


def test_a_picture_that_cannot_be_read_is_named(client, endpoint):
    with pytest.raises(InferenceServerException, match=r"image\[1\]: ") as refused:
        client.infer(endpoint, [binary_input([PICTURES[0], b"this is no picture"])])
    assert refused.value.status() == "400"


def test_mistakes_are_explained(client, endpoint, server):
    with pytest.raises(InferenceServerException, match="content_type.*base64"):
        client.infer(endpoint, [json_input(PICTURES[:1])])
    with pytest.raises(InferenceServerException, match="no input `picture`"):
        wrong = triton.InferInput("picture", [1], "BYTES")
        wrong.set_data_from_numpy(np.array([b"x"], dtype=np.object_))
        client.infer(endpoint, [wrong])
    with pytest.raises(InferenceServerException, match="no output `labels`; did you mean `label`"):
        client.infer(endpoint, [binary_input(PICTURES[:1])], outputs=[triton.InferRequestedOutput("labels")])
    with pytest.raises(InferenceServerException, match="no endpoint") as missing:
        client.infer("no-such-endpoint", [binary_input(PICTURES[:1])])
    assert missing.value.status() == "404"
    with pytest.raises(InferenceServerException, match="shape"):
        wide = triton.InferInput("image", [2, 2], "BYTES")
        wide.set_data_from_numpy(np.array([PICTURES[:2]] * 2, dtype=np.object_))
        client.infer(endpoint, [wide])


@pytest.mark.parametrize("shape", [[3, 1], [1, 3], [3, 1, 1]])
def test_dimensions_of_one_do_not_count(client, endpoint, shape):
    tensor = triton.InferInput("image", shape, "BYTES")
    tensor.set_data_from_numpy(np.array(PICTURES, dtype=np.object_).reshape(shape))
    answered = client.infer(endpoint, [tensor], outputs=outputs(True))
    expected = client.infer(endpoint, [binary_input(PICTURES)], outputs=outputs(True))
    np.testing.assert_array_equal(answered.as_numpy("probability"), expected.as_numpy("probability"))


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed_requests(client, endpoint, algorithm):
    answered = client.infer(endpoint, [binary_input(PICTURES)], outputs=outputs(True), request_compression_algorithm=algorithm)
    expected = client.infer(endpoint, [binary_input(PICTURES)], outputs=outputs(True))
    np.testing.assert_array_equal(answered.as_numpy("probability"), expected.as_numpy("probability"))


@pytest.mark.parametrize("header", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_foreign_pages_are_refused(server, header):
    connection = http.client.HTTPConnection(server.address, timeout=60)
    connection.request("GET", "/v2", headers=header)
    response = connection.getresponse()
    assert response.status == 403
    assert "evil.example" in json.loads(response.read())["error"]
    connection.close()
