"""The output of the commands, their exit statuses, and their error messages."""
import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import zlib

import pytest
from sluice_program import BIN, ROOT, environment, report_of, serving, sluice, start
from waiting import Gate, until

HELLO = """
sluice: 1
pipelines:
  main:
    inputs: {name: {type: string, default: world}}
    outputs: {greeting: "${greet.text}"}
    graph:
      greet:
        process: [sh, -c, 'echo "greeting $1"; printf "hello %s" "$1" > "$2"', sh, "${inputs.name}", "${out.text}"]
        outputs: {text: {type: string, form: text}}
"""


def png(width=8, height=8, color=(200, 30, 30)):
    row = b"\0" + bytes(color) * width

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b""))


def check_stderr(finished, *words, status=None):
    if status is not None:
        assert finished.returncode == status, (finished.returncode, finished.stderr)
    for word in words:
        assert word in finished.stderr, finished.stderr


@pytest.mark.parametrize("command", ["up", "run", "resume", "cancel", "compile", "runs", "show", "logs", "get", "metrics", "models", "versions", "endpoints", "deploy", "undeploy", "predict", "doctor"])
def test_every_command_has_help_with_an_example(command):
    done = sluice(command, "--help")
    assert done.returncode == 0
    assert f"example:\n  sluice {command}" in done.stdout
    assert "--data" in done.stdout and "--json" in done.stdout


def test_run_prints_outputs_and_show_describes_them(plan, tmp_path):
    data = tmp_path / "data"
    done = sluice("run", plan(HELLO), "--input", "name=you", data=data)
    assert done.returncode == 0, done.stderr
    assert 'greeting = "hello you"' in done.stdout
    shown = sluice("show", "latest", data=data)
    assert "succeeded" in shown.stdout and "greet" in shown.stdout and "no finished task has its key" in shown.stdout
    assert sluice("logs", "latest", "greet", data=data).stdout == "greeting you\n"
    listed = json.loads(sluice("runs", "--json", data=data).stdout)["runs"]
    assert [run["status"] for run in listed] == ["succeeded"]


def test_a_failed_run_ends_with_1_and_says_where_and_why(plan, tmp_path):
    done = sluice("run", plan(HELLO.replace("printf", "exit 3; printf")), data=tmp_path / "data")
    check_stderr(done, "greet: exit status 3", "sluice logs", status=1)


def test_the_command_of_a_hint_can_be_pasted(plan, tmp_path):
    done = sluice("run", plan(HELLO.replace("printf", "echo no greeting today; exit 3; printf")), data=tmp_path / "it's here")
    hint = re.search(r"`(sluice logs .*?)` for the output of the task", done.stderr)
    assert hint, done.stderr
    shown = subprocess.run(["sh", "-c", hint.group(1)], capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment(PATH=f"{BIN}:{os.environ['PATH']}"))
    assert shown.returncode == 0 and "no greeting today" in shown.stdout, hint.group(1) + shown.stderr


def test_bad_usage_ends_with_2(plan, tmp_path):
    check_stderr(sluice("run"), "sluice run: FILE is required; see `sluice run --help`\n", status=2)
    check_stderr(sluice(), "sluice: a command is required; `sluice --help` lists the commands\n", status=2)
    check_stderr(sluice("runs", "extra"), "sluice runs: unexpected argument `extra`; see `sluice runs --help`\n", status=2)
    check_stderr(sluice("logs", "latest", "a", "--attempt", "none"), "sluice logs: ", "--attempt", "; see `sluice logs --help`", status=2)
    check_stderr(sluice("run", plan(HELLO), "--input", "nam=x", data=tmp_path / "data"), "has no input `nam`; did you mean `name`?", status=2)
    check_stderr(sluice("show", "nothing", data=tmp_path / "data"), "neither a run nor a model `nothing`", status=2)
    check_stderr(sluice("show", "latest", data=tmp_path / "empty"), "sluice: there are no runs yet\n", status=2)
    check_stderr(sluice("run", tmp_path / "missing.yaml", data=tmp_path / "data"), "missing.yaml", "No such file", status=2)


