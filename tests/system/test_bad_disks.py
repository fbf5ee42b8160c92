"""Full and read-only disks, and files of a data folder that are damaged, truncated or of another version."""
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess

import pytest
from bystander import Bystander
from sluice_program import ROOT, Server, report_of, serving, sluice, start
from small_disk import seen_read_only, small_disk
from waiting import Gate, until

pytestmark = pytest.mark.needs(cpu=1)

STAMPS_PLAN = ROOT / "examples" / "stamps" / "sluice.yaml"
NO_SPACE = "No space left on device"

MAKES = """
sluice: 1
pipelines:
  main:
    inputs: {size: {type: integer, default: 2000000}}
    outputs: {made: "${make.made}"}
    graph:
      make:
        process: [sh, -c, 'echo it runs; head -c "$1" /dev/urandom > "$2"', sh, "${inputs.size}", "${out.made}"]
        outputs: {made: {type: artifact}}
"""
SAYS = "sluice: 1\npipelines: {main: {graph: {say: {process: [sh, -c, 'head -c 10000 /dev/zero']}}}}\n"


@contextlib.contextmanager
def stage(tmp_path, plan, disk, kilobytes):
    """(server, disk): a server with one recorded run, and in whose data folder `disk` is a separate file system."""
    data = tmp_path / "data"
    with small_disk(data / disk, kilobytes) as small, serving(data) as server:
        first = report_of(sluice("run", plan(MAKES), "--input", "size=10", "--json", data=data))
        with Bystander(server, first["run"]):
            yield server, small


def test_a_full_object_store_fails_the_run_and_the_next_one_works(plan, tmp_path):
    with stage(tmp_path, plan, "objects", 60_000) as (server, disk):  # the built-in models take a third
        disk.fill()
        done = sluice("run", plan(MAKES), "--no-cache", data=server.data)
        assert done.returncode == 1 and "make: " in done.stderr and NO_SPACE in done.stderr and "objects" in done.stderr, done.stderr
        (tmp_path / "big").write_bytes(os.urandom(2_000_000))
        reads = "sluice: 1\npipelines: {main: {inputs: {big: {type: artifact}}, graph: {a: {process: [cat, '${inputs.big}']}}}}\n"
        done = sluice("run", plan(reads), "--input", f"big={tmp_path / 'big'}", data=server.data)
        assert done.returncode == 3 and "input `big`" in done.stderr and NO_SPACE in done.stderr, done.stderr
        body = b"x" * 5_000
        status, answer = server.ask("PUT", f"/v1/objects/{hashlib.sha256(body).hexdigest()}", body)
        assert status == 507 and NO_SPACE in answer["error"]["message"], (status, answer)
        disk.free()
        done = sluice("run", plan(MAKES), "--no-cache", data=server.data)
        assert done.returncode == 0, done.stderr
        assert list((server.data / "objects" / "tmp").iterdir()) == [], "a partly written file is left"


def test_a_full_work_folder_fails_the_run_and_the_next_one_works(plan, tmp_path):
    with stage(tmp_path, plan, "work", 1_000) as (server, disk):
        done = sluice("run", plan(MAKES), "--no-cache", data=server.data)  # the task itself fills the disk
        assert done.returncode == 1 and "make: exit status 1" in done.stderr, done.stderr
        assert NO_SPACE in sluice("logs", "latest", "make", data=server.data).stdout
        disk.fill()
        (tmp_path / "script").write_text("x" * 5_000)
        with_code = "sluice: 1\npipelines: {main: {inputs: {script: {type: artifact}}, graph: {a: {process: [cat, '${inputs.script}']}}}}\n"
        done = sluice("run", plan(with_code), "--input", f"script={tmp_path / 'script'}", data=server.data)
        assert done.returncode == 1 and "a: " in done.stderr and NO_SPACE in done.stderr, done.stderr
        disk.free()
        done = sluice("run", plan(MAKES), "--no-cache", "--input", "size=1000", data=server.data)
        assert done.returncode == 0, done.stderr


def test_a_full_disk_of_logs_costs_no_more_than_the_task(plan, tmp_path):
    with stage(tmp_path, plan, "logs", 100) as (server, disk):
        disk.fill()
        done = sluice("run", plan(SAYS), data=server.data)
        assert done.returncode == 1 and "say: exit status 1; the disk that holds its log is full" in done.stderr and str(server.data / "logs") in done.stderr, done.stderr
        disk.free()
        done = sluice("run", plan(SAYS), "--no-cache", data=server.data)
        assert done.returncode == 0, done.stderr
        assert len(sluice("logs", "latest", "say", data=server.data).stdout) == 10_000


