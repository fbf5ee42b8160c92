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
def sluice(tmp_path_factory):
    """sluice(COMMAND, FILE, …): all runs share what they install."""
    data = tmp_path_factory.mktemp("data")

    def command(*arguments):
        return subprocess.run([BIN / "sluice", *map(str, arguments), "--data", data, "--json"], capture_output=True, text=True, timeout=300,
                              env=os.environ | clients.uv_settings())
    return command


def given(arguments):
    for name, value in arguments.items():
        yield from ("--input", f"{name}={value if isinstance(value, str) else json.dumps(value)}")


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_compiled_pipeline(sluice, tmp_path, name):
    case, recorded = CASES[name], RECORDED[name]
    file = tmp_path / "pipeline.yaml"
    file.write_text("\n".join(recorded["compiled"]))
    done = sluice("run", file, *given(case.arguments))
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
