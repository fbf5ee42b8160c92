"""Tasks in containers: `container:` of docs/containers.md, with the real podman and an image made here."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import urllib.error
import urllib.request

import pytest
from fault import killing
from podman import Podman
from sluice_program import BIN, Server, report_of
from waiting import Gate, until

BOX = "localhost/box:1"


@pytest.fixture(scope="module")
def podman():
    engine = Podman()
    try:
        engine.make_image(BOX)
        yield engine
    finally:
        engine.close()


class Folder:
    """A data folder, a plan, and a folder that containers see as /shared."""

    def __init__(self, root, podman):
        self.root, self.data, self.plan, self.shared, self.podman = root, root / "data", root / "plan.yaml", root / "shared", podman
        self.shared.mkdir()

    def settings(self, *options):
        return self.podman.settings(*options, shared=self.shared)

    def write(self, container, more=""):
        """A plan of one task `work`, and of the output `said`."""
        self.plan.write_text(f"""
sluice: 1
pipelines:
  main:
    outputs: {{said: "${{work.said}}"}}
    graph:
      work:
        container: {container if isinstance(container, str) else json.dumps(container)}
        outputs: {{said: {{type: string, form: text, optional: true}}}}
{more}""")

    def sluice(self, *arguments, options=(), **more):
        return subprocess.run([BIN / "sluice", *map(str, arguments), "--data", str(self.data)], capture_output=True, text=True, timeout=300,
                              env=self.settings(*options) | more)

    def run(self, script, more="", arguments=(), image=BOX, env=None, **how):
        """Runs a script of busybox's shell in the container; `$1` is the path of its output."""
        self.write({"image": image, "command": ["sh", "-c", script, "sh"], "args": ["${out.said}"], "env": env or {}}, more)
        return self.sluice("run", self.plan, "--json", *arguments, **how)

    def failure(self, *arguments, **how):
        done = self.run(*arguments, **how)
        assert done.returncode == 1, done.stdout + done.stderr
        return json.loads(done.stdout)["tasks"][0]["failure"]

    def refused(self, status=2, **how):
        done = self.sluice("run", self.plan, **how)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stderr


@pytest.fixture
def folder(tmp_path, podman):
    yield Folder(tmp_path, podman)
    assert podman.containers() == [], "no test leaves a container"


def test_a_task_runs_in_a_container(folder, podman):
    report = report_of(folder.run('cat /etc/os-release 2>&1; printf "hello from %s" "$(ls /)" | tr "\\n" " " > "$1"'))
    assert report["status"] == "succeeded", report
    assert report["outputs"]["said"] == "hello from bin dev etc proc run shared sluice sys tmp"
    (task,) = report["tasks"]
    assert task["kind"] == "container" and task["environment"] == {"pinned": True, "image": podman.digest(BOX)}
    logs = folder.sluice("logs", report["run"], "work")
    assert "can't open '/etc/os-release'" in logs.stdout, logs


def test_inputs_are_read_only_and_outputs_and_code_come_back(folder):
    (folder.root / "code").mkdir()
    (folder.root / "code/make.sh").write_text('#!/bin/sh\ncat "$1/a/b" "$2" | wc -c > "$3/sum"\necho changed > make.sh\n')
    (folder.root / "code/make.sh").chmod(0o755)
    (folder.root / "tree/a").mkdir(parents=True)
    (folder.root / "tree/a/b").write_text("12345")
    (folder.root / "large").write_bytes(bytes(3 << 20))
    folder.plan.write_text(f"""
sluice: 1
pipelines:
  main:
    inputs: {{tree: {{type: artifact, kind: directory, default: tree}}, large: {{type: artifact, default: large}}}}
    outputs: {{sum: "${{work.sum}}", size: "${{work.made.size}}"}}
    graph:
      work:
        container: {{image: {BOX}, command: [./make.sh], args: ["${{inputs.tree}}", "${{inputs.large}}", "${{out.made}}"]}}
        code: code
        outputs: {{made: {{type: artifact, kind: directory}}, sum: {{type: integer, from: made/sum}}}}
      spoil:
        container: {{image: {BOX}, command: [sh, -c, 'for to in "$1/a/b" "$1/new" "$2" /sluice/in/new; do echo x >> "$to"; done; test -w /sluice/in/0', sh, "${{inputs.tree}}", "${{inputs.large}}"]}}
        fails: false
""")
    # The folder of the output is the program's to make, as it is for a process.
    (folder.root / "code/make.sh").write_text('#!/bin/sh\nmkdir "$3"\n' + (folder.root / "code/make.sh").read_text().split("\n", 1)[1])
    report = report_of(folder.sluice("run", folder.plan, "--json"))
    assert report["status"] == "succeeded" and report["outputs"]["sum"] == 5 + (3 << 20), report
    log = folder.sluice("logs", report["run"], "spoil").stdout
    assert log.count("Read-only file system") == 4, log


