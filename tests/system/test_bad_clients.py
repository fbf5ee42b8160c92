"""Slow clients, many clients, and endless or enormous requests: the server continues to serve others, and its memory stays bounded."""
import contextlib
import hashlib
import json
import resource
import select
import socket
import threading
import zlib

import pytest
from bystander import Bystander, forget_memory_peak, memory_peak
from sluice_program import report_of, serving, sluice
from waiting import LIMIT_S, until

pytestmark = pytest.mark.needs(cpu=1)

MEMORY_MORE_MB = 512
ONE_GIB = 1 << 30


def connect(server):
    host, port = server.address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=60)


def head_of(server, method, target, *headers):
    return "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {server.address}", *headers, "", ""]).encode()


def response_from(connection):
    """(status, body) of a response that may begin before the whole request was sent."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = connection.recv(65536)
        if not piece:
            return None, got
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        piece = connection.recv(65536)
        assert piece, "the response ends too early"
        body += piece
    return int(head.split()[1]), body.decode()


@contextlib.contextmanager
def descriptors(wanted):
    """Allows this process, and the servers that it starts, to open so many files; the servers start with the usual soft limit of 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, max(hard, wanted)))
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def crowd(recorded_plan, tmp_path, count):
    """(others, connect): a server that was started with the usual limits, while this process can open so many connections."""
    with descriptors(count + 1_000) as raise_limit, serving(tmp_path / "data") as server:
        raise_limit()
        run = report_of(sluice("run", recorded_plan, "--json", data=server.data))["run"]
        with Bystander(server, run) as others, contextlib.ExitStack() as connections:
            yield others, lambda: connections.enter_context(connect(server))


@pytest.fixture
def small_plan(plan):
    return plan("sluice: 1\npipelines: {main: {graph: {done: {process: [echo, done]}}}}\n")


def test_ten_thousand_idle_connections(small_plan, tmp_path):
    with crowd(small_plan, tmp_path, 10_000) as (others, open_one):
        server = others.server
        before = memory_peak(server.process.pid)
        idle = [open_one() for _ in range(10_000)]
        others.wait_for_some(10)
        assert memory_peak(server.process.pid) - before < MEMORY_MORE_MB
        for connection in idle[::500]:
            connection.sendall(head_of(server, "GET", "/v2/health/live"))
            assert response_from(connection)[0] == 200
        assert sluice("run", small_plan, "--no-cache", data=server.data).returncode == 0


def test_a_thousand_slow_clients(small_plan, tmp_path):
    body = b'{"digests": []' + b" " * 100_000 + b"}"
    with crowd(small_plan, tmp_path, 1_000) as (others, open_one):
        server = others.server
        before = memory_peak(server.process.pid)
        slow = [open_one() for _ in range(1_000)]
        head = head_of(server, "POST", "/v1/objects/missing", f"Content-Length: {len(body)}")
        begun = [(head + body)[:10 if i % 2 else len(head) + 50_000] for i in range(len(slow))]  # half of a head, or half of a body
        for connection, part in zip(slow, begun):
            connection.sendall(part)
        others.wait_for_some(10)
        assert memory_peak(server.process.pid) - before < MEMORY_MORE_MB
        assert sluice("run", small_plan, "--no-cache", data=server.data).returncode == 0
        for connection, part in zip(slow, begun):
            connection.sendall((head + body)[len(part):])
        for connection in slow:
            status, body_text = response_from(connection)
            assert (status, json.loads(body_text)) == (200, {"missing": []})


def test_bodies_that_together_are_too_large_for_memory(small_plan, tmp_path):
    with crowd(small_plan, tmp_path, 600) as (others, open_one):
        server = others.server
        before = memory_peak(server.process.pid)
        slow = [open_one() for _ in range(600)]
        for connection in slow:
            connection.sendall(head_of(server, "POST", "/v2/models/none/infer", "Content-Length: 1100000"))
        part = bytes(1_000_000)
        sending = [threading.Thread(target=connection.sendall, args=[part]) for connection in slow]
        for thread in sending:
            thread.start()
        refused = select.select(slow, [], [], LIMIT_S)[0]
        assert refused, "no request is refused"
        status, body_text = response_from(refused[0])
        assert status == 503 and "too much request data is buffered; retry shortly" in body_text, body_text
        for thread in sending:
            thread.join()
        others.wait_for_some(10)
        assert memory_peak(server.process.pid) - before < MEMORY_MORE_MB
        waiting = [connection for connection in slow if connection not in select.select(slow, [], [], 0)[0]]
        assert len(waiting) >= 20
        for connection in waiting:
            connection.sendall(bytes(100_000))
        statuses = {response_from(connection)[0] for connection in waiting}
        assert 400 in statuses and statuses <= {400, 503}, statuses  # it is not JSON, or it was refused in the meantime
        assert server.ask("POST", "/v2/models/none/infer", part)[0] == 400


