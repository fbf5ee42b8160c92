#!/usr/bin/env python3
"""Submits runs to one server while it, its supervisor, its hosts and its tasks are killed at random; then checks that nothing was
lost, done twice, or left behind. `./dev soak` runs it.

    soak.py [MINUTES] [--seed N]

Main jobs (some identical, some with a new seed) and runs of small processes that write a mark at each start run concurrently. A
seed gives the same kills in the same order, not at the same times.
"""
import argparse
import base64
import http.client
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]
import stamps  # noqa: E402
from fault import killing, leftovers  # noqa: E402
from sluice_program import Server, report_of, sluice  # noqa: E402
from waiting import until  # noqa: E402

MAIN_JOB = ROOT / "examples" / "stamps" / "sluice.yaml"
CLASSES = ("bird", "flower", "vehicle")
PICTURES_PER_CLASS = 12
RUNNING_MAX = 4  # concurrent runs
WEIGHTS = {"server": 3, "supervisor": 2, "host": 1, "task": 3}  # few hosts: a request whose host dies twice fails, which tests nothing
END_LIMIT_S = 300  # for the runs that are unfinished after the last kill

# Each start writes a mark; killed attempts are retried.
MARKS = """
sluice: 1
pipelines:
  main:
    inputs: {marks: {type: string}, salt: {type: string}}
    outputs: {all: "${items.o}"}
    graph:
      items:
        each: "${range(6)}"
        as: i
        limit: 3
        graph:
          first: {process: [sh, -c, "SCRIPT", sh, "${inputs.marks}", "${inputs.salt}", "${out.o}"], outputs: {o: {type: integer}}, retry: {limit: 50}}
          second: {process: [sh, -c, "SCRIPT", sh, "${inputs.marks}", "${first.o}", "${out.o}"], outputs: {o: {type: integer}}, retry: {limit: 50}, cache: off}
        yield: {o: "${second.o}"}
""".replace("SCRIPT", r"echo $SLUICE_ATTEMPT >> $1; sleep 300 & sleep 0.$(($$ % 7)); echo 1 > $3")


