"""KServe's client and types of requests (kserve, unmodified): JSON and binary tensors, both ways.

Runs in the environment tests/clients/kserve.in. `server` and `endpoint`: from conftest.py.
"""
import asyncio
import base64

import httpx
import numpy as np
import pytest
from kserve import InferenceRESTClient, InferInput, InferRequest, InferResponse
from kserve.inference_client import RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from kserve.protocol.rest.v2_datamodels import InferenceRequest as InferenceRequestModel
from kserve.protocol.rest.v2_datamodels import InferenceResponse as InferenceResponseModel
from sluice_program import ROOT

PICTURES = [(ROOT / "tests" / "fuzz" / "host" / "pictures" / name).read_bytes() for name in ("rgb.jpg", "rgba.png")]
OUTPUTS = ["label", "probability", "rejected"]


def with_client(work):
    async def run():
        async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=60)) as client:
            return await work(client)
    return asyncio.run(run())


@pytest.fixture
def infer(server, endpoint):
    return lambda request: with_client(lambda client: client.infer(server.url, request, model_name=endpoint))


def json_input(shape, parameters=None):
    text = [base64.b64encode(picture).decode() for picture in PICTURES]
    return InferInput("image", shape, "BYTES", data=text, parameters=parameters)


def binary_input(shape):
    tensor = InferInput("image", shape, "BYTES")
    tensor.set_data_from_numpy(np.array(PICTURES, dtype=np.object_).reshape(shape), binary_data=True)
    return tensor


def request_of(tensor, **more):
    return InferRequest(model_name="any", infer_inputs=[tensor], **more)


def as_text(array):
    return [word.decode() if isinstance(word, bytes) else word for word in array]


def check(response, expected):
    assert isinstance(response, InferResponse)
    assert as_text(response.get_output_by_name("label").as_numpy()) == as_text(expected.get_output_by_name("label").as_numpy())
    np.testing.assert_allclose(response.get_output_by_name("probability").as_numpy(), expected.get_output_by_name("probability").as_numpy(), atol=1e-6)
    np.testing.assert_array_equal(response.get_output_by_name("rejected").as_numpy(), expected.get_output_by_name("rejected").as_numpy())


@pytest.fixture
def expected(infer):
    return infer(request_of(json_input([2], {"content_type": "base64"})))


@pytest.mark.parametrize("shape", [[2], [2, 1]])
def test_json(infer, expected, shape):
    response = infer(request_of(json_input(shape, {"content_type": "base64", "headers": None}), request_id="7"))
    assert response.id == "7"
    check(response, expected)
    check(infer(request_of(json_input(shape), parameters={"content_type": "base64", "binary_data_output": None})), expected)


@pytest.mark.parametrize("shape", [[2], [2, 1], [1, 2]])
@pytest.mark.parametrize("binary_output", [False, True])
def test_binary_tensors(infer, expected, shape, binary_output):
    check(infer(request_of(binary_input(shape), parameters={"binary_data_output": binary_output})), expected)


def test_the_outputs_that_are_requested(infer, expected):
    outputs = [RequestedOutput("label", {"binary_data": True}), RequestedOutput("probability", {"binary_data": None}), RequestedOutput("rejected")]
    response = infer(request_of(binary_input([2]), request_outputs=outputs))
    assert [output.name for output in response.outputs] == OUTPUTS
    check(response, expected)


def test_dictionaries_with_null_for_what_is_not_set(server, endpoint, expected):
    """As `to_dict` makes them, and the data models of the protocol."""
    tensor = {"name": "image", "shape": [2, 1], "datatype": "BYTES", "parameters": {"content_type": "base64"}, "data": json_input([2]).data}
    without_id = InferenceRequestModel(inputs=[tensor]).model_dump_json()
    assert '"outputs":null' in without_id and '"id":null' in without_id
    with_id = InferenceRequestModel(inputs=[tensor], id="7").model_dump_json()
    for body in (request_of(json_input([2, 1], {"content_type": "base64"})).to_dict(), without_id.encode(), with_id.encode()):
        status, answer = server.ask("POST", f"/v2/models/{endpoint}/infer", body)
        assert status == 200, answer
        check(InferResponse.from_rest(answer), expected)
    assert [output.name for output in InferenceResponseModel.model_validate(answer).outputs] == OUTPUTS  # it requires an id


def test_errors_are_shown(server, endpoint):
    def refused(request, model=endpoint):
        with pytest.raises(httpx.HTTPStatusError) as error:
            with_client(lambda client: client.infer(server.url, request, model_name=model))
        return str(error.value)

    assert "plain text, which cannot hold a picture" in refused(request_of(json_input([2])))
    assert "has 3 elements by its shape, but contains 2" in refused(request_of(json_input([3, 1], {"content_type": "base64"})))
    assert "no endpoint `nowhere`" in refused(request_of(binary_input([2])), "nowhere")


def test_readiness(server, endpoint):
    assert with_client(lambda client: client.is_server_ready(server.url))
    assert with_client(lambda client: client.is_server_live(server.url))
    assert with_client(lambda client: client.is_model_ready(server.url, endpoint))
    assert not with_client(lambda client: client.is_model_ready(server.url, "nowhere"))
