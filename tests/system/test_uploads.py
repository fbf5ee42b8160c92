"""Files above 64 MiB are sent to a server in parts, and continue where they ended when either side was killed."""
import contextlib
import hashlib
import http.client
import json
import signal
import subprocess

import pytest
import waiting
from sluice_program import BIN, Server, environment, reserved_address, serving
from small_disk import small_disk

PART = 8 << 20
PLAN = """
sluice: 1
pipelines:
  main:
    inputs: {file: {type: artifact, kind: file}}
    outputs: {bytes: "${count.bytes}"}
    graph:
      count: {process: [sh, -c, 'wc -c < "$1" > "$2"', sh, "${inputs.file}", "${out.bytes}"], outputs: {bytes: {type: integer}}}
"""


class Sender:
    """A large file, and a client on another machine that sends it."""

    def __init__(self, folder, plan, parts):
        self.file = folder / "large"
        block = bytes(range(256)) * (1 << 12)
        with open(self.file, "wb") as file:
            for i in range(parts * PART >> 20):
                file.write(i.to_bytes(8, "big") + block[8:])
        self.size = self.file.stat().st_size
        with open(self.file, "rb") as file:
            self.digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.plan = plan(PLAN)
        self.data = folder / "mine"

    def start(self, server):
        return subprocess.Popen([BIN / "sluice", "run", self.plan, "--input", f"file={self.file}", "--server", server.url, "--json", "--data", self.data],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())

    def finish(self, client):
        out, err = client.communicate(timeout=120)
        assert client.returncode == 0, err
        return json.loads(out)

    def stop_in_the_middle(self, server, client):
        """Stops the client when some parts have arrived; returns the file of the upload."""
        [file] = waiting.until(lambda: [path for path in uploads(server.data) if not path.suffix and path.stat().st_size >= PART], "a part has arrived")
        client.send_signal(signal.SIGSTOP)
        assert file.exists() and file.stat().st_size < self.size, "all of it arrived before the client was stopped"
        return file

    def check(self, server, report):
        assert report["outputs"]["bytes"] == self.size
        stored = object_of(server.data, self.digest)
        with open(stored, "rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == self.digest
        assert uploads(server.data) == []
        return stored


def uploads(data):
    return list((data / "objects" / "uploads").iterdir())


def object_of(data, digest):
    return data / "objects" / digest[:2] / digest[2:4] / digest


@pytest.fixture
def sender(tmp_path, plan):
    return Sender(tmp_path, plan, parts=20)


def test_a_killed_server_continues(sender, tmp_path):
    address = reserved_address()
    server = Server(tmp_path / "server", listen=address)
    client = sender.start(server)
    file = sender.stop_in_the_middle(server, client)
    number = file.stat().st_ino
    server.kill()
    assert not object_of(server.data, sender.digest).exists()
    server = Server(tmp_path / "server", listen=address)
    try:
        client.send_signal(signal.SIGCONT)
        assert sender.check(server, sender.finish(client)).stat().st_ino == number  # the same file, not one more
    finally:
        server.stop()


def test_a_killed_client_continues(sender, tmp_path):
    with serving(tmp_path / "server") as server:
        client = sender.start(server)
        file = sender.stop_in_the_middle(server, client)
        number = file.stat().st_ino
        client.kill()
        client.communicate()
        assert sender.check(server, sender.finish(sender.start(server))).stat().st_ino == number


def test_two_clients_send_one_file(sender, tmp_path):
    with serving(tmp_path / "server") as server:
        clients = [sender.start(server) for _ in range(2)]
        for client in clients:
            sender.check(server, sender.finish(client))


def test_a_full_disk_is_reported_and_the_rest_is_sent_later(sender, tmp_path):
    with small_disk(tmp_path / "server" / "objects", (sender.size >> 10) + (64 << 10)) as disk, serving(tmp_path / "server") as server:
        client = sender.start(server)
        number = sender.stop_in_the_middle(server, client).stat().st_ino
        disk.fill()
        client.send_signal(signal.SIGCONT)
        _, err = client.communicate(timeout=120)
        assert client.returncode == 3 and "No space left on device" in err, err
        # Another one is refused before anything of it is sent.
        assert server.ask("POST", "/v1/uploads", {"size": 100 << 20})[0] == 507
        disk.free()
        assert sender.check(server, sender.finish(sender.start(server))).stat().st_ino == number


def status_of_length(server, method, path, length):
    """The status of a request that announces so many bytes."""
    with contextlib.closing(http.client.HTTPConnection(server.address, timeout=60)) as connection:
        connection.putrequest(method, path)
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        return connection.getresponse().status


def test_a_part_that_is_refused_is_not_counted(tmp_path):
    with serving(tmp_path / "server") as server:
        _, upload = server.ask("POST", "/v1/uploads", {"size": 10})
        path = f"/v1/uploads/{upload['upload']}"
        assert server.ask("PATCH", f"{path}?offset=0", b"01234")[1]["received"] == 5
        assert server.ask("PATCH", f"{path}?offset=3", b"34567")[0] == 409
        assert status_of_length(server, "PATCH", f"{path}?offset=5", (16 << 20) + 1) == 413
        assert status_of_length(server, "PUT", "/v1/objects/" + "0" * 64, (64 << 20) + 1) == 413
        assert server.ask("GET", path)[1]["received"] == 5
        assert server.ask("PATCH", f"{path}?offset=5", b"56789") == (201, {"digest": hashlib.sha256(b"0123456789").hexdigest(), "size": 10})
