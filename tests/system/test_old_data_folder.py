"""A whole data folder as the programs of commit f1d27f9 left it when they were killed: newer programs open it, and go on with it.

`tests/data_folders/f1d27f9.tar.xz` lacks what is large and can be had again: the weights of the built-in model, and copies in the cache.
"""
import contextlib
import json
import shutil
import sqlite3
import tarfile

import pytest
from sluice_program import ROOT, report_of, serving, sluice

FOLDER = ROOT / "tests" / "data_folders" / "f1d27f9.tar.xz"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The folder, and what its programs answered."""
    unpacked = tmp_path_factory.mktemp("old")
    with tarfile.open(FOLDER) as archive:
        archive.extractall(unpacked)
    new = tmp_path_factory.mktemp("new")
    assert sluice("models", data=new).returncode == 0
    for stored in (new / "objects").glob("??/??/*"):
        there = unpacked / "data" / stored.relative_to(new)
        if not there.exists():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(stored, there)
    return unpacked


@pytest.fixture
def data(unpacked, tmp_path):
    shutil.copytree(unpacked / "data", tmp_path / "data", symlinks=True)
    return tmp_path / "data"


@pytest.fixture(scope="module")
def answers(unpacked):
    return json.loads((unpacked / "answers.json").read_text())


def test_nothing_is_missing(data):
    checked = json.loads(sluice("fsck", "--json", data=data).stdout)
    assert checked["problems"] == [] and checked["journals"] == 3, checked


def test_its_runs_logs_and_results_are_as_they_were(data, answers, tmp_path):
    with serving(data) as server:
        for run, status in answers["runs"].items():
            assert server.end_of(run)["status"] == status
        report = server.ask("GET", f"/v1/runs/{answers['run']}")[1]
        assert report["outputs"] == answers["outputs"]
        assert sluice("logs", answers["run"], "note", data=data).stdout == "noted\n"
        fetched = sluice("get", answers["run"], "folder", "--out", tmp_path / "folder", data=data)
        assert fetched.returncode == 0, fetched.stderr
    assert (tmp_path / "folder" / "link").read_text() == "one\n"


def test_the_run_that_was_under_way_goes_on(data, answers):
    with serving(data) as server:
        report = server.end_of(answers["waiting"])
        assert report["status"] == "succeeded" and report["outputs"] == {"said": "before after"}, report


def test_its_endpoint_predicts_what_it_predicted(data, unpacked, answers):
    assert "shapes" in sluice("models", data=data).stdout
    with serving(data):
        predicted = sluice("predict", "shapes", unpacked / "pictures" / "disc" / "5.png", "--json", data=data)
        assert predicted.returncode == 0, predicted.stderr
    assert answers["label"] in predicted.stdout


def test_its_plan_runs_again_and_makes_the_next_version(data, unpacked):
    plan = unpacked / "again.yaml"  # beside its pictures
    plan.write_text((unpacked / "plan.yaml").read_text().replace("learn: 4", "learn: 3"))
    assert report_of(sluice("run", plan, "--json", data=data))["outputs"]["version"] == 2


def test_it_is_swept(data):
    with contextlib.closing(sqlite3.connect(data / "ledger.db")) as ledger:
        ledger.execute("UPDATE runs SET created_ms = created_ms - 86400000, ended_ms = ended_ms - 86400000")
        ledger.commit()
    swept = json.loads(sluice("gc", "--keep-last", "0", "--cache-bytes", "0", "--json", data=data).stdout)
    assert swept["removed"]["runs"]["things"] == 2 and swept["kept"]["runs"]["things"] == 1, swept
    assert json.loads(sluice("fsck", "--json", data=data).stdout)["problems"] == []
