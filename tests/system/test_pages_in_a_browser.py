"""What pages of others can do to a server in a real browser (Chromium) of its owner: nothing."""
import contextlib
import hashlib
import http.server
import json
import os
import queue
import signal
import subprocess
import threading

import pytest
import waiting
from sluice_program import serving, sluice

PLAN = """
sluice: 1
pipelines:
  main: {graph: {make: {process: ["true"]}}}
"""

# Each of these changes something if it is let through; the last line tells that the script has come to its end.
HOSTILE = """<!doctype html><title>hostile</title><pre id=said>began</pre>
<form id=form method=post enctype=text/plain target=frame action="SERVER/v1/runs"><input name='BODY' value=''></form>
<iframe name=frame></iframe>
<script>
const said = document.getElementById("said");
const tries = {
  "simple POST": () => fetch("SERVER/v1/runs", {method: "POST", mode: "no-cors", body: RUN}),
  "POST of JSON": () => fetch("SERVER/v1/runs", {method: "POST", headers: {"Content-Type": "application/json"}, body: RUN}),
  "DELETE": () => fetch("SERVER/v1/endpoints/stamps", {method: "DELETE"}),
  "PUT of an object": () => fetch("SERVER/v1/objects/DIGEST", {method: "PUT", body: "made by a page"}),
  "beacon": async () => navigator.sendBeacon("SERVER/v1/runs", RUN),
  "image": () => new Promise((done) => { const image = new Image(); image.onload = image.onerror = done; image.src = "SERVER/v1/runs"; }),
  "reading": async () => (await (await fetch("SERVER/v1/runs")).text()),
};
(async () => {
  for (const [name, attempt] of Object.entries(tries)) {
    try { const answer = await attempt(); said.textContent += `\\n${name}: ${answer && answer.type || typeof answer}`; }
    catch (error) { said.textContent += `\\n${name}: ${error.name}`; }
  }
  const frame = document.querySelector("iframe");
  await new Promise((done) => { frame.onload = done; document.getElementById("form").submit(); });
  fetch("/told", {method: "POST", body: said.textContent + "\\nended"});
})();
</script>
"""
MADE_BY_A_PAGE = hashlib.sha256(b"made by a page").hexdigest()


def hostile(server_url):
    run = json.dumps({"plan": PLAN, "file": "page.yaml", "inputs": {}, "code": {}})
    return (HOSTILE.replace("SERVER", server_url).replace("RUN", json.dumps(run)).replace("DIGEST", MADE_BY_A_PAGE)
            .replace("BODY", run.replace("&", "&amp;").replace("'", "&#39;")))


@contextlib.contextmanager
def chromium(url, tmp_path):
    """Shows the page until the block ends."""
    with open(tmp_path / "browser.log", "wb") as log:
        process = subprocess.Popen(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                                    f"--user-data-dir={tmp_path}/browser", url], stdout=log, stderr=log, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def told_by(page, tmp_path):
    """Shows this page of another server of this machine; what it tells when it has come to its end, and the other requests POST there."""
    with site(page) as (url, sent, told), chromium(url, tmp_path):
        return told.get(timeout=waiting.LIMIT_S), sent


@contextlib.contextmanager
def site(page):
    """Another web server of this machine; yields its URL, the requests POST that it got, and what its page told by /told."""
    sent, told = [], queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, text):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(text.encode())

        def do_GET(self):
            self.answer(page(self))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path == "/told":
                told.put(body)
            else:
                sent.append((self.path, body))
            self.answer("taken")

        def log_message(self, *_):
            pass

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{served.server_address[1]}", sent, told
    finally:
        served.shutdown()
        served.server_close()


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path / "data") as server:
        yield server


def test_a_page_of_another_port_changes_nothing_and_reads_nothing(server, tmp_path):
    told, _ = told_by(lambda _: hostile(server.url), tmp_path)
    assert "reading: TypeError" in told and "POST of JSON: TypeError" in told and "DELETE: TypeError" in told and told.endswith("ended"), told
    assert server.ask("GET", "/v1/runs")[1]["runs"] == []
    assert server.ask("POST", "/v1/objects/missing", {"digests": [MADE_BY_A_PAGE]})[1]["missing"] == [MADE_BY_A_PAGE]
    assert json.loads(sluice("audit", "--json", data=tmp_path / "data").stdout)["changes"] == []


def test_the_same_page_would_start_runs_on_a_server_that_does_not_look(tmp_path):
    """That the requests of the other tests do leave the browser."""
    told, sent = told_by(lambda handler: hostile("http://" + handler.headers["Host"]), tmp_path)
    assert told.endswith("ended"), told
    assert [path for path, body in sent].count("/v1/runs") == 4 and all("process:" in body for _, body in sent), sent


def test_a_page_that_somebody_stored_runs_nothing(server, tmp_path):
    page = hostile(server.url).encode()
    digest = hashlib.sha256(page).hexdigest()
    assert server.ask("PUT", f"/v1/objects/{digest}", page)[0] == 201
    stored = f"{server.url}/v1/objects/{digest}"
    frames = f'<!doctype html><iframe src="{stored}"></iframe><object data="{stored}"></object><embed src="{stored}" type="text/html">'
    told_by(lambda _: frames + "<script>setTimeout(() => fetch('/told', {method: 'POST', body: ''}), 3000)</script>", tmp_path)
    assert server.ask("GET", "/v1/runs")[1]["runs"] == []
