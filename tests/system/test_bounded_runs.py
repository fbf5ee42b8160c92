"""Runs that want more than a server has: they stay within their limits, can be cancelled, and never keep a server from starting."""
import json
import sqlite3
import subprocess

import pytest
import waiting
from bystander import memory_peak
from sluice_program import BIN, Server, environment, serving, sluice

NESTED = """
sluice: 1
pipelines:
  main:
    graph:
      outer:
        each: "${range(100000)}"
        as: i
        graph:
          inner:
            each: "${range(1000)}"
            as: j
            graph: {t: {process: [/bin/true], cache: off}}
"""
ONE_TASK = "sluice: 1\npipelines: {main: {graph: {t: {process: [/bin/true]}}}}\n"
# Each iteration keeps a text of a megabyte.
GREEDY = """
sluice: 1
pipelines:
  main:
    inputs: {text: {type: string}}
    graph:
      many:
        each: "${range(100000)}"
        as: i
        graph: {b: {graph: {}, yield: {kept: "${inputs.text + text(i)}"}}}
        yield: {kept: "${b.kept}"}
"""


def submit(server, plan, **inputs):
    status, response = server.ask("POST", "/v1/runs", {"plan": plan, "file": "plan.yaml", "inputs": inputs})
    assert status == 201, response
    return response["run"]


def status_of(server, run):
    return server.ask("GET", f"/v1/runs/{run}")[1]["status"]


def cancel(server, run):
    status, response = server.ask("POST", f"/v1/runs/{run}/cancel", {"reason": "no longer wanted"})
    assert status == 200, response


def test_nested_loops_stay_small_survive_a_restart_and_can_be_cancelled(tmp_path):
    with serving(tmp_path) as server:
        run = submit(server, NESTED)
        server.event(run, "scheduled")
        assert memory_peak(server.process.pid) < 300
        server.kill()
    with serving(tmp_path) as server:
        server.event(run, "scheduled")
        assert server.end_of(submit(server, ONE_TASK))["status"] == "succeeded"
        cancel(server, run)
        assert server.end_of(run)["status"] == "cancelled"
        assert memory_peak(server.process.pid) < 300


def test_cancel_without_a_server_begins_nothing(tmp_path):
    server = Server(tmp_path)
    run = submit(server, NESTED)
    server.kill()
    events = len(journal(tmp_path, run))
    cancelled = sluice("cancel", run, data=tmp_path)
    assert cancelled.returncode == 0, cancelled.stderr
    assert not [event for event in journal(tmp_path, run)[events:] if event["t"] in ("task_ready", "scheduled", "opened")]


def test_a_run_that_exceeds_a_limit_fails_and_says_which(tmp_path):
    for limit, most in ("events=50", "50 events"), ("bytes=20k", "20.0 kB"):
        with serving(tmp_path / limit, "--run-limit", limit) as server:
            report = server.end_of(submit(server, NESTED))
            assert report["status"] == "failed"
            assert report["message"] == (f"the journal of a run has at most {most}; divide the run into several, or raise the limit with "
                                         f"`sluice up --run-limit {limit.split('=')[0]}=N`")
            assert server.end_of(submit(server, ONE_TASK))["status"] == "succeeded"


def test_a_plan_with_too_many_operations_is_refused(tmp_path):
    with serving(tmp_path, "--run-limit", "operations=2") as server:
        tasks = "".join(f"t{i}: {{process: [/bin/true]}}, " for i in range(3))
        status, response = server.ask("POST", "/v1/runs", {"plan": f"sluice: 1\npipelines: {{main: {{graph: {{{tasks}}}}}}}\n"})
        assert status == 413, response
        assert response["error"]["message"] == ("pipeline `main` has 3 operations, and a run has at most 2 at once; divide it, or raise the "
                                                "limit with `sluice up --run-limit operations=N`")


@pytest.mark.parametrize("setting, message", [
    ("event=5", "--run-limit `event=5`: unknown limit `event`; did you mean `events`?; a run has limits for operations, events and bytes"),
    ("events=0", "--run-limit `events=0`: the value must be a positive number, such as operations=250000, events=20M or bytes=4GB"),
    ("events", "--run-limit `events`: the value must be a positive number, such as operations=250000, events=20M or bytes=4GB"),
])
def test_a_wrong_limit_is_reported(tmp_path, setting, message):
    refused = sluice("up", "--run-limit", setting, data=tmp_path)
    assert refused.returncode == 2
    assert message in refused.stderr


