"""A server that is killed while the runs of a schedule are due: each instant has one run, neither none nor two."""
import collections
import datetime
import json

import pytest
from fault import killing
from sluice_program import copy_data, serving, sluice
from test_killed_register import calls_in
from test_schedules import NOTHING, ago, created, has_ended
from waiting import until

INSTANTS = 3


@pytest.fixture
def due(plan, tmp_path):
    """A data folder with a schedule that has three instants, all of them due; no server has seen it yet."""
    data = tmp_path / "due"
    created(plan(NOTHING), "--every", "10s", "--start", ago(seconds=60), "--end", ago(seconds=30), data=data)
    return data


def instants_of(data):
    """Each instant for which a run is stored: {instant: ids}."""
    found = collections.defaultdict(list)
    for run, event in killing.query(data, "select run, event from events where number = 0"):
        found[json.loads(event)["trigger"]["instant"]].append(run)
    return found


def check_at_most_one(data, point):
    found = instants_of(data)
    assert all(len(runs) == 1 for runs in found.values()), (point, found)
    ((runs, last),) = killing.query(data, "select runs, last_ms from schedules")
    assert runs == len(found) and last == max(found, default=None), (point, "a run is stored with its schedule's step")
    return len(found)


def check_exactly_one(data, point):
    with serving(data) as server:
        until(lambda: has_ended(server), f"the server after {point} has caught up")
    assert check_at_most_one(data, point) == INSTANTS, point
    return {instant: runs[0] for instant, runs in instants_of(data).items()}


def watched(data):
    return data / "ledger.db", data / "ledger.db-wal"


def changes_of(data, trace):
    """The calls by which a server changes the ledger until the schedule has ended, and those of its end."""
    with serving(data, env=killing.doomed(trace=trace, under=watched(data))) as server:
        until(lambda: has_ended(server), "it has caught up")
    return calls_in(trace)


@pytest.mark.needs(apart=True)
def test_killed_at_every_change_of_the_ledger_there_is_one_run_for_each_instant(due, tmp_path):
    whole = copy_data(due, tmp_path / "whole")
    calls = changes_of(whole, tmp_path / "trace")
    ids = {instant: runs[0] for instant, runs in instants_of(whole).items()}
    assert len(ids) == INSTANTS and {name for _, name, _ in calls} >= {"pwrite", "fdatasync"}, calls
    stored = collections.Counter()
    for number, _, _ in calls:
        data = copy_data(due, tmp_path / f"killed-{number}")
        with killing.DoomedServer(data, f"before:{number}", under=watched(data)) as server:
            # Of the last calls, some happen when a server ends.
            until(lambda: server.process.poll() is not None or instants_all_ended(data), "it dies, or has caught up")
            server.process.terminate()
            server.process.wait(60)
        stored[check_at_most_one(data, number)] += 1
        assert check_exactly_one(data, number) == ids, "the ids are made from the schedule and the instant"
    assert set(stored) == set(range(INSTANTS + 1)), stored


def instants_all_ended(data):
    ended = killing.query(data, "select count(*) from runs where ended_ms is not null")
    return ended == [(INSTANTS,)]


@pytest.mark.needs(apart=True)
def test_killed_again_and_again_it_catches_up_in_the_end(due, tmp_path):
    kills = 0
    for event in (1, 2, 1, 3, 2, 1):
        if check_at_most_one(due, kills) == INSTANTS:
            break
        with killing.DoomedServer(due, f"event:{event}") as server:
            kills += server.dies()
    assert kills >= 3
    check_exactly_one(due, "the last kill")


def test_killed_at_the_moment_it_is_due(plan, tmp_path):
    """The instants come while servers run and die: there is no gap between them."""
    data = tmp_path / "data"
    created(plan(NOTHING), "--cron", "* * * * * *", data=data)
    for kill in range(1, 10):
        with killing.DoomedServer(data, f"event:{kill % 4 + 1}") as server:
            server.dies()
        check_at_most_one(data, kill)
    with serving(data) as server:
        sluice("schedules", "disable", "plan", data=data)
        until(lambda: has_ended(server), "all runs have ended")
    instants = sorted(instants_of(data))
    assert check_at_most_one(data, "the end") >= 3
    assert all(b - a == 1000 for a, b in zip(instants, instants[1:])), [datetime.datetime.fromtimestamp(i / 1000) for i in instants]
