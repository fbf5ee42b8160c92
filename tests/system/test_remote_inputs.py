"""Inputs from elsewhere: fetched from hosts that are allowed, at addresses that are checked, once."""
import json
import subprocess
import threading

import pytest
import waiting
from elsewhere import certificate_for, elsewhere
from sluice_program import BIN, environment, report_of, serving, sluice

PLAN = """
sluice: 1
pipelines:
  main:
    inputs: {data: {type: artifact}}
    outputs: {size: "${count.size}"}
    graph:
      count:
        process: [sh, -c, 'wc -c < "$1" > "$2"', sh, "${inputs.data}", "${out.size}"]
        outputs: {size: {type: integer}}
"""


@pytest.fixture
def counted(plan):
    return plan(PLAN)


@pytest.fixture
def host():
    with elsewhere() as server:
        server.files["/x.csv"] = b"a,b\n1,2\n"
        yield server


def run(plan, url, *options, data, code=0, **env):
    done = subprocess.run([BIN / "sluice", "run", plan, "--input", f"data={url}", *options, "--json", "--data", data], capture_output=True, text=True,
                          timeout=120, env=environment(**env))
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr


def artifact_of(report):
    return report["inputs"]["data"]["$artifact"]


def test_a_run_without_a_server_fetches_what_its_user_allows(counted, host, tmp_path):
    report = run(counted, host.origin() + "/x.csv?secret=1", "--allow-url", host.origin(), data=tmp_path / "data")
    assert report["outputs"]["size"] == 8
    assert artifact_of(report)["name"] == "x.csv" and artifact_of(report)["size"] == 8
    report = run(counted, host.origin() + "/x.csv", data=tmp_path / "data", SLUICE_ALLOW_URL=f"https://example.org {host.origin()}")
    assert report["tasks"][0]["cached"], "the same bytes"


def test_a_server_fetches_what_its_operator_allows(counted, host, tmp_path):
    data = tmp_path / "data"
    with serving(data, "--allow-url", host.origin()):
        assert run(counted, host.origin() + "/x.csv?secret=1", data=data)["outputs"]["size"] == 8
        assert "are for a run without a server" in run(counted, host.origin() + "/x.csv", "--allow-url", host.origin(), data=data, code=2)
        assert ["owner", "input.fetch", host.origin() + "/x.csv"] in [line.split()[1:] for line in sluice("audit", data=data).stdout.splitlines()]
    assert not [path for path in data.rglob("*") if path.is_file() and b"secret=1" in path.read_bytes()]


def test_nothing_is_allowed_by_itself(counted, host, tmp_path):
    data = tmp_path / "data"
    why = run(counted, host.origin() + "/x.csv?secret=1", data=data, code=2)
    assert why == (f"sluice: input `data`: {host.origin()} is not allowed; whoever runs Sluice allows it with `--allow-url {host.origin()}`\n")
    with serving(data):
        assert why == run(counted, host.origin() + "/x.csv?secret=1", data=data, code=2)
    assert not host.requests


def test_a_name_that_leads_into_the_own_network_is_not_allowed_by_its_name(counted, host, tmp_path):
    by_name = host.origin("localhost.")  # the same as `localhost`, which names loopback itself
    assert run(counted, by_name + "/x.csv", "--allow-url", host.origin("localhost"), data=tmp_path / "data")["outputs"]["size"] == 8
    host.requests.clear()
    numeric = host.origin("2130706433")  # the resolver takes it for 127.0.0.1
    why = run(counted, numeric + "/x.csv", "--allow-url", numeric, data=tmp_path / "data", code=2)
    assert "2130706433 has the loopback address 127.0.0.1, which is not allowed; whoever runs Sluice allows it with `--allow-address 127.0.0.1`" in why
    why = run(counted, host.origin("127.0.0.1") + "/x.csv", "--allow-url", "http://*:" + str(host.port), data=tmp_path / "data", code=2)
    assert "loopback address" in why
    assert not host.requests
    assert run(counted, numeric + "/x.csv", "--allow-url", numeric, "--allow-address", "127.0.0.0/8", data=tmp_path / "data")["outputs"]["size"] == 8