@pytest.mark.parametrize("script", ['ln -s /etc/hostname "$1"', 'rmdir /sluice/out && ln -s /etc /sluice/out', 'ln -s /sluice/cwd/x "$1"; echo > x',
                                    'rmdir /sluice/out && ln -s in /sluice/out'])
def test_a_link_of_a_container_leads_the_server_nowhere(folder, script):
    failure = folder.failure(script)
    assert failure["message"] == "task `work` wrote its output `said` as a link, or below one; what a container writes has to be there itself", failure


def test_it_has_no_rights_beyond_those_of_the_engine_and_can_get_none(folder):
    script = 'grep -E "CapEff|NoNewPrivs" /proc/self/status; ls /sys/class/net; ls -d /run/podman /var/run/docker.sock 2>&1; test -e "$1"; ls /sluice'
    report = report_of(folder.run(script + "; true"))
    log = folder.sluice("logs", report["run"], "work").stdout
    capabilities = int(log.split("CapEff:\t")[1].split()[0], 16)
    names = {21: "SYS_ADMIN", 12: "NET_ADMIN", 16: "SYS_MODULE", 17: "SYS_RAWIO", 19: "SYS_PTRACE"}
    assert not [name for bit, name in names.items() if capabilities >> bit & 1], log
    assert "NoNewPrivs:\t1" in log and "\nlo\n" in log and log.count("No such file or directory") == 2, log


def test_variables_and_secrets(folder):
    value = "s3cret value\nof two lines"
    subprocess.run([BIN / "sluice", "secrets", "set", "hub", "token", "--data", folder.data], input=value, text=True, check=True, env=folder.settings())
    with Gate(folder.shared / "go") as go:
        folder.write({"image": BOX, "command": ["sh", "-c", 'read line < /shared/go; printf "%s|%s|%s" "$TOKEN" "$PLAIN" "$SLUICE_TASK" > "$1"; echo "it is $TOKEN"', "sh", "${out.said}"],
                      "env": {"TOKEN": {"secret": "hub.token"}, "PLAIN": "a b=c"}})
        server = Server(folder.data, env=folder.settings())
        try:
            run = server.ask("POST", "/v1/runs", {"plan": folder.plan.read_text(), "file": "plan.yaml"})[1]["run"]
            (pid,) = until(lambda: commands_of(server.event(run, "scheduled")["fence"]), "the engine runs")
            assert b"--env=TOKEN\0" in command_line(pid) and b"s3cret" not in command_line(pid)
            go.open()
            report = server.end_of(run)
        finally:
            server.stop()
    assert report["outputs"]["said"] == value + "|a b=c|work", report
    assert "s3cret" not in folder.sluice("logs", run, "work").stdout


def test_the_folder_of_the_run_is_the_same_for_a_process_and_a_container(folder):
    folder.write({"image": BOX, "command": ["sh", "-c", 'cat "$1/there" > "$2" && echo back > "$1/back" && echo "$1" >> "$2"', "sh"],
                  "args": ["${run.folder}", "${out.said}"]}, """
        after: before
      before: {process: [sh, -c, 'echo one > "$0/there"', "${run.folder}"]}
      after: {process: [sh, -c, 'test "$(cat "$0/back")" = back', "${run.folder}"], after: work}
""")
    for _ in range(2):  # another run has another folder, and nothing is taken from the cache
        report = report_of(folder.sluice("run", folder.plan, "--json"))
        assert report["outputs"]["said"] == "one\n/sluice/folder\n"
        assert sorted(path.name for path in (folder.data / "folders" / report["run"]).iterdir()) == ["back", "there"]
    assert not any(task["cached"] for task in report["tasks"])


