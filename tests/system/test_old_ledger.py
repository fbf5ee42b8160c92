"""A ledger as commit f1d27f9 made it, with the journals that its programs stored: it is opened, upgraded and continued."""
import contextlib
import json
import sqlite3

import pytest
from sluice_program import ROOT, report_of, serving, sluice

V1 = ROOT / "tests" / "journals" / "v1"


def row_of(events):
    """The run's row, as the programs of that commit wrote it with the events."""
    created, end = events[0], events[-1]
    principal = created["principal"]
    return (created["run"], principal["workspace"], principal["name"], created["name"], bytes.fromhex(created["plan_digest"]), end["status"],
            created["at"], end["at"], end.get("failure", {}).get("message", ""))


@pytest.fixture
def old_data(tmp_path):
    """A data folder with that ledger; returns it and the ends of its runs."""
    data, ends = tmp_path / "data", {}
    data.mkdir()
    with contextlib.closing(sqlite3.connect(data / "ledger.db")) as ledger:
        ledger.execute("PRAGMA journal_mode=WAL")
        ledger.executescript((V1 / "ledger.sql").read_text())
        for path in sorted(V1.glob("*.jsonl")):
            texts = path.read_text().splitlines()
            events = [json.loads(text) for text in texts]
            run = events[0]["run"]
            if run in ends:
                continue
            ends[run] = events[-1]["status"]
            ledger.executemany("INSERT INTO events VALUES(?, ?, 'default', 'default', ?)", [(run, number, text) for number, text in enumerate(texts)])
            ledger.execute("INSERT INTO runs VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", row_of(events))
        ledger.execute("INSERT INTO cache VALUES('default', ?, 'default', '{\"o\":1}', 'r', 'p', 5)", (bytes(32),))
        ledger.commit()
    return data, ends


def test_it_is_opened_and_its_runs_are_as_they_were(old_data):
    data, ends = old_data
    assert len(ends) > 20
    with serving(data) as server:
        for run, status in ends.items():
            code, report = server.ask("GET", f"/v1/runs/{run}")
            assert code == 200 and report["status"] == status, report
            created = server.ask("GET", f"/v1/runs/{run}/events?from=0")[1]["events"][0]
            assert created["plan"].startswith("sluice: 1\n"), "the plan is in its journal"
    fsck = json.loads(sluice("fsck", "--json", data=data).stdout)
    assert fsck["journals"] == len(ends)
    assert all(problem["why"] == "missing" for problem in fsck["problems"]), "objects were not recorded with the journals"
    with contextlib.closing(sqlite3.connect(data / "ledger.db")) as ledger:
        assert ledger.execute("PRAGMA user_version").fetchone()[0] >= 2
        assert ledger.execute("SELECT at_ms, used_ms FROM cache").fetchall() == [(5, 5)]
        assert ledger.execute("SELECT count(*) FROM events WHERE text IS NOT NULL").fetchone() == (0,), "journals are never rewritten"


def test_new_runs_share_their_plan_and_old_ones_are_swept(old_data, plan):
    data, ends = old_data
    text = "sluice: 1\npipelines:\n  main:\n    graph:\n      t: {process: ['true']}\n"
    for _ in range(2):
        assert report_of(sluice("run", plan(text), "--json", data=data))["status"] == "succeeded"
    with contextlib.closing(sqlite3.connect(data / "ledger.db")) as ledger:
        assert ledger.execute("SELECT count(*) FROM texts").fetchone() == (1,)
        assert ledger.execute("SELECT count(*) FROM events WHERE text IS NOT NULL").fetchone() == (2,)
    swept = json.loads(sluice("gc", "--keep-last", "0", "--json", data=data).stdout)
    assert swept["removed"]["runs"]["things"] == len(ends) and swept["kept"]["runs"]["things"] == 2, swept["removed"]
