"""The golden plans of the engine (tests/golden/engine), with real processes in the place of their scripted tasks."""
import json
import re
import shlex

from fault import killing
from sluice_program import ROOT

FOLDER = ROOT / "tests" / "golden" / "engine"

# A plan of real processes need not wait as long, and has no services of the tests; what these two are is `cache: off` or not.
SHORTER = {"timeout: 10m": "timeout: 300ms", "backoff: 2s": "backoff: 40ms", "max: 3s": "max: 60ms"}
SERVICES = {"{service: test.pure,": "{process: [run],", "{service: test.effect,": "{process: [run], cache: off,"}

# Leaves a mark a start, and does what the golden case tells of this attempt.
PROGRAM = """#!/bin/sh
here=${{0%/*}}
echo "$SLUICE_TASK $SLUICE_ATTEMPT" >> "$here/marks"
number=0
while read -r task fence; do
  [ "$task" = "$SLUICE_TASK" ] && number=$((number + 1))
done < "$here/marks"
write() {{
  for argument; do
    case "$argument" in */out/"$name") printf %s "$value" > "$argument" ;; esac
  done
}}
case "$SLUICE_TASK $number" in
{arms}*) echo "an attempt too many"; exit 99 ;;
esac
"""


def cases():
    return sorted(path.stem for path in FOLDER.glob("*.case"))


class GoldenPlan:
    def __init__(self, name):
        text = (FOLDER / f"{name}.case").read_text()
        parts = re.split(r"^--- (\w+)\n", text, flags=re.MULTILINE)
        sections = dict(zip(parts[1::2], parts[2::2]))
        self.text = sections["input"]
        for old, new in (SHORTER | SERVICES).items():
            self.text = self.text.replace(old, new)
        self.events = sections["events"].splitlines()
        self.outcomes = {}
        for line in self.events:
            if found := re.match(r"attempt_ended (\S+) number=(\d+) outcome=(.*)", line):
                self.outcomes[found[1], int(found[2])] = json.loads(found[3])

    def write(self, folder):
        """Puts plan and program there; answers the plan's path. Another folder is another program, so nothing is cached between them."""
        folder.mkdir(parents=True)
        program = folder / "run"
        program.write_text(PROGRAM.format(arms="".join(f"{shlex.quote(f'{path} {number}')}) {self.script(outcome)} ;;\n"
                                                       for (path, number), outcome in self.outcomes.items())))
        program.chmod(0o755)
        plan = folder / "plan.yaml"
        plan.write_text(self.text.replace("process: [run", f"process: [{program}"))
        return plan

    @staticmethod
    def script(outcome):
        match outcome["status"]:
            case "succeeded":
                return "; ".join([f"name={name} value={shlex.quote(json.dumps(value))}; write \"$@\""
                                  for name, value in outcome.get("outputs", {}).items()] or [":"])
            case "failed":
                message = outcome["failure"]["message"]
                status = re.fullmatch(r"exit status (\d+)", message)
                return f"exit {status[1]}" if status else f"echo {shlex.quote(message)}; exit 1"
            case "lost":
                return "kill -9 $PPID; exec sleep 600"
            case "cancelled":
                return "exec sleep 600"
        raise ValueError(outcome)

    @staticmethod
    def marks(plan):
        """Starts, as the tasks left them: [(path, fence)]."""
        marks = plan.parent / "marks"
        return [tuple(line.split()) for line in marks.read_text().splitlines()] if marks.exists() else []


def one_start_an_attempt(marks, journal):
    """Of each attempt that ended by itself; one that was cancelled may never have begun."""
    fences = {event["fence"]: (event["path"], event["number"]) for event in journal if event["t"] == "scheduled"}
    ended = killing.attempts_of(journal)
    started = [fence for _, fence in marks]
    assert len(started) == len(set(started)), f"an attempt was started twice: {marks}"
    assert set(started) <= set(fences), "something ran that the journal does not know"
    unmarked = {fences[fence] for fence in set(fences) - set(started)}
    assert all(ended[attempt] == "cancelled" for attempt in unmarked), f"never began: {unmarked}"


def shape(journal_or_lines):
    """Which events there are, for comparing a journal with the lines of a golden case."""
    def of_event(event):
        return " ".join([event["t"], event.get("path", ""), *[f"{key}={event[key]}" for key in ("number", "arm", "index") if key in event],
                         event.get("status", "")])

    def of_line(line):
        kind, *words = line.split(" ")
        path = "" if kind == "run_ended" else words.pop(0)
        numbers = [word for word in words[:3] if re.fullmatch(r"(number|arm|index)=-?\d+", word)]
        status = next((word for word in words[:2] if re.fullmatch("succeeded|failed|skipped|blocked|cancelled", word)), "")
        return " ".join([kind, path, *numbers, status])

    return sorted(of_line(each) if isinstance(each, str) else of_event(each) for each in journal_or_lines if each and each != "run_created")