def test_it_is_told_where_it_logs_if_it_can_reach_the_server(folder):
    assert folder.sluice("token", "add", "ann", "--role", "run").returncode == 0
    addresses = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()
    own = [address for address in addresses if "." in address]
    for arguments, listen, told in (((), "127.0.0.1:0", False), (("--insecure",), "0.0.0.0:0", bool(own))):
        folder.write({"image": BOX, "command": ["sh", "-c", 'printf "%s %s" "$MLFLOW_TRACKING_URI" "$MLFLOW_RUN_ID" > "$1"', "sh"], "args": ["${out.said}"], "env": {"LISTEN": listen}})
        server = Server(folder.data, *arguments, listen=listen, env=folder.settings())
        try:
            status, answer = server.ask("POST", "/v1/runs", {"plan": folder.plan.read_text(), "file": "plan.yaml"})
            assert status == 201, answer
            url, run = server.end_of(answer["run"])["outputs"]["said"].split(" ")
            assert (url != "") == (run != "") == told
            if told:
                assert url.split("/")[2].split(":")[0] in own
                with pytest.raises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(url + "/api/2.0/mlflow/experiments/get?experiment_id=0", timeout=30)
                assert refused.value.code == 401, "it is this server, to which the address is a stranger's"
        finally:
            server.stop()


def test_a_tag_is_a_digest_for_a_whole_run_and_in_the_key(folder, podman):
    old = podman.make_image("localhost/moving:1", extra=[("bin/which-one", "#!/bin/sh\nprintf old\n")])
    folder.write({"image": "localhost/moving:1", "command": ["sh", "-c", 'which-one > "$1"', "sh", "${out.said}"]}, more="""
      wait: {process: [sh, -c, "read line < %s"]}
      later:
        container: {image: "localhost/moving:1", command: [sh, -c, 'test "$(which-one)" = old']}
        after: [wait]
""" % (folder.shared / "go"))
    with Gate(folder.shared / "go") as go:
        running = subprocess.Popen([BIN / "sluice", "run", folder.plan, "--json", "--data", folder.data], env=folder.settings(), stdout=subprocess.PIPE, text=True)
        until(lambda: podman.containers() == [] and list(folder.data.glob("work/*")) and killing.runs_of(folder.data), "it was submitted")
        new = podman.make_image("localhost/moving:1", extra=[("bin/which-one", "#!/bin/sh\nprintf new\n")])
        go.open()
        first = json.loads(running.communicate(timeout=120)[0])
    assert first["status"] == "succeeded" and first["outputs"]["said"] == "old", first
    assert killing.journal_of(folder.data, first["run"])[0]["images"] == {"localhost/moving:1": old} != {"localhost/moving:1": new}
    folder.write({"image": "localhost/moving:1", "command": ["sh", "-c", 'which-one > "$1"', "sh", "${out.said}"]})
    second, third = (report_of(folder.sluice("run", folder.plan, "--json")) for _ in range(2))
    assert second["outputs"]["said"] == "new" and not second["tasks"][0]["cached"] and third["tasks"][0]["cached"]


@pytest.mark.parametrize("image, why", [
    ("localhost/absent:1", "there is no image `localhost/absent:1` on this machine, where it would have to be built"),
    ("127.0.0.1:9/nobody/box:1", "podman cannot get the image `127.0.0.1:9/nobody/box:1`: initializing source"),
    (f"{BOX.split(':')[0]}@sha256:{'0' * 64}", "there is no image")])
def test_an_image_that_is_not_there_is_refused_before_anything_runs(folder, image, why):
    folder.write({"image": image, "command": ["true"]}, more="      other: {process: [touch, %s]}\n" % (folder.shared / "ran"))
    message = folder.refused()
    assert f"plan.yaml:8:30: `image`: {why}" in message, message
    assert not (folder.shared / "ran").exists() and not json.loads(folder.sluice("runs", "--json").stdout)["runs"]