def test_clients_that_do_not_read_their_responses(plan, tmp_path):
    talks = plan("sluice: 1\npipelines: {main: {graph: {talk: {process: [head, -c, '20000000', /dev/zero]}}}}\n")
    with crowd(talks, tmp_path, 200) as (others, open_one):
        server = others.server
        before = memory_peak(server.process.pid)
        not_reading = [open_one() for _ in range(200)]
        for connection in not_reading:
            connection.sendall(head_of(server, "GET", "/v1/runs/latest/log?task=talk"))
        others.wait_for_some(10)
        assert memory_peak(server.process.pid) - before < MEMORY_MORE_MB
        status, body_text = response_from(not_reading[0])
        assert status == 200 and len(body_text) == 20_000_000


def test_a_body_that_never_ends(unharmed):
    server = unharmed.server
    forget_memory_peak(server.process.pid)
    before = memory_peak(server.process.pid)
    with connect(server) as connection:
        connection.sendall(head_of(server, "POST", "/v1/runs", "Transfer-Encoding: chunked"))
        over = threading.Event()

        def send_on():
            with contextlib.suppress(OSError):  # the server has closed
                while not over.is_set():
                    connection.sendall(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")

        sending = threading.Thread(target=send_on)
        sending.start()
        status, body_text = response_from(connection)
        over.set()
        sending.join(60)
    assert status == 413 and "larger than POST /v1/runs accepts (67.1 MB); send less per request" in body_text, body_text
    assert memory_peak(server.process.pid) - before < MEMORY_MORE_MB


def gzip_bomb(megabytes=1000):
    """Zeros, compressed with gzip; one compressed block repeated."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    head, piece = (pack.compress(bytes(1 << 20)) + pack.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return head + piece * (megabytes - 1)


@pytest.mark.parametrize("target", ["/v1/runs", "/v2/models/none/infer", "/v1/objects/missing"])
def test_a_compressed_body_that_is_a_bomb(unharmed, target):
    server = unharmed.server
    forget_memory_peak(server.process.pid)
    before = memory_peak(server.process.pid)
    bomb = gzip_bomb()
    assert len(bomb) < 2_000_000
    with connect(server) as connection:
        with contextlib.suppress(OSError):  # it responds before it has read everything
            connection.sendall(head_of(server, "POST", target, "Content-Encoding: gzip", f"Content-Length: {len(bomb)}") + bomb)
        status, body_text = response_from(connection)
    assert status == 413 and f"decompressed: the request body is larger than POST {target.replace('none', '{}')} accepts" in body_text, body_text
    assert memory_peak(server.process.pid) - before < MEMORY_MORE_MB


def test_many_bombs_at_once(unharmed):
    """Their sum is limited as well, and others are served meanwhile."""
    server = unharmed.server
    forget_memory_peak(server.process.pid)
    before = memory_peak(server.process.pid)
    bomb = gzip_bomb(60)  # less than one request may hold
    with contextlib.ExitStack() as connections:
        many = [connections.enter_context(connect(server)) for _ in range(40)]
        for connection in many:
            connection.sendall(head_of(server, "POST", "/v2/models/none/infer", "Content-Encoding: gzip", f"Content-Length: {len(bomb) + 1}") + bomb)
        unharmed.wait_for_some(10)
        refused = select.select(many, [], [], LIMIT_S)[0]
        assert refused, "no request is refused"
        status, body_text = response_from(refused[0])
    assert status == 503 and "too much request data is buffered; retry shortly" in body_text, body_text
    assert memory_peak(server.process.pid) - before < MEMORY_MORE_MB


@pytest.mark.parametrize("target, takes", [("/v1/runs", "67.1 MB"), ("/v2/models/none/infer", "67.1 MB"), ("/v1/endpoints/none", "1.0 MB")])
def test_a_body_of_a_gibibyte_is_refused_by_its_head(unharmed, target, takes):
    server = unharmed.server
    method = "PUT" if "endpoints" in target else "POST"
    forget_memory_peak(server.process.pid)
    before = memory_peak(server.process.pid)
    with connect(server) as connection:
        connection.sendall(head_of(server, method, target, f"Content-Length: {ONE_GIB}"))
        status, body_text = response_from(connection)  # not one byte of it was sent
    assert status == 413 and "the request body is larger than" in body_text and takes in body_text, body_text
    assert memory_peak(server.process.pid) - before < MEMORY_MORE_MB


def test_an_object_of_a_gibibyte_takes_no_memory(unharmed):
    server = unharmed.server
    piece = bytes(1 << 20)
    digest = hashlib.sha256()
    for _ in range(ONE_GIB // len(piece)):
        digest.update(piece)
    forget_memory_peak(server.process.pid)
    before = memory_peak(server.process.pid)
    status, upload = server.ask("POST", "/v1/uploads", {"size": ONE_GIB, "digest": digest.hexdigest()})
    assert status == 201, upload
    part = bytes(upload["part_max"])
    for offset in range(0, ONE_GIB, len(part)):
        status, answer = server.ask("PATCH", f"/v1/uploads/{upload['upload']}?offset={offset}", part)
        assert status in (200, 201), answer
    assert status == 201, answer
    assert memory_peak(server.process.pid) - before < 64
    stored = server.data / "objects" / digest.hexdigest()[:2] / digest.hexdigest()[2:4] / digest.hexdigest()
    assert stored.stat().st_size == ONE_GIB
    stored.unlink()


BOMBS = {
    "many headers": lambda: b"".join(b"h%d: 1\r\n" % i for i in range(100_000)),
    "one long header": lambda: b"h: " + b"x" * 10_000_000 + b"\r\n",
    "a long name": lambda: b"h" * 10_000_000 + b": x\r\n",
    "a long cookie": lambda: b"Cookie: " + b"a=b; " * 1_000_000 + b"\r\n",
    "headers without an end": lambda: b"h: x\r\n" * 1_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_head_that_is_a_bomb(unharmed, name):
    server = unharmed.server
    forget_memory_peak(server.process.pid)
    before = memory_peak(server.process.pid)
    with connect(server) as connection:
        with contextlib.suppress(OSError):  # it responds, and reads on only for a while
            connection.sendall(b"GET /v1/runs HTTP/1.1\r\nHost: " + server.address.encode() + b"\r\n" + BOMBS[name]())
        status, body_text = response_from(connection)
    assert status == 431 and "the request head is larger than 16 KiB" in body_text, (status, body_text)
    assert memory_peak(server.process.pid) - before < 64


@pytest.mark.parametrize("target", ["/" + "x" * 10_000_000, "/v1/runs?" + "a=b&" * 1_000_000, "/v1" + "/" * 1_000_000])
def test_an_address_that_is_a_bomb(unharmed, target):
    server = unharmed.server
    with connect(server) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(head_of(server, "GET", target))
        status, body_text = response_from(connection)
    assert status == 431 and "the request head is larger than 16 KiB" in body_text, (status, body_text)


def test_a_server_that_has_no_descriptor_left_resumes_when_it_has_one(small_plan, tmp_path):
    with serving(tmp_path / "data") as server:
        run = report_of(sluice("run", small_plan, "--json", data=server.data))["run"]
        pid = server.process.pid
        old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, old[1]))
        with contextlib.ExitStack() as connections:
            for _ in range(100):
                connections.enter_context(connect(server))
            connections.enter_context(connect(server)).sendall(head_of(server, "GET", f"/v1/runs/{run}"))
        until(lambda: server.ask("GET", f"/v1/runs/{run}")[0] == 200, "the server answers again")
        assert sluice("run", small_plan, "--no-cache", data=server.data).returncode == 0
