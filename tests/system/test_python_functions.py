"""Tasks that call a function, `python:` of docs/python.md: cold, and by the fork of a warm interpreter."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import textwrap

import pytest
from fault import killing
from sluice_program import BIN, environment, report_of, serving
from waiting import Gate, process_ends, until


def is_interpreter(pid):
    try:
        return b"wait" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") and os.readlink(f"/proc/{pid}/fd/3").startswith("socket:")
    except OSError:
        return False


class Project:
    """A plan with one task, its code, and a data folder."""

    def __init__(self, root):
        self.root, self.data, self.plan, self.code = root, root / "data", root / "plan.yaml", root / "code"
        self.code.mkdir()

    def write(self, outputs="{}", given="{}", function="run", module="work", more=""):
        self.plan.write_text(f"""
sluice: 1
pipelines:
  main:
    graph:
      call:
        python: {{module: {module}, function: {function}, with: {given}}}
        code: code
        outputs: {outputs}
        {more}
""")

    def module(self, text, name="work"):
        (self.code / f"{name}.py").write_text(textwrap.dedent(text))

    def sluice(self, *arguments):
        return subprocess.run([BIN / "sluice", *map(str, arguments), "--data", str(self.data)], capture_output=True, text=True, timeout=300,
                              env=environment())

    def report(self, text=None, *arguments, **plan):
        if text is not None:
            self.module(text)
        self.write(**plan)
        return report_of(self.sluice("run", self.plan, "--no-cache", "--json", *arguments))["tasks"][0]

    def outputs(self, *arguments, **plan):
        return self.report(*arguments, **plan)["outputs"]

    def failure(self, text, **plan):
        self.module(text)
        self.write(**plan)
        done = self.sluice("run", self.plan, "--json")
        assert done.returncode == 1, done.stdout + done.stderr
        return json.loads(done.stdout)["tasks"][0]["failure"]["message"]

    def log(self):
        return self.sluice("logs", "latest", "call").stdout

    def interpreters(self):
        """The warm one of this data folder and its branch; a fork has the same command line, and no socket to the supervisor once it has an attempt."""
        return [pid for pid in self.children() if is_interpreter(pid) and os.getsid(pid) == pid]

    def children(self):
        """Those of the supervisor."""
        files = pathlib.Path(f"/proc/{killing.supervisor_of(self.data)}/task").glob("*/children")
        return [int(pid) for file in files for pid in file.read_text().split()]

    def waiting(self):
        """Forks that nobody has asked for yet: they are in the session of their interpreter."""
        return [pid for pid in self.children() if os.getsid(pid) in self.interpreters() and os.getsid(pid) != pid]


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


# Arguments and results

def test_arguments_come_from_inputs_and_outputs_from_the_result(project):
    (project.root / "rows.csv").write_text("1\n2\n")
    project.module("""
        import collections
        Result = collections.namedtuple("Result", "total note")
        def run(rows, scale, names, model, rate=0.5):
            with open(model, "w") as file:
                file.write("a model")
            return Result(sum(map(int, open(rows))) * scale * rate, f"{names['a']} {sorted(names)}")
    """)
    project.plan.write_text("""
sluice: 1
pipelines:
  main:
    inputs: {rows: {type: artifact, default: rows.csv}, rate: {type: number, optional: true}}
    outputs: {total: "${call.total}", note: "${call.note}", model: "${call.model}"}
    graph:
      call:
        python:
          module: work
          function: run
          with: {rows: "${inputs.rows}", scale: 10, names: {b: 1, a: [x]}, model: "${out.model}", rate: "${inputs.rate}"}
        code: code
        outputs: {total: {type: number}, note: {type: string, form: text}, model: {type: artifact}}
