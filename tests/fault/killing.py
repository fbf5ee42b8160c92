"""Kills real programs with SIGKILL at exact points (die_at.cpp), and inspects the data folder that they leave."""
import http.client
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import urllib.error
import urllib.request

from sluice_program import BIN, ROOT, environment

LIBRARY = pathlib.Path(os.environ.get("SLUICE_DIE_AT", ROOT / "build" / "asan" / "tests" / "die_at.so"))
ALREADY_ENDED = 2  # exit status of `sluice resume` if there is nothing to resume


def doomed(at=None, under=(), trace=None):
    """Returns the environment of a program that dies at that point; without `at`, of one that only counts."""
    assert LIBRARY.exists(), f"{LIBRARY} is missing; ./dev test builds it"
    wanted = {"DIE_AT": at, "DIE_UNDER": ":".join(map(str, under)), "DIE_TRACE": trace}
    return environment(LD_PRELOAD=LIBRARY, **{name: value for name, value in wanted.items() if value})


def command(*arguments, data, env=None):
    """Runs a `sluice` command to its end, successful or not."""
    return subprocess.run([BIN / "sluice", *map(str, arguments), "--data", str(data)], capture_output=True, text=True, timeout=600,
                          env=env or environment())


def was_killed(finished):
    return finished.returncode == -signal.SIGKILL


def killed(*arguments, data, at, **more):
    """Runs a command that must die at that point."""
    done = command(*arguments, data=data, env=doomed(at, **more))
    assert was_killed(done), f"not killed at {at}: exit status {done.returncode}\n{done.stderr}"
    return done


class DoomedServer:
    """A `sluice up` process that dies at that point, which may be before it listens."""

    def __init__(self, data, at, *arguments, under=()):
        self.process = subprocess.Popen([BIN / "sluice", "up", "--data", str(data), "--listen", "127.0.0.1:0", *arguments],
                                        stdout=subprocess.PIPE, text=True, env=doomed(at, under=under))
        words = self.process.stdout.readline().split()
        self.url = words[-1] if words else None  # None if it died before it printed the address

    def post(self, path, body):
        """Returns the response's JSON, or None if the server died before it responded."""
        request = urllib.request.Request(self.url + path, data=json.dumps(body).encode(), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            raise
        except (OSError, http.client.HTTPException):
            return None

    def dies(self):
        """Waits until it has been killed. Returns 1, for counting."""
        assert self.process.wait(600) == -signal.SIGKILL
        return 1

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def submission(plan):
    """Returns the body of POST /v1/runs for a plan without inputs."""
    return {"plan": plan.read_text(), "file": str(plan), "pipeline": "main", "inputs": {}, "code": {}}


def query(data, sql, *values):
    """Returns rows of the ledger, which running programs may have open."""
    if not (data / "ledger.db").exists():
        return []
    ledger = sqlite3.connect(f"file:{data}/ledger.db?mode=ro", uri=True, timeout=30)
    try:
        return ledger.execute(sql, values).fetchall()
    except sqlite3.OperationalError as problem:
        if "no such table" in str(problem):  # the first program is still creating it
            return []
        raise
    finally:
        ledger.close()


def runs_of(data):
    """Returns the ids of all runs, oldest first: ids are ordered by time."""
    return [run for (run,) in query(data, "select id from runs order by id")]


def events_of(data, run):
    """Returns the events of a run as programs read them: the ledger stores the plan, which many runs have in common, beside them."""
    events = []
    for event, text, at in query(data, "select event, texts.text, text_at from events left join texts on digest = events.text "
                                       "where run = ? order by number", run):
        stored = event.encode()
        events.append(event if at is None else (stored[:at] + text.encode() + stored[at:]).decode())
    return events


def journal_of(data, run):
    """Returns the events of a run, except for the claims of the processes that resumed it."""
    events = [json.loads(text) for (text,) in query(data, "select event from events where run = ? order by number", run)]
    return [event for event in events if event["t"] != "claimed"]


def what_happened(journal, *places):
    """Returns the journal without what differs between runs: times, fences, digests of programs, and these paths. It is sorted, since
    concurrent tasks may end in any order."""
    shown = []
    for event in journal:
        kept = {key: value for key, value in event.items() if key not in ("at", "due", "fence", "key", "run", "plan", "plan_digest", "code")}
        if "outcome" in kept:
            outcome = kept["outcome"]
            compared = ("status",) if outcome["status"] == "cancelled" else ("status", "outputs", "failure")  # before it started, or while it ran
            kept["outcome"] = {key: outcome[key] for key in compared if key in outcome}
        text = json.dumps(kept, sort_keys=True)
        for place in places:
            text = text.replace(str(place), "")
        shown.append(text)
    return sorted(shown)


def attempts_of(journal):
    """Returns {(path, number): status}."""
    return {(event["path"], event["number"]): event["outcome"]["status"] for event in journal if event["t"] == "attempt_ended"}


def supervisor_of(data):
    """Returns the supervisor's pid, or None if none is running."""
    try:
        pid = int(re.search(r"pid (\d+)", (data / "supervisor.lock").read_text())[1])
        return pid if (pathlib.Path(f"/proc/{pid}/comm").read_text() == "sluice-supervis\n") else None
    except (OSError, TypeError):
        return None


def processes_of(data, with_supervisor=False):
    """Returns the running processes of the data folder and its attempts: {pid: command line}. The supervisor is included on request only:
    it keeps running for a while by design."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            text = b"\0".join([*words, (entry / "environ").read_bytes(), os.readlink(entry / "cwd").encode()])
        except OSError:
            continue  # it has ended, or is a zombie
        if words[0].endswith(b"sluice-supervisor") and not with_supervisor:
            continue
        if str(data).encode() in text and int(entry.name) != os.getpid():
            found[int(entry.name)] = b" ".join(words).decode(errors="replace")
    return found
