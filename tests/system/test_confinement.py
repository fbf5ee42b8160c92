"""Model hosts are confined: a decoder that has been taken over can use what the host was sent, and nothing else.

The program in the host's place is `misbehaving_host` (tests/confinement): the real host, whose decoder carries out an order that it
finds in a picture. `strict_host` is the real host too, and dies of a system call that was forgotten on the list.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys

import onnx
import pytest
import refusing
import sluice_program
from sluice_program import BIN, ROOT, report_of, serving, sluice

PROGRAMS = ROOT / "build" / "release" / "tests" / "programs"
MISBEHAVING = PROGRAMS / "misbehaving_host"
FORMATS = ROOT / "tests" / "unit" / "host" / "data"

ENDS = "ends"  # the kernel ends the host: it has no innocent reason for that call

# What is tried, and what comes of it while a base is being loaded and after that. `{secret}` is a file of the data folder.
# Unconfined, each of them is done.
ORDERS = {
    "read {token}": ("EACCES", "EACCES"),
    "read {ledger}": ("EACCES", "EACCES"),
    "read {object}": ("EACCES", "EACCES"),
    "read /proc/{server}/environ": ("EACCES", "EACCES"),
    "read /etc/passwd": ("EACCES", "EACCES"),
    "list {data}": ("EACCES", "EACCES"),
    "list {models}": ("EACCES", "EACCES"),
    "list /usr/lib": ("done", "EACCES"),
    "write {object}": ("EACCES", "EACCES"),
    "create {data}/made": ("EACCES", "EACCES"),
    "create /dev/shm/sluice-made": ("EACCES", "EACCES"),
    "mkdir {data}/folder": ("EACCES", "EPERM"),
    "empty {spare}": ("EPERM", "EACCES"),
    "truncate {spare}": ("EPERM", "EPERM"),
    "chmod {spare}": ("EPERM", "EPERM"),
    "link {spare} {data}/link": ("EPERM", "EPERM"),
    "symlink {spare} {data}/symlink": ("EPERM", "EPERM"),
    "rename {spare} {data}/renamed": ("EACCES", "EPERM"),
    "unlink {renamed}": ("EACCES", "EPERM"),
    "connect-tcp {port}": (ENDS, ENDS),
    "connect-unix {supervisor}": (ENDS, ENDS),
    "udp": (ENDS, ENDS),
    "fork": (ENDS, ENDS),
    "execute /bin/true": (ENDS, ENDS),
    "signal {server}": (ENDS, ENDS),
    "trace {bystander}": (ENDS, ENDS),
    "limit {server}": ("EPERM", "EPERM"),
    "priority {bystander}": ("EPERM", "EPERM"),
    "memfd": ("EPERM", "EPERM"),
    "map-shared": ("EPERM", "EPERM"),
    "32-bit": (ENDS, ENDS),
    "reserve 4096": ("ENOMEM", "ENOMEM"),
    "duplicate 100": ("EMFILE", "EMFILE"),
}


def installed(folder, host):
    """Sluice with another program in the host's place; returns its folder of programs."""
    (folder / "bin").mkdir(parents=True)
    for program in ("sluice", "sluice-supervisor"):
        shutil.copy(BIN / program, folder / "bin" / program)
    shutil.copy(host, folder / "bin" / "sluice-host")
    for name in ("lib", "models"):
        (folder / name).symlink_to(ROOT / "build" / name)
    return folder / "bin"


