"""A server that is killed after every transaction but its claims: many golden plans at once, and a run that is cancelled."""
from fault import golden_plans, killing
from fault.golden_plans import GoldenPlan
from sluice_program import serving
from waiting import until

# Excludes the plans that kill the supervisor, and with it the tasks of all others.
TOGETHER = [name for name in golden_plans.cases() if not name.startswith("lost_") and name != "cancelled_run"]


def running(data):
    return len(killing.query(data, "select id from runs where status = 'running'"))


def new_run(data, before):
    """The run that has been added to those in `before`, if there is one."""
    return next((run for run in killing.runs_of(data) if run not in before), None)


def test_all_golden_plans_at_once(tmp_path):
    data = tmp_path / "data"
    plans = {name: GoldenPlan(name) for name in TOGETHER}
    places = {name: golden.write(tmp_path / name) for name, golden in plans.items()}
    run_of = {}
    waiting = list(places)
    kills = 0
    while waiting or running(data):
        # It may store the claim of each run by itself, and something more.
        with killing.DoomedServer(data, at=f"commit:{running(data) + 1}") as server:
            if waiting and server.url:
                before = killing.runs_of(data)
                server.post("/v1/runs", killing.submission(places[waiting[-1]]))
                if run := new_run(data, before):
                    run_of[waiting.pop()] = run
            kills += server.dies()
    assert kills > len(plans)
    for name, golden in plans.items():
        journal = killing.journal_of(data, run_of[name])
        assert golden_plans.shape(journal[1:]) == golden_plans.shape(golden.events), name
        golden_plans.one_start_an_attempt(golden.marks(places[name]), journal)
    assert killing.processes_of(data) == {}


def ask_to_cancel(post, run, plan):
    """Requests the cancellation once both tasks are running."""
    until(lambda: len(GoldenPlan.marks(plan)) == 2, "both tasks run")
    post(f"/v1/runs/{run}/cancel", {"reason": "asked to"})


def test_a_cancelled_run_is_killed_at_every_event_and_ends_cancelled(tmp_path):
    data = tmp_path / "data"
    golden = GoldenPlan("cancelled_run")
    # The cancellation is requested later than in the golden case: `c/d` is running by then, and is cancelled as `a` is.
    golden.outcomes["c/d", 1] = golden.outcomes["a", 1]
    plan = golden.write(tmp_path / "whole")
    with serving(data) as server:
        run = server.ask("POST", "/v1/runs", killing.submission(plan))[1]["run"]
        ask_to_cancel(lambda path, body: server.ask("POST", path, body), run, plan)
        server.end_of(run)
    whole = killing.journal_of(data, run)
    assert whole[-1]["status"] == "cancelled"
    expected = killing.what_happened(whole, plan.parent)

    stopping_at = next(i for i, event in enumerate(whole, 1) if event["t"] == "stopping")
    kills = 0
    for number in range(1, len(whole) + 1):
        plan = golden.write(tmp_path / f"killed-at-{number}")
        before = killing.runs_of(data)
        with killing.DoomedServer(data, at=f"event:{number}") as server:
            answer = server.post("/v1/runs", killing.submission(plan))
            if answer and number >= stopping_at:
                ask_to_cancel(server.post, answer["run"], plan)
            kills += server.dies()
        run = new_run(data, before)
        assert (run is None) == (number == 1), "a run exists exactly if its first event was stored"
        with serving(data) as server:
            if run is None:
                run = server.ask("POST", "/v1/runs", killing.submission(plan))[1]["run"]
            if not any(event["t"] == "stopping" for event in killing.journal_of(data, run)):
                ask_to_cancel(lambda path, body: server.ask("POST", path, body), run, plan)  # the request that was not answered is repeated
            server.end_of(run)
        journal = killing.journal_of(data, run)
        assert killing.what_happened(journal, plan.parent) == expected
        golden_plans.one_start_an_attempt(golden.marks(plan), journal)
    assert kills == len(whole), "one kill for each event of the journal"
    assert killing.processes_of(data) == {}