""")
    outputs = report_of(project.sluice("run", project.plan, "--json"))["outputs"]
    assert (outputs["total"], outputs["note"], outputs["model"]["$artifact"]["size"]) == (15.0, "['x'] ['a', 'b']", 7)
    again = report_of(project.sluice("run", project.plan, "--json", "--input", "rate=2"))
    assert again["outputs"]["total"] == 60.0 and not again["tasks"][0]["cached"]
    assert report_of(project.sluice("run", project.plan, "--json"))["tasks"][0]["cached"]


@pytest.mark.parametrize("declared, returned, expected", [
    ("{n: {type: integer}}", "3", {"n": 3}),
    ("{n: {type: struct}}", "{'n': {'a': [1, None]}}", {"n": {"n": {"a": [1, None]}}}),
    ("{n: {type: integer}, t: {type: string, form: text}}", "{'t': 'é', 'n': 1}", {"n": 1, "t": "é"}),
    ("{n: {type: integer}, t: {type: string, optional: true}}", "{'n': 1}", {"n": 1}),
    ("{n: {type: integer}, t: {type: string, optional: true}}", "{'n': 1, 't': None}", {"n": 1}),
    ("{n: {type: integer, optional: true}}", "None", {}),
    ("{n: {type: list}}", "Array()", {"n": [1, 2]}),
    ("{}", "None", {}),
])
def test_what_is_returned(project, declared, returned, expected):
    assert project.outputs(f"class Array:\n    def tolist(self): return [1, 2]\ndef run(): return {returned}\n", outputs=declared) == expected


def test_a_class_and_a_package_hold_functions_too(project):
    (project.code / "shop").mkdir()
    project.module("from . import parts\nclass Model:\n    @staticmethod\n    def fit(n): return n + parts.one\n", "shop/train")
    project.module("one = 1\n", "shop/parts")
    assert project.outputs(module="shop.train", function="Model.fit", given="{n: 1}", outputs="{n: {type: integer}}") == {"n": 2}
    assert project.outputs(module="math", function="hypot", given="{}", outputs="{n: {type: number}}") == {"n": 0.0}


# What goes wrong

@pytest.mark.parametrize("text, plan, message", [
    ("def rum(): pass\n", {}, "`work` has no function `run`; did you mean `rum`?"),
    ("run = 3\n", {}, "`run` of `work` is a int, not a function"),
    ("def run(): pass\n", {"module": "wrok"}, "there is no module `wrok` in the `code` of the task or in its environment; did you mean `work`?"),
    ("def run(): pass\n", {"module": "work.deep"}, "there is no module `work.deep` in the `code` of the task"),
    ("import absent\ndef run(): pass\n", {}, "No module named 'absent'; declare the packages of the task: `environment: {requirements: [absent]}`"),
    ("def run(a, b=1): pass\n", {"given": "{c: 1}"}, "`run(a, b=1)` cannot be called with `c`: missing a required argument: 'a'"),
    ("def run(): return 1\n", {}, "`run` returned a int, but the task declares no output for it; declare it in `outputs`, or return nothing"),
    ("def run(): return (1, 2)\n", {"outputs": "{a: {type: any}, b: {type: any}}"}, "`run` returned a tuple; for several outputs return a dict with `a`, `b`"),
    ("def run(): return {'a': 1, 'bb': 2}\n", {"outputs": "{a: {type: any}, b: {type: any}}"},
     "`run` returned `bb`, which the task does not declare in `outputs`; did you mean `b`?"),
    ("def run(): return {'a': 1}\n", {"outputs": "{a: {type: any}, b: {type: any}}"}, "`run` did not return the output `b`; return a dict with `a`, `b`"),
    ("def run(): return open('/dev/null')\n", {"outputs": "{a: {type: any}}"}, "the output `a` is a TextIOWrapper, which is no JSON value; write it to a file"),
    ("def run(): return float('nan')\n", {"outputs": "{a: {type: number}}"}, "the output `a` is no JSON value: Out of range float values"),
    ("def run():\n  a = []\n  a.append(a)\n  return a\n", {"outputs": "{a: {type: list}}"}, "the output `a` is no JSON value: Circular reference"),
    ("def run(): return '\\ud800'\n", {"outputs": "{a: {type: string, form: text}}"}, "the output `a` is no text in UTF-8"),
    ("def run(): return 'x'\n", {"outputs": "{a: {type: integer}}"}, "task `call` wrote its output `a` as `\"x\"`, but it is a string where integer is declared"),
    ("def run(): return 'x' * 70000\n", {"outputs": "{a: {type: string}}"}, "where a value has at most 64 KiB"),
    ("def run(): raise ValueError('of the task')\n", {}, "exit status 1: ValueError: of the task"),
    ("import sys\ndef run(): sys.exit(7)\n", {}, "exit status 7"),
    ("def run(:\n", {}, "SyntaxError"),
    ("import os, signal\ndef run(): os.kill(os.getpid(), signal.SIGKILL)\n", {}, "ended by signal 9"),
    ("import os\nos._exit(5)\ndef run(): pass\n", {}, "exit status 5"),
])
def test_a_mistake_is_told(project, text, plan, message):
    for again in range(2):  # in a new interpreter, and in a fork of one that has seen it
        assert message in project.failure(text + f"# {again}\n", **plan)


def test_a_trace_shows_the_frames_of_the_task_only(project):
    project.failure("def run():\n    deeper()\ndef deeper():\n    raise KeyError('x')\n")
    lines = project.log().splitlines()
    assert lines[0] == "Traceback (most recent call last):" and '/work.py", line 2, in run' in lines[1] and lines[-1] == "KeyError: 'x'", lines
    assert not any("<string>" in line for line in lines), lines


def test_what_is_printed_is_the_log_and_no_result(project):
    report = project.report("import os, sys\ndef run():\n    print('{\"n\": 5}')\n    os.write(2, b'by the system\\n')\n    return 4\n",
                            outputs="{n: {type: integer}}")
    assert report["outputs"] == {"n": 4}
    assert sorted(project.log().splitlines()) == ["by the system", '{"n": 5}']


def test_mistakes_in_the_plan_are_found_before_it_runs(project):
    project.module("def run(): pass\n")
    project.write(outputs="{model: {type: artifact}}")
    done = project.sluice("run", project.plan)
    assert done.returncode == 2 and "plan.yaml:9:19: `run` cannot return the artifact `model`; give it the path to write to: " in done.stderr, done.stderr


# Warm interpreters

SHOW = """
    import os, resource, signal, sys, time{imported}
    def run(secret=""):
        fixed = {{name: value for name, value in os.environ.items() if name not in ("HOME", "TMPDIR") and not name.startswith(("SLUICE_", "MLFLOW_"))}}
        return {{
            "environment": fixed, "own": [name for name in sorted(os.environ) if name.startswith("SLUICE_")],
            "folder": os.path.basename(os.getcwd()), "home": os.environ["HOME"].startswith(os.path.dirname(os.getcwd())),
            "path": sys.path[:2], "arguments": sys.argv, "executable": sys.executable, "mask": os.umask(0o22),
            "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1],
            "session": os.getsid(0) == os.getpid(), "files": resource.getrlimit(resource.RLIMIT_NOFILE),
            "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD)],
            "set": list({{"a", "b", "c", "d", "e"}}), "hash": hash("x"), "zone": time.tzname, "buffered": sys.stdout.line_buffering,
            "threads": os.environ["OMP_NUM_THREADS"], "flags": str(sys.flags), "main": __name__,
        }}
