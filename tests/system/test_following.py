"""Runs of a server, observed from outside: events as they happen, the logs of tasks, and commands from other machines."""
import json
import pathlib
import subprocess

import pytest
from sluice_program import BIN, Server, environment, reserved_address, report_of, serving, sluice, start
from waiting import Gate, readable, until

HELD = """
sluice: 1
pipelines:
  main:
    inputs: {gate: {type: string}}
    outputs: {text: "${held.text}"}
    graph:
      first: {process: ["true"]}
      held:
        after: [first]
        process: [sh, -c, 'echo begun; read line < "$1"; echo done; printf "%s" "$SLUICE_ATTEMPT" > "$2"', sh, "${inputs.gate}", "${out.text}"]
        outputs: {text: {type: string, form: text}}
"""


@pytest.fixture
def gate(tmp_path):
    with Gate(tmp_path / "gate") as made:
        yield made


@pytest.fixture
def held(tmp_path, plan, gate):
    """A server with one run whose task ends when the gate is opened: (server, run, gate)."""
    with serving(tmp_path / "data") as server:
        status, answer = server.ask("POST", "/v1/runs", {"plan": HELD, "inputs": {"gate": str(gate.path)}})
        assert status == 201, answer
        yield server, answer["run"], gate
        gate.open()


def test_events_arrive_as_they_happen_and_resume_after_the_last_one(held):
    server, run, gate = held
    events = server.events(run)
    assert events.answer.status == 200
    assert events.answer.headers["Content-Type"] == "text/event-stream"
    seen = []
    for number, event in events:
        assert number == len(seen)
        seen.append(event)
        if event["t"] == "scheduled" and event["path"] == "held":
            gate.open()
    assert seen[0]["t"] == "run_created" and seen[-1]["t"] == "run_ended"
    events.close()
    rest = list(server.events(run, **{"Last-Event-ID": str(len(seen) - 3)}))
    assert [number for number, _ in rest] == [len(seen) - 2, len(seen) - 1]
    assert [event for _, event in rest] == seen[-2:]
    assert server.events(run, **{"Last-Event-ID": str(len(seen) - 1)}).answer.status == 204


def test_clients_that_disconnect_leave_nothing(held):
    server, run, _ = held

    def files():
        return len(list(pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir()))

    many = [server.events(run) for _ in range(200)]
    for events in many:
        assert events.answer.status == 200
    assert files() >= 200
    for events in many:
        events.close()
    until(lambda: files() < 100, "the server has closed the connections")
    assert server.ask("GET", "/v1/status")[0] == 200


def test_a_log_is_followed_to_the_tasks_end(held, tmp_path):
    server, run, gate = held
    following = subprocess.Popen([BIN / "sluice", "logs", run, "held", "--follow", "--server", server.url, "--data", tmp_path / "mine"],
                                 stdout=subprocess.PIPE, text=True, env=environment())
    assert following.stdout.readline() == "begun\n"
    assert following.poll() is None
    gate.open()
    assert following.stdout.readline() == "done\n"
    assert following.stdout.read() == "" and following.wait(30) == 0
    assert sluice("logs", run, "held", "--follow", "--server", server.url, data=tmp_path / "mine").stdout == "begun\ndone\n"


def test_cancel_ends_a_servers_run(held, tmp_path):
    server, run, _ = held
    following = start("resume", run, "--server", server.url, data=tmp_path / "mine")
    assert following.stderr.readline().startswith("  first  "), "it follows the run; if the run were cancelled earlier, the command would be refused"
    cancelled = sluice("cancel", run[:20], "--reason", "wrong gate", "--server", server.url, data=tmp_path / "mine")
    assert (cancelled.returncode, cancelled.stdout) == (0, f"run {run} is cancelled\n"), cancelled.stderr
    out, _ = following.communicate(timeout=60)
    assert following.returncode == 1 and f"run {run} cancelled in" in out
    assert any(event["t"] == "stopping" and event["reason"] == "wrong gate" for _, event in server.events(run))


def test_a_client_continues_when_its_server_restarts(plan, tmp_path, gate):
    data = tmp_path / "data"
    server = Server(data, listen=reserved_address())
    running = start("run", plan(HELD), "--input", f"gate={gate.path}", "--server", server.url, "--json", data=tmp_path / "mine")
    run = server.first_run()
    server.event(run, "scheduled", path="held")
    server.kill()
    restarted = Server(data, listen=server.address)
    try:
        gate.open()
        out, err = running.communicate(timeout=60)
        assert running.returncode == 0, err
        assert json.loads(out)["run"] == run
    finally:
        restarted.stop()


def test_a_server_that_does_not_return_is_reported_with_a_hint(plan, tmp_path, gate):
    server = Server(tmp_path / "data", listen=reserved_address())
    running = start("run", plan(HELD), "--input", f"gate={gate.path}", "--server", server.url, data=tmp_path / "mine")
    readable(running.stderr, "the client knows its run")  # else it would lose the connection while it submits
    run = running.stderr.readline().split()[1]
    server.kill()
    _, err = running.communicate(timeout=60)
    assert running.returncode == 3, err
    assert f"cannot reach the server at {server.url}" in err
    assert f"`sluice resume {run} --server {server.url}` follows it once the server is back" in err
    assert sluice("cancel", run, data=tmp_path / "data").returncode == 0


def test_every_command_works_with_another_machines_server(main_job_copy, main_job_report, tmp_path, stamps):
    """As from another machine: the client has no access to the server's data folder."""
    token = tmp_path / "token"
    token.write_text("a-token-of-enough-length\n")
    data = main_job_copy
    mine = tmp_path / "mine"
    with serving(data, "--token-file", str(token)) as server:
        remote = ("--server", server.url, "--token-file", token)

        def output_of(*arguments):
            done = sluice(*arguments, *remote, data=mine)
            assert done.returncode == 0, (arguments, done.stderr)
            return done.stdout

        picture = next((stamps / "bird").glob("*.png"))
        assert main_job_report["run"] in output_of("runs")
        assert "evaluate" in output_of("show", "latest")
        assert output_of("logs", "latest", "evaluate") is not None
        assert "stamps" in output_of("models") and "stamps v1" in output_of("endpoints")
        assert "endpoint other serves stamps v1" in output_of("deploy", "stamps", "--endpoint", "other")
        assert str(picture) in output_of("predict", "other", picture)
        output_of("undeploy", "other")
        status, refused = server.ask("GET", "/v1/runs", headers={"Via": "1.1 gateway"})
        assert status == 401 and "Authorization: Bearer" in refused["error"]["message"]
    away = sluice("runs", *remote, data=mine)
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
