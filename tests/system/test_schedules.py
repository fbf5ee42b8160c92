"""Schedules: their runs start when they are due, each once; the commands, and who may use them."""
import datetime
import json
import re

import pytest
from fault import killing
from sluice_program import serving, sluice
from test_access import token_for
from test_gc import age, gc, objects_of
from waiting import Gate, until

DAY = """
sluice: 1
pipelines:
  main:
    inputs: {day: {type: string}, n: {type: integer, default: 3}}
    outputs: {day: "${say.day}"}
    graph:
      say: {process: [sh, -c, 'printf "%s" "$1" > "$2"', sh, "${inputs.day}", "${out.day}"], outputs: {day: {type: string, form: text}}}
"""
NOTHING = "sluice: 1\npipelines: {main: {graph: {}}}\n"
GATED = "sluice: 1\npipelines: {main: {graph: {wait: {process: [sh, -c, 'read line < GATE'], cache: off}}}}\n"
INSTANTS = ["--instant-input", "day"]


def ago(**time):
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**time)
    return moment.replace(microsecond=0).isoformat()


def created(*arguments, data):
    done = sluice("schedule", *arguments, "--json", data=data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def schedule_of(server, name="plan"):
    status, answer = server.ask("GET", f"/v1/schedules/{name}")
    assert status == 200, answer
    return answer


def runs_of(server, name="plan", status=""):
    return server.ask("GET", f"/v1/runs?limit=1000&schedule={name}&status={status}")[1]["runs"]


def instants_of(server, name="plan"):
    """For which instants there are runs; of each that has ended, its report says so too."""
    return sorted(server.ask("GET", f"/v1/runs/{run['run']}")[1]["schedule"]["instant"] for run in runs_of(server, name))


def has_ended(server, name="plan"):
    return "next" not in schedule_of(server, name) and not runs_of(server, name, "running")


def test_a_run_starts_every_second_and_says_for_which(plan, tmp_path):
    data = tmp_path / "data"
    with serving(data) as server:
        made = sluice("schedule", plan(DAY), "--cron", "* * * * * *", "--dialect", "sluice", "--images", "container", *INSTANTS, "--input", "n=5", data=data)
        assert re.fullmatch(r"schedule plan, next run \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z\n", made.stdout) and not made.stderr, made
        until(lambda: len(runs_of(server, status="succeeded")) >= 3, "three runs have succeeded")
        assert sluice("schedules", "disable", "plan", data=data).returncode == 0
        until(lambda: not runs_of(server, status="running"), "all have ended")
        instants = [datetime.datetime.fromisoformat(instant) for instant in instants_of(server)]
        assert all(b - a == datetime.timedelta(seconds=1) for a, b in zip(instants, instants[1:])), instants
        run = server.ask("GET", f"/v1/runs/{runs_of(server)[0]['run']}")[1]
        assert run["outputs"] == {"day": run["schedule"]["instant"]} and run["inputs"]["n"] == 5 and run["schedule"]["name"] == "plan"
        shown = sluice("show", run["run"], data=data).stdout
        assert f"schedule  plan, for {run['schedule']['instant']}\n" in shown
        assert run["run"] in sluice("runs", "--schedule", "plan", data=data).stdout
        assert server.ask("GET", "/v1/runs?schedule=none")[0] == 404
        schedule = schedule_of(server)
        assert schedule["dialect"] == "sluice" and schedule["only_containers"] is True
        assert schedule["runs"] == len(instants) and schedule["last"] == instants_of(server)[-1] and schedule["upcoming"] == []
        changes = [change["what"] for change in server.ask("GET", "/v1/audit")[1]["changes"]]
        assert changes == ["schedule.disable", "schedule.create"]


def test_a_server_that_starts_catches_up_with_one_run_for_each_instant(plan, tmp_path):
    data = tmp_path / "data"
    made = sluice("schedule", plan(NOTHING), "--cron", "*/10 * * * * *", "--start", ago(minutes=2), "--end", ago(seconds=20), data=data)
    assert made.returncode == 0 and "note: no server serves this data folder; runs start while `sluice up --data " in made.stderr, made.stderr
    for _ in range(2):
        with serving(data) as server:
            until(lambda: has_ended(server), "all runs have ended")
            instants = instants_of(server)
            assert len(instants) == len(set(instants)) == 10, instants
            assert schedule_of(server)["runs"] == 10
    assert "has ended" in sluice("schedules", data=data).stdout


def test_without_catching_up_the_latest_alone_has_a_run(plan, tmp_path):
    data = tmp_path / "data"
    created(plan(NOTHING), "--every", "7s", "--start", ago(minutes=2), "--end", ago(seconds=1), "--no-catch-up", data=data)
    with serving(data) as server:
        until(lambda: has_ended(server), "its run has ended")
        assert len(instants_of(server)) == 1


def test_no_more_runs_are_under_way_than_it_may_have(plan, tmp_path):
    data = tmp_path / "data"
    with Gate(tmp_path / "gate") as gate, serving(data) as server:
        created(plan(GATED.replace("GATE", str(tmp_path / "gate"))), "--every", "1m", "--start", ago(minutes=5, seconds=1), "--end", ago(seconds=1),
                "--max-concurrency", "2", data=data)
        until(lambda: len(runs_of(server, status="running")) == 2, "two run")
        waiting = schedule_of(server)
        assert waiting["runs"] == 2 and "problem" not in waiting
        gate.open()
        until(lambda: has_ended(server), "all have ended")
        assert len(instants_of(server)) == 5
        # By their journals: whenever one began, at most one other had not ended.
        times = sorted([(run["created"], 1) for run in runs_of(server)] + [(run["ended"], -1) for run in runs_of(server)])
        assert max(sum(step for _, step in times[:i + 1]) for i in range(len(times))) <= 2


def test_disabled_enabled_and_removed(plan, tmp_path):
    data = tmp_path / "data"
    with serving(data) as server:
        created(plan(NOTHING), "--cron", "@yearly", "--name", "first", "--disabled", data=data)
        created(plan(NOTHING), "--every", "1d", "--name", "second", "--time-zone", "Asia/Kolkata", data=data)
        listed = sluice("schedules", data=data).stdout.splitlines()
        assert [line.split()[0] for line in listed] == ["first", "second"] and "disabled" in listed[0] and "every 1d" in listed[1]
        page = sluice("schedules", "--limit", "1", data=data)
        assert page.stdout.count("\n") == 1 and "--after first`" in page.stderr
        assert sluice("schedules", "enable", "first", data=data).returncode == 0
        assert schedule_of(server, "first")["next"].endswith("-01-01T00:00:00.000Z")
        shown = sluice("schedules", "show", "first", data=data).stdout
        assert "when      @yearly\n" in shown and shown.count("-01-01T00:00:00.000Z") == 6
        removed = sluice("schedules", "rm", schedule_of(server, "first")["id"], "--json", data=data)
        assert json.loads(removed.stdout) == {"schedule": "first"}
        assert [one["schedule"] for one in server.ask("GET", "/v1/schedules")[1]["schedules"]] == ["second"]


def test_a_run_that_cannot_start_is_tried_again_and_the_schedule_says_why(plan, tmp_path):
    data = tmp_path / "data"
    made = created(plan(NOTHING), "--cron", "* * * * *", "--start", ago(minutes=2, seconds=1), "--end", ago(seconds=1), data=data)
    digest = json.loads(sluice("schedules", "show", made["id"], "--json", data=data).stdout)["plan_digest"]
    [text] = (data / "objects").glob(f"??/??/{digest}")
    text.rename(tmp_path / "away")
    with serving(data) as server:
        problem = until(lambda: schedule_of(server).get("problem"), "it has a problem")
        assert digest[:12] in problem and runs_of(server) == []
        assert "(has a problem)" in sluice("schedules", data=data).stdout
        (tmp_path / "away").rename(text)
        until(lambda: has_ended(server), "it has caught up")
        assert len(instants_of(server)) == 2 and "problem" not in schedule_of(server)


def test_who_may_use_them(plan, tmp_path):
    data = tmp_path / "data"
    with serving(data) as server:
        reader, runner = (token_for(role, data) for role in ("read", "run"))
        body = {"plan": NOTHING, "file": "plan.yaml", "cron": "@daily", "name": "mine"}
        assert server.ask("POST", "/v1/schedules", body, reader)[0] == 403
        status, made = server.ask("POST", "/v1/schedules", body, runner)
        assert status == 201 and made["by"] == "a-run", made
        assert server.ask("GET", "/v1/schedules", None, reader)[1]["schedules"][0]["schedule"] == "mine"
        for method, path in (("POST", "/v1/schedules/mine/disable"), ("POST", "/v1/schedules/mine/enable"), ("DELETE", "/v1/schedules/mine")):
            status, answer = server.ask(method, path, {} if method == "POST" else None, reader)
            assert status == 403 and "has the role" in json.dumps(answer), answer
            assert server.ask(method, path, {} if method == "POST" else None, runner)[0] == 200
        assert server.ask("GET", "/v1/schedules/mine", None, reader)[0] == 404


def test_what_it_submits_is_not_swept(plan, tmp_path):
    data = tmp_path / "data"
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "say.sh").write_text("cat \"$1\"\n")
    (tmp_path / "words").write_text("words\n")
    text = """
sluice: 1
pipelines:
  main:
    inputs: {words: {type: artifact, kind: file}}
    graph: {say: {process: [sh, say.sh, "${inputs.words}"], code: code}}
"""
    assert sluice("models", data=data).returncode == 0
    models = objects_of(data)
    created(plan(text), "--every", "1s", "--start", ago(hours=40), "--end", ago(hours=39, minutes=59, seconds=59), "--input", f"words={tmp_path / 'words'}", data=data)
    age(data, 30)
    kept = objects_of(data) - models
    (tmp_path / "code" / "say.sh").unlink()
    (tmp_path / "words").unlink()
    stays = gc("--keep-last", "0", "--cache-bytes", "0", data=data)["stays"]
    assert {"kind": "objects", "name": f"{len(kept)} objects", "why": "schedule plan"}.items() <= next(
        (thing for thing in stays if thing["why"] == "schedule plan"), {}).items() and len(kept) >= 4, stays
    assert kept <= objects_of(data)
    assert killing.command("fsck", data=data).returncode == 0
    with serving(data) as server:
        until(lambda: has_ended(server), "its run has ended")
        assert [run["status"] for run in runs_of(server)] == ["succeeded"]
    assert sluice("schedules", "rm", "plan", data=data).returncode == 0
    age(data, 30)
    gc("--keep-last", "0", "--cache-bytes", "0", data=data)
    assert not kept & objects_of(data), "it is gone with its run, and so is what it submitted"


