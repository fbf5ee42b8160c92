"""Names that are not UTF-8, very long, of several lines or with leading dashes, and unusual folders."""
import json
import os
import shutil
import subprocess
import threading
import urllib.parse

import pytest
from bystander import Bystander
from sluice_program import BIN, ROOT, environment, report_of, serving, sluice

LISTS_NAMES = """
sluice: 1
pipelines:
  main:
    inputs: {folder: {type: artifact, kind: directory}}
    outputs: {names: "${list.names}"}
    graph:
      list:
        process: [python3, -c, "import json, os, sys; json.dump(sorted(os.path.relpath(os.path.join(d, f), sys.argv[1]) for d, _, fs in os.walk(sys.argv[1]) for f in fs), open(sys.argv[2], 'w'))", "${inputs.folder}", "${out.names}"]
        outputs: {names: {type: list<string>}}
"""
ODD_NAMES = ["-rf", "--help", "two\nlines", "tab\there", "a b", "$(reboot)", "%2e%2e", "quote'\"", "ünï", "x" * 255, "\x1b[31mred"]
LONG = "n" * 4_000


def run_on(folder, plan, data, **more):
    return sluice("run", plan(LISTS_NAMES), "--input", f"folder={folder}", "--json", data=data, **more)


def test_odd_names_in_a_folder_reach_the_task_as_they_are(plan, tmp_path):
    folder = tmp_path / "folder"
    deep = "/".join(["d" * 200] * 18)  # 3,600 bytes, in addition to the path of the task
    names = ODD_NAMES + [f"-/{name}" for name in ODD_NAMES] + [f"{deep}/end"]
    folder.mkdir()
    for name in names:
        inside = os.open(folder, os.O_RDONLY)
        *parents, last = name.split("/")
        for parent in parents:
            if parent not in os.listdir(inside):
                os.mkdir(parent, dir_fd=inside)
            below = os.open(parent, os.O_RDONLY, dir_fd=inside)
            os.close(inside)
            inside = below
        os.close(os.open(last, os.O_CREAT | os.O_WRONLY, dir_fd=inside))
        os.close(inside)
    done = run_on(folder, plan, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert report_of(done)["outputs"]["names"] == sorted(names)


def test_a_file_name_that_is_not_utf8_is_refused(plan, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "good").write_text("")
    os.close(os.open(os.fsencode(folder) + b"/caf\xe9", os.O_CREAT | os.O_WRONLY))
    done = run_on(folder, plan, tmp_path / "data")
    assert done.returncode == 2
    assert "input `folder`" in done.stderr and "caf%E9: the name is not UTF-8; rename it" in done.stderr, done.stderr


def test_an_input_that_is_not_utf8_is_refused(plan, tmp_path):
    text = "sluice: 1\npipelines: {main: {inputs: {name: {type: string}}, graph: {a: {process: [echo, '${inputs.name}']}}}}\n"
    for given in (b"name=caf\xe9", b"n\xe9=1"):
        done = subprocess.run([BIN / "sluice", "run", plan(text), "--input", given, "--data", tmp_path / "data"], capture_output=True, env=environment())
        assert done.returncode == 2 and b"is not UTF-8" in done.stderr, done.stderr


@pytest.mark.parametrize("name", ["two\nlines", "-rf", "--", "../../up", "/etc/passwd", ".", "\x1b[31mred", "ü" * 125], ids=lambda name: ascii(name)[:20])
def test_a_task_may_have_any_name(unharmed, plan, name):
    server = unharmed.server
    text = json.dumps({"sluice": 1, "pipelines": {"main": {"graph": {name: {"process": ["echo", "it ran"]}}}}})
    done = sluice("run", plan(text), "--no-cache", data=server.data)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stderr, done.stderr
    [task] = json.loads(sluice("show", "latest", "--json", data=server.data).stdout)["tasks"]
    assert urllib.parse.unquote(task["path"]) == name
    assert sluice("logs", "--data", server.data, "latest", "--", task["path"]).stdout == "it ran\n"
    shown = sluice("show", "latest", data=server.data)
    assert shown.returncode == 0 and "\x1b" not in shown.stdout
    logs = [path for path in (server.data / "logs").rglob("*.log")]
    assert all(len(os.fsencode(path.name)) <= 255 for path in logs)
    assert len(logs) == sum(len(files) for _, _, files in os.walk(server.data / "logs"))


def test_no_name_writes_to_the_terminal(unharmed, tmp_path):
    server = unharmed.server
    plan = tmp_path / "\x1b]0;title\x07\x9b2J.yaml"
    plan.write_text("sluice: 1\npipelines: {main: {graph: {task: {process: [\"false\"]}}}}\n")
    done = sluice("run", plan, "--no-cache", data=server.data)
    assert done.returncode == 1, done.stderr
    assert json.loads(sluice("runs", "--json", data=server.data).stdout)["runs"][0]["name"].endswith(plan.name)
    printed = done.stdout + done.stderr + sluice("runs", data=server.data).stdout + sluice("show", "latest", data=server.data).stdout
    assert "?]0;title??2J.yaml" in printed and not set(printed) & set("\x1b\x07\x9b"), printed


def test_a_name_of_a_task_that_is_too_long(unharmed, plan):
    done = sluice("run", plan(json.dumps({"sluice": 1, "pipelines": {"main": {"graph": {LONG: {"process": ["true"]}}}}})), data=unharmed.server.data)
    assert done.returncode == 2 and "plan.yaml:1:48: the name of an operation should have 1 to 250 bytes, not 4000" in done.stderr, done.stderr


def test_a_plan_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "plan.yaml").write_bytes(b"sluice: 1\npipelines: {main: {graph: {caf\xe9: {process: [run]}}}}\n")
    done = sluice("run", tmp_path / "plan.yaml", data=tmp_path / "data")
    assert done.returncode == 2 and "plan.yaml: the text is not valid UTF-8" in done.stderr, done.stderr


