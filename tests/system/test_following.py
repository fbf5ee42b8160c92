"""Runs of a server, looked at from outside: its events as they come, what tasks print, and other machines' commands."""
import http.client
import json
import pathlib
import subprocess

import pytest
from sluice_program import BIN, Server, environment, report_of, serving, sluice, start, until

HELD = """
sluice: 1
pipelines:
  main:
    inputs: {gate: {type: string}}
    outputs: {text: "${held.text}"}
    graph:
      held:
        process: [sh, -c, 'echo begun; while [ ! -e "$1" ]; do sleep 0.02; done; echo done; printf "%s" "$SLUICE_ATTEMPT" > "$2"', sh, "${inputs.gate}", "${out.text}"]
        outputs: {text: {type: string, form: text}}
"""


class Events:
    """The stream of a run's events, read with nothing but an HTTP client."""

    def __init__(self, server, run, **headers):
        self.connection = http.client.HTTPConnection(server.address, timeout=60)
        self.connection.request("GET", f"/v1/runs/{run}/events", headers={"Accept": "text/event-stream"} | headers)
        self.answer = self.connection.getresponse()

    def __iter__(self):
        number = None
        for line in self.answer:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "id":
                number = int(value)
            elif field == "data":
                yield number, json.loads(value)

    def close(self):
        self.connection.close()


@pytest.fixture
def held(tmp_path, plan):
    """A server and one run of it whose task ends when the gate is there: (server, run, gate)."""
    gate = tmp_path / "gate"
    with serving(tmp_path / "data") as server:
        status, answer = server.ask("POST", "/v1/runs", {"plan": HELD, "inputs": {"gate": str(gate)}})
        assert status == 201, answer
        yield server, answer["run"], gate
        gate.touch()


def test_events_come_as_they_happen_and_go_on_where_one_stopped(held):
    server, run, gate = held
    events = Events(server, run)
    assert events.answer.status == 200
    assert events.answer.headers["Content-Type"] == "text/event-stream"
    seen = []
    for number, event in events:
        assert number == len(seen)
        seen.append(event)
        if event["t"] == "scheduled":
            gate.touch()
    assert seen[0]["t"] == "run_created" and seen[-1]["t"] == "run_ended"
    events.close()
    rest = list(Events(server, run, **{"Last-Event-ID": str(len(seen) - 3)}))
    assert [number for number, _ in rest] == [len(seen) - 2, len(seen) - 1]
    assert [event for _, event in rest] == seen[-2:]
    assert Events(server, run, **{"Last-Event-ID": str(len(seen) - 1)}).answer.status == 204


def test_clients_that_vanish_leave_nothing(held):
    server, run, _ = held

    def files():
        return len(list(pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir()))

    many = [Events(server, run) for _ in range(200)]
    for events in many:
        assert events.answer.status == 200
    assert files() >= 200
    for events in many:
        events.close()
    until(lambda: files() < 100)
    assert server.ask("GET", "/v1/status")[0] == 200


def test_a_log_is_followed_to_the_tasks_end(held, tmp_path):
    server, run, gate = held
    following = subprocess.Popen([BIN / "sluice", "logs", run, "held", "--follow", "--server", server.url, "--data", tmp_path / "mine"],
                                 stdout=subprocess.PIPE, text=True, env=environment())
    assert following.stdout.readline() == "begun\n"
    assert following.poll() is None
    gate.touch()
    assert following.stdout.readline() == "done\n"
    assert following.stdout.read() == "" and following.wait(30) == 0
    assert sluice("logs", run, "held", "--follow", "--server", server.url, data=tmp_path / "mine").stdout == "begun\ndone\n"


def test_cancel_ends_a_servers_run(held, tmp_path):
    server, run, _ = held
    following = start("resume", run, "--server", server.url, data=tmp_path / "mine")
    cancelled = sluice("cancel", run[:20], "--reason", "wrong gate", "--server", server.url, data=tmp_path / "mine")
    assert (cancelled.returncode, cancelled.stdout) == (0, f"run {run} is cancelled\n"), cancelled.stderr
    out, _ = following.communicate(timeout=60)
    assert following.returncode == 1 and f"run {run} cancelled in" in out
    assert any(event["t"] == "stopping" and event["reason"] == "wrong gate" for _, event in Events(server, run))


