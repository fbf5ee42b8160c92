"""Pipelines that the unmodified kfp compiled (recorded by `./dev record kubeflow`), run by `sluice run`: outputs and outcomes are those
that their functions must give, and those that kfp's local runner gave."""
import json
import os
import subprocess
import warnings

import clients
import pytest
import recording
import served
from sluice_program import BIN

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import combinations  # noqa: F401: more cases
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


@pytest.fixture(scope="module")
def kubeflow(tmp_path_factory):
    with served.serving(tmp_path_factory.mktemp("served") / "data") as both:
        yield both


# Of tasks; one that came from the cache was not run, and so is skipped.
STATES = {"succeeded": ("SUCCEEDED", "SKIPPED"), "failed": ("FAILED",), "skipped": ("SKIPPED",), "blocked": ("SKIPPED",)}


@pytest.mark.parametrize("name", sorted(CASES)[::5])
def test_a_compiled_pipeline_through_the_client(kubeflow, tmp_path, name):
    server, client = kubeflow
    case = CASES[name]
    file = tmp_path / "pipeline.yaml"
    file.write_text("\n".join(RECORDED[name]["compiled"]))
    run = client.create_run_from_pipeline_package(str(file), case.arguments, run_name=name).run_id
    done = served.ended(client, run)
    assert done.state == case.status.upper(), done.error
    status, report = server.ask("GET", f"/v1/runs/{run}")
    assert status == 200
    if case.status == "succeeded":
        assert report["outputs"] == case.outputs
    states = {task.task_id: task.state for task in done.run_details.task_details}
    for path, outcome in case.tasks.items():
        assert states[path] in STATES[outcome], path


def test_every_case_is_recorded():
    assert sorted(RECORDED) == sorted(CASES)
