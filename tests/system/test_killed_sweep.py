"""Sweeps, killed at each call that changes the disk: nothing that stays is lost, and the next sweep removes the rest."""
import contextlib
import json
import shutil
import sqlite3
import subprocess

import pytest
from fault import killing
from test_gc import age, garbage, make_runs, objects_of, runs_of
from sluice_program import serving
from test_killed_register import calls_in
from waiting import until

NESTED = """
sluice: 1
pipelines:
  main:
    inputs: {n: {type: string}}
    outputs: {made: "${make.made}"}
    graph:
      make:
        process: [sh, -c, 'mkdir -p "$1/deep/er" "$1/same"; echo "$2" | tee "$1/file" > "$1/deep/er/leaf"; echo "deep $2" > "$1/deep/file"; echo shared > "$1/same/shared"; echo said', sh, "${out.made}", "${inputs.n}"]
        outputs: {made: {type: artifact, kind: directory, form: directory}}
      use: {process: [ls, "${make.made}"]}
"""
SWEEP = ("gc", "--keep-last", "1", "--cache-bytes", "0")


def fields(message):
    """The fields of a protobuf message that are strings or messages: [(number, bytes)]."""
    at, out = 0, []
    while at < len(message):
        tag, at = varint(message, at)
        if tag & 7 == 0:
            _, at = varint(message, at)
        else:
            length, at = varint(message, at)
            out.append((tag >> 3, message[at:at + length]))
            at += length
    return out


def varint(message, at):
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def parts_of(message):
    """The digests in a `Directory` message; None if it is not one."""
    try:
        return [digest.decode() for number, node in fields(message) if number in (1, 2)
                for kind, value in fields(node) if kind == 2 for part, digest in fields(value) if part == 1]
    except (IndexError, UnicodeDecodeError):
        return None


def directories_without_a_part(data):
    there = objects_of(data)
    lacking = []
    for path in (data / "objects").glob("??/??/*"):
        if path.stat().st_size < 10_000 and set(parts_of(path.read_bytes()) or ()) - there:
            lacking.append(path.name)
    return lacking


def state_of(data):
    copies = {str(path.relative_to(data)) for path in (data / "cache").glob("trees/*/*")}
    return objects_of(data), runs_of(data), {path.name for path in (data / "logs").iterdir()}, copies


@pytest.mark.needs(apart=True)
def test_killed_at_every_change_of_the_disk_nothing_is_lost_and_the_next_sweep_finishes(plan, tmp_path):
    original = tmp_path / "original"
    runs = make_runs(plan, original, "1", "2", "3", text=NESTED)
    kept = runs[-1]["outputs"]["made"]["$artifact"]["digest"]
    age(original, 30)

    def copy(name):
        return shutil.copytree(original, tmp_path / name, symlinks=True, ignore=shutil.ignore_patterns("supervisor.*"))

    data = copy("whole")
    trace = tmp_path / "trace"
    done = killing.command(*SWEEP, data=data, env=killing.doomed(trace=trace, under=(data,)))
    assert done.returncode == 0, done.stderr
    swept = state_of(data)
    assert len(swept[0]) == len(objects_of(original)) - 2 * 5 and swept[1] == [runs[-1]["run"]]
    copies = len(state_of(original)[3])  # none where mounts are not possible
    assert not swept[3]
    calls = calls_in(trace)
    assert {name for _, name, _ in calls} >= {"unlink", "rename", "pwrite", "fdatasync"}, calls
    points = [f"before:{number}" for number, _, _ in calls] + [f"after:{calls[-1][0]}"]
    kills = between = 0
    for point in points:
        data = copy("killed")
        killing.killed(*SWEEP, data=data, at=point, under=(data,))
        kills += 1
        between += swept[0] < objects_of(data) < objects_of(original)
        assert not directories_without_a_part(data), point
        fsck = killing.command("fsck", data=data)
        assert fsck.returncode == 0, f"{point}: {fsck.stdout}{fsck.stderr}"
        shown = killing.command("show", runs[-1]["run"], "--json", data=data)
        assert json.loads(shown.stdout)["outputs"]["made"]["$artifact"]["digest"] == kept, point
        again = killing.command(*SWEEP, data=data)
        assert again.returncode == 0, again.stderr
        assert state_of(data) == swept, point
        shutil.rmtree(data)
    assert kills == len(points) > 20 + 2 * copies and between >= 9, (kills, between)


def test_a_server_that_sweeps_its_cache_alone_removes_what_a_killed_one_left(plan, tmp_path):
    """The runs are gone, their cached results are there, and no policy says that anything else goes."""
    original = tmp_path / "original"
    make_runs(plan, original, "1", "2", text=NESTED)
    age(original, 30)
    assert killing.command("gc", "--keep-last", "0", data=original).returncode == 0
    whole = shutil.copytree(original, tmp_path / "whole", symlinks=True, ignore=shutil.ignore_patterns("supervisor.*"))
    assert killing.command("gc", "--keep-last", "0", "--cache-bytes", "0", data=whole).returncode == 0
    stays = objects_of(whole) | {garbage(original).name}
    assert not runs_of(original) and len(objects_of(original)) > len(stays) + 10
    policy = ("--cache-bytes", "0", "--sweep-every", "0.1")
    survived, between = False, 0
    for number in range(1, 200):
        data = shutil.copytree(original, tmp_path / "killed", symlinks=True, ignore=shutil.ignore_patterns("supervisor.*"))

        def is_swept():
            return objects_of(data) == stays and not (data / "objects" / "let-go").exists()

        with killing.DoomedServer(data, f"before:{number}", *policy, under=(data / "objects", data / "ledger.db-wal")) as server:
            until(lambda: server.process.poll() is not None or is_swept(), "it has died, or swept")
            survived = server.process.poll() is None
        if not survived:
            between += objects_of(data) < objects_of(original) or (data / "objects" / "let-go").exists()
            assert not directories_without_a_part(data), number
            with serving(data, *policy):
                until(is_swept, f"what one that was killed at change {number} left is swept")
        shutil.rmtree(data)
        if survived:
            break
    assert survived and between > 10, (number, between)