@pytest.mark.parametrize(("arguments", "message"), [
    (["runn"], "sluice: unknown command `runn`; did you mean `run`?"),
    (["xyzzy"], "sluice: unknown command `xyzzy`; see `sluice --help`"),
    (["complet"], "sluice: unknown command `complet`; did you mean `compile`?"),
    (["--versoin"], "sluice: unknown option `--versoin`; did you mean `--version`?"),
    (["run", "plan.yaml", "--inptu", "a=b"], "sluice run: unknown option `--inptu`; did you mean `--input`?"),
    (["run", "--inptu=a=b"], "sluice run: unknown option `--inptu`; did you mean `--input`?"),
    (["--data", "folder", "runs"], "sluice runs: `--data` must follow the command: `sluice runs --data ...`"),
    (["up", "--xyzzy"], "sluice up: unknown option `--xyzzy`; see `sluice up --help`"),
    (["runs", "--status", "faild"], "`faild` is not one of running, succeeded, failed, cancelled, set_aside; did you mean `failed`?"),
    (["runs", "--limit", "0"], "sluice runs: --limit: `0` is not a number from 1 to 10000"),
    (["completion", "bsah"], "`bsah` is not one of bash, zsh, fish; did you mean `bash`?"),
])
def test_a_misspelled_command_line_is_reported_with_the_nearest_name(arguments, message):
    check_stderr(sluice(*arguments), message, status=2)


def test_misspelled_names_are_reported_with_the_nearest(main_job, server, plan, stamps):
    data, report = main_job
    run = report["run"]
    picture = next((stamps / "bird").glob("*.png"))
    swapped = run[:-2] + ("Z" if run[-2] != "Z" else "Y") + run[-1]
    for arguments, message in [
        (["show", "latset"], "neither a run nor a model `latset`; did you mean `latest`?"),
        (["show", "stampz"], "neither a run nor a model `stampz`; did you mean `stamps`?"),
        (["show", swapped], f"neither a run nor a model `{swapped}`; did you mean `{run}`?"),
        (["show", "stamps@champoin"], "did you mean `champion`?"),
        (["show", "stampz@v1"], "there is no model `stampz` in workspace `default`; did you mean `stamps`?"),
        (["resume", swapped], f"there is no run `{swapped}`; did you mean `{run}`?"),
        (["cancel", "latset"], "there is no run `latset`; did you mean `latest`?"),
        (["logs", run, "evalaute"], f"run {run} has no task `evalaute`; did you mean `evaluate`?"),
        (["deploy", "stampz"], "there is no model `stampz` in workspace `default`; did you mean `stamps`?"),
        (["undeploy", "stampz"], "no endpoint `stampz`; did you mean `stamps`?"),
        (["predict", "stampz", picture], "`stampz`; did you mean `stamps`?"),
        (["run", plan(HELLO), "--pipeline", "mian"], "there is no pipeline `mian`; did you mean `main`?"),
    ]:
        check_stderr(sluice(*arguments, data=data), message, status=2)


def test_runs_are_listed_in_pages(plan, tmp_path):
    data = tmp_path / "data"
    runs = [report_of(sluice("run", plan(HELLO), "--json", data=data))["run"] for _ in range(3)]
    first = sluice("runs", "--limit", "2", data=data)
    assert [line.split()[0] for line in first.stdout.splitlines()] == runs[:0:-1]
    assert first.stderr == f"more: `sluice runs --data {data} --after {runs[1]}`\n"
    of_status = sluice("runs", "--limit", "1", "--status", "succeeded", data=data)
    assert of_status.stderr == f"more: `sluice runs --status succeeded --data {data} --after {runs[2]}`\n"
    rest = sluice("runs", "--after", runs[1], data=data)
    assert [line.split()[0] for line in rest.stdout.splitlines()] == runs[:1] and not rest.stderr
    assert not sluice("runs", "--limit", "3", data=data).stderr, "there are no older ones"
    check_stderr(sluice("runs", "--after", "nobody", data=data), "there is no run `nobody`", status=2)


def test_the_pipeline_to_run_need_not_be_called_main(plan, tmp_path):
    def echoing(*names):
        return plan("sluice: 1\npipelines:\n" + "".join(
            f"  {name}:\n    outputs: {{said: \"${{a.o}}\"}}\n    graph:\n"
            f"      a: {{process: [sh, -c, 'printf {name} > $0', \"${{out.o}}\"], outputs: {{o: {{type: string, form: text}}}}}}\n"
            for name in names))

    for names, arguments in [(["train"], []), (["train", "main"], []), (["train", "evaluate"], ["--pipeline", "evaluate"])]:
        done = sluice("run", echoing(*names), *arguments, "--json", data=tmp_path / "data")
        assert done.returncode == 0, done.stderr
        ran = json.loads(done.stdout)
        assert (ran["pipeline"], ran["outputs"]) == (names[-1], {"said": names[-1]})
    check_stderr(sluice("run", echoing("train", "evaluate"), data=tmp_path / "data"),
                 "plan.yaml:3:3: none of the plan's pipelines is called `main`; choose one with --pipeline: `train`, `evaluate`", status=2)


