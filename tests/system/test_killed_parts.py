"""A killed supervisor and a killed host: their work is repeated, and nothing else is affected."""
import json
import os
import pathlib
import shutil
import signal
import threading

import pytest
from fault import killing
from fault.leftovers import children_of
from sluice_program import ROOT, Server, serving, sluice, start
from waiting import Gate, process_ends, until

MAIN_JOB = ROOT / "examples" / "stamps" / "sluice.yaml"

# `slow` writes its pid and those of two daemons, and waits at the gate, which is open when it runs again.
PLAN = """
sluice: 1
pipelines:
  main:
    outputs: {before: "${before.o}", after: "${after.o}"}
    graph:
      before: {process: [sh, HERE/mark.sh, "${out.o}"], outputs: {o: {type: integer}}}
      slow: {process: [sh, HERE/slow.sh], after: [before]}
      beside: {process: [sh, HERE/slow.sh], after: [before]}
      after: {process: [sh, HERE/mark.sh, "${out.o}"], outputs: {o: {type: integer}}, after: [slow, beside], cache: off}
"""
MARK = """
echo "$SLUICE_TASK $SLUICE_ATTEMPT" >> HERE/marks
echo 1 > "$1"
"""
SLOW = """
sleep 600 & daemon=$!
setsid sh -c 'echo $$ >> HERE/pids; exec sleep 600' &
echo "$$ $daemon" >> HERE/pids
echo "$SLUICE_TASK $SLUICE_ATTEMPT" >> HERE/marks
read line < HERE/go || true
"""


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def slow(tmp_path):
    """A run whose tasks `slow` and `beside` are running: (data, folder of their marks, command, gate)."""
    for name, text in (("mark.sh", MARK), ("slow.sh", SLOW), ("plan.yaml", PLAN)):
        (tmp_path / name).write_text(text.replace("HERE", str(tmp_path)))
    data = tmp_path / "data"
    with Gate(tmp_path / "go") as gate:
        running = start("run", tmp_path / "plan.yaml", "--json", data=data)
        until(lambda: len(lines(tmp_path / "marks")) == 3 and len(lines(tmp_path / "pids")) == 4, "`slow` and `beside` run")
        yield data, tmp_path, running, gate
    running.kill()
    running.communicate()


def check_lost_once(data, here, run):
    journal = killing.journal_of(data, run)
    assert killing.attempts_of(journal) == {("before", 1): "succeeded", ("slow", 1): "lost", ("slow", 2): "succeeded", ("beside", 1): "lost",
                                            ("beside", 2): "succeeded", ("after", 1): "succeeded"}
    fences = [event["fence"] for event in journal if event["t"] == "scheduled"]
    assert len(fences) == len(set(fences)) == 6
    marks = [line.split() for line in lines(here / "marks")]
    assert sorted(task for task, _ in marks) == ["after", "before", "beside", "beside", "slow", "slow"]
    assert sorted(fence for _, fence in marks) == sorted(fences)
    lost = next(event["outcome"]["failure"] for event in journal if event["t"] == "attempt_ended" and event["outcome"]["status"] == "lost")
    assert lost["message"] == "its supervisor died while it ran"


def test_what_a_killed_supervisor_ran_dies_and_is_tried_again(slow):
    data, here, running, gate = slow
    first = killing.supervisor_of(data)
    lost = [int(pid) for line in lines(here / "pids") for pid in line.split()]
    assert len(lost) == 6 and all(map(alive, lost))
    os.kill(first, signal.SIGKILL)
    until(lambda: len(lines(here / "marks")) == 5, "both run again")
    assert not any(map(alive, lost)), "another attempt started while a process of the lost one was alive"
    assert killing.supervisor_of(data) not in (None, first)
    gate.open()
    printed, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    check_lost_once(data, here, json.loads(printed)["run"])
    assert killing.processes_of(data) == {}


def test_server_and_supervisor_killed_together(slow):
    data, here, running, gate = slow
    lost = [int(pid) for line in lines(here / "pids") for pid in line.split()]
    running.kill()
    running.wait()
    os.kill(killing.supervisor_of(data), signal.SIGKILL)
    gate.open()
    resumed = sluice("resume", "latest", "--json", data=data)
    assert resumed.returncode == 0, resumed.stderr
    assert not any(map(alive, lost))
    check_lost_once(data, here, json.loads(resumed.stdout)["run"])
    assert killing.processes_of(data) == {}


def processor_seconds(pid):
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def other_pictures(main_job_copy, stamps, tmp_path):
    """The demo's pictures under other names; they are embedded anew: the features that are known by their content are removed."""
    shutil.rmtree(main_job_copy / "cache" / "features")
    folder = tmp_path / "pictures"
    shutil.copytree(stamps, folder)
    for picture in list(folder.glob("*/*.png")):
        picture.rename(picture.with_name(f"other-{picture.name}"))
    return folder