class Soak:
    def __init__(self, data, seed):
        self.data = data
        self.chance = random.Random(seed)
        self.seed = seed
        self.marks = data.parent / "marks"
        self.kills = dict.fromkeys(("server", "supervisor", "host", "task"), 0)
        self.acknowledged = []  # ids of runs that the server has accepted
        self.submitted = {"main job, identical": 0, "main job, new seed": 0, "small processes": 0}
        self.responses = {"succeeded": 0, "failed, as server or host died": 0}
        self.unexpected = []  # responses that no kill explains
        self.requesting = False
        self.server = None

    # Requests to the server.

    def prepare(self):
        pictures = self.data.parent / "pictures"
        all_pictures = self.data.parent / "stamps"
        stamps.assemble(all_pictures)
        for label in CLASSES:
            (pictures / label).mkdir(parents=True)
            for picture in sorted((all_pictures / label).glob("*.png"))[:PICTURES_PER_CLASS]:
                shutil.copy(picture, pictures / label)
        self.picture = base64.b64encode(next((pictures / CLASSES[0]).glob("*.png")).read_bytes()).decode()
        first = report_of(sluice("run", MAIN_JOB, "--input", f"pictures={pictures}", "--input", "name=same", "--json", data=self.data))
        self.main_job = {"plan": MAIN_JOB.read_text(), "file": str(MAIN_JOB), "pipeline": "main", "inputs": first["inputs"], "code": first["code"]}
        self.server = Server(self.data)

    def submit(self):
        number = sum(self.submitted.values())
        kind = self.chance.choice(list(self.submitted))
        self.submitted[kind] += 1
        if kind == "small processes":
            body = self.marks_run(str(number))
        else:
            changed = {"seed": self.chance.randrange(10**6), "name": f"fresh-{number}"} if "new seed" in kind else {}
            body = self.main_job | {"inputs": self.main_job["inputs"] | changed}
        self.post_run(body)

    def marks_run(self, salt):
        return {"plan": MARKS, "file": "marks.yaml", "pipeline": "main", "inputs": {"marks": str(self.marks), "salt": salt}, "code": {}}

    def post_run(self, body):
        status, answer = self.ask("POST", "/v1/runs", body)
        if status == 201:
            self.acknowledged.append(answer["run"])
        elif status is not None:
            self.unexpected.append(f"a run was rejected: {status} {answer}")

    def ask(self, method, path, body=None):
        """Returns (status, answer), or (None, None) if the server died before it responded."""
        try:
            return self.server.ask(method, path, body)
        except (OSError, http.client.HTTPException, ValueError):  # connection refused or closed, incomplete response
            return None, None

    def send_requests(self):
        """Sends requests to an endpoint, one after the other."""
        body = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"content_type": "base64"}, "data": [self.picture]}]}
        while self.requesting:
            status, answer = self.ask("POST", "/v2/models/same/infer", body)
            if status == 200:
                self.responses["succeeded"] += 1
            elif status in (None, 503):
                self.responses["failed, as server or host died"] += 1
            else:
                self.unexpected.append(f"unexpected response {status} {answer}")
            time.sleep(0.1)

    # Kills.

    def victims(self):
        """Returns {kind: pids} of the processes that can be killed now."""
        found = {kind: [] for kind in self.kills}
        found["task"] = [pid for pid in killing.processes_of(self.data) if "SLUICE_ATTEMPT" in leftovers.environment_of(pid)]
        if supervisor := killing.supervisor_of(self.data):
            found["supervisor"] = [supervisor]
        found["host"] = leftovers.children_of(self.server.process.pid, "sluice-host")
        found["server"] = [self.server.process.pid]
        return {kind: pids for kind, pids in found.items() if pids}

    def kill_one(self):
        victims = self.victims()
        kinds = sorted(victims)
        [kind] = self.chance.choices(kinds, [WEIGHTS[kind] for kind in kinds])
        pids = [self.chance.choice(sorted(victims[kind]))]
        if kind == "supervisor" and self.chance.random() < 0.3:
            pids.append(self.server.process.pid)  # both at the same time
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.kills["server" if pid == self.server.process.pid else kind] += 1
        if self.server.process.pid in pids:
            self.server.process.wait()
            self.server = Server(self.data)

    def running(self):
        return [run for (run,) in killing.query(self.data, "select id from runs where status = 'running'")]

    def run_for(self, seconds):
        end = time.monotonic() + seconds
        self.requesting = True
        requests = threading.Thread(target=self.send_requests)
        requests.start()
        try:
            self.kill_until(end)
        finally:
            self.requesting = False
            requests.join()

    def kill_until(self, end):
        while time.monotonic() < end:
            if len(self.running()) < RUNNING_MAX:
                self.submit()
            time.sleep(self.chance.uniform(0.1, 0.6))
            if self.chance.random() < 0.3:  # about one kill per second, so that work progresses in between
                self.kill_one()

    # Checks afterwards.

    def finish(self):
        until(lambda: not self.running(), "every run has ended", END_LIMIT_S)
        # What a killed supervisor left behind is removed by the next one, so start one.
        self.submitted["small processes"] += 1
        self.post_run(self.marks_run("last"))
        until(lambda: not self.running(), "every run has ended", END_LIMIT_S)
        self.server.stop()

    def problems(self):
        """Returns all violations, one line each."""
        found = list(self.unexpected)
        runs = dict(killing.query(self.data, "select id, status from runs"))
        found += [f"run {run} was acknowledged, but is lost" for run in self.acknowledged if run not in runs]
        marks = self.marks.read_text().split() if self.marks.exists() else []
        found += [f"attempt {fence} was started {marks.count(fence)} times" for fence in set(marks) if marks.count(fence) > 1]
        versions = {}
        killed = 0  # attempts whose process was killed
        for run, status in runs.items():
            journal = killing.journal_of(self.data, run)
            killed += sum("ended by signal 9" in event["outcome"].get("failure", {}).get("message", "") for event in journal if event["t"] == "attempt_ended")
            found += [f"run {run}: {what}" for what in problems_of(journal, set(marks))]
            if status == "succeeded" and "version" in (outputs := journal[-1].get("outputs", {})):
                versions.setdefault(outputs["model"], set()).add(outputs["version"])
            if status != "succeeded" and not self.excused(journal[-1].get("failure", {}).get("message", "")):
                found.append(f"run {run} {status}: {journal[-1].get('failure')}")
        if killed > self.kills["task"]:
            found.append(f"{killed} attempts ended by signal 9, but only {self.kills['task']} were killed here")
        for repository in (self.data / "models" / "default").glob("*.git"):
            tags = subprocess.run(["git", "tag"], cwd=repository, check=True, capture_output=True, text=True).stdout.split()
            if tags != ["v1"] or versions.get(repository.stem, {1}) != {1}:
                found.append(f"model {repository.stem} has the versions {tags}")
            checked = subprocess.run(["git", "fsck", "--strict"], cwd=repository, capture_output=True, text=True)
            if checked.returncode != 0:
                found.append(f"model {repository.stem}: {checked.stderr}")
        return found + leftovers.of(self.data)

    @staticmethod
    def excused(message):
        """Whether a kill explains the failure of a run: a task without `retry` fails, and no attempt survives two dead hosts or five dead
        supervisors. Also, the model of an unlucky seed may not be good enough."""
        return any(re.search(words, message) for words in ("ended by signal 9", "host died twice", "attempts in a row were lost", "is below 0.75"))


