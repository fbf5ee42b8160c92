"""Requests that are built with MLServer's types and codecs, and responses that are read with them (mlserver, unmodified).

Runs in the environment tests/clients/mlserver.in. `server` and `endpoint`: from conftest.py.
"""
import json

import pytest
from mlserver.codecs import Base64Codec, NumpyCodec, StringCodec
from mlserver.types import InferenceErrorResponse, InferenceRequest, InferenceResponse, MetadataModelResponse, MetadataServerResponse, Parameters, RequestInput, RequestOutput
from sluice_program import ROOT

PICTURES = [(ROOT / "tests" / "fuzz" / "host" / "pictures" / name).read_bytes() for name in ("rgb.jpg", "rgba.png")]
DUMPS = {
    "what is set": lambda request: request.model_dump_json(),
    "null for what is not": lambda request: request.model_dump_json(exclude_unset=False, exclude_none=False),
}


@pytest.fixture
def infer(server, endpoint):
    def ask(body, headers=None):
        return server.ask("POST", f"/v2/models/{endpoint}/infer", body.encode(), {"Content-Type": "application/json"} | (headers or {}))
    return ask


def labels(response):
    return StringCodec.decode_output(next(output for output in response.outputs if output.name == "label"))


def parsed(answer):
    status, body = answer
    assert status == 200, body
    return InferenceResponse.model_validate(body)


@pytest.fixture
def expected(infer):
    """The labels of the pictures, each in a request of its own."""
    return [labels(parsed(infer(InferenceRequest(inputs=[Base64Codec.encode_input("image", [one])]).model_dump_json())))[0] for one in PICTURES]


@pytest.mark.parametrize("dump", DUMPS)
def test_a_request_of_the_codec(infer, expected, dump):
    tensor = Base64Codec.encode_input("image", PICTURES)
    assert tensor.shape == [2, 1], "the codec no longer writes [N, 1]"
    response = parsed(infer(DUMPS[dump](InferenceRequest(inputs=[tensor]))))
    assert labels(response) == expected
    assert response.id is None and response.model_version == "1"
    probability = NumpyCodec.decode_output(next(output for output in response.outputs if output.name == "probability"))
    assert probability.shape[0] == 2 and probability.sum(axis=1) == pytest.approx([1, 1], abs=1e-4)


@pytest.mark.parametrize("dump", DUMPS)
def test_a_request_by_hand(infer, expected, dump):
    plain = Base64Codec.encode_input("image", PICTURES, use_bytes=False)
    tensor = RequestInput(name="image", shape=[2], datatype="BYTES", parameters=Parameters(content_type="base64"), data=plain.data)
    request = InferenceRequest(id="7", inputs=[tensor], outputs=[RequestOutput(name="label"), RequestOutput(name="rejected")])
    response = parsed(infer(DUMPS[dump](request)))
    assert response.id == "7" and [output.name for output in response.outputs] == ["label", "rejected"]
    assert labels(response) == expected


@pytest.mark.parametrize("dump", DUMPS)
def test_the_content_type_of_the_whole_request(infer, expected, dump):
    tensor = RequestInput(name="image", shape=[2, 1], datatype="BYTES", data=Base64Codec.encode_input("image", PICTURES, use_bytes=False).data)
    response = parsed(infer(DUMPS[dump](InferenceRequest(inputs=[tensor], parameters=Parameters(content_type="base64")))))
    assert labels(response) == expected


def test_text_that_is_no_picture_is_explained(infer):
    status, body = infer(InferenceRequest(inputs=[StringCodec.encode_input("image", ["a.png"], use_bytes=False)]).model_dump_json())
    assert status == 400 and "unsupported content_type `str`; use `base64`" in InferenceErrorResponse.model_validate(body).error


def test_metadata(server, endpoint):
    assert MetadataServerResponse.model_validate(server.ask("GET", "/v2")[1]).name == "sluice"
    model = MetadataModelResponse.model_validate(server.ask("GET", f"/v2/models/{endpoint}")[1])
    assert json.loads(model.model_dump_json())["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1]}]