def test_without_an_engine_it_is_refused_before_anything_runs(folder, tmp_path):
    folder.write({"image": BOX, "command": ["true"]})
    none = {"SLUICE_CONTAINER_ENGINE": "", "PATH": str(tmp_path)}
    message = folder.refused(**none)
    assert "plan.yaml:8:30: `image`: there is no container engine on this machine; install podman (Debian: apt-get install podman) or docker" in message, message
    found = {finding["name"]: finding for finding in json.loads(folder.sluice("doctor", "--json", **none).stdout)["findings"]}["containers"]
    assert found["health"] == "limited" and "apt-get install podman" in found["found"], found
    assert "there is no program `podmann`, which SLUICE_CONTAINER_ENGINE names" in folder.refused(SLUICE_CONTAINER_ENGINE="podmann --root /x")
    found = {finding["name"]: finding for finding in json.loads(folder.sluice("doctor", "--json").stdout)["findings"]}["containers"]
    assert found["health"] == "works" and found["found"].startswith("podman "), found


def test_how_a_program_ends(folder):
    assert folder.failure("echo why; exit 3")["message"] == "exit status 3: why"
    shell = folder.failure("no-such-program")
    assert (shell["kind"], shell["exit_code"]) == ("exit", 127), "the program of the container is the shell, which was there"
    folder.write({"image": BOX, "command": ["no-such-program"]})
    missing = json.loads(folder.sluice("run", folder.plan, "--json").stdout)["tasks"][0]["failure"]
    assert missing["kind"] == "start" and missing["message"].startswith("the image does not have the program: ") and "no-such-program" in missing["message"], missing
    folder.write({"image": BOX, "command": ["/etc"]})
    folder_of_it = json.loads(folder.sluice("run", folder.plan, "--json").stdout)["tasks"][0]["failure"]
    assert folder_of_it["kind"] == "start" and folder_of_it["message"].startswith("the image cannot execute the program: "), folder_of_it
    broken = folder.failure("true", options=["--no-such-option"])
    assert broken["kind"] == "start" and broken["message"].startswith("the container engine did not run it: unknown flag: --no-such-option"), broken


def test_the_command_and_the_user_of_the_image(folder, podman):
    podman.make_image("localhost/named:1", 'ENTRYPOINT ["/bin/say", "always"]', 'CMD ["by default"]', "USER 1234",
                      extra=[("bin/say", '#!/bin/sh\nid -u > /sluice/cwd/id\numask 077\nprintf "%s|" "$@" > /sluice/out/said\n')])
    folder.write({"image": "localhost/named:1"})
    assert report_of(folder.sluice("run", folder.plan, "--json"))["outputs"]["said"] == "always|by default|"
    folder.write({"image": "localhost/named:1", "args": ["mine", "--too"]})
    assert report_of(folder.sluice("run", folder.plan, "--json"))["outputs"]["said"] == "always|mine|--too|"
    folder.write({"image": "localhost/named:1", "command": ["sh", "-c", 'id -u > "$1"', "sh"], "args": ["${out.said}"]})
    assert report_of(folder.sluice("run", folder.plan, "--json"))["outputs"]["said"] == "1234\n"


def test_containers_occupy_slots_and_places_in_pools(folder):
    task = "{container: {image: \"%s\", command: [sh, -c, 'mkdir /shared/%s || exit 9; sleep 0.2; rmdir /shared/%s']}, %s}"
    folder.plan.write_text("sluice: 1\npipelines:\n  main:\n    graph:\n" + "".join(
        f"      {name}: {task % (BOX, busy, busy, how)}\n" for name, busy, how in [
            ("a", "cpu", "resources: {cpu: 1}"), ("b", "cpu", "resources: {cpu: 1}"),
            ("c", "pool", "pool: licenses, resources: {cpu: 0}"), ("d", "pool", "pool: licenses, resources: {cpu: 0}")]))
    server = Server(folder.data, "--slots", "cpu=1,licenses=1", env=folder.settings())
    try:
        run = server.ask("POST", "/v1/runs", {"plan": folder.plan.read_text(), "file": "plan.yaml"})[1]["run"]
        assert server.end_of(run)["status"] == "succeeded"
    finally:
        server.stop()


