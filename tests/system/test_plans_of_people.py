"""Plans as people write them: what once went wrong, run by the real programs."""
import json

from sluice_program import sluice

COMMIT = """sluice: 1
pipelines:
  main:
    inputs: {sha: {type: string, default: x}, any: {type: any, default: 1}}
    graph: {t: {process: [sh, -c, 'echo "$@"; echo "SHA=$SHA PY=$PY"', sh, 72225e2, 3.10, "${inputs.sha}", "${inputs.any}", ~, 0x10, .nan], env: {SHA: 01443e5, PY: 3.10}}}
"""

MISC = """sluice: 1
pipelines:
  main:
    inputs: {flag: {type: boolean, default: false}}
    outputs: {a: "${default(maybe.o, 'none')}", b: "${after_skip.o}"}
    graph:
      maybe: {process: [sh, -c, 'echo 1 > $1', sh, "${out.o}"], if: "${inputs.flag}", outputs: {o: {type: integer}}}
      after_skip: {process: [sh, -c, 'echo 2 > $1', sh, "${out.o}"], after: [maybe], outputs: {o: {type: integer}}}
      reads: {process: [echo, "${maybe.o}"]}
      slow: {process: [sh, -c, 'trap "" TERM; sleep 30 & wait; sleep 30'], timeout: 1s, fails: false}
      bg: {process: [sh, -c, 'sleep 60 & echo started']}
      stdin: {process: [cat]}
"""

SIGNALS = """sluice: 1
pipelines:
  main:
    graph:
      segv: {process: [sh, -c, 'echo before; kill -SEGV $$'], retry: {limit: 2, backoff: 100ms}}
      oomlike: {process: [sh, -c, 'kill -KILL $$']}
      inner: {process: [sh, -c, 'sh -c "kill -TERM \\$\\$"; exit $?']}
      pipefail: {process: [bash, -c, 'false | true']}
      bin: {process: [sh, -c, 'printf "a\\377\\376b\\n\\033[31mred\\033[0m\\n\\0nul\\n"; exit 3']}
      after segv: {process: [/bin/true], after: segv}
"""

RETRY = """sluice: 1
pipelines: {main: {graph: {t: {process: [sh, -c, "exit 75"], retry: {limit: 2, backoff: 50ms, when: "${error.exit_code == 75}"}}}}}
"""

BRACES = """sluice: 1
pipelines: {main: {graph: {t: {process: [sh, -c, 'for f in a.txt; do echo ${f%.txt}; done']}}}}
"""


def tasks_of(data):
    return {task["path"]: task for task in json.loads(sluice("show", "latest", "--json", data=data).stdout)["tasks"]}


def test_arguments_arrive_as_they_are_spelled(plan, tmp_path):
    done = sluice("run", plan(COMMIT), data=tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert sluice("logs", "latest", "t", data=tmp_path / "data").stdout == "72225e2 3.10 x 1 ~ 0x10 .nan\nSHA=01443e5 PY=3.10\n"


def test_a_plan_may_begin_with_a_byte_order_mark_or_another_key(plan, tmp_path):
    for text in ("\ufeffsluice: 1\npipelines: {main: {graph: {t: {process: [echo, x]}}}}\n",
                 "pipelines: {main: {graph: {t: {process: [echo, x]}}}}\nsluice: 1\n"):
        done = sluice("run", plan(text), data=tmp_path / "data")
        assert done.returncode == 0, done.stderr


def test_a_plan_in_utf_16_is_named(tmp_path):
    file = tmp_path / "plan.yaml"
    file.write_bytes("sluice: 1\n".encode("utf-16"))
    done = sluice("run", file, data=tmp_path / "data")
    assert done.returncode == 2 and "the text is UTF-16; save it as UTF-8" in done.stderr, done.stderr


def test_braces_of_a_shell_are_explained(plan, tmp_path):
    done = sluice("run", plan(BRACES), data=tmp_path / "data")
    assert done.returncode == 2 and "write `$${` for a literal `${`" in done.stderr, done.stderr


def test_a_retry_by_exit_status(plan, tmp_path):
    done = sluice("run", plan(RETRY), data=tmp_path / "data")
    task = tasks_of(tmp_path / "data")["t"]
    assert done.returncode == 1 and task["attempts"] == 3 and task["failure"]["exit_code"] == 75, task


def test_failures_are_told_with_their_task(plan, tmp_path):
    data = tmp_path / "data"
    done = sluice("run", plan(SIGNALS), data=data)
    assert done.returncode == 1 and "sluice: 4 of 6 failed: segv: ended by signal 11" in done.stderr, done.stderr
    assert "  after segv  blocked: `segv` failed\n" in done.stderr, done.stderr
    tasks = tasks_of(data)
    assert tasks["segv"]["attempts"] == 3 and tasks["segv"]["failure"]["signal"] == 11
    assert tasks["oomlike"]["failure"]["signal"] == 9 and tasks["bin"]["failure"]["exit_code"] == 3
    assert "exit_code" not in tasks["oomlike"]["failure"]
    assert tasks["after%20segv"]["why"] == "`segv` failed"
    shown = sluice("show", "latest", data=data).stdout
    assert "  after segv " in shown and "error     4 of 6 failed" in shown and "%20" not in shown, shown


def test_skipped_tasks_are_shown_with_what_they_waited_for(plan, tmp_path):
    data = tmp_path / "data"
    done = sluice("run", plan(MISC), data=data)
    assert done.returncode == 0, done.stderr
    assert "  maybe  skipped: its `if` does not hold: ${inputs.flag}\n" in done.stderr, done.stderr
    for task in ("after_skip", "reads"):
        assert f"  {task}  skipped: `maybe` was skipped\n" in done.stderr, done.stderr
    tasks = tasks_of(data)
    assert tasks["maybe"]["why"] == "its `if` does not hold: ${inputs.flag}"
    assert tasks["after_skip"]["why"] == tasks["reads"]["why"] == "`maybe` was skipped"
    assert "`maybe` was skipped" in sluice("show", "latest", data=data).stdout


def test_the_log_of_a_task_is_found_under_the_path_that_is_shown(plan, tmp_path):
    data = tmp_path / "data"
    text = 'sluice: 1\npipelines: {main: {graph: {"büro 100%/a": {process: [sh, -c, "echo hello; exit 3"]}}}}\n'
    done = sluice("run", plan(text), data=data)
    assert "sluice: büro 100%25%2Fa: exit status 3" in done.stderr, done.stderr
    for path in ("büro 100%25%2Fa", "b%C3%BCro%20100%25%2Fa"):
        assert sluice("logs", "latest", path, data=data).stdout == "hello\n"
