"""`sluice doctor` reports what works on this machine, and exits with status 3 only if Sluice cannot run."""
import contextlib
import json
import shutil
import socket
import subprocess
import sys

import refusing
from sluice_program import BIN, ROOT, environment, serving, start
from waiting import Gate, until

NAMES = ["processor", "memory", "open files", "namespaces", "mounts", "cgroups", "memory limits", "hosts", "owner", "libgit2", "libarchive", "libheif", "git", "git-lfs", "python3", "uv", "containers", "port", "disk", "data folder", "installation"]


def doctor(data, *arguments, program=BIN / "sluice", **more):
    return subprocess.run([program, "doctor", "--data", data, *arguments], capture_output=True, text=True, timeout=60, env=environment() | more)


def findings(data, status=0, **more):
    done = doctor(data, "--json", **more)
    assert done.returncode == status, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["runs"] == (status == 0)
    assert [finding["name"] for finding in report["findings"]] == NAMES
    for finding in report["findings"]:
        assert finding["found"] and ("follows" in finding) == (finding["health"] != "works"), finding
    return {finding["name"]: finding for finding in report["findings"]}


def test_this_machine_runs_sluice(tmp_path):
    seen = findings(tmp_path / "data")
    assert seen["processor"]["health"] == "works" or "AVX2" in seen["processor"]["follows"]
    assert "free" in seen["disk"]["found"] and "ms to sync" in seen["disk"]["found"]
    assert "to be created by the first command" in seen["data folder"]["found"]
    assert seen["git"]["health"] == seen["git-lfs"]["health"] == seen["installation"]["health"] == "works"
    assert "numpy" in seen["python3"]["found"]
    assert not (tmp_path / "data").exists(), "doctor creates no files"
    done = doctor(tmp_path / "data")
    assert done.returncode == 0
    for name in NAMES:
        assert any(line.startswith(name) for line in done.stdout.splitlines()), done.stdout
    assert done.stdout.splitlines()[-1].startswith("Sluice runs on this machine")


def test_the_mounts_that_it_reports_are_those_that_tasks_get(tmp_path, plan):
    """The finding agrees with a real task, which sees its input as a mount or as a copy."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a").write_text("a")
    path = plan("""
sluice: 1
pipelines:
  main:
    inputs: {folder: {type: artifact, kind: directory}}
    outputs: {kind: "${look.kind}"}
    graph:
      look:
        process: [sh, -c, 'if grep -q "$(readlink -f "$1") " /proc/self/mounts; then printf mount; else printf copy; fi > "$2"', sh, "${inputs.folder}", "${out.kind}"]
        outputs: {kind: {type: string, form: text}}
""")
    running = start("run", path, "--input", f"folder={pictures}", "--json", data=tmp_path / "data")
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    mounted = json.loads(out)["outputs"]["kind"] == "mount"
    assert (findings(tmp_path / "data")["mounts"]["health"] == "works") == mounted


def test_how_hosts_are_confined_is_reported(tmp_path):
    """test_confinement.py looks at real hosts on such kernels."""

    def seen(*refused):
        program = tmp_path / f"sluice-without-{len(refused)}"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/tests/refusing.py {" ".join(map(str, refused))} -- {BIN}/sluice "$@"\n')
        program.chmod(0o755)
        return findings(tmp_path / "data", program=program)["hosts"]

    assert seen()["health"] == "works" or "no Landlock" in seen()["found"]
    assert "no Landlock" in seen(refusing.LANDLOCK_CREATE_RULESET)["found"]
    assert "are not confined" in seen(refusing.LANDLOCK_CREATE_RULESET, refusing.SECCOMP)["found"]


def test_programs_that_are_missing_are_limits(tmp_path):
    seen = findings(tmp_path / "data", PATH=str(tmp_path))
    assert seen["git"]["health"] == "limited" and "install git" in seen["git"]["follows"]
    assert "pointers in place of its large files" in seen["git-lfs"]["follows"]
    assert "with " in doctor(tmp_path / "data", PATH=str(tmp_path)).stdout.splitlines()[-1]


def test_a_port_in_use_is_reported(tmp_path):
    def seen():
        with socket.socket() as taken:
            with contextlib.suppress(OSError):  # another program uses it, perhaps only for a moment
                taken.bind(("127.0.0.1", 8080))
                taken.listen()
            found = findings(tmp_path / "data")["port"]
        return found["health"] == "limited" and found

    assert "--listen 127.0.0.1:0" in until(seen, "the port is in use")["follows"]


def test_who_holds_the_folder_is_reported(tmp_path, plan):
    data = tmp_path / "data"
    with serving(data) as server:
        seen = findings(data)["data folder"]
        assert seen["health"] == "works" and f"held by sluice up, pid {server.process.pid} at {server.url}" in seen["found"]
    assert "not in use" in findings(data)["data folder"]["found"]
    with Gate(tmp_path / "gate") as gate:
        running = start("run", plan(f"sluice: 1\npipelines:\n  main: {{graph: {{a: {{process: [cat, {gate.path}]}}}}}}\n"), data=data)
        until(lambda: b"sluice run" in (data / "lock").read_bytes(), "`sluice run` holds the folder")
        seen = findings(data)["data folder"]
        assert seen["health"] == "limited" and "held by sluice run, pid" in seen["found"]
        running.kill()
        running.communicate()


def test_a_folder_that_cannot_be_one_ends_with_3(tmp_path):
    (tmp_path / "file").write_text("")
    seen = findings(tmp_path / "file" / "data", status=3)["data folder"]
    assert seen["health"] == "fails" and "is not a folder" in seen["found"]
    done = doctor(tmp_path / "file" / "data")
    assert done.returncode == 3 and done.stdout.splitlines()[-1] == "Sluice cannot run on this machine: see disk, data folder"


def test_missing_parts_of_the_installation_end_with_3(tmp_path):
    alone = tmp_path / "bin" / "sluice"
    alone.parent.mkdir()
    shutil.copy(BIN / "sluice", alone)
    seen = findings(tmp_path / "data", status=3, program=alone)["installation"]
    assert "sluice-supervisor is missing" in seen["found"]