def test_a_client_goes_on_when_its_server_comes_back(plan, tmp_path):
    data, gate = tmp_path / "data", tmp_path / "gate"
    server = Server(data)
    running = start("run", plan(HELD), "--input", f"gate={gate}", "--server", server.url, "--json", data=tmp_path / "mine")
    until(lambda: server.ask("GET", "/v1/runs")[1]["runs"])
    run = server.ask("GET", "/v1/runs")[1]["runs"][0]["run"]
    until(lambda: any(task["status"] == "running" for task in server.ask("GET", f"/v1/runs/{run}")[1]["tasks"]))
    server.kill()
    back = Server(data, listen=server.address)
    try:
        gate.touch()
        out, err = running.communicate(timeout=60)
        assert running.returncode == 0, err
        assert json.loads(out)["run"] == run
    finally:
        back.stop()


def test_a_server_that_stays_away_is_told_with_the_way_back(plan, tmp_path):
    server = Server(tmp_path / "data")
    running = start("run", plan(HELD), "--input", "gate=/nowhere", "--server", server.url, data=tmp_path / "mine")
    until(lambda: server.ask("GET", "/v1/runs")[1]["runs"])
    run = server.ask("GET", "/v1/runs")[1]["runs"][0]["run"]
    server.kill()
    _, err = running.communicate(timeout=60)
    assert running.returncode == 3, err
    assert f"cannot reach the server at {server.url}" in err
    assert f"`sluice resume {run} --server {server.url}` follows it once the server is back" in err
    assert sluice("cancel", run, data=tmp_path / "data").returncode == 0


def test_every_command_asks_another_machines_server(main_job, tmp_path, stamps):
    """As from another machine: nothing of the server's folder is known here."""
    token = tmp_path / "token"
    token.write_text("a-token-of-enough-length\n")
    data = tmp_path / "data"
    subprocess.run(["cp", "-a", main_job[0], data], check=True)
    mine = tmp_path / "mine"
    with serving(data, "--token-file", str(token)) as server:
        there = ("--server", server.url, "--token-file", token)

        def told(*arguments):
            done = sluice(*arguments, *there, data=mine)
            assert done.returncode == 0, (arguments, done.stderr)
            return done.stdout

        picture = next((stamps / "bird").glob("*.png"))
        assert main_job[1]["run"] in told("runs")
        assert "evaluate" in told("show", "latest")
        assert told("logs", "latest", "evaluate") is not None
        assert "stamps" in told("models") and "stamps v1" in told("endpoints")
        assert "endpoint other answers with stamps v1" in told("deploy", "stamps", "--endpoint", "other")
        assert str(picture) in told("predict", "other", picture)
        told("undeploy", "other")
        without = sluice("runs", "--server", server.url, data=mine)
        assert without.returncode == 2 and "Authorization: Bearer" in without.stderr
    away = sluice("runs", *there, data=mine)
    assert away.returncode == 3 and f"cannot reach the server at {server.url}: connection refused" in away.stderr
    assert "--server" in sluice("runs", "--token-file", token, data=mine).stderr
    assert "write http://HOST:PORT" in sluice("runs", "--server", "gpu-box", data=mine).stderr


def test_a_run_sends_its_files_to_another_machines_server(plan, tmp_path):
    pictures = tmp_path / "pictures"
    (pictures / "a").mkdir(parents=True)
    (pictures / "a" / "one.txt").write_text("one")
    with serving(tmp_path / "data") as server:
        report = report_of(sluice("run", plan("""
sluice: 1
pipelines:
  main:
    inputs: {folder: {type: artifact, kind: directory}}
    outputs: {text: "${read.text}"}
    graph:
      read:
        process: [sh, count.sh, "${inputs.folder}", "${out.text}"]
        code: .
        outputs: {text: {type: string, form: text}}
""", count__sh='cat "$1/a/one.txt" > "$2"\n'), "--input", f"folder={pictures}", "--json", "--server", server.url, data=tmp_path / "mine"))
        assert report["outputs"]["text"] == "one"
        assert server.ask("GET", f"/v1/runs/{report['run']}")[0] == 200
