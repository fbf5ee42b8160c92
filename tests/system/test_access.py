"""Who may use a server: the owner, pages of its own, and callers with a token; and what is recorded of what they change."""
import hashlib
import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest
from sluice_program import environment, serving, sluice
from waiting import until

HELLO = """
sluice: 1
pipelines:
  main:
    inputs: {name: {type: string, default: world}}
    outputs: {greeting: "${greet.text}"}
    graph:
      greet:
        process: [sh, -c, 'echo "greeting $1"; printf "hello %s" "$1" > "$2"', sh, "${inputs.name}", "${out.text}"]
        outputs: {text: {type: string, form: text}}
"""

STRANGER = {"X-Forwarded-For": "10.1.2.3"}


def check_refused(done, *parts):
    assert done.returncode == 2, (done.returncode, done.stderr)
    for part in parts:
        assert part in done.stderr, done.stderr


def test_listening_beyond_this_machine_needs_a_token(tmp_path):
    data = tmp_path / "data"
    check_refused(sluice("up", "--listen", "0.0.0.0:0", data=data), "`sluice token add NAME --role run`")
    assert sluice("token", "add", "ann", "--role", "run", data=data).returncode == 0
    check_refused(sluice("up", "--listen", "0.0.0.0:0", data=data), "`--tls-cert FILE --tls-key FILE`, or `--insecure`")
    with serving(data, "--insecure", listen="0.0.0.0:0") as server:
        assert server.ask("GET", "/v1/runs")[0] == 200


def test_foreign_hosts_and_origins_are_refused(server):
    assert server.ask("GET", "/v1/runs", headers={"Host": "evil.example"})[0] == 403
    assert server.ask("GET", "/v1/runs", headers={"Origin": "http://evil.example"})[0] == 403
    assert server.ask("GET", "/v1/runs", headers={"Origin": server.url})[0] == 200


def test_only_pages_of_the_server_itself_may_change_something(server):
    other_port = "http://127.0.0.1:1"
    for headers, allowed in [({}, True), ({"Origin": server.url}, True), ({"Origin": server.url, "Sec-Fetch-Site": "same-origin"}, True),
                             ({"Origin": other_port}, False), ({"Origin": "null"}, False), ({"Sec-Fetch-Site": "cross-site"}, False),
                             ({"Origin": server.url, "Sec-Fetch-Site": "same-site"}, False)]:
        for method, path, body in [("POST", "/v1/objects/missing", {"digests": []}), ("DELETE", "/v1/endpoints/nothing", None),
                                   ("PUT", "/v1/endpoints/nothing", {"model": "nothing"}), ("POST", "/v1/runs", {"plan": ""})]:
            status, answer = server.ask(method, path, body, headers={"Content-Type": "application/json"} | headers)
            assert (status != 403) == allowed, (headers, method, path, answer)
    assert server.ask("GET", "/v1/runs", headers={"Sec-Fetch-Site": "cross-site"})[0] == 200, "a link from anywhere shows the runs"


def test_what_people_made_is_no_page_of_the_server(server):
    page = b"<!doctype html><script>alert(1)</script>"
    digest = hashlib.sha256(page).hexdigest()
    assert server.ask("PUT", f"/v1/objects/{digest}", page)[0] == 201
    for path in ("/v1/runs", f"/v1/objects/{digest}", "/v1/models", "/nothing"):
        request = urllib.request.Request(server.url + path)
        try:
            headers = urllib.request.urlopen(request, timeout=60).headers
        except urllib.error.HTTPError as refused:
            headers = refused.headers
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Content-Security-Policy"] == "sandbox", path


def as_another_user(server, request):
    """The status of the response that a process of the user `nobody` gets."""
    host, port = server.address.rsplit(":", 1)
    script = f'exec 3<>/dev/tcp/{host}/{port}; printf "$0" >&3; head -1 <&3'
    done = subprocess.run(["bash", "-c", script, request.replace("\n", r"\r\n")], user=65534, group=65534, extra_groups=[], cwd="/",
                          env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60)
    return int(done.stdout.split()[1])


