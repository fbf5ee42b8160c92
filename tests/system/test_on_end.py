"""--on-end: a command or a URL is told that a run has ended."""
import json

import pytest
import waiting
from elsewhere import elsewhere
from sluice_program import report_of, serving, sluice

FAILS = "sluice: 1\npipelines: {main: {graph: {bad: {process: [sh, -c, 'echo no luck >&2; exit 3']}}}}\n"
WORKS = "sluice: 1\npipelines: {main: {graph: {good: {process: ['true']}}}}\n"


@pytest.fixture
def hook():
    with elsewhere() as server:
        server.files["/hook"] = b"thanks"
        yield server


def told(hook):
    return [json.loads(body) for method, path, _, body in hook.requests if (method, path) == ("POST", "/hook?key=secret")]


def on_end(plan, what, *options, data, code=0):
    done = sluice("run", plan, "--on-end", what, *options, "--json", data=data)
    assert done.returncode == code, done.stderr
    return report_of(done), done.stderr


def test_a_command_gets_the_end_in_its_environment(plan, tmp_path):
    data, out = tmp_path / "data", tmp_path / "out"
    command = f'echo "$SLUICE_RUN $SLUICE_STATUS: $SLUICE_FAILURE" >> {out}; echo told'
    report, stderr = on_end(plan(FAILS), command, data=data, code=1)
    assert out.read_text() == f"{report['run']} failed: exit status 3: no luck\n" and stderr.endswith("told\n")
    report, _ = on_end(plan(WORKS), command, data=data)
    assert out.read_text().splitlines()[1] == f"{report['run']} succeeded: "


def test_a_command_that_fails_changes_nothing(plan, tmp_path):
    _, stderr = on_end(plan(WORKS), "exit 5", data=tmp_path / "data")
    assert "sluice: warning: --on-end: the command ended with 5\n" in stderr
    _, stderr = on_end(plan(WORKS), "kill -TERM $$", data=tmp_path / "data")
    assert "the command ended by signal 15" in stderr


def test_a_url_gets_json(plan, hook, tmp_path):
    report, _ = on_end(plan(FAILS), hook.origin() + "/hook?key=secret", data=tmp_path / "data", code=1)
    (message,) = told(hook)
    assert message == {"run": report["run"], "status": "failed", "name": str(tmp_path / "plan.yaml"), "pipeline": "main", "started": report["created"],
                       "ended": report["ended"], "first_failure": {"path": "bad", "kind": message["first_failure"]["kind"], "message": "exit status 3: no luck"}}
    assert message["first_failure"]["kind"] == report["tasks"][0]["failure"]["kind"]
    on_end(plan(WORKS), hook.origin() + "/hook?key=secret", data=tmp_path / "data")
    assert "first_failure" not in told(hook)[1]


def test_a_url_has_the_rules_of_urls(plan, hook, tmp_path):
    hook.files["/away"] = lambda handler: handler.send(302, b"", Location=hook.origin() + "/hook?key=secret")
    _, stderr = on_end(plan(WORKS), hook.origin() + "/away", data=tmp_path / "data")
    assert f"warning: --on-end: {hook.origin()} responded with status 302\n" in stderr
    _, stderr = on_end(plan(WORKS), hook.origin("2130706433") + "/hook?key=secret", data=tmp_path / "data")
    assert "2130706433 has the loopback address 127.0.0.1, which is not allowed" in stderr and "secret" not in stderr
    assert not told(hook)
    _, stderr = on_end(plan(WORKS), hook.origin("2130706433") + "/hook?key=secret", "--allow-address", "127.0.0.1", data=tmp_path / "data")
    assert len(told(hook)) == 1, stderr
    done = sluice("run", plan(WORKS), "--on-end", "https://ann:pw@example.org/", data=tmp_path / "data")
    assert done.returncode == 2 and "--on-end: the URL has a user name or a password" in done.stderr


def test_what_does_not_respond_is_asked_again(plan, hook, tmp_path):
    statuses = [503, 503, 200]
    hook.files["/hook"] = lambda handler: handler.send(statuses.pop(0), b"")
    on_end(plan(WORKS), hook.origin() + "/hook?key=secret", data=tmp_path / "data")
    assert len(told(hook)) == 3 and not statuses


def test_a_server_tells_of_every_run(plan, hook, tmp_path):
    data = tmp_path / "data"
    with serving(data, "--on-end", hook.origin() + "/hook?key=secret"):
        runs = [report_of(sluice("run", plan(text), "--json", data=data))["run"] for text in (FAILS, WORKS)]
        waiting.until(lambda: len(told(hook)) == 2, "both were told")
    assert [(message["run"], message["status"]) for message in told(hook)] == [(runs[0], "failed"), (runs[1], "succeeded")]
    assert (data / "to_tell").read_text() == ""


def test_a_server_tells_what_one_that_died_did_not(plan, hook, tmp_path):
    data = tmp_path / "data"
    with waiting.Gate(tmp_path / "gate") as gate, serving(data, "--on-end", f"read line < {gate.path}") as server:
        ended = report_of(sluice("run", plan(WORKS), "--json", data=data))["run"]
        waiting.until(lambda: ended in (data / "to_tell").read_text(), "its end is noted")
        server.kill()
    with serving(data, "--on-end", hook.origin() + "/hook?key=secret"):
        waiting.until(lambda: told(hook), "it was told")
    assert told(hook)[0]["run"] == ended
