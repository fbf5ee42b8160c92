"""Guarantees for process tasks, with the real programs: timeouts, retries, logs, many tasks, whole process trees."""
import errno
import os
import pathlib
import resource

from sluice_program import Server, serving
from test_main_job import events_of
from waiting import until

MEBIBYTE = 1 << 20


def submit(server, text):
    status, answer = server.ask("POST", "/v1/runs", {"plan": text, "file": "plan.yaml", "pipeline": "main", "inputs": {}, "code": {}})
    assert status == 201, answer
    return answer["run"]


def failure_of(report, task):
    return next(t for t in report["tasks"] if t["path"] == task)["failure"]


def graph(*tasks):
    return "sluice: 1\npipelines:\n  main:\n    graph:\n" + "".join(f"      {task}\n" for task in tasks)


def supervisor_of(data):
    """The process that holds the folder's lock."""
    held = (data / "supervisor.lock").read_text()
    return int(held.rsplit("pid ", 1)[1].split()[0])


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def pid_in(path):
    return int(until(lambda: path.exists() and path.read_text().endswith("\n") and path.read_text(), f"a pid is in {path}"))


def peak_memory(pid):
    line = next(line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_what_takes_too_long_is_ended_with_all_its_processes(tmp_path):
    """One that ends on SIGTERM, and one that ignores it; a daemon without the environment of the task is killed too."""
    with serving(tmp_path / "data") as server:
        run = submit(server, graph(
            "listens: {process: [sleep, '600'], timeout: 1s}",
            "stubborn: {process: [sh, -c, 'trap \"\" TERM; env -i /usr/bin/setsid /bin/sh -c \"/bin/sh -c \\\"echo \\\\\\$\\\\\\$ > "
            f"{tmp_path}/daemon; exec /bin/sleep 600\\\" &\"; while :; do sleep 0.05; done'], timeout: 1s}}"))
        report = server.end_of(run)
        for task in ("listens", "stubborn"):
            assert failure_of(report, task)["kind"] == "timeout"
            assert failure_of(report, task)["message"] == "took longer than its timeout"
        assert not alive(pid_in(tmp_path / "daemon"))
    assert sorted(event["path"] for event in events_of(tmp_path / "data", run) if event["t"] == "timed_out") == ["listens", "stubborn"]


def test_a_cancelled_run_ends_its_tasks_at_once(tmp_path):
    with serving(tmp_path / "data") as server:
        run = submit(server, graph(f"work: {{process: [sh, -c, 'echo $$ > {tmp_path}/pid; exec sleep 600']}}"))
        pid = pid_in(tmp_path / "pid")
        assert server.ask("POST", f"/v1/runs/{run}/cancel")[0] in (200, 202)
        assert server.end_of(run)["status"] == "cancelled"
        assert not alive(pid)


def test_retries_are_counted_and_waited_for_over_a_restart(tmp_path):
    """Killed while it waits for the first retry, which then starts when it is due, not earlier; there are no more retries than the limit."""
    data = tmp_path / "data"
    first = Server(data)
    run = submit(first, graph(f"work: {{process: [sh, -c, 'echo >> {tmp_path}/tries; exit 3'], retry: {{limit: 2, backoff: 1500ms, factor: 1}}}}"))
    first.event(run, "retry_at")
    first.kill()
    with serving(data) as second:
        report = second.end_of(run)
    assert report["status"] == "failed"
    assert failure_of(report, "work")["message"] == "exit status 3"
    events = events_of(data, run)
    scheduled = [event["at"] for event in events if event["t"] == "scheduled"]
    due = [event["due"] for event in events if event["t"] == "retry_at"]
    assert len(scheduled) == 3 and len(due) == 2
    assert [event["number"] for event in events if event["t"] == "attempt_ended"] == [1, 2, 3]
    assert all(began >= waited for began, waited in zip(scheduled[1:], due))
    assert (tmp_path / "tries").read_text() == "\n\n\n"


def test_a_task_that_prints_a_gibibyte_costs_no_memory(tmp_path):
    data = tmp_path / "data"
    with serving(data) as server:
        server.end_of(submit(server, graph("warm: {process: ['true']}")))
        supervisor = supervisor_of(data)
        before = {pid: peak_memory(pid) for pid in (server.process.pid, supervisor)}
        run = submit(server, graph("prints: {process: [head, -c, 1G, /dev/zero]}"))
        report = server.end_of(run)
        assert failure_of(report, "prints")["kind"] == "log_quota"
        assert failure_of(report, "prints")["message"] == "printed more than 64 MiB and was killed; write large results to an output"
        for pid, peak in before.items():
            assert peak_memory(pid) - peak < 16 * MEBIBYTE
    assert [path.stat().st_size for path in (data / "logs" / run).rglob("*.log")] == [64 * MEBIBYTE]


def test_a_thousand_tasks_at_once_do_not_exhaust_descriptors(tmp_path):
    data = tmp_path / "data"
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))  # the server inherits it, and the supervisor from the server
    try:
        server = Server(data)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def children():
        try:
            supervisor = supervisor_of(data)
            return len(pathlib.Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split())
        except (OSError, IndexError):
            return 0  # there is no supervisor yet

    def over():
        try:  # releases the tasks that wait at the gate; repeated for those that reach it later
            os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as no_reader:
            assert no_reader.errno == errno.ENXIO
        return (found := server.ask("GET", f"/v1/runs/{run}")[1])["status"] != "running" and found

    try:
        run = submit(server, graph(f"all: {{each: '${{range(1000)}}', as: i, graph: {{wait: {{process: [cat, {gate}], resources: {{cpu: 0}}, cache: off}}}}}}"))
        until(lambda: children() >= 1000, "all thousand run at once", 120)
        report = until(over, "all have ended", 120)
    finally:
        server.stop()
    assert report["status"] == "succeeded", report
    assert sum(event["t"] == "attempt_ended" for event in events_of(data, run)) == 1000
