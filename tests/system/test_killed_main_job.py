"""The main job, killed at each event of its journal: in `sluice run` and `sluice resume`, and in a server that is restarted."""
import shutil
import subprocess

import pytest
from fault import killing
from sluice_program import ROOT, report_of, sluice

PLAN = ROOT / "examples" / "stamps" / "sluice.yaml"
CLASSES = ("bird", "flower", "vehicle")
PICTURES_A_CLASS = 7  # two more than are learned from


def git(*arguments, cwd):
    return subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def pictures(stamps, tmp_path_factory):
    """pictures(name): a small folder with different contents for each name, so that no result of it is cached."""
    root = tmp_path_factory.mktemp("pictures")

    def make(name):
        for label in CLASSES:
            (root / name / label).mkdir(parents=True)
            for i, picture in enumerate(sorted((stamps / label).glob("*.png"))[:PICTURES_A_CLASS]):
                shutil.copyfile(picture, root / name / label / (f"{name}.png" if i == 0 else picture.name))
        return root / name

    return make


def check_the_end(data, run, name):
    journal = killing.journal_of(data, run)
    assert journal[-1]["t"] == "run_ended" and journal[-1]["status"] == "succeeded", journal[-1]
    succeeded = [path for (path, _), status in killing.attempts_of(journal).items() if status == "succeeded"]
    assert sorted(succeeded) == ["evaluate", "features", "head", "split", "verdict{0}/deploy", "verdict{0}/register"]
    repository = data / "models" / "default" / f"{name}.git"
    assert git("tag", cwd=repository).split() == ["v1"]
    assert git("rev-list", "--all", "--count", "refs/heads/main", cwd=repository) == git("rev-list", "--all", "--count", cwd=repository)
    assert git("rev-list", "--count", "main", cwd=repository).strip() == "1"
    git("fsck", "--strict", cwd=repository)
    assert killing.query(data, "select endpoint, version from deployments where endpoint = ?", name) == [(name, 1)]
    assert sluice("logs", run, "evaluate", data=data).stdout.count("accuracy") == 1, "it ran twice"
    return journal


@pytest.mark.needs(apart=True)
def test_killed_at_every_event_it_ends_as_without(main_job_copy, pictures):
    data = main_job_copy
    def arguments(name):
        return "run", PLAN, "--input", f"pictures={pictures(name)}", "--input", f"name={name}"

    assert killing.command(*arguments("whole"), data=data).returncode == 0
    length = len(check_the_end(data, killing.runs_of(data)[-1], "whole"))
    kills = 0
    for number in range(1, length + 1):
        name = f"killed-{number}"
        before = killing.runs_of(data)
        first = arguments(name)
        killing.killed(*first, data=data, at=f"event:{number}")
        kills += 1
        # Nothing was stored before the first event: then the run does not exist.
        killing.killed(*(first if number == 1 else ("resume", "latest")), data=data, at="commit:1")
        last = killing.command("resume", "latest", data=data)
        assert last.returncode == 0 or "has succeeded already" in last.stderr, last.stderr
        [run] = [run for run in killing.runs_of(data) if run not in before]
        assert len(check_the_end(data, run, name)) == length
    assert kills == length, "one kill for each event of the journal"
    assert killing.processes_of(data) == {}


def test_killed_at_every_event_of_a_cached_run_nothing_runs_again(main_job_copy, pictures):
    data = main_job_copy
    small = pictures("cached")
    first = report_of(sluice("run", PLAN, "--input", f"pictures={small}", "--json", data=data))
    whole = killing.command("run", PLAN, "--input", f"pictures={small}", data=data)
    assert whole.returncode == 0, whole.stderr
    length = len(killing.journal_of(data, killing.runs_of(data)[-1]))
    kills = 0
    for number in range(1, length + 1):
        killing.killed("run", PLAN, "--input", f"pictures={small}", data=data, at=f"event:{number}")
        kills += 1
        again = ("run", PLAN, "--input", f"pictures={small}") if number == 1 else ("resume", "latest")
        done = report_of(sluice(*again, "--json", data=data))
        assert [task["path"] for task in done["tasks"] if task.get("cached")] == ["split", "features", "head", "evaluate"]
        assert done["outputs"] == first["outputs"]
    assert kills == length, "one kill for each event of the journal"
    assert git("tag", cwd=data / "models" / "default" / "stamps.git").split() == ["v1", "v2"]


def test_a_server_that_is_killed_whenever_it_has_stored_something(main_job_copy, pictures):
    data = main_job_copy
    before = killing.runs_of(data)
    kills = 0
    with killing.DoomedServer(data, at="commit:1") as server:
        submitting = killing.command("run", PLAN, "--input", f"pictures={pictures('server')}", "--input", "name=server", data=data)
        assert submitting.returncode == 3, submitting.stderr
        kills += server.dies()
    [run] = [run for run in killing.runs_of(data) if run not in before]
    lengths = [len(killing.journal_of(data, run))]
    while killing.journal_of(data, run)[-1]["t"] != "run_ended":
        with killing.DoomedServer(data, at="commit:2") as server:  # the first one is its claim
            kills += server.dies()
        lengths.append(len(killing.journal_of(data, run)))
    check_the_end(data, run, "server")
    assert lengths == sorted(set(lengths)), "each server stored something"
    assert kills == len(lengths) > 6, "more than one transaction for each task, and a server died after each"
    assert killing.processes_of(data) == {}