def test_a_full_cache_refuses_uploads_and_accepts_them_again(plan, tmp_path):
    with stage(tmp_path, plan, "cache", 500) as (server, disk):
        disk.fill()
        body = os.urandom(100_000)
        target = f"/v1/objects/{hashlib.sha256(body).hexdigest()}"
        status, answer = server.ask("PUT", target, body)
        assert status == 507 and NO_SPACE in answer["error"]["message"], (status, answer)
        assert sluice("run", plan(MAKES), "--no-cache", "--input", "size=1000", data=server.data).returncode == 0
        disk.free()
        assert server.ask("PUT", target, body)[0] == 201


def test_a_full_disk_of_models_leaves_no_half_version(main_job_copy, main_job_report, stamps, plan, tmp_path):
    data = main_job_copy
    (data / "models").rename(tmp_path / "models")
    with small_disk(data / "models", 60_000) as disk:
        subprocess.run(["cp", "-a", *(tmp_path / "models").iterdir(), data / "models"], check=True)
        with serving(data) as server, Bystander(server, main_job_report["run"]):
            disk.fill()
            again = ("run", STAMPS_PLAN, "--input", f"pictures={stamps}", "--input", "name=second", "--json")
            done = sluice(*again, data=data)
            assert done.returncode == 1, done.stderr
            report = report_of(done)
            assert NO_SPACE in report["message"] and report["failed_at"] == "verdict{0}/register", report
            assert "second" not in sluice("models", data=data).stdout
            disk.free()
            report = report_of(sluice(*again, data=data))
            assert report["status"] == "succeeded" and report["outputs"]["version"] == 1, report
        repository = data / "models" / "default" / "second.git"
        subprocess.run(["git", "fsck", "--strict"], cwd=repository, check=True, capture_output=True)
        assert subprocess.run(["git", "tag"], cwd=repository, check=True, capture_output=True, text=True).stdout == "v1\n"


@contextlib.contextmanager
def ledger_stage(tmp_path, plan, kilobytes):
    """A server whose ledger alone is on a small disk: (server, disk)."""
    data = tmp_path / "data"
    with small_disk(data, kilobytes) as disk, contextlib.ExitStack() as mounts:
        for name in ("objects", "models", "work", "logs", "cache"):
            elsewhere = tmp_path / name
            elsewhere.mkdir()
            (data / name).mkdir()
            subprocess.run(["mount", "--bind", elsewhere, data / name], check=True)
            mounts.callback(subprocess.run, ["umount", "--lazy", data / name], check=True)
        with serving(data) as server:
            first = report_of(sluice("run", plan(MAKES), "--input", "size=10", "--json", data=data))
            with Bystander(server, first["run"]):
                yield server, disk


def test_a_full_disk_of_the_ledger_refuses_runs_and_accepts_them_again(plan, tmp_path):
    with ledger_stage(tmp_path, plan, 2_000) as (server, disk):
        disk.fill()
        large = SAYS + "#" * 200_000 + "\n"  # more than still fits into the ledger's write-ahead log
        status, answer = server.ask("POST", "/v1/runs", {"plan": MAKES, "file": "x" * 500_000})
        assert status == 507 and "ledger.db: database or disk is full; free some space" in answer["error"]["message"], (status, answer)
        disk.free()
        done = sluice("run", plan(large), data=server.data)
        assert done.returncode == 0, done.stderr


def test_a_server_does_not_start_on_a_full_disk_and_says_why(plan, tmp_path):
    with small_disk(tmp_path / "data", 200) as disk:
        disk.fill()
        done = sluice("up", "--listen", "127.0.0.1:0", data=tmp_path / "data")
        assert done.returncode == 3 and str(tmp_path / "data") in done.stderr and NO_SPACE in done.stderr, done.stderr


def test_a_read_only_data_folder_is_reported(plan, tmp_path):
    assert sluice("run", plan(SAYS), data=tmp_path / "data").returncode == 0
    with seen_read_only(tmp_path / "data", tmp_path / "seen") as data:
        for command in (["up", "--listen", "127.0.0.1:0"], ["run", plan(SAYS)], ["runs"], ["resume", "latest"]):
            done = sluice(*command, data=data)
            assert done.returncode == 3 and str(data) in done.stderr and "Read-only file system" in done.stderr, (command, done.stderr)


