"""Every golden plan of the engine, run by the real programs, which are killed at each event of the journal."""
import pytest
from fault import golden_plans, killing
from fault.golden_plans import GoldenPlan

# Its cancellation has to be requested, which requires a server: see test_killed_server.py.
PLANS = [name for name in golden_plans.cases() if name != "cancelled_run"]


@pytest.mark.parametrize("name", PLANS)
def test_killed_at_every_event_it_ends_as_without(name, tmp_path):
    golden = GoldenPlan(name)
    data = tmp_path / "data"
    plan = golden.write(tmp_path / "whole")
    killing.command("run", plan, data=data)
    [run] = killing.runs_of(data)
    whole = killing.journal_of(data, run)
    assert golden_plans.shape(whole[1:]) == golden_plans.shape(golden.events), "the real run is not that of the golden case"
    golden_plans.one_start_an_attempt(golden.marks(plan), whole)
    expected = killing.what_happened(whole, plan.parent)

    kills = 0
    for number in range(1, len(whole) + 1):
        plan = golden.write(tmp_path / f"killed-at-{number}")
        before = killing.runs_of(data)
        # Once while it stores the event, so that nothing of this transaction is stored …
        killing.killed("run", plan, data=data, at=f"event:{number}")
        kills += 1
        stored = [run for run in killing.runs_of(data) if run not in before]
        assert len(stored) == (0 if number == 1 else 1)
        again = ("run", plan) if number == 1 else ("resume", "latest")
        # … and once more after it was stored, before any command that follows from it is carried out.
        killing.killed(*again, data=data, at="commit:1")
        last = killing.command("resume", "latest", data=data)
        [run] = [run for run in killing.runs_of(data) if run not in before]
        journal = killing.journal_of(data, run)
        assert journal[-1]["t"] == "run_ended", last.stderr
        assert killing.what_happened(journal, plan.parent) == expected
        golden_plans.one_start_an_attempt(golden.marks(plan), journal)
    assert kills == len(whole), "one kill for each event of the journal"
    assert killing.processes_of(data) == {}