"""


def script_task(project, text, args="[]", outputs="{}", more="", table=False):
    project.plan.write_text(f"""
sluice: 1
pipelines:
  main:
    {'inputs: {table: {type: artifact, default: table.csv}}' if table else ''}
    graph:
      call:
        python:
          args: {args}
          script: {json.dumps(textwrap.dedent(text))}
        code: code
        outputs: {outputs}
        {more}
""")
    return project.sluice("run", project.plan, "--no-cache", "--json")


def test_a_script_runs_with_its_arguments(project):
    (project.root / "table.csv").write_text("a\n1\n")
    project.module("def twice(text): return text * 2\n", "own")
    done = script_task(project, """
        import sys
        import own
        from dataclasses import dataclass
        import pickle

        @dataclass
        class Row:
            text: str

        assert pickle.loads(pickle.dumps(Row("a"))) == Row("a") and __name__ == "__main__"
        path, number, absent_or_not, out, file = sys.argv[1:]
        print("said", sys.argv[0])
        with open(out, "w") as it:
            it.write(own.twice(open(path).read() + number + absent_or_not))
        open(file, "w").write("[1]")
    """, '["${inputs.table}", 5, "${default(null, \'x\')}", "${out.text}", "${out.file}"]',
        "{text: {type: string, form: text}, file: {type: artifact}}", table=True)
    task = report_of(done)["tasks"][0]
    assert task["outputs"]["text"] == "a\n1\n5xa\n1\n5x" and task["interpreter"] == "forked", task
    assert project.log() == "said -c\n"


@pytest.mark.parametrize("text, message", [
    ("import sys\nprint('why', file=sys.stderr)\nsys.exit(3)", "exit status 3"),
    ("def f():\n    raise ValueError('no')\nf()", "ValueError: no"),
    ("def f(:", "SyntaxError"),
    ("import os; os.kill(os.getpid(), 9)", "signal 9"),
])
def test_a_script_that_fails(project, text, message):
    done = script_task(project, text)
    assert done.returncode == 1, done.stdout + done.stderr
    failure = json.loads(done.stdout)["tasks"][0]["failure"]["message"]
    assert message in failure or message in project.log(), (failure, project.log())
    assert 'File "<string>"' not in project.log()


def test_scripts_share_an_interpreter_and_its_imports(project):
    """What differs only in its arguments, or in what it does, is forked from one branch."""
    project.plan.write_text("""
