"""The main job with the real programs: its results, and that it survives being killed."""
import json
import os
import signal
import sqlite3
import subprocess

import pytest
from sluice_program import ROOT, Server, report_of, serving, sluice, start
from waiting import until

STAMPS_PLAN = ROOT / "examples" / "stamps" / "sluice.yaml"


def git(*arguments, cwd):
    return subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True).stdout


def tasks_of(report):
    return {task["path"]: task for task in report["tasks"] if task["kind"] in ("process", "service")}


def events_of(data, run):
    """The journal, read while the programs may be running."""
    with sqlite3.connect(f"file:{data}/ledger.db?mode=ro", uri=True) as ledger:
        return [json.loads(text) for (text,) in ledger.execute("select event from events where run = ? order by number", (run,))]


def test_it_makes_a_model_that_is_good(main_job_report):
    report = main_job_report
    assert report["status"] == "succeeded"
    assert report["outputs"]["accuracy"] >= 0.75
    assert report["outputs"]["version"] == 1
    assert set(tasks_of(report)) == {"split", "features", "head", "evaluate", "verdict{0}/register", "verdict{0}/deploy"}


def test_running_it_again_runs_nothing_again(main_job_copy, main_job_report, stamps):
    first = main_job_report
    again = report_of(sluice("run", STAMPS_PLAN, "--input", f"pictures={stamps}", "--json", data=main_job_copy))
    assert again["status"] == "succeeded"
    tasks = tasks_of(again)
    assert [path for path, task in tasks.items() if task["cached"]] == ["split", "features", "head", "evaluate"]
    assert again["outputs"]["version"] == first["outputs"]["version"]
    assert again["outputs"]["commit"] == first["outputs"]["commit"]


def test_the_model_is_a_git_repository_that_clones_whole(main_job, tmp_path):
    data, report = main_job
    repository = data / "models" / "default" / "stamps.git"
    git("clone", "-q", str(repository), "clone", cwd=tmp_path)
    clone = tmp_path / "clone"
    names = {path.name for path in clone.iterdir()}
    assert {"README.md", "model.json", "provenance.json", "head.onnx"} <= names
    assert (clone / "head.onnx").stat().st_size > 10_000, "the pointer, not the file, was checked out"
    about = json.loads((clone / "model.json").read_text())
    assert about["base"]["repository"] == "efficientnet-lite0"
    assert len(about["classes"]) == 10
    assert git("rev-parse", "HEAD", cwd=clone).strip() == report["outputs"]["commit"]
    assert git("cat-file", "-t", "v1", cwd=clone).strip() == "tag"
    assert "v1" in git("show", "--no-patch", "v1", cwd=clone)
    assert git("for-each-ref", "refs/aliases", cwd=repository).count("champion") == 1
    git("fsck", "--strict", cwd=repository)