def redirect_to(where):
    return lambda handler: handler.send(302, b"moved", Location=where)


def test_every_redirect_is_checked(counted, host, tmp_path):
    host.files["/a"] = redirect_to("/b")
    host.files["/b"] = redirect_to("x.csv")
    report = run(counted, host.origin() + "/a", "--allow-url", host.origin(), data=tmp_path / "data")
    assert report["outputs"]["size"] == 8 and artifact_of(report)["name"] == "a"
    with elsewhere() as other:
        other.files["/y"] = b"stolen"
        for target, why in [(other.origin() + "/y", f"redirected: {other.origin()} is not allowed"), ("file:///etc/passwd", "not a URL with https"),
                            ("http://169.254.169.254/latest", "http://169.254.169.254 is not allowed"), ("//u:p@example.org", "user name or a password"),
                            ("/loop", "redirected more than 5 times"), ("s3://bucket/x", "is not followed")]:
            host.files["/a"] = redirect_to(target)
            host.files["/loop"] = redirect_to("/loop")
            refused = run(counted, host.origin() + "/a", "--allow-url", host.origin(), data=tmp_path / "data", code=3 if "follow" in why or "5 times" in why else 2)
            assert why in refused, refused
        assert not other.requests


def test_what_is_the_same_is_not_fetched_again(counted, host, tmp_path):
    data = tmp_path / "data"
    sent = []

    def counting(handler):
        body = b"x" * 100_000
        if handler.headers.get("If-None-Match") == '"one"':
            return handler.send(304, b"", ETag='"one"')
        sent.append(len(body))
        return handler.send(200, body, ETag='"one"')

    host.files["/big"] = counting
    with serving(data, "--allow-url", host.origin()) as server:
        first = run(counted, host.origin() + "/big", data=data)
        again = run(counted, host.origin() + "/big", data=data)
        assert artifact_of(first) == artifact_of(again) and len(sent) == 1
        (data / "objects" / artifact_of(first)["digest"][:2] / artifact_of(first)["digest"][2:4] / artifact_of(first)["digest"]).unlink()
        assert run(counted, host.origin() + "/big", data=data)["outputs"]["size"] == 100_000
        assert len(sent) == 2, "what is not in the store is fetched"
        assert len(list((data / "cache/fetched").iterdir())) == 1
        host.files["/big"] = lambda handler: handler.send(200, b"weak", ETag='W/"one"')
        for _ in range(2):
            run(counted, host.origin() + "/big", data=data)
        assert "if-none-match" in host.requests[-1][2], "a weak one is not remembered, and replaces nothing"
        assert server.ask("GET", "/v1/status")[0] == 200


def test_what_is_too_large_too_short_or_not_a_file_is_refused(counted, host, tmp_path):
    data = tmp_path / "data"

    def short(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"x" * 50)
        handler.close_connection = True

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
        except OSError:
            handler.close_connection = True

    host.files |= {"/short": short, "/endless": endless, "/large": b"x" * 2000, "/empty": b"",
                   "/gzip": lambda handler: handler.send(200, b"\x1f\x8b", Content_Encoding="gzip"),
                   "/busy": lambda handler: handler.send(503, b""), "/denied": lambda handler: handler.send(403, b"<html>no</html>"),
                   "/part": lambda handler: handler.send(206, b"x")}
    for path, code, why in [("short", 3, "was lost before the response was complete"), ("endless", 2, "larger than 1.0 kB, the most that is fetched"),
                            ("large", 2, "larger than 1.0 kB"), ("gzip", 3, "sends it compressed"), ("none", 2, "there is no such file (status 404)"),
                            ("busy", 3, "responded with status 503; try again later"), ("denied", 2, "access is denied there (status 403); name a secret"),
                            ("part", 3, "responded with status 206")]:
        refused = run(counted, f"{host.origin()}/{path}", "--allow-url", host.origin(), "--fetch-bytes-max", "1000", data=data, code=code)
        assert f"input `data`: {host.origin()}/{path}: " in refused and why in refused, refused
    assert not list((data / "objects/tmp").iterdir())
    assert run(counted, host.origin() + "/empty", "--allow-url", host.origin(), data=data)["outputs"]["size"] == 0