BAD_TARGETS = {
    "/v1/runs/%ff": (400, "is not UTF-8 once decoded"),
    "/v1/runs/%00": (400, "contains a NUL byte"),
    "/v1/runs/%zz": (400, "two hexadecimal digits"),
    "/v1/runs/" + LONG: (404, "there is no run"),
    "/v1/runs/..%2f..%2fledger.db": (404, "there is no run"),
    "/v1/runs/%0d%0aSet-Cookie:%20a=b": (404, "there is no run"),
    "/v1/runs/latest/log?task=..%2f..%2f..%2fledger.db": (404, "has no task"),
    "/v1/runs/latest/log?task=" + LONG: (404, "has no task"),
    "/v1/models/" + LONG: (404, "model"),
    "/v1/models/..%2f..": (404, "model"),
    "/v1/models/-rf/versions/--exec=x": (404, "model"),
    "/v2/models/" + LONG: (404, "endpoint"),
    "/v2/models/-%0a": (404, "endpoint"),
}


@pytest.mark.parametrize("target", BAD_TARGETS, ids=lambda target: target[:30])
def test_odd_names_in_an_address(unharmed, target):
    status, words = BAD_TARGETS[target]
    actual, answer = unharmed.server.ask("GET", target)
    assert actual == status, (actual, answer)
    error = answer["error"]
    assert words in (error if isinstance(error, str) else error["message"]), answer


@pytest.mark.parametrize("name", ["-rf", "two\nlines", "UPPER", "", "ü", LONG], ids=lambda name: ascii(name)[:20])
def test_an_endpoint_has_a_plain_name(unharmed, name):
    status, answer = unharmed.server.ask("PUT", "/v1/endpoints/" + urllib.parse.quote(name, safe=""), {"model": "none"})
    assert status in (400, 404) and "not a valid endpoint name" in answer["error"]["message"] or not name, answer


MODEL_NAMES = {
    "-rf": None,
    ".": None,
    "x" * 1_000: None,
    "../../up": "`../../up` is not a valid model name: `/`, `:` and `@` are not allowed; use `-` instead",
    "birds@v2": "`/`, `:` and `@` are not allowed; use `-` instead",
    "two\nlines": "control characters are not allowed",
    LONG: "it is longer than 1,000 bytes",
}


