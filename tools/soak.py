#!/usr/bin/env python3
"""Runs on one server, while it, its supervisor, its hosts and its tasks are killed at random; then looks whether anything was lost, was
done twice, or is left. `./dev soak` runs it.

    soak.py [MINUTES] [--seed N]

Main jobs (some the same again, some with a fresh seed) and runs of small processes that leave a mark at each start go on at once. A
seed gives the same kills in the same order, not at the same instants.
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
PICTURES_A_CLASS = 12
GOING_MAX = 4  # runs at once
WEIGHTS = {"server": 3, "supervisor": 2, "host": 1, "task": 3}  # whose host dies twice is given up, and then there is nothing to see
END_LIMIT_S = 300  # for what goes on when the last kill was

# Each start leaves a mark; what was killed is tried again, as often as it takes.
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
        self.acknowledged = []  # ids of runs that the server said it has
        self.submitted = {"main job, the same again": 0, "main job, a fresh seed": 0, "small processes": 0}
        self.answers = {"answered": 0, "not answered, as server or host died": 0}
        self.surprises = []  # answers that no kill explains
        self.asking = False
        self.server = None

    # What the server is given.

    def prepare(self):
        pictures = self.data.parent / "pictures"
        all_pictures = self.data.parent / "stamps"
        stamps.assemble(all_pictures)
        for label in CLASSES:
            (pictures / label).mkdir(parents=True)
            for picture in sorted((all_pictures / label).glob("*.png"))[:PICTURES_A_CLASS]:
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
            fresh = {"seed": self.chance.randrange(10**6), "name": f"fresh-{number}"} if "fresh" in kind else {}
            body = self.main_job | {"inputs": self.main_job["inputs"] | fresh}
        self.post_run(body)

    def marks_run(self, salt):
        return {"plan": MARKS, "file": "marks.yaml", "pipeline": "main", "inputs": {"marks": str(self.marks), "salt": salt}, "code": {}}

    def post_run(self, body):
        status, answer = self.ask("POST", "/v1/runs", body)
        if status == 201:
            self.acknowledged.append(answer["run"])
        elif status is not None:
            self.surprises.append(f"a run was refused: {status} {answer}")

    def ask(self, method, path, body=None):
        """(status, answer); (None, None) where the server died before it gave one."""
        try:
            return self.server.ask(method, path, body)
        except (OSError, http.client.HTTPException, ValueError):  # refused, cut off, half an answer
            return None, None

    def keep_asking(self):
        """Requests to an endpoint, one after the other."""
        body = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"content_type": "base64"}, "data": [self.picture]}]}
        while self.asking:
            status, answer = self.ask("POST", "/v2/models/same/infer", body)
            if status == 200:
                self.answers["answered"] += 1
            elif status in (None, 503):
                self.answers["not answered, as server or host died"] += 1
            else:
                self.surprises.append(f"a request was answered by {status} {answer}")
            time.sleep(0.1)

    # What happens to it.

    def victims(self):
        """{kind: pids} of what could be killed now."""
        found = {kind: [] for kind in self.kills}
        found["task"] = [pid for pid in killing.processes_of(self.data) if "SLUICE_ATTEMPT" in leftovers.environment_of(pid)]
        if supervisor := killing.supervisor_of(self.data):
            found["supervisor"] = [supervisor]
        found["host"] = leftovers.children_of(self.server.process.pid, "sluice-host")
        found["server"] = [self.server.process.pid]
        return {kind: pids for kind, pids in found.items() if pids}

    def strike(self):
        victims = self.victims()
        kinds = sorted(victims)
        [kind] = self.chance.choices(kinds, [WEIGHTS[kind] for kind in kinds])
        pids = [self.chance.choice(sorted(victims[kind]))]
        if kind == "supervisor" and self.chance.random() < 0.3:
            pids.append(self.server.process.pid)  # both at once
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.kills["server" if pid == self.server.process.pid else kind] += 1
        if self.server.process.pid in pids:
            self.server.process.wait()
            self.server = Server(self.data)

    def going(self):
        return [run for (run,) in killing.query(self.data, "select id from runs where status = 'running'")]

    def go_on_for(self, seconds):
        end = time.monotonic() + seconds
        self.asking = True
        asking = threading.Thread(target=self.keep_asking)
        asking.start()
        try:
            self.strike_until(end)
        finally:
            self.asking = False
            asking.join()

    def strike_until(self, end):
        while time.monotonic() < end:
            if len(self.going()) < GOING_MAX:
                self.submit()
            time.sleep(self.chance.uniform(0.1, 0.6))
            if self.chance.random() < 0.3:  # about one in a second: between them, work gets on
                self.strike()

    # What there is afterwards.

    def finish(self):
        until(lambda: not self.going(), "every run has ended", END_LIMIT_S)
        # What the last supervisor left is removed by the next one: so there is one.
        self.submitted["small processes"] += 1
        self.post_run(self.marks_run("last"))
        until(lambda: not self.going(), "every run has ended", END_LIMIT_S)
        self.server.stop()

    def problems(self):
        """What should not be, one line each."""
        found = list(self.surprises)
        runs = dict(killing.query(self.data, "select id, status from runs"))
        found += [f"run {run} was acknowledged and is lost" for run in self.acknowledged if run not in runs]
        marks = self.marks.read_text().split() if self.marks.exists() else []
        found += [f"attempt {fence} was started {marks.count(fence)} times" for fence in set(marks) if marks.count(fence) > 1]
        versions = {}
        shot = 0  # attempts that somebody killed
        for run, status in runs.items():
            journal = killing.journal_of(self.data, run)
            shot += sum("ended by signal 9" in event["outcome"].get("failure", {}).get("message", "") for event in journal if event["t"] == "attempt_ended")
            found += [f"run {run}: {what}" for what in problems_of(journal, set(marks))]
            if status == "succeeded" and "version" in (outputs := journal[-1].get("outputs", {})):
                versions.setdefault(outputs["model"], set()).add(outputs["version"])
            if status != "succeeded" and not self.excused(journal[-1].get("failure", {}).get("message", "")):
                found.append(f"run {run} {status}: {journal[-1].get('failure')}")
        if shot > self.kills["task"]:
            found.append(f"{shot} attempts ended by signal 9, and {self.kills['task']} were killed here")
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
        """What a kill may do to a run: a task without `retry` ends with it, and nobody outlives two dead hosts or five supervisors. And a
        seed may be a bad one."""
        return any(re.search(words, message) for words in ("ended by signal 9", "host died twice", "attempts in a row were lost", "is below 0.75"))


def problems_of(journal, marks):
    """How this journal contradicts what an engine promises."""
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
            yield f"{path} succeeded and left no mark"


def tell(soak, seconds, found):
    statuses = dict(killing.query(soak.data, "select status, count(*) from runs group by status"))
    print(f"soak: {seconds:.0f} s, seed {soak.seed}")
    print("  killed:     " + ", ".join(f"{count} × {kind}" for kind, count in soak.kills.items()))
    print("  submitted:  " + ", ".join(f"{count} × {kind}" for kind, count in soak.submitted.items()))
    print("  runs:       " + ", ".join(f"{count} {status}" for status, count in statuses.items()))
    print("  requests:   " + ", ".join(f"{count} {how}" for how, count in soak.answers.items()))
    for problem in found:
        print(f"  PROBLEM: {problem}")
    print("  nothing lost, nothing twice, nothing left" if not found else f"  {len(found)} problems; the data folder is kept: {soak.data}", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./dev soak", description="Main jobs on a server whose parts are killed at random.")
    parser.add_argument("minutes", nargs="?", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None, help="choose the same kills again")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**9)
    print(f"soak: {arguments.minutes:g} minutes, seed {seed}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-soak-"))
    soak = Soak(folder / "data", seed)
    began = time.monotonic()
    try:
        soak.prepare()
        soak.go_on_for(arguments.minutes * 60)
        soak.finish()
        found = soak.problems()
    except BaseException:
        print(f"soak: the data folder is kept: {soak.data}", file=sys.stderr)
        raise
    finally:
        if soak.server:
            soak.server.stop()
    tell(soak, time.monotonic() - began, found)
    if not found:
        leftovers.remove(folder)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