def journal(data, run):
    with sqlite3.connect(data / "ledger.db") as ledger:
        return [json.loads(event) for event, in ledger.execute("SELECT event FROM events WHERE run = ? ORDER BY number", (run,))]


def die(data, limit=None):
    """Starts a server that is expected to die; returns its exit status."""
    command = [BIN / "sluice", "up", "--data", data, "--listen", "127.0.0.1:0"]
    if limit:
        command = ["prlimit", f"--as={limit}", *command]
    # One arena: otherwise the address space that malloc reserves grows with the number of threads.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(MALLOC_ARENA_MAX=1))
    return process.wait(waiting.LIMIT_S)


def check_set_aside(data, run, other):
    """The next server starts, has set the run aside, and runs the other one."""
    log = (data / "up.log").open("w")
    server = Server(data, stderr=log)
    try:
        assert status_of(server, run) == "set_aside"
        assert "set_aside" in sluice("runs", data=data).stdout
        shown = sluice("show", run, data=data)
        assert "set_aside" in shown.stdout, shown.stderr
        assert "the server died twice while it decided what follows in this run" in shown.stdout
        assert f"run {run} is set aside" in (data / "up.log").read_text()
        assert server.end_of(other)["status"] == "succeeded"
        refused = sluice("resume", run, data=data)
        assert refused.returncode != 0 and f"`sluice resume --retry {run}` tries again, `sluice cancel {run}` cancels it" in refused.stderr
    except BaseException:
        server.stop()
        raise
    return server


def break_plan(data, run):
    """Changes the stored plan as no verifier would allow: the pipeline that it calls does not exist."""
    with sqlite3.connect(data / "ledger.db") as ledger:
        event, plan, at = ledger.execute("SELECT event, texts.text, text_at FROM events JOIN texts ON digest = events.text "
                                         "WHERE run = ? AND number = 0", (run,)).fetchone()
        broken = event[:at] + plan.replace("call: inner", "call: outer") + event[at:]  # the plan is shared with other runs
        ledger.execute("UPDATE events SET event = ?, text = NULL, text_at = NULL WHERE run = ? AND number = 0", (broken, run))


CALLS = """
sluice: 1
pipelines:
  main: {graph: {first: {process: [sleep, "1"], cache: off}, then: {call: inner, after: [first]}}}
  inner: {graph: {t: {process: [/bin/true]}}}
"""


def test_a_run_that_fails_a_check_is_set_aside_after_two_deaths(tmp_path):
    server = Server(tmp_path)
    run, other = submit(server, CALLS), submit(server, CALLS)
    server.kill()
    break_plan(tmp_path, run)
    assert die(tmp_path) < 0
    assert die(tmp_path) < 0
    server = check_set_aside(tmp_path, run, other)
    try:
        cancel(server, run)
        assert status_of(server, run) == "cancelled"
    finally:
        server.stop()


def test_a_run_that_exhausts_memory_is_set_aside_and_can_be_retried(tmp_path):
    server = Server(tmp_path)
    other = submit(server, CALLS)
    run = submit(server, GREEDY, text="x" * 1_000_000)
    server.kill()
    (tmp_path / "deciding").unlink()  # it was probably killed while it decided, which would count as the first death
    enough = 600 << 20
    assert die(tmp_path, limit=enough) < 0
    assert die(tmp_path, limit=enough) < 0
    server = check_set_aside(tmp_path, run, other)
    try:
        assert sluice("cancel", run, data=tmp_path).returncode == 0
        assert status_of(server, run) == "cancelled"
    finally:
        server.stop()


def test_kills_between_decisions_count_for_no_run(tmp_path):
    run = None
    for _ in range(4):
        server = Server(tmp_path)
        run = run or submit(server, "sluice: 1\npipelines: {main: {graph: {t: {process: [sleep, '3']}}}}\n")
        server.event(run, "scheduled")
        server.kill()
    with serving(tmp_path) as server:
        assert server.end_of(run)["status"] == "succeeded"