def test_a_store_that_becomes_read_only_fails_writes_and_serves_reads(plan, tmp_path):
    with stage(tmp_path, plan, "objects", 60_000) as (server, disk):
        disk.make_read_only()
        done = sluice("run", plan(MAKES), "--no-cache", data=server.data)
        assert done.returncode == 1 and "make: " in done.stderr and "Read-only file system" in done.stderr, done.stderr
        assert sluice("run", plan(SAYS), "--no-cache", data=server.data).returncode == 0


PASSES_ON = """
sluice: 1
pipelines:
  main:
    outputs: {read: "${read.o}"}
    graph:
      make: {process: [sh, -c, 'mkdir "$1"; echo as it was > "$1/file"', sh, "${out.folder}"], outputs: {folder: {type: artifact, kind: directory}}}
      read: {process: [sh, -c, 'cat "$1/file" > "$2"', sh, "${make.folder}", "${out.o}"], outputs: {o: {type: string, form: text}}, cache: off}
"""


@pytest.mark.parametrize("damage", ["changed", "cut off", "emptied"])
def test_a_damaged_object_is_found_and_others_stay_usable(unharmed, plan, damage):
    data = unharmed.server.data
    done = sluice("run", plan(PASSES_ON), "--json", data=data)
    assert report_of(done)["outputs"]["read"].strip() == "as it was"
    digest = hashlib.sha256(b"as it was\n").hexdigest()
    stored = data / "objects" / digest[:2] / digest[2:4] / digest
    good = stored.read_bytes()
    stored.chmod(0o644)
    stored.write_bytes({"changed": b"as it ar!\n", "cut off": good[:5], "emptied": b""}[damage])
    # Remove what was materialized from it before. Where mounts are not possible (in a chroot), each task gets a copy instead.
    shutil.rmtree(data / "cache" / "trees", ignore_errors=True)
    done = sluice("run", plan(PASSES_ON), data=data)
    assert done.returncode == 1 and "read: " in done.stderr and digest in done.stderr, done.stderr
    assert sluice("run", plan(PASSES_ON), "--no-cache", data=data).returncode == 0, "made again, it is replaced"
    assert stored.read_bytes() == good
    assert sluice("run", plan(PASSES_ON), data=data).returncode == 0


def test_a_ledger_of_a_newer_sluice_is_left_alone(plan, tmp_path):
    data = tmp_path / "data"
    assert sluice("run", plan(SAYS), data=data).returncode == 0
    with contextlib.closing(sqlite3.connect(data / "ledger.db")) as ledger:
        ledger.execute("PRAGMA user_version = 99")
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = (data / "ledger.db").read_bytes()
    for command in (["up", "--listen", "127.0.0.1:0"], ["run", plan(SAYS)], ["runs"]):
        done = sluice(*command, data=data)
        assert done.returncode == 2 and "ledger.db: written by a newer Sluice (schema 99" in done.stderr and "use that version" in done.stderr, done.stderr
    assert (data / "ledger.db").read_bytes() == before


def test_a_ledger_that_is_not_a_ledger_is_reported(plan, tmp_path):
    data = tmp_path / "data"
    assert sluice("run", plan(SAYS), data=data).returncode == 0
    (data / "ledger.db").write_bytes(b"not a database at all " * 1000)
    done = sluice("runs", data=data)
    assert done.returncode == 3 and "ledger.db: file is not a database; restore this file from a backup" in done.stderr, done.stderr