def log_and_remove(data):
    """A server's clients of MLflow log runs, register models, and remove some. Returns the id of the run that stays."""
    with serving(data) as server:
        def ask(method, path, body=None):
            status, answer = server.ask(method, "/api/2.0" + path, body, {"Content-Type": "application/json"})
            assert status == 200, answer
            return answer

        def log(experiment, key):
            run = ask("POST", "/mlflow/runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
            for step in range(3):
                ask("POST", "/mlflow/runs/log-metric", {"run_id": run, "key": key, "value": step, "step": step, "timestamp": step})
            ask("PUT", f"/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/file", f"a file of {key}".encode())
            return run

        other = ask("POST", "/mlflow/experiments/create", {"name": "other"})["experiment_id"]
        ask("POST", "/mlflow/experiments/create", {"name": "newest"})
        kept, removed = log("0", "kept"), log("0", "removed")
        log(other, "other")
        ask("POST", "/mlflow/runs/delete", {"run_id": removed})
        ask("POST", "/mlflow/experiments/delete", {"experiment_id": other})
        for model, versions in ("fish", 3), ("gone", 1):
            ask("POST", "/mlflow/registered-models/create", {"name": model})
            for number in range(versions):
                path = f"0/{kept}/artifacts/{model}{number}"
                ask("PUT", f"/mlflow-artifacts/artifacts/{path}/net", f"{model} {number} ".encode() * 20_000)
                ask("POST", "/mlflow/model-versions/create", {"name": model, "source": f"mlflow-artifacts:/{path}", "run_id": kept})
                ask("DELETE", f"/mlflow-artifacts/artifacts/{path}/net")
        for number in ("2", "3"):
            ask("DELETE", "/mlflow/model-versions/delete", {"name": "fish", "version": number})
        ask("DELETE", "/mlflow/registered-models/delete", {"name": "gone"})
        return kept


def rows_of(data):
    """How many rows each table of tracking has."""
    with contextlib.closing(sqlite3.connect(data / "ledger.db")) as ledger:
        tables = [name for name, in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: ledger.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables
                if name.startswith(("tracked", "experiment", "artifact"))}


def git(data, *arguments):
    done = subprocess.run(["git", "-C", data / "models" / "default" / "fish.git", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.needs(apart=True)
def test_killed_while_it_erases_what_clients_removed(tmp_path):
    original, sweep = tmp_path / "original", ("gc", "--keep-removed", "0s")
    kept = log_and_remove(original)
    age(original, 30)

    def copy(name):
        return shutil.copytree(original, tmp_path / name, symlinks=True, ignore=shutil.ignore_patterns("supervisor.*"))

    def removed_of(data):
        done = killing.command("gc", "--dry-run", "--json", data=data)
        assert done.returncode == 0, done.stderr
        return {kind: room["things"] for kind, room in json.loads(done.stdout)["kept"].items() if kind != "objects"}

    def state(data):
        return objects_of(data), rows_of(data), git(data, "for-each-ref", "--format=%(refname)"), git(data, "fsck", "--unreachable")

    assert removed_of(original) == {"tracked runs": 2, "experiments": 1, "removed versions": 2, "removed models": 1}
    whole, trace = copy("whole"), tmp_path / "trace"
    under = [(lambda data: data / "ledger.db-wal"), (lambda data: data / "models"), (lambda data: data / "objects")]
    done = killing.command(*sweep, data=whole, env=killing.doomed(trace=trace, under=[of(whole) for of in under]))
    assert done.returncode == 0, done.stderr
    swept = state(whole)
    # Of the runs: their files. Of the models: their large files.
    assert len(swept[0]) == len(objects_of(original)) - 2 - 3, (swept[0], objects_of(original))
    assert swept[1]["tracked_runs"] == 1 and swept[1]["experiments"] == 2 and swept[1]["artifacts"] == 1, swept[1]
    assert swept[2] == "refs/heads/main\nrefs/meta/registry\nrefs/tags/v1\n" and not swept[3]
    calls = calls_in(trace)
    points = [f"before:{number}" for number, _, _ in calls] + [f"after:{calls[-1][0]}"]
    between = 0
    for point in points:
        data = copy("killed")
        killing.killed(*sweep, data=data, at=point, under=[of(data) for of in under])
        between += swept[0] < objects_of(data) or rows_of(data) != swept[1]
        fsck = killing.command("fsck", data=data)
        assert fsck.returncode == 0, f"{point}: {fsck.stdout}{fsck.stderr}"
        with contextlib.closing(sqlite3.connect(data / "ledger.db")) as ledger:
            assert ledger.execute("SELECT points FROM tracked_metrics JOIN tracked_runs ON run = number WHERE id = ?", (kept,)).fetchall() == [(3,)], point
        again = killing.command(*sweep, data=data)
        assert again.returncode == 0, again.stderr
        assert state(data) == swept, point
        shutil.rmtree(data)
    assert between > 10, (len(points), between)