@pytest.mark.parametrize(("arguments", "message"), [
    (["--cron", "61 * * * *"], "sluice: cron: `61` is not a valid minute: it is from 0 to 59"),
    (["--cron", "* * *"], "sluice: cron: a cron expression has five fields, or six with the second before them, not 3; `30 7 * * mon-fri` is every "
                          "working day at 7:30"),
    (["--cron", "0 0 31 feb *"], "sluice: cron: it never occurs: no month that it names has such a day"),
    (["--cron", "@dayly"], "sluice: cron: `@dayly` is not a name of a cron expression; did you mean `@daily`?"),
    (["--every", "0s"], "sluice: every: `0s` is not an interval such as 90s, 15m, 1h30m or 2d"),
    (["--every", "soon"], "sluice: every: `soon` is not an interval such as 90s, 15m, 1h30m or 2d"),
    (["--every", "10ms"], "sluice: interval: 10ms is not between a second and a hundred years"),
    ([], "sluice: a schedule needs a cron expression or an interval, and not both; an interval of zero is none"),
    (["--cron", "@daily", "--every", "1h"], "sluice: a schedule needs a cron expression or an interval, and not both; an interval of zero is none"),
    (["--cron", "@daily", "--time-zone", "Europa/Berlin"], "sluice: time_zone: there is no time zone `Europa/Berlin`; did you mean `Europe/Berlin`?"),
    (["--cron", "@daily", "--start", "tomorrow"], "sluice: start: `tomorrow` is not a time such as 2026-12-01T07:30:00Z or 2026-12-01T07:30+01:00"),
    (["--cron", "@daily", "--start", "2026-12-01T00:00Z", "--end", "2026-11-01T00:00Z"],
     "sluice: end: 2026-11-01T00:00:00.000Z is not after the start, 2026-12-01T00:00:00.000Z"),
    (["--cron", "@daily", "--max-concurrency", "0"], "sluice schedule: --max-concurrency: `0` is not a number from 1 to 100"),
    (["--cron", "@daily", "--name", "a/b"], "sluice: `a/b` is not a name for a schedule: write up to 100 letters, digits, `_`, `-` and `.`"),
    (["--cron", "@daily", "--instant-input", "n"], "sluice: pipeline `main` has no input `n` that is a string"),
    (["--cron", "@daily", "--instant-input", "day", "--input", "day=x"], "sluice: input `day` is given both a value and the instant"),
])
def test_bad_schedules_are_refused(plan, tmp_path, arguments, message):
    given = [] if "--instant-input" in arguments else ["--input", "day=x"]
    done = sluice("schedule", plan(DAY), *arguments, *given, data=tmp_path / "data")
    assert done.returncode == 2 and done.stderr.partition("; see `sluice schedule")[0].rstrip("\n") == message, done.stderr


def test_a_plan_that_cannot_run_is_refused_when_it_is_scheduled(plan, tmp_path):
    data = tmp_path / "data"
    done = sluice("schedule", plan(DAY), "--cron", "@daily", data=data)
    assert done.returncode == 2 and "input `day`: it is missing" in done.stderr
    secret = "sluice: 1\npipelines: {main: {graph: {a: {process: [x], env: {T: {secret: hub.token}}}}}}\n"
    done = sluice("schedule", plan(secret), "--cron", "@daily", data=data)
    assert done.returncode == 2 and "there is no secret `hub.token`" in done.stderr
    assert sluice("schedules", data=data).stdout == ""
    for action in ("show", "enable", "disable", "rm"):
        done = sluice("schedules", action, "plan", data=data)
        assert done.returncode == 2 and done.stderr == "sluice: there is no schedule `plan`; `sluice schedules` lists them\n"
        assert sluice("schedules", action, data=data).stderr == f"sluice: `sluice schedules {action}` needs a NAME\n"
    assert sluice("schedules", "list", "plan", data=data).stderr == "sluice: `sluice schedules list` takes no name\n"