def test_a_torn_write_ahead_log_costs_no_more_than_its_torn_end(plan, tmp_path):
    data = tmp_path / "data"
    server = Server(data)
    runs = []
    for _ in range(5):
        runs.append(report_of(sluice("run", plan(SAYS), "--no-cache", "--json", data=data))["run"])
    server.kill()
    log = (data / "ledger.db-wal").read_bytes()
    assert log, "the log has already been checkpointed into the ledger"
    tears = {"garbage behind it": log + os.urandom(5_000), "its last byte is lost": log[:-1], "its last page is zeros": log[:-4096] + bytes(4096),
             "half of it": log[:len(log) // 2], "its head": log[:20]}
    kept = {}
    for name, torn in tears.items():
        copy = tmp_path / "torn"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(data, copy, ignore=lambda folder, names: [n for n in names if n.startswith("supervisor") or n.endswith(("-shm", ".sock"))])
        (copy / "ledger.db-wal").write_bytes(torn)
        with serving(copy) as again:
            listed = [row["run"] for row in again.ask("GET", "/v1/runs")[1]["runs"]]
            kept[name] = len(listed)
            assert listed == runs[:len(listed)][::-1], name
            for run in listed:
                assert again.end_of(run)["status"] == "succeeded"
            done = sluice("run", plan(SAYS), "--no-cache", data=copy)
            assert done.returncode == 0, done.stderr
    assert kept["garbage behind it"] == 5 and kept["its last byte is lost"] == 5, kept


def test_two_servers_on_one_folder(plan, tmp_path):
    data = tmp_path / "data"
    both = [start("up", "--listen", "127.0.0.1:0", data=data) for _ in range(2)]
    try:
        until(lambda: any(server.poll() is not None for server in both), "one of them is refused")
        [refused] = [server for server in both if server.poll() is not None]
        [holder] = [server for server in both if server is not refused]
        assert refused.returncode == 2
        message = refused.stderr.read()
        assert f"in use by sluice up, pid {holder.pid}" in message and "--data" in message, message
        assert "listening on" in holder.stdout.readline()
        assert sluice("run", plan(SAYS), data=data).returncode == 0
        holder.send_signal(signal.SIGTERM)
        assert holder.wait(60) == 0
    finally:
        for server in both:
            server.kill()


def test_eight_main_jobs_at_once(stamps, tmp_path):
    """Each job has different pictures, so that no result is reused, and few, so that all eight take less than a minute."""
    data, count = tmp_path / "data", 8
    folder = shutil.copytree(STAMPS_PLAN.parent, tmp_path / "stamps")
    (folder / "sluice.yaml").write_text(STAMPS_PLAN.read_text().replace("accuracy >= 0.75", "accuracy >= 0.0"))
    for job in range(count):
        for kind in ("bird", "clothes", "fish"):
            pictures = sorted((stamps / kind).glob("*.png"))[job:job + 6]
            (tmp_path / f"{job}" / kind).mkdir(parents=True)
            for picture in pictures:
                shutil.copy(picture, tmp_path / f"{job}" / kind)
    with serving(data) as server:
        jobs = [start("run", folder / "sluice.yaml", "--input", f"pictures={tmp_path / str(job)}", "--json", data=data) for job in range(count)]
        reports = [json.loads(job.communicate(timeout=900)[0]) for job in jobs]
        assert [report["status"] for report in reports] == ["succeeded"] * count, [report["message"] for report in reports]
        assert sorted(report["outputs"]["version"] for report in reports) == list(range(1, count + 1))
        assert server.ask("GET", "/v2/health/ready")[0] == 200
    tags = subprocess.run(["git", "tag"], cwd=data / "models" / "default" / "stamps.git", check=True, capture_output=True, text=True).stdout.split()
    assert sorted(tags) == sorted(f"v{number}" for number in range(1, count + 1))


LONG_OUTPUTS = """
sluice: 1
pipelines:
  main:
    outputs: {{said: "${{all.said}}"}}
    graph:
      wait: {{process: [sh, -c, 'read line < {go} || true']}}
      all:
        after: [wait]
        each: "${{range(10)}}"
        as: i
        graph:
          say:
            process: [sh, -c, 'echo ran >> {ran}; head -c 50000 /dev/zero | tr "\\0" x > "$1"', sh, "${{out.o}}"]
            outputs: {{o: {{type: string, form: text}}}}
        yield: {{said: "${{len(say.o)}}"}}
"""


def test_a_run_waits_for_room_in_the_ledger_and_resumes_by_itself(plan, tmp_path):
    ran = tmp_path / "ran"
    with Gate(tmp_path / "go") as go, ledger_stage(tmp_path, plan, 20_000) as (server, disk):
        status, answer = server.ask("POST", "/v1/runs", {"plan": LONG_OUTPUTS.format(go=go.path, ran=ran)})
        assert status == 201, answer
        run = answer["run"]
        server.event(run, "scheduled")
        disk.fill()
        go.open()
        until(lambda: server.ask("POST", "/v1/runs", {"plan": MAKES, "file": "x" * 100_000})[0] != 201, "the ledger is full")
        assert server.ask("GET", f"/v1/runs/{run}")[1]["status"] == "running"
        assert sluice("runs", data=server.data).returncode == 0
        disk.free()
        report = server.end_of(run)
        assert report["status"] == "succeeded" and report["outputs"]["said"] == [50_000] * 10, report["message"]
        assert ran.read_text() == "ran\n" * 10, "a task ran twice"