def test_a_fetch_stays_within_the_quota(counted, host, tmp_path):
    host.files["/large"] = b"x" * 12_000_000
    with serving(tmp_path / "data", "--allow-url", host.origin(), "--quota-bytes", "30MB"):
        why = run(counted, host.origin() + "/large", data=tmp_path / "data", code=3)
        assert f"input `data`: {host.origin()}/large: the data folder holds" in why and "of its quota of 30.0 MB" in why
        assert not list((tmp_path / "data/objects/tmp").iterdir())


def test_a_fetch_has_a_limit_of_time_and_ends_with_its_client(counted, host, tmp_path):
    data = tmp_path / "data"
    begun, gone = threading.Event(), threading.Event()

    def slow(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        begun.set()
        try:
            while True:
                handler.wfile.write(b"x")
                gone.wait(0.05)
        except OSError:
            gone.set()
        handler.close_connection = True

    host.files["/slow"] = slow
    why = run(counted, host.origin() + "/slow", "--allow-url", host.origin(), "--fetch-time-max", "1s", data=data, code=3)
    assert f"{host.origin()}/slow: no complete response from 127.0.0.1 within 1 s" in why
    begun.clear(), gone.clear()
    with serving(data, "--allow-url", host.origin()):
        client = subprocess.Popen([BIN / "sluice", "run", counted, "--input", f"data={host.origin()}/slow", "--data", data], env=environment(),
                                  stderr=subprocess.DEVNULL)
        assert begun.wait(waiting.LIMIT_S)
        client.kill()
        client.wait()
        assert gone.wait(waiting.LIMIT_S), "the server closed its connection"
        waiting.until(lambda: not list((data / "objects/tmp").iterdir()), "what was fetched in part is gone")
    begun.clear(), gone.clear()
    with serving(data, "--allow-url", host.origin()) as server:
        client = subprocess.Popen([BIN / "sluice", "run", counted, "--input", f"data={host.origin()}/slow", "--data", data], env=environment(),
                                  stderr=subprocess.PIPE, text=True)
        assert begun.wait(waiting.LIMIT_S)
        server.stop()
        assert client.wait(waiting.LIMIT_S) == 3
        assert "input `data`: " in client.stderr.read()
        assert gone.wait(waiting.LIMIT_S) and not list((data / "objects/tmp").iterdir())


@pytest.fixture
def secure(tmp_path):
    (tmp_path / "tls").mkdir()
    certificate = certificate_for(tmp_path / "tls", "DNS:localhost")
    with elsewhere(certificate) as server:
        server.files["/x.csv"] = b"a,b\n1,2\n"
        yield server, certificate[0]


def set_secret(data, name, key, value):
    subprocess.run([BIN / "sluice", "secrets", "set", name, key, "--data", data], input=value, text=True, check=True, env=environment())


def test_https_is_verified_by_name_and_secrets_go_to_their_host_only(counted, secure, host, tmp_path):
    server, authority = secure
    data, url = tmp_path / "data", server.origin("localhost") + "/x.csv"
    options = ("--allow-url", server.origin("localhost"))
    assert "the certificate of localhost is not trusted: self-signed certificate" in run(counted, url, *options, data=data, code=3)
    assert run(counted, url, *options, data=data, SSL_CERT_FILE=authority)["outputs"]["size"] == 8
    by_address = run(counted, server.origin() + "/x.csv", "--allow-url", server.origin(), data=data, SSL_CERT_FILE=authority, code=3)
    assert "the certificate of 127.0.0.1 is not trusted" in by_address, "it is for another name"

    why = run(counted, url, *options, "--input-secret", "data=hub", data=data, SSL_CERT_FILE=authority, code=2)
    assert "the secret `hub` has no key `token` and no key `authorization`; set one from standard input: `sluice secrets set hub token`" in why
    set_secret(data, "hub", "token", "s3cret-token")
    server.requests.clear()
    run(counted, url, *options, "--input-secret", "data=hub", data=data, SSL_CERT_FILE=authority)
    assert server.requests[-1][2]["authorization"] == "Bearer s3cret-token" and server.requests[-1][2]["host"] == f"localhost:{server.port}"

    assert "a secret is not sent over plain http" in run(counted, host.origin() + "/x.csv", "--allow-url", host.origin(), "--input-secret", "data=hub", data=data, code=2)

    server.files["/away"] = redirect_to(host.origin() + "/x.csv")
    why = run(counted, server.origin("localhost") + "/away", *options, "--allow-url", host.origin(), data=data, SSL_CERT_FILE=authority, code=3)
    assert "redirected from https to http" in why and not host.requests

    set_secret(data, "hub", "token", "two\nlines")
    why = run(counted, url, *options, "--input-secret", "data=hub", data=data, SSL_CERT_FILE=authority, code=2)
    assert "the secret `hub.token` has more than one line" in why
    assert "s3cret" not in why


def test_what_a_command_line_may_say(counted, host, tmp_path):
    data = tmp_path / "data"
    for options, why in [(("--allow-url", "example.org"), "--allow-url `example.org`: not a URL with https, http or s3; write https://HOST"),
                         (("--allow-address", "10.0.0.0/99"), "--allow-address `10.0.0.0/99`: not an address or a range such as 10.0.0.0/8"),
                         (("--fetch-time-max", "never"), "--fetch-time-max `never`: not a time"),
                         (("--fetch-bytes-max", "much"), "--fetch-bytes-max `much`: not a size"),
                         (("--input-secret", "other=hub"), "--input-secret `other`: that input is not a URL"),
                         (("--input-secret", "data"), "--input-secret expects NAME=SECRET, not `data`"),
                         (("--input-secret", "data=a/b"), "input `data`: `a/b` is not the name of a secret")]:
        assert why in run(counted, host.origin() + "/x.csv", *options, data=data, code=2)
    assert "input `data`: the URL has a user name or a password" in run(counted, "https://ann:pw@example.org/x", data=data, code=2)
    assert "input `data`: there is no file or folder missing.csv" in run(counted, "missing.csv", data=data, code=2)


def test_a_default_of_a_plan_may_be_a_url(plan, host, tmp_path):
    path = plan(PLAN.replace("type: artifact", f"type: artifact, default: '{host.origin()}/x.csv'"))
    done = sluice("run", path, "--allow-url", host.origin(), "--json", data=tmp_path / "data")
    assert report_of(done)["outputs"]["size"] == 8, done.stderr
    done = sluice("run", path, data=tmp_path / "data")
    assert done.returncode == 2 and "input `data` (its default): " in done.stderr


def test_over_the_api_a_role_that_runs_may_fetch(host, tmp_path):
    data = tmp_path / "data"
    with serving(data, "--allow-url", host.origin()) as server:
        reader = json.loads(sluice("token", "add", "ann", "--role", "read", "--json", data=data).stdout)["token"]
        status, _ = server.ask("POST", "/v1/fetches", {"url": host.origin() + "/x.csv"}, headers={"Authorization": f"Bearer {reader}"})
        assert status == 403 and not host.requests
        status, text = server.ask("POST", "/v1/fetches", {"url": host.origin() + "/x.csv", "kind": "table"})
        assert status == 200 and "event: fetched\n" in text and '"kind":"table"' in text
        status, error = server.ask("POST", "/v1/fetches", {"url": "https://example.org/?secret=1"})
        assert status == 403 and error["error"]["code"] == "permission_denied" and "secret" not in error["error"]["message"]
        assert server.ask("POST", "/v1/fetches", {"url": 1})[0] == 400