def test_what_needs_more_memory_than_its_limit_fails(folder):
    failure = folder.failure("dd if=/dev/zero of=/dev/null bs=200000000 count=1", more="        resources: {memory: 30MB, cpu: 0.5}\n")
    assert failure["kind"] == "memory" and "30.0 MB" in failure["message"], failure


# Ends that are not the program's own. Each attempt adds its fence to /shared/started.
LONG = """
trap "" TERM
echo "$SLUICE_ATTEMPT" >> /shared/started
read line < /shared/go
printf done > "$1"
"""


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def commands_of(fence):
    """The processes of the engine's command `run` for this attempt."""
    pids = [int(path.name) for path in pathlib.Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if b"\0run\0" in command_line(pid) and b"--name=sluice-" + fence.encode() + b"\0" in command_line(pid)]


def processes_of(fence):
    """All that have the fence in their environment: also those in the container."""
    found = []
    for path in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if path.name.isdigit() and b"SLUICE_ATTEMPT=" + fence.encode() in (path / "environ").read_bytes().split(b"\0"):
                found.append(int(path.name))
    return found


class Long:
    """A server that runs a container which waits at a gate, and ignores SIGTERM."""

    def __init__(self, folder, more="", until_started=True):
        self.folder = folder
        folder.write({"image": BOX, "command": ["sh", "-c", LONG, "sh"], "args": ["${out.said}"]}, more)
        self.gate = Gate(folder.shared / "go")
        self.gate.__enter__()
        self.server = Server(folder.data, env=folder.settings())
        status, answer = self.server.ask("POST", "/v1/runs", {"plan": folder.plan.read_text(), "file": "plan.yaml"})
        assert status == 201, answer
        self.run = answer["run"]
        if until_started:
            self.started(1)

    def fences(self):
        file = self.folder.shared / "started"
        return file.read_text().split() if file.exists() else []

    def started(self, count):
        until(lambda: len(self.fences()) == count, f"attempt {count} runs")
        assert not [pid for fence in self.fences()[:-1] for pid in processes_of(fence)], "an attempt runs beside an earlier one"

    def restart(self):
        self.server = Server(self.folder.data, env=self.folder.settings())

    def end(self):
        return self.server.end_of(self.run)

    def attempts(self):
        return killing.attempts_of(killing.journal_of(self.folder.data, self.run))

    def close(self):
        self.server.stop()
        self.gate.open()
        self.gate.__exit__(None, None, None)


@pytest.fixture
def long(folder):
    made = []

    def start(*arguments, **how):
        made.append(Long(folder, *arguments, **how))
        return made[-1]

    yield start
    for one in made:
        one.close()


def test_a_container_goes_on_while_the_server_is_killed_and_is_found_again(long, podman):
    task = long()
    task.server.kill()
    assert podman.containers() == [f"sluice-{task.fences()[0]}"]
    task.restart()
    task.gate.open()
    report = task.end()
    assert report["outputs"] == {"said": "done"} and task.attempts() == {("work", 1): "succeeded"} and len(task.fences()) == 1


def test_a_container_that_ended_while_there_was_no_server_is_not_started_again(long, podman):
    task = long()
    task.server.kill()
    task.gate.open()
    until(lambda: podman.containers() == [], "it has ended")
    task.restart()
    assert task.end()["outputs"] == {"said": "done"} and task.attempts() == {("work", 1): "succeeded"} and len(task.fences()) == 1


@pytest.mark.parametrize("with_server", [False, True])
def test_what_a_killed_supervisor_ran_is_removed_and_tried_again(long, podman, with_server):
    task = long()
    if with_server:
        task.server.kill()
    os.kill(killing.supervisor_of(task.folder.data), signal.SIGKILL)
    if with_server:
        task.restart()
    task.started(2)
    first, second = task.fences()
    assert first != second and podman.containers() == [f"sluice-{second}"]
    task.gate.open()
    assert task.end()["outputs"] == {"said": "done"}
    assert task.attempts() == {("work", 1): "lost", ("work", 2): "succeeded"}