def test_compile_prints_the_canonical_text(plan, tmp_path):
    once = sluice("compile", plan(HELLO))
    assert once.returncode == 0, once.stderr
    (tmp_path / "again.yaml").write_text(once.stdout)
    assert sluice("compile", tmp_path / "again.yaml").stdout == once.stdout
    assert sluice("compile", plan(HELLO), "--emit", "dot").stdout.startswith("digraph")


def test_compile_writes_json(plan):
    printed = json.loads(sluice("compile", plan(HELLO), "--json").stdout)
    assert printed["plan"].startswith("sluice: 1\n") and len(printed["digest"]) == 64
    wrong = sluice("compile", plan(HELLO.replace("inputs.name", "inputs.nam")), "--json")
    assert wrong.returncode == 2
    assert "did you mean `name`?" in json.loads(wrong.stdout)["problems"][0]


def test_compile_reports_every_problem_at_once(plan):
    done = sluice("compile", plan("""sluice: 1
pipelines:
  main:
    graph:
      a: {process: [run, "${b.x}"], after: [tidyy]}
      b: {service: dataset.splitt}
      c: {process: [run, "${d.o}", "${out.o}"], outputs: {o: {type: string}}}
      d: {process: [run, "${c.o}", "${out.o}"], outputs: {o: {type: string}}}
      tidy: {call: missing}
"""))
    assert done.returncode == 2
    for what in ("tidyy", "did you mean `tidy`?", "dataset.splitt", "did you mean `dataset.split`?", "missing", "cycle"):
        assert what in done.stderr, done.stderr
    assert re.search(r"plan\.yaml:5:\d+: ", done.stderr), done.stderr


def test_a_task_that_does_not_write_its_output(plan, tmp_path):
    done = sluice("run", plan("""
sluice: 1
pipelines:
  main: {graph: {quiet: {process: ["true", "${out.o}"], outputs: {o: {type: integer}}}}}
"""), data=tmp_path / "data")
    check_stderr(done, "did not write its output `o`", status=1)


def test_a_class_with_one_picture_is_refused(tmp_path):
    pictures = tmp_path / "pictures"
    for name, count in (("cat", 6), ("dog", 1)):
        (pictures / name).mkdir(parents=True)
        for i in range(count):
            (pictures / name / f"{i}.png").write_bytes(png(color=(i * 30, 0, 0)))
    done = sluice("run", ROOT / "examples" / "stamps" / "sluice.yaml", "--input", f"pictures={pictures}", data=tmp_path / "data")
    check_stderr(done, "class `dog` has 1 picture; at least 3 are needed", status=2)
    assert "sluice.yaml:21:7: service `dataset.split`: " in done.stderr


def test_an_unreadable_picture_is_named(tmp_path):
    pictures = tmp_path / "pictures"
    for name in ("cat", "dog"):
        (pictures / name).mkdir(parents=True)
        for i in range(6):
            (pictures / name / f"{i}.png").write_bytes(png(color=(i * 30, 0, 99)))
    (pictures / "dog" / "broken.png").write_bytes(png()[:48])
    done = sluice("run", ROOT / "examples" / "stamps" / "sluice.yaml", "--input", f"pictures={pictures}", data=tmp_path / "data")
    check_stderr(done, "dog/broken.png", status=1)


def test_a_folder_in_use_is_reported_with_its_user(tmp_path, plan):
    data = tmp_path / "data"
    with serving(data):
        check_stderr(sluice("up", "--listen", "127.0.0.1:0", data=data), "in use by sluice up, pid", status=2)
    with Gate(tmp_path / "gate") as gate:
        running = start("run", plan(HELLO.replace("sh, -c, '", f"sh, -c, 'read line < {gate.path}; ")), data=data)
        until(lambda: b"sluice run" in (data / "lock").read_bytes(), "`sluice run` holds the folder")
        check_stderr(sluice("runs", data=data), "in use by sluice run, pid", status=2)
        running.send_signal(signal.SIGKILL)
        running.wait(30)


