"""Pipelines that the unmodified kfp compiled (recorded by `./dev record kubeflow`), run by `sluice run`: outputs and outcomes are those
that their functions must give, and those that kfp's local runner gave."""
import json
import os
import subprocess
import warnings

import clients
import pytest
import recording
from sluice_program import BIN

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pipelines import CASES

pytestmark = pytest.mark.needs(cpu=1)
RECORDED = recording.recorded("kubeflow")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """All runs share what they install."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def sluice(data):
    """sluice(COMMAND, FILE, …)"""
    def command(*arguments, json=True):
        return subprocess.run([BIN / "sluice", *map(str, arguments), "--data", data, *(["--json"] if json else [])], capture_output=True, text=True,
                              timeout=300, env=os.environ | clients.uv_settings())
    return command


def compiled(name, folder):
    file = folder / "pipeline.yaml"
    file.write_text("\n".join(RECORDED[name]["compiled"]))
    return file


def given(arguments):
    for name, value in arguments.items():
        yield from ("--input", f"{name}={value if isinstance(value, str) else json.dumps(value)}")


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_compiled_pipeline(sluice, tmp_path, name):
    case, recorded = CASES[name], RECORDED[name]
    done = sluice("run", compiled(name, tmp_path), *given(case.arguments))
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    assert report["status"] == case.status, report.get("message")
    if case.status == "succeeded":
        assert report["outputs"] == case.outputs
    outcomes = {task["path"]: task["status"] for task in report["tasks"]}
    assert {path: outcomes.get(path) for path in case.tasks} == case.tasks
    if recorded["local"] is not None:
        assert (recorded["local"] == case.outputs) == (case.local is True), recorded["local"]


def test_every_case_is_recorded():
    assert sorted(RECORDED) == sorted(CASES)


def test_what_components_log_is_shown(sluice, tmp_path):
    """Also that of tasks from the cache."""
    for cached in (False, None, True):  # None: it may be
        report = json.loads(sluice("run", compiled("artifacts_of_all_kinds", tmp_path), *(["--no-cache"] if cached is False else [])).stdout)
        shown = sluice("show", report["run"], json=False).stdout
        lines = [line.strip() for line in shown.splitlines()]
        for line in ("accuracy = 0.75", "rows = 3", "confusion matrix", "cat       5       1", "*done*", f"sluice get {report['run']} train.page"):
            assert line in lines, shown
        (train,) = json.loads(sluice("metrics", report["run"]).stdout)["runs"]
        assert train["name"] == "train" and {one["key"]: one["value"] for one in train["metrics"]} == {"accuracy": 0.75, "rows": 3}
        assert cached in (None, *(task.get("cached", False) for task in report["tasks"] if task["path"] == "train"))