sluice: 1
pipelines:
  main:
    graph:
      loop:
        each: [1, 2, 3, 4]
        as: n
        graph:
          one:
            python: {script: "import sys, json, os\\nopen(sys.argv[2], 'w').write(json.dumps([os.getsid(0) == os.getpid(), 'json' in sys.modules, sys.argv[1]]))", args: ["${n}", "${out.o}"]}
            outputs: {o: {type: "list<any>"}}
        yield: {o: "${one.o}"}
    outputs: {o: "${loop.o}"}
""")
    report = report_of(project.sluice("run", project.plan, "--json"))
    assert report["outputs"]["o"] == [[True, True, str(n)] for n in (1, 2, 3, 4)]
    assert {task["interpreter"] for task in report["tasks"] if task["kind"] == "process"} == {"forked"}
    again = report_of(project.sluice("run", project.plan, "--json"))
    assert all(task["cached"] for task in again["tasks"] if task["kind"] == "process")


def test_warm_and_cold_give_the_same(project):
    (project.root / "packages").mkdir()
    (project.root / "packages/threaded.py").write_text("import threading, time\nthreading.Thread(target=time.sleep, args=[600], daemon=True).start()\n")
    more = f"env: {{TZ: XYZ5, MODE: test, PYTHONPATH: {project.root}/packages, CALL: '${{run.id}}'}}\n        resources: {{cpu: 1.5}}"
    seen = {}
    for how, imported in (("forked", ""), ("threads", ", threaded")):
        report = project.report(SHOW.format(imported=imported), outputs="{shown: {type: struct}}", more=more)
        assert report["interpreter"] == how
        seen[how] = report["outputs"]["shown"]
        seen[how]["environment"].pop("CALL")
    assert seen["forked"] == seen["threads"]
    assert seen["forked"]["threads"] == "2" and seen["forked"]["zone"] == ["XYZ", "XYZ"]
    done = project.sluice("show", "latest")
    assert "not forked from a warm interpreter: its imports start a thread" in done.stdout, done.stdout


def test_forks_share_nothing_that_is_random(project):
    project.module("import random, uuid, tempfile\ndef run(): return [random.random(), str(uuid.uuid4()), tempfile.mkdtemp()]\n")
    project.write(outputs="{drawn: {type: list}}")
    drawn = []
    for _ in range(3):
        (task,) = report_of(project.sluice("run", project.plan, "--no-cache", "--json"))["tasks"]
        assert task["interpreter"] == "forked"
        drawn += task["outputs"]["drawn"]
    assert len(set(drawn)) == 9
    assert not any(text.startswith("/tmp/tmp") for text in drawn if isinstance(text, str)), "each has a folder of its own for what is temporary"


def test_forks_are_told_of_a_run_of_their_own(project):
    """Where their attempt logs with MLflow's client: the interpreter that they share knows nothing of it."""
    project.module("""
        import os
        def run():
            return [os.environ["MLFLOW_RUN_ID"], os.environ["MLFLOW_TRACKING_TOKEN"], os.environ["MLFLOW_TRACKING_URI"]]
    """)
    with serving(project.data) as server:
        tasks = [project.report(outputs="{told: {type: list}}") for _ in range(3)]
        assert [task["interpreter"] for task in tasks[1:]] == ["forked", "forked"] and len(project.interpreters()) == 2
    told = [task["outputs"]["told"] for task in tasks]
    assert len({run for run, _, _ in told}) == len({token for _, token, _ in told}) == 3
    assert {url for _, _, url in told} == {server.url}