def state_of(data, task):
    """The state of the task in the newest run: scheduled, ended, or None."""
    kinds = [event["t"] for event in killing.journal_of(data, killing.runs_of(data)[-1]) if event.get("path") == task]
    return "ended" if "ended" in kinds else "scheduled" if "scheduled" in kinds else None


def test_a_host_killed_while_it_embeds_is_replaced_and_requests_beside_it_are_answered(main_job_copy, endpoint, other_pictures, stamps):
    data = main_job_copy
    picture = next((stamps / "bird").glob("*.png"))
    with serving(data) as server:
        assert sluice("predict", endpoint, picture, data=data).returncode == 0
        [first] = children_of(server.process.pid, "sluice-host")
        spent = processor_seconds(first)
        running = start("run", MAIN_JOB, "--input", f"pictures={other_pictures}", "--json", data=data)
        # It has worked on the batch for a while, and has not responded.
        until(lambda: state_of(data, "features") == "scheduled" and processor_seconds(first) - spent > 0.3, "the host embeds")
        answers = []
        asking = threading.Thread(target=lambda: answers.append(sluice("predict", endpoint, *[picture] * 8, data=data)))
        os.kill(first, signal.SIGSTOP)
        assert state_of(data, "features") == "scheduled", "the host finished before this test stopped it"
        asking.start()
        until(lambda: server.ask("GET", "/v1/endpoints")[1]["endpoints"][0]["open"] == 1, "the request is open")
        os.kill(first, signal.SIGKILL)
        asking.join()
        printed, errors = running.communicate(timeout=120)
        assert running.returncode == 0, errors
        assert answers[0].returncode == 0, answers[0].stderr
        [second] = children_of(server.process.pid, "sluice-host")
        assert second != first
    report = json.loads(printed)
    tried = killing.attempts_of(killing.journal_of(data, report["run"]))
    assert set(tried.values()) == {"succeeded"} and max(number for _, number in tried) == 1, "the task itself does not notice"
    assert report["outputs"]["accuracy"] >= 0.75


def test_a_host_that_hangs_while_it_embeds_is_replaced(main_job_copy, endpoint, other_pictures, stamps):
    data = main_job_copy
    picture = next((stamps / "bird").glob("*.png"))
    with serving(data, "--host-timeout", "5") as server:  # a new host loads its base within that on the slowest machine
        assert sluice("predict", endpoint, picture, data=data).returncode == 0
        [first] = children_of(server.process.pid, "sluice-host")
        running = start("run", MAIN_JOB, "--input", f"pictures={other_pictures}", "--json", data=data)
        until(lambda: state_of(data, "features") == "scheduled", "the host embeds")
        os.kill(first, signal.SIGSTOP)
        assert sluice("predict", endpoint, *[picture] * 8, data=data).returncode == 0
        _, errors = running.communicate(timeout=120)
        assert running.returncode == 0, errors
        [second] = children_of(server.process.pid, "sluice-host")
        assert second != first


def test_a_server_killed_while_a_host_embeds_leaves_no_host(main_job_copy, other_pictures):
    data = main_job_copy
    server = Server(data)
    running = start("run", MAIN_JOB, "--input", f"pictures={other_pictures}", data=data)
    [host] = until(lambda: children_of(server.process.pid, "sluice-host"), "there is a host")
    until(lambda: state_of(data, "features") == "scheduled" and processor_seconds(host) > 0.3, "the host embeds")
    server.kill()
    assert running.wait(60) == 3
    running.communicate()
    assert process_ends(host)
    assert sluice("resume", "latest", data=data).returncode == 0
    assert killing.processes_of(data) == {}


def test_a_supervisor_that_does_not_respond_holds_no_other_run_up(slow):
    data, _, running, gate = slow
    supervisor = killing.supervisor_of(data)
    os.kill(supervisor, signal.SIGSTOP)
    try:
        running.kill()  # the next server has to connect again
        running.wait()
        with serving(data) as server:
            run = killing.runs_of(data)[-1]
            until(lambda: server.ask("GET", f"/v1/runs/{run}")[1]["status"] == "running", "it is resumed")
            other = server.ask("POST", "/v1/runs", {"plan": "sluice: 1\npipelines: {main: {graph: {r: {raise: no}}}}\n"})[1]["run"]
            assert server.end_of(other)["status"] == "failed"
            os.kill(supervisor, signal.SIGCONT)
            gate.open()
            assert server.end_of(run)["status"] == "succeeded"
    finally:
        os.kill(supervisor, signal.SIGCONT)
