"""The golden plans of the engine (tests/golden/engine), with real processes instead of their scripted tasks.

Concurrent tasks of a plan need different commands: the one that starts later would get the cached result of the other.
"""
import json
import re
import shlex

from fault import killing
from sluice_program import ROOT

FOLDER = ROOT / "tests" / "golden" / "engine"

# With real processes, shorter waits suffice. Test services become processes; an effect becomes one with `cache: off`.
SHORTER = {"timeout: 10m": "timeout: 300ms", "backoff: 2s": "backoff: 40ms", "max: 3s": "max: 60ms"}
SERVICES = {"{service: test.pure,": "{process: [run],", "{service: test.effect,": "{process: [run], cache: off,"}

# Writes a mark per start, and produces the outcome that the golden case has for this attempt.
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
{arms}*) echo "unexpected attempt"; exit 99 ;;
esac
"""


SCRIPTED_ONLY = {
    # With a real clock, an attempt that has ended may time out as well, while no server is there to receive its end.
    "retry_after_a_timeout",
    # With real processes, the two failures may come in the other order.
    "stopped_each_that_tolerates",
    # It needs a container engine and an image: tests/system/test_containers.py has both, and kills too.
    "container",
}


def cases():
    return sorted({path.stem for path in FOLDER.glob("*.case")} - SCRIPTED_ONLY)


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
        """Writes plan and program into the folder. Returns the plan's path. Each folder has its own program, so no cache entry is shared."""
        folder.mkdir(parents=True)
        program = folder / "run"
        program.write_text(PROGRAM.format(arms="".join(f"{shlex.quote(f'{path} {number}')}) {self.waits(path, outcome)}{self.script(outcome)} ;;\n"
                                                       for (path, number), outcome in self.outcomes.items())))
        program.chmod(0o755)
        plan = folder / "plan.yaml"
        # Without a limit by processors: other runs, whose tasks never end, may have them all.
        text = self.text.replace("{process: [run", "{resources: {cpu: 0}, process: [run")
        plan.write_text(text.replace("process: [run", f"process: [{program}"))
        return plan

    def waits(self, path, outcome):
        """Lets a failure wait until what it stops is running: tasks that are ready at the same time may start in any order."""
        stopped = [other for (other, _), end in self.outcomes.items() if end["status"] == "cancelled" and other != path]
        return "".join(f"until grep -qF {shlex.quote(f'{other} ')} \"$here/marks\"; do sleep 0.01; done; "
                       for other in stopped if outcome["status"] == "failed")

    @staticmethod
    def script(outcome):
        match outcome["status"]:
            case "succeeded":
                return "; ".join([f"name={name} value={shlex.quote(json.dumps(value))}; write \"$@\""
                                  for name, value in outcome.get("outputs", {}).items()] or [":"])
            case "failed":
                failure = outcome["failure"]
                message = failure["message"]
                if "signal" in failure:
                    return f"kill -{failure['signal']} $$"
                if "exit_code" in failure:
                    return f"exit {failure['exit_code']}"
                status = re.fullmatch(r"exit status (\d+)", message)
                return f"exit {status[1]}" if status else f"echo {shlex.quote(message)}; exit 1"
            case "lost":
                return "kill -9 $PPID; exec sleep 600"
            case "cancelled":
                return "exec sleep 600"
        raise ValueError(outcome)

    @staticmethod
    def marks(plan):
        """Returns the starts that the tasks recorded: [(path, fence)]."""
        marks = plan.parent / "marks"
        return [tuple(line.split()) for line in marks.read_text().splitlines()] if marks.exists() else []


def one_start_an_attempt(marks, journal):
    """Asserts that each attempt was started once; a cancelled one may never have started."""
    fences = {event["fence"]: (event["path"], event["number"]) for event in journal if event["t"] == "scheduled"}
    ended = killing.attempts_of(journal)
    started = [fence for _, fence in marks]
    assert len(started) == len(set(started)), f"an attempt was started twice: {marks}"
    assert set(started) <= set(fences), "an attempt ran that is not in the journal"
    unmarked = {fences[fence] for fence in set(fences) - set(started)}
    assert all(ended[attempt] == "cancelled" for attempt in unmarked), f"never started: {unmarked}"


def shape(journal_or_lines):
    """Returns a sorted summary of the events, for comparing a journal with the lines of a golden case."""
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
