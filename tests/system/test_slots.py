"""Slots: how many tasks run at once, on which devices, and in which order."""

import pytest
from sluice_program import Server, serving, sluice



def count(folder, expected):
    """A command that prints how many of these tasks run when it starts, itself included. It ends once as many as expected ran together."""
    folder.mkdir()
    return (f'touch {folder}/$SLUICE_ATTEMPT; number=$(ls {folder} | wc -l); echo $number > "$1"; [ $number -lt {expected} ] || touch {folder}.reached; '
            f"until [ -e {folder}.reached ]; do sleep 0.01; done; rm {folder}/$SLUICE_ATTEMPT")


def fan(command, tasks, more=""):
    return f"""
sluice: 1
pipelines:
  main:
    outputs: {{all: "${{fan.o}}"}}
    graph:
      fan:
        each: "${{range({tasks})}}"
        as: i
        graph:
          t: {{process: [sh, -c, {command!r}, "t${{i}}", "${{out.o}}"], outputs: {{o: {{type: any, form: json}}}}, cache: off{more}}}
        yield: {{o: "${{t.o}}"}}
"""


def submit(server, plan):
    status, response = server.ask("POST", "/v1/runs", {"plan": plan, "file": "plan.yaml"})
    assert status == 201, response
    return response["run"]


def outputs_of(server, plan):
    report = server.end_of(submit(server, plan))
    assert report["status"] == "succeeded", report
    return report["outputs"]["all"]


def test_as_many_tasks_run_at_once_as_there_are_slots(tmp_path):
    with serving(tmp_path / "data", "--slots", "cpu=3,downloads=2") as server:
        assert max(outputs_of(server, fan(count(tmp_path / "cpu", 3), 12))) == 3
        assert max(outputs_of(server, fan(count(tmp_path / "half", 2), 12, ", resources: {cpu: 1.5}"))) == 2
        assert max(outputs_of(server, fan(count(tmp_path / "pool", 2), 12, ", resources: {cpu: 0}, pool: downloads"))) == 2
        assert max(outputs_of(server, fan(count(tmp_path / "all", 12), 12, ", resources: {cpu: 0}"))) == 12


def test_no_two_tasks_at_once_see_the_same_device(tmp_path):
    """Each task locks the device that it was given, and fails if another one holds the lock."""
    lock = f"""echo $CUDA_VISIBLE_DEVICES > "$1"; exec flock -n {tmp_path}/gpu$CUDA_VISIBLE_DEVICES sleep 0.05"""
    with serving(tmp_path / "data", "--slots", "cpu=8,gpu=2") as server:
        assert sorted(set(outputs_of(server, fan(lock, 12, ", resources: {cpu: 0, gpu: 1}")))) == [0, 1]


@pytest.mark.parametrize("more, message", [
    ("resources: {cpu: 9}", "plan.yaml:1:40: `t` can never start: it needs 9 processors, and this server has 2 CPU slots; see `sluice up --slots`"),
    ("resources: {gpu: 1}", "it needs 1 GPU, and this server has 0; see `sluice up --slots gpu=N`"),
    ("resources: {memory: 900TiB}", "of memory, and this server has"),
    ("pool: narow", "this server has no pool `narow`; did you mean `narrow`?; `sluice up --slots narow=N` creates it"),
])
def test_a_task_that_can_never_start_is_refused_at_submission(tmp_path, more, message):
    with serving(tmp_path, "--slots", "cpu=2,narrow=1") as server:
        status, response = server.ask("POST", "/v1/runs", {"plan": f"{{sluice: 1, pipelines: {{main: {{graph: {{t: {{process: ['true'], {more}}}}}}}}}}}",
                                                           "file": "plan.yaml"})
        assert status == 409 and message in response["error"]["message"], response


def test_resources_may_be_computed_and_are_checked_then(tmp_path):
    with serving(tmp_path, "--slots", "cpu=2") as server:
        report = server.end_of(submit(server, fan("echo 1 > \"$1\"", 1, ', resources: {cpu: "${i + 3}"}')))
        assert report["status"] == "failed"
        assert report["message"] == "it needs 3 processors, and this server has 2 CPU slots; see `sluice up --slots`"
        report = server.end_of(submit(server, fan("echo 1 > \"$1\"", 1, ', resources: {memory: "${text(i) + \'x\'}"}')))
        assert report["message"] == "`memory` should be a size, such as 4GiB, or a number of bytes"


@pytest.mark.parametrize("setting, message", [
    ("cpu", "--slots `cpu`: it should be NAME=AMOUNT; write, for example, cpu=8,memory=24GiB,gpu=2,downloads=4"),
    ("cpu=many", "--slots `cpu=many`: `cpu` should be a number of processors, such as 2 or 0.5; write"),
    ("downloads=0", "--slots `downloads=0`: the size of pool `downloads` should be a number of tasks, at least 1; write"),
])
def test_wrong_slots_are_reported(tmp_path, setting, message):
    refused = sluice("up", "--slots", setting, data=tmp_path)
    assert refused.returncode == 2 and message in refused.stderr, refused.stderr


def test_a_short_run_is_not_held_up_by_a_large_one(tmp_path):
    """It starts when the next task of the large one has ended, not when all have."""
    with serving(tmp_path, "--slots", "cpu=1") as server:
        large = submit(server, fan('sleep 0.05; echo 1 > "$1"', 10_000))
        server.event(large, "attempt_ended")
        small = server.end_of(submit(server, "sluice: 1\npipelines: {main: {graph: {t: {process: ['true'], cache: off}}}}\n"))
        assert small["status"] == "succeeded"
        ended = sum(1 for event in all_events(server, large) if event["t"] == "attempt_ended")
        assert ended < 1_000
        server.ask("POST", f"/v1/runs/{large}/cancel")
        assert server.end_of(large)["status"] == "cancelled"


def test_it_is_shown_what_a_task_waits_for(tmp_path):
    with serving(tmp_path, "--slots", "cpu=1,narrow=1") as server:
        run = submit(server, """
sluice: 1
pipelines:
  main:
    graph:
      first: {process: [sleep, "60"], pool: narrow, cache: off}
      second: {process: ["true"], cache: off}
""")
        other = submit(server, "sluice: 1\npipelines: {main: {graph: {t: {process: ['true'], resources: {cpu: 0}, pool: narrow, cache: off}}}}\n")
        server.event(run, "scheduled")
        server.event(run, "task_ready", path="second")
        server.event(other, "task_ready")
        assert states(server, run) == {"first": "running", "second": "waiting for a slot: cpu"}
        assert states(server, other) == {"t": "waiting for a slot: pool narrow"}
        assert "waiting for a slot: cpu" in sluice("show", run, data=tmp_path).stdout
        server.ask("POST", f"/v1/runs/{run}/cancel")
        assert server.end_of(other)["status"] == "succeeded"


def states(server, run):
    return {task["path"]: task["status"] for task in server.ask("GET", f"/v1/runs/{run}")[1]["tasks"]}


def all_events(server, run):
    return server.ask("GET", f"/v1/runs/{run}/events")[1]["events"]


def test_tasks_that_wait_for_a_slot_start_after_a_restart(tmp_path):
    server = Server(tmp_path, "--slots", "cpu=1")
    run = submit(server, fan('sleep 0.2; echo 1 > "$1"', 6))
    server.event(run, "attempt_ended")
    server.kill()
    with serving(tmp_path, "--slots", "cpu=1") as server:
        report = server.end_of(run)
        assert report["status"] == "succeeded"
        assert sum(1 for event in all_events(server, run) if event["t"] == "scheduled") == 6