@pytest.mark.parametrize("moment", ["the engine's command runs", "the container exists"])
def test_a_supervisor_that_is_killed_while_a_container_starts(long, podman, moment):
    task = long(until_started=False)
    fence = task.server.event(task.run, "scheduled")["fence"]
    until(lambda: commands_of(fence) if moment == "the engine's command runs" else podman.containers(), moment)
    os.kill(killing.supervisor_of(task.folder.data), signal.SIGKILL)
    second = until(lambda: [event["fence"] for event in killing.journal_of(task.folder.data, task.run) if event["t"] == "scheduled"][1:], "it is tried again")[0]
    until(lambda: second in task.fences(), "the second attempt runs")
    assert podman.containers() == [f"sluice-{second}"] and not processes_of(fence)
    task.gate.open()
    assert task.end()["outputs"] == {"said": "done"}
    assert task.attempts() == {("work", 1): "lost", ("work", 2): "succeeded"}


def test_a_killed_command_of_the_engine_fails_the_attempt_and_leaves_nothing(long, podman):
    task = long("        retry: {limit: 1}\n")
    (pid,) = commands_of(task.fences()[0])
    os.kill(pid, signal.SIGKILL)
    task.started(2)
    assert podman.containers() == [f"sluice-{task.fences()[1]}"]
    (pid,) = commands_of(task.fences()[1])
    os.kill(pid, signal.SIGKILL)
    failure = task.end()["tasks"][0]["failure"]
    assert failure["kind"] == "signal" and failure["message"].startswith("the command of the container engine was ended by signal 9 (Killed)"), failure
    assert podman.containers() == []


def test_a_container_killed_from_outside_has_failed(long, podman):
    task = long()
    podman("kill", "--signal", "KILL", f"sluice-{task.fences()[0]}")
    failure = task.end()["tasks"][0]["failure"]
    assert (failure["kind"], failure["exit_code"]) == ("exit", 137), failure


def test_a_cancelled_container_is_gone(long, podman):
    task = long()
    assert task.server.ask("POST", f"/v1/runs/{task.run}/cancel")[0] in (200, 202)
    assert task.end()["status"] == "cancelled" and podman.containers() == []


def test_a_container_that_was_found_again_is_cancelled(long, podman):
    task = long()
    task.server.kill()
    task.restart()
    assert task.server.ask("POST", f"/v1/runs/{task.run}/cancel")[0] in (200, 202)
    assert task.end()["status"] == "cancelled" and podman.containers() == [] and len(task.fences()) == 1


def test_a_container_that_takes_too_long_is_gone_before_the_next_attempt(long, podman):
    task = long("        timeout: 2s\n        retry: {limit: 1}\n")
    report = task.end()
    assert report["tasks"][0]["failure"]["kind"] == "timeout" and podman.containers() == []
    assert task.attempts() == {("work", 1): "cancelled", ("work", 2): "cancelled"}


def test_killed_at_every_event_a_container_runs_once(folder):
    script = 'echo "$SLUICE_ATTEMPT" >> /shared/started; printf done > "$1"'
    whole = killing.journal_of(folder.data, report_of(folder.run(script))["run"])
    for number in range(1, len(whole) + 1):
        (folder.shared / "started").unlink()
        died = folder.run(script, arguments=["--no-cache"], **killing.doomed(f"event:{number}"))
        assert killing.was_killed(died), died.stderr
        if number == 1:  # nothing of the run is stored
            died = folder.run(script, arguments=["--no-cache"], **killing.doomed("event:2"))
        done = folder.sluice("resume", "latest", "--json")
        report = json.loads(done.stdout)
        assert report["outputs"] == {"said": "done"}, report
        journal = killing.journal_of(folder.data, report["run"])
        assert killing.attempts_of(journal) == {("work", 1): "succeeded"}
        assert [event["fence"] for event in journal if event["t"] == "scheduled"] == (folder.shared / "started").read_text().split()


def test_output_without_end_is_cut_off(folder, podman):
    failure = folder.failure('while :; do echo "and so on, and so on, and so on, and so on, and so on"; done')
    assert failure["kind"] == "log_quota" and podman.containers() == [], failure
    (log,) = folder.data.glob("logs/*/*.log")
    assert log.stat().st_size < 80 << 20
