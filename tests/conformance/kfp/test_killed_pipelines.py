"""Pipelines of kfp, run by the real programs, which are killed at each event of the journal: they end as without."""
import os

import clients
import pytest
import recording
from fault import golden_plans, killing

pytestmark = pytest.mark.needs(cpu=1)
RECORDED = recording.recorded("kubeflow")


def command(*arguments, data, **kill):
    env = os.environ | (killing.doomed(**kill) if kill else {})
    return killing.command(*arguments, data=data, env=env | clients.uv_settings())


def killed(*arguments, data, at):
    done = command(*arguments, data=data, at=at)
    assert killing.was_killed(done), f"not killed at {at}: exit status {done.returncode}\n{done.stderr}"


def outcome(journal):
    """Without logs, which have times and paths."""
    return golden_plans.shape(journal), killing.attempts_of(journal), journal[-1].get("outputs")


@pytest.mark.parametrize("name", ["exit_handler_after_a_failed_loop", "retries"])
def test_killed_at_every_event_it_ends_as_without(name, tmp_path):
    data = tmp_path / "data"
    plan = tmp_path / "pipeline.yaml"
    plan.write_text("\n".join(RECORDED[name]["compiled"]))
    run = ("run", plan, "--no-cache")
    command(*run, data=data)
    [first] = killing.runs_of(data)
    whole = killing.journal_of(data, first)
    expected = outcome(whole)
    for number in range(1, len(whole) + 1):
        before = killing.runs_of(data)
        # Once while it stores the event, so that nothing of this transaction is stored …
        killed(*run, data=data, at=f"event:{number}")
        stored = [one for one in killing.runs_of(data) if one not in before]
        assert len(stored) == (0 if number == 1 else 1)
        # … and once more after it was stored, before any command that follows from it is carried out.
        killed(*(run if number == 1 else ("resume", "latest")), data=data, at="commit:1")
        last = command("resume", "latest", data=data)
        [again] = [one for one in killing.runs_of(data) if one not in before]
        journal = killing.journal_of(data, again)
        assert journal[-1]["t"] == "run_ended", last.stderr
        assert outcome(journal) == expected, f"killed at event {number}"
        fences = [event["fence"] for event in journal if event["t"] == "scheduled"]
        assert len(fences) == len(set(fences)) == len([event for event in whole if event["t"] == "scheduled"]), "an attempt was scheduled again"
    # Warm interpreters wait for what comes next, as long as the supervisor.
    assert [line for line in killing.processes_of(data).values() if not line.rstrip().endswith(" wait")] == []
