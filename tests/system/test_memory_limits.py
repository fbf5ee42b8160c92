"""The limit on the memory of a task, with the real programs: kept by a cgroup where this machine has one for that, and by watching."""
import contextlib
import os
import pathlib
import signal
import subprocess

import pytest
from sluice_program import BIN, Server, environment, serving
from test_doctor import findings
from test_main_job import events_of
from test_process_tasks import failure_of, graph, submit, supervisor_of
from waiting import Gate, until

pytestmark = pytest.mark.needs(cpu=1)

WAYS = {
    "as the machine permits": None,
    "watching a cgroup": ["--no-memory-cgroups"],
    "watching /proc": ["--no-cgroups", "--no-memory-cgroups"],
}
KILLED = "used more than the 100 MB of its `resources.memory`, and its processes were killed; raise that limit, or have it use less"
LIMITED = "resources: {memory: 100MB}, cache: off, fails: false"


def use(megabytes):
    """A command that reads so much into memory: `tail` keeps it, and prints it at the end."""
    return f"head -c {megabytes}M /dev/zero | tail -c {megabytes}M > /dev/null"


def hold(megabytes):
    """The same, but it keeps that: `tail` waits for a reader."""
    return f"head -c {megabytes}M /dev/zero | tail -c {megabytes}M | sleep 600"


def task(name, command, more=LIMITED):
    return f"{name}: {{process: [sh, -c, {command!r}], {more}}}"


def start_supervisor(data, options):
    """Starts it before the server does, which would start it without these options."""
    if options is not None:
        subprocess.run([BIN / "sluice-supervisor", *options, data], check=True, timeout=60, env=environment())


@contextlib.contextmanager
def limiting(data, way):
    with serving(data) as server:
        start_supervisor(data, WAYS[way])
        yield server
        if WAYS[way] is not None:  # it was not replaced meanwhile
            words = pathlib.Path(f"/proc/{supervisor_of(data)}/cmdline").read_text().split("\0")
            assert set(WAYS[way]) <= set(words), words


def status_of(report, path):
    return next(t for t in report["tasks"] if t["path"] == path)["status"]


@pytest.mark.parametrize("way", WAYS)
def test_what_exceeds_its_limit_fails_and_nothing_else_does(tmp_path, way):
    data = tmp_path / "data"
    with Gate(tmp_path / "gate") as gate, limiting(data, way) as server:
        run = submit(server, graph(
            task("over", f"echo begins; {hold(200)}"),
            task("child", f"({hold(200)}) & wait; exec sleep 600"),
            task("together", f"for i in 1 2 3; do {hold(45)} & done; wait"),
            task("below", f"{use(80)}"),
            task("unlimited", f"{use(200)}", "cache: off"),
            task("sibling", f"read line < {gate.path}")))
        for path in ("over", "child", "together", "below", "unlimited"):
            server.event(run, "attempt_ended", path=path)
        gate.open()
        report = server.end_of(run)
        assert report["status"] == "succeeded", report
        for path in ("over", "child", "together"):
            assert (failure_of(report, path)["kind"], failure_of(report, path)["message"]) == ("memory", KILLED), report
        assert failure_of(report, "over")["payload"]["log"].splitlines()[0] == "begins"
        for path in ("below", "unlimited", "sibling"):
            assert status_of(report, path) == "succeeded", report
    peaks = {event["path"]: event["outcome"]["memory_peak"] for event in events_of(data, run) if event["t"] == "attempt_ended"}
    assert peaks["over"] > 50_000_000 and peaks["below"] > 50_000_000, peaks


@pytest.mark.parametrize("way", WAYS)
def test_the_limit_is_kept_over_a_restart_of_the_server(tmp_path, way):
    data = tmp_path / "data"
    with Gate(tmp_path / "gate") as gate:
        first = Server(data)
        start_supervisor(data, WAYS[way])
        run = submit(first, graph(task("work", f"echo > {tmp_path}/begun; read line < {gate.path}; {hold(200)}")))
        until((tmp_path / "begun").exists, "the task has begun")
        first.kill()
        gate.open()
        with serving(data) as second:
            report = second.end_of(run)
        assert failure_of(report, "work")["kind"] == "memory", report
        assert sum(event["t"] == "scheduled" for event in events_of(data, run)) == 1  # it was not started again


def test_every_attempt_has_the_limit(tmp_path):
    """The second is started because the supervisor died, the third by `retry`; the limit is computed."""
    data = tmp_path / "data"
    command = f"if mkdir {tmp_path}/begun; then exec sleep 600; fi; {hold(200)}"
    with serving(data) as server:
        run = submit(server, graph(task("work", command, 'resources: {memory: "${50 * 2 * 1000 * 1000}"}, retry: {limit: 1, backoff: 1ms}, cache: off')))
        until((tmp_path / "begun").exists, "the first attempt has begun")
        os.kill(supervisor_of(data), signal.SIGKILL)
        report = server.end_of(run)
    assert report["status"] == "failed"
    assert (failure_of(report, "work")["kind"], failure_of(report, "work")["message"]) == ("memory", KILLED)
    ends = [event for event in events_of(data, run) if event["t"] == "attempt_ended"]
    assert [event["number"] for event in ends] == [1, 2, 3]


def test_doctor_shows_what_keeps_limits(tmp_path):
    """A group counts what its processes use together, and its peak is the limit; a measured tree is beyond it."""
    data = tmp_path / "data"
    with serving(data) as server:
        run = submit(server, graph(task("over", f"{hold(200)}")))
        assert failure_of(server.end_of(run), "over")["kind"] == "memory"
    peak = next(event["outcome"]["memory_peak"] for event in events_of(data, run) if event["t"] == "attempt_ended")
    found = findings(data)["memory limits"]
    assert (peak <= 100_000_000) == (found["health"] == "works"), (peak, found)
    assert found["found"].startswith("kept by ")
