#!/usr/bin/env python3
"""Records the journals of every golden plan and of the main job into tests/journals/VERSION.

    tests/journals/record.py VERSION FOLDER

Run it once, when events get a new version; README.md says when and why. The programs are those of build/bin, or of
SLUICE_BIN. FOLDER must not exist: plans and data are made there and stay, for looking at them. Its path becomes part of the
journals, so take one that says nothing about your machine, such as /srv/journals.
"""
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from fault import golden_plans, killing  # noqa: E402
from fault.golden_plans import GoldenPlan  # noqa: E402
from sluice_program import BIN, ROOT, environment, serving, until  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
MAIN_JOB = "examples/stamps/sluice.yaml"


def run(*arguments, data, cwd):
    """Runs a plan to its end, whatever that is; answers the events of the new run as they are stored."""
    before = killing.runs_of(data)
    done = subprocess.run([BIN / "sluice", "run", *arguments, "--data", data], cwd=cwd, capture_output=True, text=True, env=environment())
    [new] = [run for run in killing.runs_of(data) if run not in before] or [None]
    if new is None:
        raise SystemExit(f"record: {arguments} did not begin: {done.stderr}")
    return events_of(data, new)


def events_of(data, run):
    events = killing.events_of(data, run)
    assert '"t":"run_ended"' in events[-1], f"the run has not ended: {events[-1]}"
    return events


def cancelled(plan, data):
    """Its tasks never end, so a server is asked to cancel the run once both are running."""
    with serving(data) as server:
        run = server.ask("POST", "/v1/runs", killing.submission(plan))[1]["run"]
        until(lambda: len(GoldenPlan.marks(plan)) == 2)
        server.ask("POST", f"/v1/runs/{run}/cancel", {"reason": "asked to"})
        until(lambda: killing.query(data, "select 1 from runs where id = ? and status = 'cancelled'", run))
    return events_of(data, run)


def journals(folder):
    """(name, events) of each run."""
    data = folder / "data"
    for name in golden_plans.cases():
        golden = GoldenPlan(name)
        if name == "cancelled_run":
            golden.outcomes["c/d", 1] = golden.outcomes["a", 1]  # it is running when the cancellation comes
            yield name, cancelled(golden.write(folder / name), data)
        else:
            plan = golden.write(folder / name)
            events = run(plan.name, data=data, cwd=plan.parent)
            assert golden_plans.shape(map(json.loads, events[1:])) == golden_plans.shape(golden.events), f"{name}: not the run of the golden case"
            yield name, events
    subprocess.run([sys.executable, ROOT / "tools" / "stamps.py", folder / "stamps"], check=True, stdout=subprocess.DEVNULL)
    for name in ("main_job", "main_job_cached"):
        yield name, run(MAIN_JOB, "--input", f"pictures={folder / 'stamps'}", data=folder / "main-data", cwd=ROOT)


def main():
    if len(sys.argv) != 3 or not re.fullmatch(r"v\d+", sys.argv[1]):
        raise SystemExit(__doc__)
    target = HERE / sys.argv[1]
    folder = pathlib.Path(sys.argv[2]).absolute()
    target.mkdir()  # journals of a version that exists are never recorded again
    folder.mkdir(parents=True)
    for name, events in journals(folder):
        (target / f"{name}.jsonl").write_text("".join(event + "\n" for event in events))
        print(f"{name}: {len(events)} events")


if __name__ == "__main__":
    main()
