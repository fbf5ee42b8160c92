"""Secrets: set from standard input, given to tasks, shown to nobody."""
import json
import subprocess

import pytest
from fault import killing
from sluice_program import BIN, environment, report_of, serving, sluice

VALUE = "s3cret-value-of-a-token"


def set_secret(data, value, *words, code=0):
    done = subprocess.run([BIN / "sluice", "secrets", "set", *words, "--data", data], input=value, capture_output=True, text=True, env=environment())
    assert done.returncode == code, done.stderr
    assert VALUE not in done.stdout + done.stderr
    return done.stderr


@pytest.fixture
def data(tmp_path):
    set_secret(tmp_path / "data", VALUE + "\n", "hub", "token")
    return tmp_path / "data"


def plan_of(tmp_path, script, variable="{secret: hub.token}"):
    plan = tmp_path / "plan.yaml"
    plan.write_text(f"""
sluice: 1
pipelines:
  main:
    outputs: {{size: "${{use.size}}"}}
    graph:
      use:
        process: [sh, -c, {json.dumps(script)}, sh, "${{out.size}}"]
        env: {{TOKEN: {variable}}}
        outputs: {{size: {{type: integer}}}}
""")
    return plan


SIZE = 'printf "%s" "$TOKEN" | wc -c > "$1"'


def files_with(data, text):
    return [path for path in data.rglob("*") if path.is_file() and not path.is_symlink() and text.encode() in path.read_bytes()]


def test_a_task_gets_it_and_it_is_written_nowhere_else(data, tmp_path):
    report = report_of(sluice("run", plan_of(tmp_path, SIZE), "--json", data=data))
    assert report["outputs"]["size"] == len(VALUE), "without the line end of standard input"
    assert report["tasks"][0]["call"]["env"] == {"TOKEN": {"secret": "hub.token"}}
    (file,) = files_with(data, VALUE)
    assert file == data / "secrets/default.json" and file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700


def test_logs_and_failures_show_stars(data, tmp_path):
    run = report_of(sluice("run", plan_of(tmp_path, 'echo "the token is $TOKEN!"; echo "again: $TOKEN" >&2; exit 3'), "--json", data=data))
    failure = run["tasks"][0]["failure"]
    assert failure["message"] == "exit status 3: again: ***" and VALUE not in json.dumps(run), failure
    assert VALUE not in "".join(killing.events_of(data, run["run"]))
    logs = sluice("logs", run["run"], "use", data=data)
    assert logs.stdout == "the token is ***!\nagain: ***\n", logs
    with serving(data) as server:
        assert server.ask("GET", f"/v1/runs/{run['run']}/log?task=use")[1] == "the token is ***!\nagain: ***\n"
        assert server.ask("GET", f"/v1/runs/{run['run']}/log?task=use&follow=1")[1] == "the token is ***!\nagain: ***\n"


def test_another_value_is_another_result(data, tmp_path):
    plan = plan_of(tmp_path, SIZE)
    assert report_of(sluice("run", plan, "--json", data=data))["outputs"]["size"] == len(VALUE)
    assert report_of(sluice("run", plan, "--json", data=data))["tasks"][0]["cached"]
    set_secret(data, "another", "hub", "token")
    again = report_of(sluice("run", plan, "--json", data=data))
    assert not again["tasks"][0]["cached"] and again["outputs"]["size"] == len("another")


def test_without_an_optional_one_there_is_no_variable(data, tmp_path):
    plan = plan_of(tmp_path, 'if [ "$${TOKEN+set}" ]; then printf "%s" "$TOKEN" | wc -c > "$1"; else echo 0 > "$1"; fi', "{secret: hub.maybe, optional: true}")
    reports = [report_of(sluice("run", plan, "--json", data=data)) for _ in range(2)]
    assert reports[1]["outputs"]["size"] == 0 and reports[1]["tasks"][0]["cached"]
    set_secret(data, "there", "hub", "maybe")
    again = report_of(sluice("run", plan, "--json", data=data))
    assert again["outputs"]["size"] == len("there") and not again["tasks"][0]["cached"]


def test_list_and_remove(data, tmp_path):
    set_secret(data, "x" * 65536, "other", "a-b_C")
    listed = json.loads(sluice("secrets", "list", "--json", data=data).stdout)["secrets"]
    assert [secret["secret"] for secret in listed] == ["hub.token", "other.a-b_C"] and VALUE not in json.dumps(listed)
    assert sluice("secrets", "list", data=data).stdout.startswith("hub.token ")
    done = sluice("secrets", "rm", "hub", "tokem", data=data)
    assert done.returncode == 2 and "there is no secret `hub.tokem`; did you mean `hub.token`?" in done.stderr, done.stderr
    assert sluice("secrets", "rm", "hub", "token", data=data).returncode == 0
    assert not files_with(data, VALUE)
    done = sluice("run", plan_of(tmp_path, SIZE), data=data)
    assert done.returncode == 2 and "plan.yaml:9:22: there is no secret `hub.token`; set it from standard input: `sluice secrets set hub token`" in done.stderr
    assert not json.loads(sluice("runs", "--json", data=data).stdout)["runs"], "refused before anything runs"


@pytest.mark.parametrize("value, words, why", [
    ("", ["hub", "token"], "is empty"), ("\n", ["hub", "token"], "is empty"), ("a\0b", ["hub", "token"], "without NUL"),
    ("x" * 65537, ["hub", "token"], "at most 64 KiB"), ("x", ["hub"], "needs a NAME and a KEY"), ("x", ["../hub", "token"], "of letters, digits"),
    ("x", ["hub", "to.ken"], "of letters, digits")])
def test_what_cannot_be_a_secret_is_refused(data, value, words, why):
    assert why in set_secret(data, value, *words, code=2)


def test_what_a_plan_may_write(data, tmp_path):
    for variable, why in [("{secret: hub}", "a secret is named NAME.KEY, not `hub`"), ("{secret: '${inputs.x}'}", ""), ("{secrets: hub.token}", "should be a string"), ("{secret: hub.token, optional: maybe}", "should be a string"),
                          ("{secret: hub.token, more: 1}", "should be a string")]:
        done = sluice("compile", plan_of(tmp_path, SIZE, variable))
        assert done.returncode == 2 and why in done.stderr, (variable, done.stderr)
    canonical = sluice("compile", plan_of(tmp_path, SIZE)).stdout
    assert "env: {TOKEN: {secret: hub.token}}" in canonical


def test_over_the_api_only_an_administrator_sets_and_every_change_is_recorded(data):
    with serving(data) as server:
        token = json.loads(sluice("token", "add", "ci", "--role", "run", "--json", data=data).stdout)["token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert server.ask("PUT", "/v1/secrets/hub/token", {"value": "stolen"}, headers=headers)[0] == 403
        assert server.ask("GET", "/v1/secrets", headers=headers)[0] == 403
        assert server.ask("PUT", "/v1/secrets/hub/second", {"value": "four"})[0] == 200
        assert server.ask("PUT", "/v1/secrets/hub/..%2Fx", {"value": "four"})[0] == 400
        changes = server.ask("GET", "/v1/audit")[1]["changes"]
    assert ("secret.set", "hub.second") in [(change["what"], change["subject"]) for change in changes]
    assert "four" not in json.dumps(changes)


def test_a_backup_holds_none(data, tmp_path):
    assert sluice("backup", tmp_path / "backup", data=data).returncode == 0
    assert not files_with(tmp_path / "backup", VALUE)