def test_the_provenance_names_every_input(main_job, tmp_path):
    data, report = main_job
    git("clone", "-q", str(data / "models" / "default" / "stamps.git"), "clone", cwd=tmp_path)
    statement = json.loads((tmp_path / "clone" / "provenance.json").read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    text = json.dumps(statement)
    assert report["plan_digest"] in text
    assert report["run"] in text
    assert report["inputs"]["pictures"]["$artifact"]["digest"] in text
    assert report["code"]["."]["$artifact"]["digest"] in text


@pytest.mark.parametrize("task", ["features", "head", "evaluate", "verdict{0}/register"])
def test_killed_in_the_middle_it_is_resumed_and_nothing_that_finished_runs_again(tmp_path, stamps, task):
    data = tmp_path / "data"
    running = start("run", STAMPS_PLAN, "--input", f"pictures={stamps}", "--json", data=data)

    def scheduled():
        if not (data / "ledger.db").exists():
            return None
        with sqlite3.connect(f"file:{data}/ledger.db?mode=ro", uri=True) as ledger:
            try:
                rows = ledger.execute("select event from events order by number").fetchall()
            except sqlite3.OperationalError:
                return None  # the schema is being created
        events = [json.loads(text) for (text,) in rows]
        return any(event["t"] == "scheduled" and event["path"] == task for event in events) or any(event["t"] == "run_ended" for event in events)

    until(scheduled, f"`{task}` is scheduled")
    running.send_signal(signal.SIGKILL)
    running.wait(30)
    resumed = sluice("resume", "latest", "--json", data=data)
    if resumed.returncode == 2:  # it had ended before the signal arrived
        assert "has succeeded already" in resumed.stderr
        report = json.loads(sluice("show", "latest", "--json", data=data).stdout)
    else:
        assert resumed.returncode == 0, resumed.stderr
        report = report_of(resumed)
    assert report["status"] == "succeeded"
    events = events_of(data, report["run"])
    succeeded = [event["path"] for event in events if event["t"] == "attempt_ended" and event["outcome"]["status"] == "succeeded"]
    assert len(succeeded) == len(set(succeeded)), "a task that had finished ran again"
    assert len(git("tag", cwd=data / "models" / "default" / "stamps.git").split()) == 1


def test_a_killed_server_resumes_its_runs_when_it_restarts(tmp_path, stamps):
    data = tmp_path / "data"
    first = Server(data)
    running = start("run", STAMPS_PLAN, "--input", f"pictures={stamps}", "--json", data=data)
    run = first.first_run()
    first.kill()
    assert running.wait(60) == 3, "a command that lost its server exits with status 3"
    with serving(data) as second:
        report = second.end_of(run)
    assert report["status"] == "succeeded", report.get("message")
    succeeded = [e["path"] for e in events_of(data, run) if e["t"] == "attempt_ended" and e["outcome"]["status"] == "succeeded"]
    assert len(succeeded) == len(set(succeeded))


def test_a_changed_script_is_a_cache_miss(plan, tmp_path):
    data = tmp_path / "data"
    text = """
sluice: 1
pipelines:
  main:
    outputs: {o: "${work.o}"}
    graph:
      work: {process: [python3, work.py, "${out.o}"], code: ., outputs: {o: {type: integer}}}
"""
    script = "import sys\nopen(sys.argv[1], 'w').write('{}')\n"
    path = plan(text, work__py=script.format(1))
    (tmp_path / ".sluiceignore").write_text("data/\n")
    assert report_of(sluice("run", path, "--json", data=data))["outputs"]["o"] == 1
    assert report_of(sluice("run", path, "--json", data=data))["tasks"][0]["cached"]
    (tmp_path / "work.py").write_text(script.format(2))
    changed = report_of(sluice("run", path, "--json", data=data))
    assert changed["outputs"]["o"] == 2 and not changed["tasks"][0]["cached"]


def test_an_object_that_was_changed_is_replaced_when_its_file_is_given_again(plan, tmp_path):
    data = tmp_path / "data"
    path = plan("""
sluice: 1
pipelines:
  main:
    inputs: {words: {type: artifact}}
    outputs: {o: "${read.o}"}
    graph:
      read: {process: [python3, -c, "import sys; open(sys.argv[2], 'w').write(open(sys.argv[1]).read())", "${inputs.words}", "${out.o}"], outputs: {o: {type: string, form: text}}, cache: off}
""")
    words = tmp_path / "words.txt"
    words.write_text("as they were")
    assert report_of(sluice("run", path, "--input", f"words={words}", "--json", data=data))["outputs"]["o"] == "as they were"
    digest = subprocess.run(["sha256sum", words], capture_output=True, text=True, check=True).stdout.split()[0]
    stored = data / "objects" / digest[:2] / digest[2:4] / digest
    os.chmod(stored, 0o644)
    stored.write_text("as they ar!!")
    os.chmod(stored, 0o444)
    assert report_of(sluice("run", path, "--input", f"words={words}", "--json", data=data))["outputs"]["o"] == "as they were"
    assert stored.read_text() == "as they were"


def test_a_task_cannot_write_through_its_inputs(plan, tmp_path):
    data = tmp_path / "data"
    path = plan("""
sluice: 1
pipelines:
  main:
    inputs: {words: {type: artifact}, folder: {type: artifact, kind: directory}}
    graph:
      spoil: {process: [sh, -c, 'echo spoilt > "$1"; echo spoilt > "$2/a.txt" || true', sh, "${inputs.words}", "${inputs.folder}"]}
""")
    words = tmp_path / "words.txt"
    words.write_text("as they were")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("as it was")
    done = sluice("run", path, "--input", f"words={words}", "--input", f"folder={folder}", data=data)
    assert done.returncode == 0, done.stderr
    spoilt = subprocess.run(["grep", "-rl", "spoilt", data / "objects"], capture_output=True, text=True).stdout
    assert spoilt == ""
    assert words.read_text() == "as they were"