def problems_of(journal, marks):
    """Yields how this journal violates the guarantees of the engine."""
    if journal[-1]["t"] != "run_ended":
        yield "it never ended"
    fences = [event["fence"] for event in journal if event["t"] == "scheduled"]
    if len(fences) != len(set(fences)):
        yield "a fence was used twice"
    fence_of = {(event["path"], event["number"]): event["fence"] for event in journal if event["t"] == "scheduled"}
    ended = [(event["path"], event["number"], event["outcome"]["status"]) for event in journal if event["t"] == "attempt_ended"]
    succeeded = [(path, number) for path, number, status in ended if status == "succeeded"]
    if len({(path, number) for path, number, _ in ended}) != len(ended):
        yield "an attempt ended twice"
    if len({path for path, _ in succeeded}) != len(succeeded):
        yield "a task that had succeeded ran again"
    for path, number in succeeded:
        if path.startswith("items") and fence_of[path, number] not in marks:
            yield f"{path} succeeded without a mark"


def print_report(soak, seconds, found):
    statuses = dict(killing.query(soak.data, "select status, count(*) from runs group by status"))
    print(f"soak: {seconds:.0f} s, seed {soak.seed}")
    print("  killed:     " + ", ".join(f"{count} × {kind}" for kind, count in soak.kills.items()))
    print("  submitted:  " + ", ".join(f"{count} × {kind}" for kind, count in soak.submitted.items()))
    print("  runs:       " + ", ".join(f"{count} {status}" for status, count in statuses.items()))
    print("  requests:   " + ", ".join(f"{count} {how}" for how, count in soak.responses.items()))
    for problem in found:
        print(f"  PROBLEM: {problem}")
    print("  nothing lost, nothing twice, nothing left" if not found else f"  {len(found)} problems; the data folder is kept: {soak.data}", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./dev soak", description="Main jobs on a server whose parts are killed at random.")
    parser.add_argument("minutes", nargs="?", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None, help="repeat the kills of this seed")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**9)
    print(f"soak: {arguments.minutes:g} minutes, seed {seed}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-soak-"))
    soak = Soak(folder / "data", seed)
    began = time.monotonic()
    try:
        soak.prepare()
        soak.run_for(arguments.minutes * 60)
        soak.finish()
        found = soak.problems()
    except BaseException:
        print(f"soak: the data folder is kept: {soak.data}", file=sys.stderr)
        raise
    finally:
        if soak.server:
            soak.server.stop()
    print_report(soak, time.monotonic() - began, found)
    if not found:
        leftovers.remove(folder)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
