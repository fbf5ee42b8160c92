"""A data folder with 10,000 runs and 10,000 models: each list is read in pages, and the server stays small. `./dev bench store` measures more."""
import contextlib
import json
import os
import sqlite3

import pytest
from bystander import memory_peak
from sluice_program import serving, sluice

MANY = 10_000
PAGE = 997  # no divisor of it
MODEL = "efficientnet-lite0"
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def id_of(number):
    return "01" + "".join(DIGITS[(number >> shift) & 31] for shift in range(115, -5, -5))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Runs that have ended, a tenth of which failed, and copies of a built-in model."""
    data = tmp_path_factory.mktemp("large")
    assert sluice("models", data=data).returncode == 0
    runs = [(id_of(number), "default", "owner", "plan.yaml", bytes(32), "succeeded" if number % 10 else "failed", 1_700_000_000_000 + number,
             1_700_000_000_500 + number, "") for number in range(MANY)]
    with contextlib.closing(sqlite3.connect(data / "ledger.db")) as ledger:
        ledger.executemany("INSERT INTO runs(id, workspace, principal, name, plan, status, created_ms, ended_ms, message) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", runs)
        ledger.commit()
    models = data / "models" / "default"
    files = [path.relative_to(models / f"{MODEL}.git") for path in sorted((models / f"{MODEL}.git").rglob("*"))]
    files = [file for file in files if file.parts[0] not in ("lfs", "hooks", "info")]
    for number in range(MANY - 1):
        copy = models / f"model-{number:05}.git"
        copy.mkdir()
        for file in files:
            original = models / f"{MODEL}.git" / file
            (copy / file).mkdir() if original.is_dir() else os.link(original, copy / file)
    return data


@pytest.fixture(scope="module")
def server(data):
    with serving(data) as server:
        yield server
        assert memory_peak(server.process.pid) < 64


def pages(server, path, items):
    """Follows `next` to the end; returns all items, in order."""
    found, after = [], ""
    while True:
        separator = "&" if "?" in path else "?"
        status, page = server.ask("GET", f"{path}{separator}limit={PAGE}" + (f"&after={after}" if after else ""))
        assert status == 200, page
        assert len(page[items]) <= PAGE
        found += page[items]
        after = page.get("next")
        if not after:
            return found


def test_each_run_is_on_one_page(server):
    listed = [run["run"] for run in pages(server, "/v1/runs", "runs")]
    assert listed == [id_of(number) for number in reversed(range(MANY))]
    failed = [run["run"] for run in pages(server, "/v1/runs?status=failed", "runs")]
    assert failed == [id_of(number) for number in reversed(range(0, MANY, 10))]


def test_each_model_is_on_one_page(server):
    listed = [model["model"] for model in pages(server, "/v1/models", "models")]
    assert listed == [MODEL, *(f"model-{number:05}" for number in range(MANY - 1))]


def test_commands_show_a_page_and_how_the_next_is_asked_for(server):
    middle = id_of(MANY // 2)
    listed = json.loads(sluice("runs", "--json", "--limit", "2", "--after", middle, data=server.data).stdout)
    assert [run["run"] for run in listed["runs"]] == [id_of(MANY // 2 - 1), id_of(MANY // 2 - 2)]
    models = sluice("models", "--limit", "2", "--after", "model-05000", data=server.data)
    assert "model-05001" in models.stdout and "model-05002" in models.stdout and "model-05003" not in models.stdout
    assert "--after model-05002" in models.stdout + models.stderr


def test_a_prefix_finds_its_run(server):
    run = server.ask("POST", "/v1/runs", {"plan": "sluice: 1\npipelines: {main: {graph: {t: {process: ['true']}}}}\n"})[1]["run"]
    for length in (3, 8, 26):
        status, found = server.ask("GET", f"/v1/runs/{run[:length]}")
        assert status == 200 and found["run"] == run, found
    status, refused = server.ask("GET", f"/v1/runs/{id_of(MANY)[:20]}")
    assert status == 400 and "several" in refused["error"]["message"], refused