def test_another_user_of_this_machine_needs_a_token(tmp_path):
    token = tmp_path / "token"
    token.write_text("a-token-of-enough-length\n")
    for arguments, refused in ((), 403), (("--token-file", token), 401):
        with serving(tmp_path / "data", *map(str, arguments)) as server:
            for line in "GET /v1/runs", "POST /v1/runs", "GET /v2":
                assert as_another_user(server, f"{line} HTTP/1.1\nHost: localhost\n\n") == refused
            assert server.ask("GET", "/v1/runs")[0] == 200
    with serving(tmp_path / "data", "--token-file", str(token)) as server:
        assert as_another_user(server, "GET /v1/runs HTTP/1.1\nHost: localhost\nAuthorization: Bearer a-token-of-enough-length\n\n") == 200


def test_others_cannot_enter_the_data_folder(tmp_path, plan):
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    for folder in (data, tmp_path / "new"):
        assert sluice("run", plan(HELLO), data=folder).returncode == 0
        assert folder.stat().st_mode & 0o777 == 0o700
        for inside in folder.iterdir():
            assert inside.stat().st_mode & 0o077 == 0, inside


def test_a_token_is_required(tmp_path, plan):
    token = tmp_path / "token"
    token.write_text("a-token-of-enough-length\n")
    data = tmp_path / "data"
    with serving(data, "--token-file", str(token)) as server:
        assert server.ask("GET", "/v1/runs", headers=STRANGER)[0] == 401
        assert server.ask("GET", "/v1/runs", headers=STRANGER | {"Authorization": "Bearer wrong-token-of-that-length"})[0] == 401
        assert server.ask("GET", "/v1/runs", headers=STRANGER | {"Authorization": "Bearer a-token-of-enough-length"})[0] == 200
        assert server.ask("GET", "/v1/runs")[0] == 200, "the owner needs none"
        assert sluice("runs", data=data).returncode == 0
        assert sluice("run", plan(HELLO), data=data).returncode == 0



def token_for(role, data, *more):
    done = sluice("token", "add", f"a-{role}", "--role", role, *more, data=data)
    assert done.returncode == 0, done.stderr
    return {"Authorization": f"Bearer {done.stdout.strip()}"} | STRANGER


def test_a_token_may_do_what_its_role_says(tmp_path, plan):
    data = tmp_path / "data"
    with serving(data) as server:
        reader, runner, admin = (token_for(role, data) for role in ("read", "run", "admin"))
        submission = {"plan": HELLO, "file": "plan.yaml"}
        for method, path, body, least in [("GET", "/v1/runs", None, reader), ("GET", "/v2", None, reader), ("GET", "/v1/models", None, reader),
                                          ("POST", "/v2/models/none/infer", {}, reader),
                                          ("POST", "/v1/runs", submission, runner), ("POST", "/v1/runs/none/cancel", {}, runner),
                                          ("PUT", "/v1/endpoints/none", {"model": "none"}, runner), ("DELETE", "/v1/endpoints/none", None, runner),
                                          ("PUT", f"/v1/objects/{hashlib.sha256(b'x').hexdigest()}", b"x", runner),
                                          ("GET", "/v1/tokens", None, admin), ("POST", "/v1/tokens", {"name": "x", "role": "admin"}, admin),
                                          ("DELETE", "/v1/tokens/x", None, admin), ("GET", "/v1/audit", None, admin)]:
            allowed = False
            for headers in (reader, runner, admin):
                allowed = allowed or headers is least
                status, answer = server.ask(method, path, body, headers)
                assert (status != 403) == allowed, (method, path, status, answer)
                if not allowed:
                    assert "has the role" in json.dumps(answer), answer


