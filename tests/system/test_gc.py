"""`sluice gc`, `df` and `fsck`, alone and with a server that works; and the server that sweeps by itself."""
import contextlib
import hashlib
import json
import os
import re
import sqlite3
import time

import pytest
from sluice_program import ROOT, Server, report_of, serving, sluice
from waiting import Gate, until

HOURS = 3600

FOLDERS = """
sluice: 1
pipelines:
  main:
    inputs: {n: {type: string}}
    outputs: {made: "${make.made}"}
    graph:
      make:
        process: [sh, -c, 'mkdir -p "$1/inner"; echo "file $2" > "$1/file"; echo shared > "$1/inner/shared"; echo said', sh, "${out.made}", "${inputs.n}"]
        outputs: {made: {type: artifact, kind: directory, form: directory}}
"""


def objects_of(data):
    return {path.name for path in (data / "objects").glob("??/??/*")}


def age(data, hours):
    """Makes everything in the data folder that much older, as if time had passed; nothing may be running."""
    seconds = hours * HOURS
    for path in [*(data / "objects").glob("??/??/*"), *(data / "logs").glob("*"), *(data / "cache").glob("trees/*/*"),
                 *(data / "cache").glob("compiled/*/*.blob"), *(data / "cache").glob("features/*/*")]:
        before = path.stat().st_mtime
        os.utime(path, (before - seconds, before - seconds))
    with contextlib.closing(sqlite3.connect(data / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE runs SET created_ms = created_ms - ?1, ended_ms = ended_ms - ?1", (seconds * 1000,))
        ledger.execute("UPDATE cache SET at_ms = at_ms - ?1, used_ms = used_ms - ?1", (seconds * 1000,))


def garbage(data):
    """Puts an object there that nothing needs, and that is old."""
    path = data / "objects" / "00" / "00" / ("0" * 64)
    path.parent.mkdir(parents=True)
    path.write_text("nothing needs it")
    os.utime(path, (0, 0))
    return path


def runs_of(data):
    return [run["run"] for run in json.loads(sluice("runs", "--json", data=data).stdout)["runs"]]


def gc(*arguments, data):
    done = sluice("gc", "--json", *arguments, data=data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def make_runs(plan, data, *names, text=FOLDERS):
    return [report_of(sluice("run", plan(text), "--input", f"n={name}", "--json", data=data)) for name in names]


@pytest.fixture
def three_runs(plan, tmp_path):
    data = tmp_path / "data"
    return data, make_runs(plan, data, "1", "2", "3")


def test_old_runs_go_with_all_that_is_theirs(three_runs, plan):
    data, (first, second, third) = three_runs
    everything = objects_of(data)
    assert not gc("--keep-last", "0", "--cache-bytes", "0", data=data)["removed"], "the last hour stays"
    age(data, 30)
    dry = sluice("gc", "--dry-run", "--keep-last", "1", "--cache-bytes", "0", data=data).stdout
    assert f"goes:  runs {first['run']}: older than" in dry and f"stays: runs {third['run']}: it is one of the runs of --keep-last" in dry, dry
    assert f"stays: objects 4 objects: run {third['run']}" in dry, dry
    assert objects_of(data) == everything and len(runs_of(data)) == 3, "a dry run removes nothing"
    swept = gc("--keep-last", "1", "--cache-bytes", "0", data=data)
    assert swept["removed"]["runs"]["things"] == 2 and swept["removed"]["logs"]["things"] == 2, swept["removed"]
    # Of a run: its folder, and the file in it; `inner` and what is in it belong to the last run too.
    assert swept["removed"]["objects"]["things"] == 4, swept["removed"]
    assert runs_of(data) == [third["run"]]
    assert [path.name for path in (data / "logs").iterdir()] == [third["run"]]
    assert sluice("get", "latest", "made", "--out", data / "fetched", data=data).returncode == 0
    assert (data / "fetched" / "inner" / "shared").read_text() == "shared\n"
    fsck = sluice("fsck", data=data)
    assert fsck.returncode == 0 and "no problem found" in fsck.stdout, fsck.stdout
    again = make_runs(plan, data, "1")[0]
    assert again["status"] == "succeeded" and objects_of(data) < everything


def test_runs_stay_as_long_as_the_policy_says(three_runs, plan):
    data, old = three_runs
    age(data, 30)
    young = make_runs(plan, data, "4")
    age(data, 2)
    assert not gc("--keep-runs", "2d", data=data)["removed"]
    assert gc("--keep-runs", "24h", data=data)["removed"]["runs"]["things"] == 3
    assert runs_of(data) == [young[0]["run"]]
    # Their results are still cached.
    report = make_runs(plan, data, "1")[0]
    assert report["tasks"][0]["cached"] and report["tasks"][0]["made_in"] == old[0]["run"], report["tasks"]


def test_a_result_that_is_gone_is_made_again(three_runs, plan):
    data, runs = three_runs
    age(data, 30)
    gc("--keep-last", "0", "--cache-bytes", "0", data=data)
    assert runs_of(data) == []
    report = make_runs(plan, data, "2")[0]
    assert report["status"] == "succeeded" and not report["tasks"][0].get("cached")
    assert report["outputs"]["made"]["$artifact"]["digest"] == runs[1]["outputs"]["made"]["$artifact"]["digest"]


def test_why_one_object_stays(three_runs):
    data, runs = three_runs
    age(data, 5)
    digest = runs[0]["outputs"]["made"]["$artifact"]["digest"]
    assert sluice("gc", "--why", digest, data=data).stdout == f"object {digest} stays: run {runs[0]['run']}\n"
    unknown = "0" * 64
    assert sluice("gc", "--why", unknown, data=data).stdout == f"object {unknown} is not in the store\n"


def test_what_a_server_works_on_stays(plan, tmp_path):
    """A sweep while a task is between two of its objects and the journal, and after an upload began."""
    data = tmp_path / "data"
    slow = """
sluice: 1
pipelines:
  main:
    outputs: {read: "${read.text}"}
    graph:
      make: {process: [sh, -c, 'echo made > "$1"', sh, "${out.o}"], outputs: {o: {type: artifact, kind: any}}}
      wait: {process: [sh, -c, 'read line < GO', "${make.o}"], after: [make]}
      read: {process: [sh, -c, 'cat "$1" > "$2"', sh, "${make.o}", "${out.text}"], after: [wait], outputs: {text: {type: string, form: text}}}
"""
    with Gate(tmp_path / "go") as go, serving(data, "--keep-last", "0", "--cache-bytes", "0", "--sweep-every", "0.1") as server:
        uploaded = b"uploaded, and named by a run two hours later"
        name = hashlib.sha256(uploaded).hexdigest()
        assert server.ask("PUT", f"/v1/objects/{name}", uploaded)[0] == 201
        run = server.ask("POST", "/v1/runs", {"plan": slow.replace("GO", str(go.path)), "file": "slow.yaml"})[1]["run"]
        server.event(run, "scheduled", path="wait")
        made = hashlib.sha256(b"made\n").hexdigest()
        old = time.time() - 5 * HOURS
        for digest in (made, name):
            os.utime(data / "objects" / digest[:2] / digest[2:4] / digest, (old, old))
        assert server.ask("POST", "/v1/objects/missing", {"digests": [name]})[1] == {"missing": []}
        until(lambda: server.ask("GET", "/v1/storage")[0] == 200, "storage is measured")
        swept = garbage(data)
        until(lambda: not swept.exists(), "the server has swept")
        go.open()
        assert server.end_of(run)["outputs"]["read"] == "made\n"
        assert name in objects_of(data)


def test_a_server_sweeps_by_itself_as_its_policy_says(three_runs):
    data, runs = three_runs
    age(data, 30)
    with serving(data, "--keep-last", "1", "--cache-bytes", "0", "--sweep-every", "0.1") as server:
        until(lambda: len(server.ask("GET", "/v1/runs")[1]["runs"]) == 1, "old runs are gone")
        until(lambda: len(list((data / "logs").iterdir())) == 1, "their logs are gone")


def test_without_a_policy_nothing_but_the_cache_goes(three_runs):
    data, _ = three_runs
    age(data, 30)
    garbage(data)
    before = objects_of(data)
    copy = data / "cache" / "trees" / "00" / ("0" * 64)
    copy.mkdir(parents=True)
    (copy / "large").write_bytes(bytes(100_000))
    os.utime(copy, (0, 0))
    with serving(data, "--sweep-every", "0.1", "--cache-bytes", "50kB"):
        until(lambda: not copy.exists(), "the server has swept")
    assert objects_of(data) == before and len(runs_of(data)) == 3


def test_one_sweep_at_a_time(three_runs):
    data, _ = three_runs
    with serving(data) as server:
        first = server.ask("POST", "/v1/storage/check")
        assert first[0] == 202
        until(lambda: server.ask("GET", f"/v1/storage/work/{first[1]['number']}")[1]["state"] == "done", "the check has ended")
        assert server.ask("GET", "/v1/storage/work/99")[0] == 404
        assert server.ask("POST", "/v1/storage/sweep", {"keep_last": -1})[0] == 400
        assert server.ask("POST", "/v1/storage/sweep", {"explain": "short"})[0] == 400


def test_df_says_what_takes_the_room(three_runs):
    data, _ = three_runs
    usage = json.loads(sluice("df", "--json", data=data).stdout)
    areas = {area["name"]: area for area in usage["areas"]}
    assert set(areas) == {"ledger", "objects", "models", "cache", "logs", "folders", "work"}
    assert areas["objects"]["bytes"] == sum(path.stat().st_size for path in (data / "objects").rglob("*") if path.is_file())
    assert areas["logs"]["things"] == 3
    assert usage["bytes"] == sum(area["bytes"] for area in usage["areas"])
    shown = sluice("df", data=data).stdout
    assert re.search(r"^objects +\d+ ", shown, re.MULTILINE) and "disk free" in shown


def test_fsck_names_what_is_damaged_and_what_needs_it(three_runs):
    data, (first, *_) = three_runs
    digest = hashlib.sha256(b"file 1\n").hexdigest()
    path = data / "objects" / digest[:2] / digest[2:4] / digest
    path.chmod(0o644)
    path.write_bytes(b"FILE 1\n")
    shared = hashlib.sha256(b"shared\n").hexdigest()
    (data / "objects" / shared[:2] / shared[2:4] / shared).unlink()
    done = sluice("fsck", data=data)
    assert done.returncode == 1
    assert re.search(rf"^object {digest}: damaged: .*\n  needed by run {first['run']}\n", done.stdout, re.MULTILINE), done.stdout
    assert done.stdout.count(f"object {shared}: missing") == 1 and done.stdout.count("  needed by run ") == 4, done.stdout
    assert "2 problems" in done.stdout
    with serving(data) as server:  # the same, of a running server
        assert sluice("fsck", data=data).stdout == done.stdout


def test_every_entry_of_a_data_folder_is_in_the_list_of_roots(main_job_copy):
    """An entry that is not may hold digests that a sweep does not know; and so may a column that is said to hold none."""
    listed = (ROOT / "src/sluice/domain/storage/roots.hpp").read_text()
    folder = listed[listed.index("roots_in_folder"):]
    names = set(re.findall(r'\{"([^"]+)", (?:true|false)', folder))
    with serving(main_job_copy):
        found = {path.name for path in main_job_copy.iterdir()}
    assert found <= names, f"not in roots_in_folder: {found - names}"
    keeps = dict(re.findall(r'\{"(\w+\.\w+)", (true|false)', listed))
    objects = objects_of(main_job_copy)
    with contextlib.closing(sqlite3.connect(main_job_copy / "ledger.db")) as ledger:
        ledger.text_factory = bytes
        for table, in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            table = table.decode()
            if table in ("registered_models", "registered_versions"):
                continue  # a cache of the model repositories, which keep what they name
            cursor = ledger.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor:
                for column, value in zip(columns, row):
                    if isinstance(value, bytes) and keeps[f"{table}.{column}"] == "false":
                        named = {value.hex(), *re.findall(r"[0-9a-f]{64}", value.decode(errors="replace"))}
                        assert not named & objects, f"{table}.{column} names an object, and roots.hpp says that it does not keep any"


def test_after_a_sweep_of_a_main_job_its_endpoint_predicts_and_its_model_clones(main_job_copy, stamps):
    data = main_job_copy
    age(data, 30)
    swept = gc("--keep-last", "0", "--cache-bytes", "0", data=data)
    assert set(swept["removed"]) >= {"runs", "logs", "cached results", "copies of objects", "compiled models", "features of pictures"}, swept["removed"]
    assert sluice("fsck", data=data).returncode == 0
    picture = sorted((stamps / "bird").glob("*.png"))[0]
    done = sluice("predict", "stamps", picture, data=data)
    assert done.returncode == 0, done.stderr


def test_quota_is_refused_with_what_to_do(plan, tmp_path):
    data = tmp_path / "data"
    assert sluice("models", data=data).returncode == 0
    used = json.loads(sluice("df", "--json", data=data).stdout)["bytes"]
    server = Server(data, "--quota-bytes", str(used + 200_000))
    try:
        until(lambda: server.ask("GET", "/v1/storage")[1].get("quota") == used + 200_000, "the folder is measured")
        small, large = b"s" * 1_000, b"l" * 500_000
        assert server.ask("PUT", f"/v1/objects/{hashlib.sha256(small).hexdigest()}", small)[0] == 201
        status, answer = server.ask("PUT", f"/v1/objects/{hashlib.sha256(large).hexdigest()}", large)
        assert status == 507 or status == 429, answer
        assert "of its quota of" in answer["error"]["message"] and answer["error"]["code"] == "exhausted", answer
        assert server.ask("PUT", f"/v1/objects/{hashlib.sha256(small).hexdigest()}", small)[0] == 201, "what is there needs no room"
        assert server.ask("POST", "/v1/runs", {"plan": plan(FOLDERS).read_text(), "inputs": {"n": "1"}})[0] == 201
    finally:
        server.stop()
