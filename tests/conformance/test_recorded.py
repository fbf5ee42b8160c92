"""Compares Sluice with the recorded responses of other servers of the same protocols (`./dev record`)."""
import base64

import pytest
import recording
from record import mlserver
from sluice_program import ROOT

PICTURE = ROOT / "tests" / "fuzz" / "host" / "pictures" / "rgb.jpg"
REFUSES_OTHERWISE = {"infer_no_shape"}  # its web framework responds with 422 and another body; the protocol requires 400 and `error`


def check_covers(ours, theirs, place="the response"):
    """Everything in theirs is in ours and has the same type; ours may have more."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), place
        for key, value in theirs.items():
            if value not in ({}, []):
                assert key in ours, f"{place} has no `{key}`"
                check_covers(ours[key], value, f"{place}.{key}")
    elif isinstance(theirs, list):
        assert isinstance(ours, list) and ours, place
        for i, (one, other) in enumerate(zip(ours, theirs)):
            check_covers(one, other, f"{place}[{i}]")
    else:
        assert kind_of(ours) == kind_of(theirs), f"{place} is {ours!r} here, {theirs!r} there"


def kind_of(value):
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


@pytest.mark.parametrize("request_name", mlserver.REQUESTS)
def test_it_answers_as_mlserver_does(server, endpoint, request_name):
    method, path, body = mlserver.REQUESTS[request_name]
    theirs = recording.recorded("mlserver")[request_name]
    ours = mlserver.ask(server.url, method, path.replace(mlserver.MODEL, endpoint), mlserver.with_pictures(body, base64.b64encode(PICTURE.read_bytes()).decode()))
    if request_name in REFUSES_OTHERWISE:
        assert ours["status"] == 400 and list(ours["body"]) == ["error"], ours
        return
    assert ours["status"] == theirs["status"], ours
    if theirs["body"] is not None:
        assert ours["type"] == theirs["type"]
        check_covers(ours["body"], theirs["body"])


def test_every_recorded_response_is_compared():
    assert set(recording.recorded("mlserver")) == set(mlserver.REQUESTS)


@pytest.mark.long
@pytest.mark.parametrize("name", recording.names())
def test_recordings_are_up_to_date(client_python, name):
    peer = recording.peer(name)
    assert peer.answers(client_python(peer.CLIENT)) == recording.recorded(name)
