"""How far a task is: in the live tree, `sluice show`, the API and the stream of events; never in the journal."""
import contextlib
import json
import re
import shutil

import pytest
from sluice_program import ROOT, serving, sluice, start
from terminal import Terminal
from waiting import Gate, until

MAIN_JOB = ROOT / "examples" / "stamps" / "sluice.yaml"

# Reports three of four files, and waits at the gate.
PLAN = """
sluice: 1
pipelines:
  main:
    inputs: {gate: {type: string}}
    graph:
      copies: {process: [sh, -c, 'for i in 1 2 3; do echo "$i/4 files" >> "$SLUICE_PROGRESS"; done; read line < "$0" || true', "${inputs.gate}"], cache: off}
      later: {process: ["true"], cache: off}
"""


@pytest.fixture
def gate(tmp_path):
    with Gate(tmp_path / "gate") as made:
        yield made


def submit(server, gate):
    status, answer = server.ask("POST", "/v1/runs", {"plan": PLAN, "inputs": {"gate": str(gate.path)}})
    assert status == 201, answer
    return answer["run"]


def tasks_of(server, run):
    return {task["path"]: task for task in server.ask("GET", f"/v1/runs/{run}")[1]["tasks"]}


def test_a_process_reports_its_progress(tmp_path, gate):
    data = tmp_path / "data"
    with serving(data) as server:
        run = submit(server, gate)
        with server.events(run) as events:
            told = next(tasks["copies"] for tasks in events.under_way() if tasks.get("copies", {}).get("progress", {}).get("done") == 3)
        assert told["progress"].items() >= {"done": 3, "total": 4, "unit": "files", "share": 0.75}.items()
        assert tasks_of(server, run)["copies"]["progress"] == told["progress"]
        shown = sluice("show", run, data=data).stdout
        assert re.search(r"^  copies +running +3 of 4 files, 75 %", shown, re.M), shown
        gate.open()
        report = server.end_of(run)
        assert report["status"] == "succeeded" and "progress" not in report["tasks"][0]
        journal = server.ask("GET", f"/v1/runs/{run}/events")[1]["events"]
        assert not any("progress" in json.dumps(event) for event in journal if event["t"] not in ("run_created", "task_ready"))


def test_the_live_tree_shows_progress_and_what_a_task_waits_for(tmp_path, plan, gate):
    data = tmp_path / "data"
    with serving(data, "--slots", "cpu=1"), contextlib.closing(Terminal("run", plan(PLAN), "--input", f"gate={gate.path}", data=data)) as seen:
        seen.shows("copies", "running", "3 of 4 files, 75 %")
        seen.shows("later", "waiting", "for a slot: cpu")
        gate.open()
        assert seen.end() == 0
        assert "files" not in seen.screen.text()


def test_embedding_says_how_many_pictures_are_done(main_job_copy, stamps, tmp_path):
    pictures = tmp_path / "pictures"
    for picture in sorted(stamps.rglob("*.png")):
        copy = pictures / picture.parent.name / f"other-{picture.name}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, copy)
    shutil.rmtree(main_job_copy / "cache" / "features")  # or their features would be known
    with serving(main_job_copy) as server:
        running = start("run", MAIN_JOB, "--input", f"pictures={pictures}", "--json", data=main_job_copy)
        run = until(lambda: server.ask("GET", "/v1/runs?status=running")[1]["runs"], "the run has begun")[0]["run"]
        with server.events(run) as events:
            progress = next(tasks["features"]["progress"] for tasks in events.under_way() if "progress" in tasks.get("features", {}))
        assert progress["unit"] == "pictures" and 0 < progress["done"] <= progress["total"] == len(list(pictures.rglob("*.png")))
        assert running.wait(120) == 0