@pytest.mark.parametrize("name", ["json", "resource"])  # which the interpreter itself imports: any, a warm one
def test_a_module_may_have_the_name_of_another(project, name):
    project.module("where = 'in the code'\n", name)
    project.module(f"import {name}\ndef run(): return {name}.where\n")
    assert project.outputs(outputs="{where: {type: string}}") == {"where": "in the code"}


def test_modules_of_different_code_do_not_mix(project):
    for text in ("first", "second"):
        project.module(f"def run(): return '{text}'\n")
        assert project.outputs(outputs="{text: {type: string}}") == {"text": text}
    assert len(project.interpreters()) == 2


def test_tasks_of_an_environment_share_its_interpreter(project):
    """Each set of imports and variables has a branch of it, and each branch nothing of the others."""
    shown = []
    for imported, variable in (("csv", "a"), ("sqlite3", "a"), ("csv", "b")):
        project.module(f"import os, sys\nimport {imported}\ndef run(): return [os.environ['V'], *({{'csv', 'sqlite3'}} & sys.modules.keys())]\n")
        report = project.report(outputs="{shown: {type: list}}", more=f"env: {{V: {variable}}}")
        assert report["interpreter"] == "forked"
        shown.append(report["outputs"]["shown"])
    assert shown == [["a", "csv"], ["a", "sqlite3"], ["b", "csv"]]
    assert len(project.interpreters()) == 1 + 3


def test_inputs_are_read_only_in_a_fork(project):
    (project.root / "big").mkdir()
    (project.root / "big/rows").write_bytes(b"x" * (2 << 20))
    project.plan.write_text("""
sluice: 1
pipelines:
  main:
    inputs: {rows: {type: artifact, kind: directory, default: big}}
    graph:
      call: {python: {module: work, function: run, with: {rows: "${inputs.rows}"}}, code: code, outputs: {size: {type: integer}}}
""")
    project.module("""
        import os
        def run(rows):
            try:
                open(rows + "/rows", "a").write("y")
            except OSError:
                return os.path.getsize(rows + "/rows")
    """)
    for _ in range(2):
        (task,) = report_of(project.sluice("run", project.plan, "--no-cache", "--json"))["tasks"]
        assert (task["outputs"], task["interpreter"]) == ({"size": 2 << 20}, "forked")


def test_an_environment_that_was_swept_is_made_anew(project):
    project.module("def run():\n    import xml.sax.handler, sys\n    return sys.prefix\n")
    prefixes = [project.outputs(outputs="{prefix: {type: string}}", more="environment: {requirements: []}")["prefix"]]
    assert len(project.interpreters()) == 2
    shutil.rmtree(project.data / "cache/environments")
    prefixes.append(project.outputs(outputs="{prefix: {type: string}}", more="environment: {requirements: []}")["prefix"])
    assert prefixes[0] == prefixes[1]