def test_a_port_in_use_is_reported(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        done = sluice("up", "--listen", address, data=tmp_path / "data")
    check_stderr(done, address, "in use")
    assert done.returncode in (2, 3)


def test_run_submits_to_the_server_that_holds_the_folder(plan, tmp_path):
    data = tmp_path / "data"
    with serving(data) as server:
        report = report_of(sluice("run", plan(HELLO), "--json", data=data))
        assert report["outputs"]["greeting"] == "hello world"
        status, shown = server.ask("GET", f"/v1/runs/{report['run']}")
        assert status == 200 and shown["status"] == "succeeded"


def test_missing_objects_are_requested_and_uploaded(server):
    body = b"some bytes that no store has yet"
    digest = hashlib.sha256(body).hexdigest()
    assert server.ask("POST", "/v1/objects/missing", {"digests": [digest]}) == (200, {"missing": [digest]})
    assert server.ask("PUT", f"/v1/objects/{digest}", body)[0] == 201
    assert server.ask("POST", "/v1/objects/missing", {"digests": [digest]}) == (200, {"missing": []})
    status, answer = server.ask("PUT", f"/v1/objects/{'0' * 64}", body)
    assert status == 400 and "0000" in answer["error"]["message"]


def test_models_endpoints_and_predictions(main_job, server, stamps):
    data, report = main_job
    assert "stamps" in sluice("models", data=data).stdout
    assert "stamps v1" in sluice("endpoints", data=data).stdout
    assert sluice("versions", "stamps", data=data).stdout.startswith("v1 ")
    assert sluice("versions", "stamps", "--after", "v1", data=data).stdout == ""
    first = sluice("models", "--limit", "1", data=data)
    assert first.stdout.startswith("efficientnet-lite0 ") and first.stderr == f"more: `sluice models --data {data} --after efficientnet-lite0`\n"
    assert "stamps" in sluice("models", "--after", "efficientnet-lite0", data=data).stdout
    shown = sluice("show", "stamps@v1", data=data)
    assert report["outputs"]["commit"] in shown.stdout and "head.onnx" in shown.stdout
    pictures = sorted((stamps / "bird").glob("*.png"))[:2]
    predicted = sluice("predict", "stamps", *pictures, data=data)
    assert predicted.returncode == 0, predicted.stderr
    assert len(predicted.stdout.splitlines()) == 2
    assert sluice("deploy", "stamps@v1", "--endpoint", "second", data=data).returncode == 0
    assert server.ask("GET", "/v2/models/second/ready")[0] == 200
    assert sluice("undeploy", "second", data=data).returncode == 0
    assert server.ask("GET", "/v2/models/second")[0] == 404
    check_stderr(sluice("predict", "stampz", pictures[0], data=data), "stampz", status=2)
    check_stderr(sluice("deploy", "stamps@v9", data=data), "v9", status=2)


def test_a_host_that_dies_during_a_request_costs_one_try(server, endpoint, stamps):
    import base64
    import os
    import threading
    picture = base64.b64encode(next((stamps / "bird").glob("*.png")).read_bytes()).decode()
    body = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [16], "parameters": {"content_type": "base64"}, "data": [picture] * 16}]}
    assert server.ask("POST", f"/v2/models/{endpoint}/infer", body)[0] == 200
    [pid] = [e["pid"] for e in server.ask("GET", "/v1/endpoints")[1]["endpoints"] if e["endpoint"] == endpoint]
    answers = []
    asking = threading.Thread(target=lambda: answers.append(server.ask("POST", f"/v2/models/{endpoint}/infer", body)))
    asking.start()
    os.kill(pid, signal.SIGKILL)
    asking.join(60)
    assert answers[0][0] == 200, answers
    assert server.ask("GET", "/v2/health/ready")[0] == 200


def test_a_host_stops_when_idle_and_the_next_request_starts_one(main_job_copy, stamps):
    data = main_job_copy
    picture = next((stamps / "fish").glob("*.png"))

    def host_of(server):
        return server.ask("GET", "/v1/endpoints")[1]["endpoints"][0]

    with serving(data, "--idle", "0.3") as server:
        assert host_of(server)["state"] == "cold"
        assert sluice("predict", "stamps", picture, data=data).returncode == 0
        until(lambda: host_of(server)["state"] == "cold", "the idle host has exited")
        assert sluice("predict", "stamps", picture, data=data).returncode == 0
