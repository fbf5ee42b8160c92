"""`sluice run` on a terminal: a tree that is drawn in place, whatever happens to the terminal."""
import contextlib
import json
import re
import signal

import pytest
from sluice_program import serving, sluice
from terminal import Terminal
from waiting import Gate

# A task waits here until the test opens its gate.
HELD = 'read line < "$0/$1"'
PLAN = f"""
sluice: 1
pipelines:
  main:
    inputs: {{folder: {{type: string}}}}
    graph:
      first: {{process: [sh, -c, '{HELD} || true', "${{inputs.folder}}", first]}}
      loop:
        each: "${{range(30)}}"
        as: i
        after: [first]
        graph: {{item: {{process: [sh, -c, '{HELD} || true', "${{inputs.folder}}", items]}}}}
      last: {{process: [sh, -c, '{HELD}; exit 3', "${{inputs.folder}}", last], after: [loop]}}
"""


class Gates:
    def __init__(self, stack, folder, *names):
        self.folder = folder
        folder.mkdir()
        self.gates = {name: stack.enter_context(Gate(folder / name)) for name in names}

    def open(self, *names):
        for name in names:
            self.gates[name].open()


@pytest.fixture
def gates(tmp_path):
    with contextlib.ExitStack() as stack:
        yield Gates(stack, tmp_path / "gates", "first", "items", "last")


@pytest.fixture
def terminal(tmp_path, plan, gates):
    with contextlib.ExitStack() as stack:

        def open_terminal(*arguments, **more):
            opened = Terminal("run", plan(PLAN), "--input", f"folder={gates.folder}", *arguments, data=tmp_path / "data", **more)
            stack.callback(opened.close)
            return opened

        yield open_terminal


def test_it_is_drawn_in_place_and_fits(terminal, gates):
    seen = terminal(width=70, height=12)
    seen.shows("first", "running", "last", "waiting")
    gates.open("first")
    seen.shows("[0] item", "running")
    seen.until(lambda: "… " in seen.screen.text())
    assert len(seen.screen.lines) <= 13, "the line `run ID`, and no more lines than fit: " + seen.screen.text()
    gates.open("items", "last")
    assert seen.end() == 1
    text = seen.screen.text()
    assert re.search(r"^  last +failed .*exit status 3", text, re.M), text
    assert re.search(r"^failed in .*: 1 failed, 31 succeeded", text, re.M), text
    assert text.count("  last  ") == 1, "the tree must be redrawn in place, not printed again: " + text
    assert "sluice: last: exit status 3" in text
    assert not seen.screen.unknown, seen.screen.unknown


def test_the_terminal_may_change_its_size(terminal, gates):
    seen = terminal(width=100, height=30)
    gates.open("first")
    seen.shows("[9] item")
    for width, height in ((30, 8), (50, 40), (21, 5), (100, 24)):
        seen.resize(width, height)
        drawn = len(seen.raw)
        seen.until(lambda: seen.raw.count("\x1b[J", drawn) >= 2)  # two frames of the new size
    gates.open("items", "last")
    seen.end()
    text = seen.screen.text()
    assert len(re.findall("^failed in .*: 1 failed", text, re.M)) == 1 and "running for" not in text, text


@pytest.mark.parametrize(("more", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_those_who_want_them(terminal, gates, more, colored):
    seen = terminal(**more)
    seen.shows("running")
    gates.open("first", "items", "last")
    seen.end()
    assert ("\x1b[31m" in seen.raw) == colored
    assert "\x1b[?7h" in seen.raw.rsplit("\x1b[?7l", 1)[1], "line wrapping is enabled again"


def test_elsewhere_lines_are_plain(plan, gates, tmp_path):
    gates.open("first", "items", "last")
    done = sluice("run", plan(PLAN), "--input", f"folder={gates.folder}", data=tmp_path / "data")
    assert "\x1b" not in done.stdout + done.stderr
    assert re.search(r"^  first  [0-9.]+ s$", done.stderr, re.M), done.stderr
    assert "  last  failed: exit status 3\n" in done.stderr


def test_ctrl_c_leaves_a_servers_run_and_says_how_to_follow_it_again(terminal, gates, tmp_path):
    data = tmp_path / "data"
    with serving(data) as server:
        seen = terminal()
        seen.shows("first", "running")
        seen.type("\x03")
        assert seen.end() == -signal.SIGINT
        [run] = [r["run"] for r in server.ask("GET", "/v1/runs")[1]["runs"]]
        assert f"run {run} is still running; `sluice resume {run} --data {data}` follows it again, `sluice cancel {run} --data {data}` cancels it" in seen.raw
        assert server.ask("GET", f"/v1/runs/{run}")[1]["status"] == "running"
        gates.open("first", "items", "last")
        again = sluice("resume", run, data=data)
        assert again.returncode in (1, 2), again.stderr  # 2: it had already ended
        assert server.end_of(run)["status"] == "failed"


def test_ctrl_c_interrupts_a_run_of_this_process_which_can_be_cancelled(terminal, tmp_path):
    data = tmp_path / "data"
    seen = terminal()
    seen.shows("first", "running")
    seen.type("\x03")
    assert seen.end() == -signal.SIGINT
    run = re.search(r"run (\w+) was interrupted; `sluice resume \1 --data", seen.raw).group(1)
    cancelled = sluice("cancel", run, "--reason", "wrong pictures", data=data)
    assert cancelled.returncode == 0, cancelled.stderr
    assert cancelled.stdout == f"run {run} is cancelled\n"
    shown = json.loads(sluice("show", run, "--json", data=data).stdout)
    assert shown["status"] == "cancelled" and "wrong pictures" in json.dumps(shown), shown
    again = sluice("cancel", run, data=data)
    assert again.returncode == 2 and f"run {run} has ended (cancelled) already" in again.stderr