def test_a_model_may_have_nearly_any_name(main_job_copy, main_job_report, stamps, tmp_path):
    data = main_job_copy
    example = ROOT / "examples" / "stamps" / "sluice.yaml"
    text = example.read_text()
    deployed_as_stamps = text.replace('endpoint: "${inputs.name}"', "endpoint: stamps")
    assert deployed_as_stamps != text
    plan = shutil.copytree(example.parent, tmp_path / "example") / "sluice.yaml"
    plan.write_text(deployed_as_stamps)
    with serving(data) as server, Bystander(server, main_job_report["run"]):
        for name, refused in MODEL_NAMES.items():
            # The endpoint has the same name in the example: nothing runs if one of the two is not valid.
            done = sluice("run", example, "--input", f"pictures={stamps}", "--input", f"name={name}", data=data)
            assert done.returncode == 2 and (refused or "is not a valid endpoint name") in done.stderr, done.stderr
            done = sluice("run", plan, "--input", f"pictures={stamps}", "--input", f"name={name}", "--json", data=data)
            if refused:
                assert done.returncode == 2 and refused in done.stderr, done.stderr
                continue
            assert done.returncode == 0, report_of(done)["message"]
            shown = json.loads(sluice("show", "--json", "--data", data, "--", f"{name}@v1").stdout)
            assert shown["model"] == name and shown["version"] == 1
            subprocess.run(["git", "fsck", "--strict"], cwd=shown["repository"], check=True, capture_output=True)
    repositories = [path.name for path in (data / "models" / "default").glob("*")]
    assert len(repositories) == 5 and all(path.endswith(".git") and path[0] not in "-." for path in repositories), repositories
    assert not list(tmp_path.glob("up*")) and not list(data.glob("up*"))


def test_a_folder_that_changes_while_it_is_read(plan, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    names = [f"{i:03}" for i in range(300)]
    for name in names:
        (folder / name).write_text("as it was")
    over = threading.Event()

    def change():
        turn = 0
        while not over.is_set():
            turn += 1
            for name in names[::7]:
                (folder / name).unlink(missing_ok=True)
                (folder / name).write_text(f"turn {turn}" * 500)

    changing = threading.Thread(target=change)
    changing.start()
    try:
        ended = [run_on(folder, plan, tmp_path / "data") for _ in range(5)]
    finally:
        over.set()
        changing.join()
    for done in ended:
        if done.returncode != 0:
            assert done.returncode == 2 and "input `folder`" in done.stderr and "it was removed while its folder was read; run this again" in done.stderr, done.stderr
    done = run_on(folder, plan, tmp_path / "data")
    assert done.returncode == 0 and report_of(done)["outputs"]["names"] == names, done.stderr


def test_symlinks_in_circles(plan, tmp_path):
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file").write_text("")
    (folder / "inner" / "up").symlink_to("..")
    (folder / "self").symlink_to("self")
    (folder / "there").symlink_to("back")
    (folder / "back").symlink_to("there")
    done = run_on(folder, plan, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert report_of(done)["outputs"]["names"] == ["back", "inner/file", "self", "there"]
    done = run_on(folder / "self", plan, tmp_path / "data")
    assert done.returncode == 2 and "Too many levels of symbolic links" in done.stderr, done.stderr
    (folder / "out").symlink_to("/etc")
    done = run_on(folder, plan, tmp_path / "data")
    assert done.returncode == 2 and "may lie outside the folder; put a copy of the target in its place" in done.stderr, done.stderr


def test_files_that_may_not_be_read(plan, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "secret").write_text("")
    (folder / "secret").chmod(0)
    plain_user = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []

    def run():
        return subprocess.run([*plain_user, BIN / "sluice", "run", plan(LISTS_NAMES), "--input", f"folder={folder}", "--data", tmp_path / "data"], capture_output=True, text=True, env=environment())

    done = run()
    assert done.returncode in (2, 3) and "input `folder`" in done.stderr and "folder/secret: Permission denied" in done.stderr, done.stderr
    (folder / "secret").chmod(0o600)
    folder.chmod(0)
    done = run()
    folder.chmod(0o700)
    assert done.returncode in (2, 3) and "Permission denied" in done.stderr and str(folder) in done.stderr, done.stderr
    assert run().returncode == 0
