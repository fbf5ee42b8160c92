"""Large artifacts in parts: MLflow's client with MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD and …_DOWNLOAD (unmodified), parts in any order, ranges.

Runs in the environment tests/clients/mlflow.in. `tracking`, `client`, `experiment`: from conftest.py.
"""
import os
import subprocess
import urllib.parse

import mlflow
import pytest
import requests
import sluice_program
import tracked

ROOT = "/api/2.0/mlflow-artifacts"
PART = 100_000


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "large file.bin"
    path.write_bytes(os.urandom(10 * PART + 12_345))
    return path


@pytest.fixture
def in_parts(monkeypatch):
    for name, value in {"MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true", "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "1", "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(PART),
                        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true", "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE": str(PART - 7)}.items():
        monkeypatch.setenv(name, value)


def under_way(server):
    """The files of uploads that have not ended."""
    return sorted(path.name for path in (server.data / "objects" / "uploads").iterdir())


@pytest.mark.parametrize("below", ["", "/mlflow"])
@pytest.mark.usefixtures("in_parts")
def test_the_client_sends_and_fetches_in_parts(tracking, experiment, file, tmp_path, below):
    server, _ = tracking
    mlflow.set_tracking_uri(server.url + below)
    try:
        client = mlflow.MlflowClient()
        run = client.create_run(experiment).info.run_id
        client.log_artifact(run, str(file), "sub dir/ünder")
        (entry,) = client.list_artifacts(run, "sub dir/ünder")
        assert (entry.path, entry.file_size) == ("sub dir/ünder/large file.bin", file.stat().st_size)
        got = client.download_artifacts(run, entry.path, tmp_path / "got" if (tmp_path / "got").mkdir() else tmp_path / "got")
    finally:
        mlflow.set_tracking_uri(server.url)
    with open(got, "rb") as copy:
        assert copy.read() == file.read_bytes()
    assert under_way(server) == []


class Upload:
    """One of three parts, spoken to as the client does."""

    def __init__(self, server, experiment, client, parts=3, **headers):
        self.server, self.headers = server, headers
        self.run = client.create_run(experiment).info.run_id
        self.folder = f"{experiment}/{self.run}/artifacts/folder"
        status, self.made = self.post("create", num_parts=parts)
        assert status == 200, self.made
        self.urls = [one["url"] for one in self.made["credentials"]]
        self.id = self.made["upload_id"]

    def post(self, action, **body):
        answer = requests.post(f"{self.server.url}{ROOT}/mpu/{action}/{self.folder}", json={"path": "/home/me/file.bin"} | body, headers=self.headers)
        return answer.status_code, answer.json()

    def put(self, number, content):
        answer = requests.put(self.urls[number - 1], data=content, headers=self.made["credentials"][number - 1]["headers"])
        return answer.status_code, answer.json().get("message")

    def complete(self, *numbers):
        return self.post("complete", upload_id=self.id, parts=[{"part_number": number, "etag": ""} for number in numbers])

    def content(self):
        answer = requests.get(f"{self.server.url}{ROOT}/artifacts/{self.folder}/file.bin")
        return answer.content if answer.status_code == 200 else None


@pytest.fixture
def upload(tracking, client, experiment):
    one = Upload(tracking[0], experiment, client)
    yield one
    one.post("abort", upload_id=one.id)
    assert under_way(tracking[0]) == []


def test_parts_in_any_order(upload):
    assert upload.put(3, b"c" * 10) == (200, None)
    status, answer = upload.complete(1, 2, 3)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE") and answer["message"] == "part 1 of 3 has not arrived; send it first"
    assert upload.put(1, b"a" * 200_000) == (200, None)
    assert upload.content() is None, "it is seen before it is complete"
    assert upload.put(1, b"a" * 200_000) == (200, None), "the same part again"
    assert upload.put(3, b"c" * 10) == (200, None)
    assert upload.put(3, b"other") == (409, "other bytes have arrived as part 3; begin the upload again")
    assert upload.put(2, b"") == (200, None), "parts have any size"
    assert upload.complete(1, 2, 3) == (200, {})
    assert upload.content() == b"a" * 200_000 + b"c" * 10
    assert upload.put(1, b"late")[0] == 404 and upload.complete(1, 2, 3)[0] == 404


@pytest.mark.parametrize("numbers", [[], [1, 2, 2], [1, 3, 2], [2, 3], [0, 1, 2, 3], [1, None, 3]])
def test_lists_of_parts_that_are_wrong(upload, numbers):
    for number in (1, 2, 3):
        upload.put(number, b"x")
    status, answer = upload.complete(*numbers)
    assert status == 400 and "'parts'" in answer["message"] and upload.content() is None


def test_parts_that_are_not_of_the_upload(upload):
    last = upload.urls[-1].rpartition("/")[0]
    for number, status in (("0", 400), ("4", 400), ("-1", 400), ("x", 400), ("9" * 30, 400)):
        upload.urls[0] = f"{last}/{number}"
        assert upload.put(1, b"x")[0] == status
    upload.urls[0] = f"{upload.server.url}{ROOT}/mpu/parts/none/1"
    assert upload.put(1, b"x")[0] == 404
    assert upload.server.ask("GET", f"/v1/uploads/{upload.id}")[0] == 404 == upload.server.ask("PATCH", f"/v1/uploads/{upload.id}?offset=0", b"x")[0]


@pytest.mark.parametrize("count", [0, -1, 10_001, "x", 2**70])
def test_numbers_of_parts_that_are_refused(tracking, client, experiment, count):
    folder = f"{experiment}/{client.create_run(experiment).info.run_id}/artifacts"
    answer = requests.post(f"{tracking[0].url}{ROOT}/mpu/create/{folder}", json={"path": "file", "num_parts": count})
    assert answer.status_code == 400 and answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("path", ["", "..", "a/..", "C:\\x\\.."])
def test_local_paths_without_a_name(tracking, client, experiment, path):
    folder = f"{experiment}/{client.create_run(experiment).info.run_id}/artifacts"
    answer = requests.post(f"{tracking[0].url}{ROOT}/mpu/create/{folder}", json={"path": path, "num_parts": 1})
    assert answer.status_code == 400, answer.text


def test_an_upload_that_is_aborted_leaves_nothing(upload):
    upload.put(1, b"x")
    upload.put(3, b"z")
    assert len(under_way(upload.server)) == 2
    assert upload.post("abort", upload_id=upload.id) == (200, {}) and under_way(upload.server) == []
    assert upload.post("abort", upload_id=upload.id)[0] == 404 and upload.complete(1, 2, 3)[0] == 404


def test_uploads_are_bounded(tracking, client, experiment):
    server, _ = tracking
    made = [Upload(server, experiment, client, parts=1) for _ in range(64)]
    folder = f"{experiment}/{made[0].run}/artifacts"
    answer = requests.post(f"{server.url}{ROOT}/mpu/create/{folder}", json={"path": "file", "num_parts": 1})
    assert answer.status_code == 429 and "too many uploads are under way" in answer.json()["message"]
    for one in made:
        one.put(1, b"x")
        one.complete(1)
        assert one.content() == b"x"


def test_what_a_killed_server_had_of_parts_is_removed(tmp_path):
    with tracked.serving(tmp_path / "data") as (server, client):
        one = Upload(server, "0", client)
        one.put(1, b"x")
        one.put(3, b"z")
        server.kill()
    with tracked.serving(tmp_path / "data") as (server, client):
        assert under_way(server) == [] and client.list_artifacts(one.run) == []


def test_parts_are_sent_with_the_token_of_their_client(tmp_path):
    """A proxy speaks for strangers: what comes through it needs a token, and goes to the address under which it is known."""
    made = sluice_program.sluice("token", "add", "trainer", "--role", "run", data=tmp_path / "data")
    assert made.returncode == 0, made.stderr
    token = made.stdout.split()[-1]
    with tracked.serving(tmp_path / "data") as (server, client):
        proxied = {"X-Forwarded-Proto": "https", "Authorization": f"Bearer {token}"}
        one = Upload(server, "0", client, **proxied)
        assert one.made["credentials"][0]["headers"] == {"Authorization": f"Bearer {token}"} and one.urls[0].startswith(f"https://{server.address}/")
        path = urllib.parse.urlsplit(one.urls[0]).path
        assert requests.put(server.url + path, data=b"x", headers={"Via": "a proxy"}).status_code == 401
        assert requests.put(server.url + path, data=b"x", headers={"Via": "a proxy"} | one.made["credentials"][0]["headers"]).status_code == 200


@pytest.fixture
def stored(client, experiment, tracking):
    run = client.create_run(experiment).info.run_id
    client.log_text(run, "0123456789", "digits.txt")
    return f"{tracking[0].url}{ROOT}/artifacts/{experiment}/{run}/artifacts/digits.txt"


@pytest.mark.parametrize("asked, status, content, where", [
    ("bytes=0-3", 206, "0123", "bytes 0-3/10"),
    ("bytes=4-", 206, "456789", "bytes 4-9/10"),
    ("bytes=-2", 206, "89", "bytes 8-9/10"),
    ("bytes=8-100", 206, "89", "bytes 8-9/10"),
    ("bytes=10-", 416, None, "bytes */10"),
    ("bytes=5-2", 200, "0123456789", None),
    ("lines=1-2", 200, "0123456789", None),
])
def test_ranges(stored, asked, status, content, where):
    answer = requests.get(stored, headers={"Range": asked})
    assert (answer.status_code, answer.headers.get("Content-Range")) == (status, where) and content in (None, answer.text)
    if status == 416:
        assert answer.json() == {"error_code": "INVALID_PARAMETER_VALUE", "message": "the range is behind the end, at byte 10"}
    else:
        assert answer.headers["Accept-Ranges"] == "bytes"


def test_a_range_of_what_has_changed_is_the_whole(stored):
    etag = requests.get(stored).headers["ETag"]
    assert requests.get(stored, headers={"Range": "bytes=0-3", "If-Range": etag}).text == "0123"
    assert requests.get(stored, headers={"Range": "bytes=0-3", "If-Range": '"other"'}).text == "0123456789"


def test_ranges_with_curl(stored, tmp_path):
    """Fetches the rest of a file that it has a part of."""
    (tmp_path / "digits.txt").write_text("01234")
    subprocess.run(["curl", "--silent", "--fail", "--continue-at", "-", "--output", tmp_path / "digits.txt", stored], check=True, timeout=60)
    assert (tmp_path / "digits.txt").read_text() == "0123456789"