@pytest.fixture(scope="module")
def taken_over(finished_main_job, tmp_path_factory):
    """A server whose host misbehaves on demand, and the words of orders."""
    folder = tmp_path_factory.mktemp("taken-over")
    data = sluice_program.copy_data(finished_main_job / "data", folder / "data")
    supervisor = folder / "supervisor.sock"
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(sluice_program, "BIN", installed(folder / "installed", MISBEHAVING))
        server = stack.enter_context(serving(data))
        bystander = subprocess.Popen(["sleep", "600"])
        stack.callback(bystander.wait)
        stack.callback(bystander.kill)
        listening = stack.enter_context(socket.socket(socket.AF_UNIX))
        listening.bind(str(supervisor))
        listening.listen(100)
        (data / "spare").write_text("text")
        an_object = next(path for path in (data / "objects").rglob("*") if path.is_file())
        yield server, {
            "data": data, "token": data / "server.json", "ledger": data / "ledger.db", "object": an_object, "models": data / "models", "spare": data / "spare",
            "renamed": data / "renamed", "supervisor": supervisor, "server": server.process.pid, "bystander": bystander.pid,
            "port": server.address.rpartition(":")[2],
        }


def infer(server, endpoint, picture):
    """Returns (status, answer) of a request with one picture."""
    head = json.dumps({"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(picture) + 4}}]}).encode()
    return server.ask("POST", f"/v2/models/{endpoint}/infer", head + struct.pack("<I", len(picture)) + picture,
                      {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"})


def by_hand(*arguments):
    done = subprocess.run([sluice_program.BIN / "sluice-host", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, -signal.SIGSYS), done.stderr
    return ENDS if done.returncode == -signal.SIGSYS else done.stdout.strip()


@pytest.mark.parametrize("order", ORDERS)
def test_what_a_host_that_was_taken_over_cannot_do(taken_over, main_job_report, order):
    server, words = taken_over
    while_loading, later = ORDERS[order]
    given = order.format(**words)
    endpoint = main_job_report["outputs"]["endpoint"]
    base = words["models"].parent / "cache" / "trees"
    assert by_hand("loading", base, *given.split()) == while_loading
    status, answer = infer(server, endpoint, b"misbehave: " + given.encode())
    if later == ENDS:
        assert status == 503 and "died twice" in answer["error"], answer
    else:
        assert status == 400 and answer["error"].endswith(f"misbehaved: {later}"), answer
    assert by_hand("free", *given.split()) == "done", "a test that cannot fail"
    picture = next((ROOT / "build" / "stamps").rglob("*.png")).read_bytes()
    assert infer(server, endpoint, picture)[0] == 200, "others are served"


def test_a_host_has_no_environment_and_no_descriptors_of_the_server(taken_over, main_job_report):
    server, _ = taken_over
    endpoint = main_job_report["outputs"]["endpoint"]
    assert infer(server, endpoint, next((ROOT / "build" / "stamps").rglob("*.png")).read_bytes())[0] == 200
    (host,) = [pid for pid in children_of(server.process.pid) if os.readlink(f"/proc/{pid}/exe").endswith("sluice-host")]
    with open(f"/proc/{host}/environ", "rb") as environment:
        assert environment.read() == b""
    status = dict(line.split(":\t", 1) for line in open(f"/proc/{host}/status").read().splitlines())
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2" and status["Seccomp_filters"] == "2"
    assert status["CapEff"] == status["CapPrm"] == "0000000000000000"
    opened = [os.readlink(f"/proc/{host}/fd/{fd}").partition(":")[0] for fd in os.listdir(f"/proc/{host}/fd")]
    assert sorted(opened) == ["/dev/null", "pipe", "pipe", "socket"]


@pytest.mark.parametrize("missing", ["landlock", "both"])
def test_a_kernel_that_lacks_something(missing, main_job_copy, main_job_report, tmp_path, monkeypatch):
    """Without Landlock, a host still opens nothing once its base is loaded; without filters, it serves, and says what that means."""
    programs = installed(tmp_path / "installed", MISBEHAVING)
    without = tmp_path / "without"
    without.mkdir()
    numbers = [refusing.LANDLOCK_CREATE_RULESET] + ([refusing.SECCOMP] if missing == "both" else [])
    (without / "sluice").write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/tests/refusing.py {" ".join(map(str, numbers))} -- {programs}/sluice "$@"\n')
    (without / "sluice").chmod(0o755)
    monkeypatch.setattr(sluice_program, "BIN", without)
    with open(tmp_path / "log", "w") as log:
        server = sluice_program.Server(main_job_copy, stderr=log)
    try:
        _, answer = infer(server, main_job_report["outputs"]["endpoint"], f"misbehave: read {main_job_copy}/server.json".encode())
    finally:
        server.stop()
    assert answer["error"].endswith("misbehaved: EACCES" if missing == "landlock" else "misbehaved: done"), answer
    warned = "the kernel has no filters of system calls: a picture that takes over this host may do what its user may"
    assert (warned in (tmp_path / "log").read_text()) == (missing == "both")


def children_of(pid):
    return [int(child) for thread in os.listdir(f"/proc/{pid}/task") for child in open(f"/proc/{pid}/task/{thread}/children").read().split()]


@pytest.mark.needs(cpu=2)
def test_no_call_is_missing_on_the_list(tmp_path, stamps, monkeypatch):
    """Learning, registering, serving and every format, compiled and from the cache, with a host that dies of a call that is not allowed."""
    monkeypatch.setattr(sluice_program, "BIN", installed(tmp_path / "installed", PROGRAMS / "strict_host"))
    data = tmp_path / "data"
    done = sluice("run", ROOT / "examples" / "stamps" / "sluice.yaml", "--input", f"pictures={stamps}", "--json", data=data, limit=300)
    report = report_of(done)
    assert report["status"] == "succeeded", report
    pictures = sorted(path for path in FORMATS.rglob("*") if path.is_file())
    assert len(pictures) > 50
    with serving(data) as server:  # its host imports what the first one compiled
        answers = [infer(server, report["outputs"]["endpoint"], path.read_bytes())[0] for path in pictures]
    assert set(answers) == {200, 400} and answers.count(200) > 20
    assert "model host" not in done.stderr


REGISTER = """
sluice: 1
pipelines:
  main:
    inputs: {model: {type: artifact, kind: model}}
    graph:
      register: {service: model.register, with: {model: "${inputs.model}", name: tampered}}
"""


def changed_graph(source, target, change):
    """Copies a head whose graph `change` modifies, so that the runtime has to compile it."""
    shutil.copytree(source, target)
    graph = onnx.load(target / "head.onnx")
    change(graph.graph)
    onnx.save(graph, target / "head.onnx")
    return target


def add_to_labels(number):
    def change(graph):
        graph.initializer.append(onnx.helper.make_tensor("more", onnx.TensorProto.INT64, [1], [number]))
        for node in graph.node:
            node.output[:] = ["label_before" if name == "label" else name for name in node.output]
        graph.node.append(onnx.helper.make_node("Add", ["label_before", "more"], ["label"]))

    return change


def test_a_head_is_tried_before_it_is_registered(tmp_path, main_job_copy, plan):
    """A graph that was not written by Sluice, in a confined host; one that predicts a class that does not exist is found before its version exists."""
    data = main_job_copy
    subprocess.run(["git", "clone", "-q", data / "models" / "default" / "stamps.git", tmp_path / "clone"], check=True)
    head = tmp_path / "head"
    head.mkdir()
    for name in ("model.json", "head.onnx"):
        shutil.copy(tmp_path / "clone" / name, head / name)
    classes = len(json.loads((head / "model.json").read_text())["classes"])
    bad = changed_graph(head, tmp_path / "bad", add_to_labels(classes))
    refused = report_of(sluice("run", plan(REGISTER), "--input", f"model={bad}", "--json", data=data))
    assert refused["status"] == "failed" and "head.onnx: it gives the label" in refused["message"], refused
    assert not (data / "models" / "default" / "tampered.git").exists()
    good = changed_graph(head, tmp_path / "good", add_to_labels(0))
    assert report_of(sluice("run", plan(REGISTER), "--input", f"model={good}", "--json", data=data))["status"] == "succeeded"
    assert (data / "models" / "default" / "tampered.git").exists()