def test_tokens_end_when_they_are_revoked_or_expire(tmp_path):
    data = tmp_path / "data"
    with serving(data) as server:
        kept, short = token_for("read", data), token_for("run", data, "--expires", "1s")
        token_for("admin", data)
        assert server.ask("GET", "/v1/runs", headers=kept)[0] == 200
        listed = sluice("token", "list", data=data).stdout
        assert "a-read" in listed and "a-run" in listed and "expires" in listed, listed
        assert kept["Authorization"].split()[1] not in listed
        until(lambda: server.ask("GET", "/v1/runs", headers=short)[0] == 401, "the token has expired")
        assert sluice("token", "revoke", "a-read", data=data).returncode == 0
        assert server.ask("GET", "/v1/runs", headers=kept)[0] == 401
        check_refused(sluice("token", "revoke", "a-rum", data=data), "there is no token `a-rum`", "did you mean `a-run`?")
    check_refused(sluice("token", "add", "x", data=data), "--role read")
    check_refused(sluice("token", "add", "--role", "read", data=data), "needs the name of a token")
    check_refused(sluice("token", "list", "x", data=data), "takes no name")
    check_refused(sluice("token", "add", "x", "--role", "read", "--expires", "soon", data=data), "write a duration of a second or more")
    check_refused(sluice("token", "add", "a b", "--role", "read", data=data), "is not a valid name of a token")


def test_changes_are_recorded_with_who_made_them(tmp_path, plan):
    data = tmp_path / "data"
    with serving(data) as server:
        runner = token_for("run", data)
        status, answer = server.ask("POST", "/v1/runs", {"plan": HELLO, "file": "plan.yaml"}, runner)
        assert status == 201
        server.end_of(answer["run"])
        assert sluice("run", plan(HELLO), data=data).returncode == 0
        sluice("token", "revoke", "a-run", data=data)
        listed = json.loads(sluice("audit", "--json", data=data).stdout)["changes"]
        assert [(change["by"], change["what"]) for change in listed] == [
            ("owner", "token.revoke"), ("owner", "run.submit"), ("a-run", "run.submit"), ("owner", "token.add")]
        assert listed[2]["subject"] == answer["run"] and listed[3]["subject"] == "a-run (run)"
    page = sluice("audit", "--limit", "3", data=data)
    assert len(page.stdout.splitlines()) == 3 and page.stderr.startswith(f"more: `sluice audit --data {data} --after "), page
    older = sluice("audit", "--after", page.stderr.split("--after ")[1].strip("`\n"), data=data).stdout
    assert len(older.splitlines()) == 1 and "token.add" in older


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1, and its key."""
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=sluice", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", files[1], "-out", files[0]], check=True, capture_output=True)
    return files


def test_clients_verify_a_server_with_tls(tmp_path, plan, certificate):
    cert, key = certificate
    data = tmp_path / "data"
    check_refused(sluice("up", "--tls-cert", cert, data=data), "--tls-key")
    check_refused(sluice("up", "--tls-cert", key, "--tls-key", key, data=data), "cannot be read as a certificate in PEM form")
    with serving(data, "--tls-cert", str(cert), "--tls-key", str(key)) as server:
        assert server.url.startswith("https://127.0.0.1:")
        for arguments, folder in [((), data), (("--server", server.url, "--ca", cert), tmp_path / "other")]:
            done = sluice("run", plan(HELLO), *arguments, data=folder)
            assert done.returncode == 0, done.stderr
        unknown = sluice("runs", "--server", server.url, data=tmp_path / "other")
        assert unknown.returncode == 3 and "is not trusted" in unknown.stderr and "--ca FILE" in unknown.stderr, unknown.stderr
        context = ssl.create_default_context(cafile=cert)
        with urllib.request.urlopen(server.url + "/v2/health/ready", context=context) as response:
            assert response.status == 200
        curl = subprocess.run(["curl", "-s", "--cacert", cert, "-w", " %{http_version} %{ssl_verify_result}", server.url + "/v2/health/live"],
                              capture_output=True, text=True, env=environment())
        assert curl.stdout.endswith(" 1.1 0"), curl


def test_the_owner_is_known_by_the_socket(tmp_path):
    data = tmp_path / "data"
    with serving(data):
        assert (data / "sluice.sock").stat().st_mode & 0o777 == 0o600
        curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", data / "sluice.sock", "http://localhost/v1/runs"]
        assert subprocess.run(curl, capture_output=True, text=True).stdout == "200"
    assert not (data / "sluice.sock").exists()
