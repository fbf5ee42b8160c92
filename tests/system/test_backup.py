"""`sluice backup` of a data folder that a server works on, and `restore`, which checks every digest."""
import contextlib
import json
import os
import shutil
import subprocess

import pytest
from sluice_program import report_of, serving, sluice, start
from test_gc import make_runs, objects_of, runs_of
from waiting import Gate


def back_up(data, to):
    done = sluice("backup", to, "--json", data=data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_backup_of_a_running_server_is_restored(main_job_copy, stamps, tmp_path):
    with serving(main_job_copy) as server:
        counts = back_up(main_job_copy, tmp_path / "backup")
        runs = [run["run"] for run in server.ask("GET", "/v1/runs")[1]["runs"]]
    assert counts["objects"] == len(objects_of(main_job_copy)) and counts["models"] == 2
    assert sorted(path.name for path in (tmp_path / "backup").iterdir()) == ["backup.json", "ledger.db", "logs", "models", "objects"]
    restored = tmp_path / "restored"
    done = sluice("restore", tmp_path / "backup", data=restored)
    assert done.returncode == 0, done.stderr
    assert runs_of(restored) == runs
    assert "no problem found" in sluice("fsck", data=restored).stdout
    picture = sorted((stamps / "bird").glob("*.png"))[0]
    assert sluice("predict", "stamps", picture, data=restored).returncode == 0
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", restored / "models" / "default" / "stamps.git", clone], check=True, capture_output=True)
    assert (clone / "head.onnx").stat().st_size > 1000


SLOW = """
sluice: 1
pipelines:
  main:
    outputs: {read: "${read.text}"}
    graph:
      make: {process: [sh, -c, 'echo made > "$1"', sh, "${out.o}"], outputs: {o: {type: artifact, kind: any}}}
      wait: {process: [sh, -c, 'read line < GO || true', "${make.o}"], after: [make]}
      read: {process: [sh, -c, 'cat "$1" > "$2"', sh, "${make.o}", "${out.text}"], after: [wait], outputs: {text: {type: string, form: text}}}
"""


def test_a_run_that_was_running_is_resumed_from_the_backup(tmp_path):
    data, restored = tmp_path / "data", tmp_path / "restored"
    with Gate(tmp_path / "go") as go, serving(data) as server:
        run = server.ask("POST", "/v1/runs", {"plan": SLOW.replace("GO", str(go.path)), "file": "slow.yaml"})[1]["run"]
        server.event(run, "scheduled", path="wait")
        back_up(data, tmp_path / "backup")
        go.open()
        assert server.end_of(run)["status"] == "succeeded"
    assert sluice("restore", tmp_path / "backup", data=restored).returncode == 0
    with Gate(tmp_path / "go2"), serving(restored) as server:
        # Its attempt is not known here: it is lost, and tried again. The gate is gone, so that it ends at once.
        os.rename(tmp_path / "go", tmp_path / "gone")
        assert server.end_of(run)["outputs"]["read"] == "made\n"


def test_every_digest_is_checked(plan, tmp_path):
    data, backup = tmp_path / "data", tmp_path / "backup"
    make_runs(plan, data, "1", "2")
    back_up(data, backup)
    victim = next(path for path in (backup / "objects").glob("??/??/*") if path.read_bytes() == b"file 1\n")
    content = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(b"FILE 1\n")
    done = sluice("restore", backup, data=tmp_path / "restored")
    assert done.returncode == 3 and "1 objects of the backup are damaged" in done.stderr and victim.name in done.stderr, done.stderr
    assert not (tmp_path / "restored").exists() and not list(tmp_path.glob("restored.unfinished-*"))
    assert (data / victim.relative_to(backup)).read_bytes() == content, "the data folder has its own"
    victim.write_bytes(content)
    with open(backup / "ledger.db", "r+b") as ledger:
        ledger.seek(8192)
        ledger.write(os.urandom(4096))
    done = sluice("restore", backup, data=tmp_path / "restored")
    assert done.returncode == 3 and "ledger.db" in done.stderr, done.stderr


def test_what_is_there_is_not_overwritten(plan, tmp_path):
    data, backup = tmp_path / "data", tmp_path / "backup"
    make_runs(plan, data, "1")
    back_up(data, backup)
    done = sluice("backup", backup, data=data)
    assert done.returncode == 2 and "exists and is not an empty folder" in done.stderr, done.stderr
    done = sluice("restore", backup, data=data)
    assert done.returncode == 2 and "exists and is not an empty folder" in done.stderr, done.stderr
    done = sluice("restore", data, data=tmp_path / "restored")
    assert done.returncode == 2 and "not a backup: it has no backup.json" in done.stderr, done.stderr
    done = sluice("backup", tmp_path / "other", data=tmp_path / "nothing")
    assert done.returncode == 2 and "not a data folder" in done.stderr, done.stderr


def test_a_newer_backup_is_refused_by_name(plan, tmp_path):
    data, backup = tmp_path / "data", tmp_path / "backup"
    make_runs(plan, data, "1")
    back_up(data, backup)
    import sqlite3
    with contextlib.closing(sqlite3.connect(backup / "ledger.db")) as ledger:
        ledger.execute("PRAGMA user_version = 99")
    done = sluice("restore", backup, data=tmp_path / "restored")
    assert done.returncode == 2 and "written by a newer Sluice (schema 99" in done.stderr, done.stderr