# Ends

WAITING = """
    import subprocess
    def run(gate, mark):
        with open(mark, "a") as file:
            print("started", file=file)
        child = subprocess.Popen(["sleep", "600"])
        print("waiting", child.pid, flush=True)
        with open(gate) as file:
            file.readline()
        child.kill()
        return 1
"""


@pytest.fixture
def waiting_call(project):
    project.module(WAITING)
    with Gate(project.root / "gate") as gate:
        project.write(outputs="{n: {type: integer}}", given=f"{{gate: {project.root}/gate, mark: {project.root}/mark}}", more="retry: {limit: 0}")
        yield project, gate


def submitted(project, server):
    """Starts the run of the plan; returns its id, once the function runs, and its child."""
    command = subprocess.Popen([BIN / "sluice", "run", project.plan, "--data", project.data], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=environment())
    try:
        run = server.first_run()

        def printed():
            texts = [file.read_text() for file in project.data.glob(f"logs/{run}/call.*.log")]
            return next((text for text in texts if text.startswith("waiting") and text.endswith("\n")), None)

        return run, int(until(printed, "it runs").split()[1])
    finally:
        command.kill()
        command.wait()


def test_cancel_ends_all_of_a_fork(waiting_call):
    project, _ = waiting_call
    with serving(project.data) as server:
        run, child = submitted(project, server)
        assert project.sluice("cancel", run, "--server", server.url).returncode == 0
        assert server.end_of(run)["status"] == "cancelled"
        assert process_ends(child)
        assert len(project.interpreters()) == 2


def test_a_timeout_ends_all_of_a_fork(waiting_call):
    project, _ = waiting_call
    project.plan.write_text(project.plan.read_text() + "        timeout: 2s\n")
    with serving(project.data) as server:
        run, child = submitted(project, server)
        assert server.end_of(run)["tasks"][0]["failure"]["kind"] == "timeout"
        assert process_ends(child)


def test_a_fork_runs_on_while_the_server_is_away(waiting_call):
    project, gate = waiting_call
    with serving(project.data) as server:
        run, _ = submitted(project, server)
        server.kill()
    with serving(project.data) as server:
        gate.open()
        report = server.end_of(run)
    assert report["status"] == "succeeded" and report["tasks"][0]["interpreter"] == "forked"
    assert (project.root / "mark").read_text() == "started\n"


def test_a_fork_runs_on_when_its_interpreter_dies(waiting_call):
    project, gate = waiting_call
    with serving(project.data) as server:
        run, _ = submitted(project, server)
        for interpreter in project.interpreters():
            os.kill(interpreter, signal.SIGKILL)
        gate.open()
        assert server.end_of(run)["status"] == "succeeded"


def test_a_fork_dies_with_its_supervisor_and_is_tried_again(waiting_call):
    project, gate = waiting_call
    with serving(project.data) as server:
        run, child = submitted(project, server)
        interpreters = project.interpreters()
        waiting = until(lambda: len(project.waiting()) == 2 and project.waiting(), "a fork of each waits")
        os.kill(killing.supervisor_of(project.data), signal.SIGKILL)
        assert all(process_ends(pid) for pid in interpreters + waiting)
        until(lambda: (project.root / "mark").read_text() == "started\nstarted\n", "it is tried again")
        assert process_ends(child)
        gate.open()
        report = server.end_of(run)
    assert report["status"] == "succeeded" and report["tasks"][0]["attempts"] == 2


def test_memory_and_output_of_a_fork_are_limited(project):
    failure = project.failure("def run():\n    kept = []\n    while True: kept.append(bytearray(1 << 20))\n", more="resources: {memory: 300Mi}")
    assert "used more than the 315 MB of its `resources.memory`" in failure, failure
    assert "printed more than 64 MiB and was killed" in project.failure("def run():\n    while True: print('x' * 10000)\n")
