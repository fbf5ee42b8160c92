"""tests/model/attempt.pml, checked by spin: its properties hold, and each fault that can be planted is found."""
import concurrent.futures
import os
import re
import subprocess

import pytest
from sluice_program import ROOT

pytestmark = pytest.mark.needs(cpu=2)

MODEL = ROOT / "tests" / "model" / "attempt.pml"
SOURCES = ROOT / "src" / "sluice"
DEPTH = 100_000

# The planted fault → the numbers of deaths of the server, deaths of the supervisor and lost connections that expose it.
FAULTS = {
    "STARTS_UNRECORDED": (0, 0, 1),
    "REATTACHES_WITHOUT_A_CHECK": (1, 0, 0),
    "ACKNOWLEDGES_BEFORE_THE_JOURNAL": (1, 0, 0),
    "REPORTS_LOST_BEFORE_IT_IS_DEAD": (0, 1, 0),
    "ACCEPTS_MESSAGES_OF_A_DEAD_SERVER": (1, 0, 0),
    "CANCELS_ONCE": (0, 0, 1),
    "DISCARDS_RUNNING_ATTEMPTS": (0, 1, 1),
    "RUNS_BEFORE_IT_MAY": (0, 0, 0),
    "KEEPS_THE_FORK_OF_A_CANCELLED_ATTEMPT": (0, 0, 0),
}
NO_ERRORS = "errors: 0"


def verdict(folder, optimization, *defines):
    """The output of spin, which checks every order of events."""
    folder.mkdir()
    for command in (["spin", "-Pclang-19 -E -x c", *defines, "-a", MODEL],
                    ["clang-19", optimization, "-w", "-DVECTORSZ=2048", "-DNFAIR=3", "-o", "pan", "pan.c"]):
        made = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert made.returncode == 0, made.stdout + made.stderr
    # -a -f: also finds cycles in which it never terminates, although every process that can proceed does (weak fairness)
    return subprocess.run(["./pan", "-a", "-f", f"-m{DEPTH}"], cwd=folder, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {"": pool.submit(verdict, folder / "sound", "-O1")}
        for fault, (server, supervisor, drops) in FAULTS.items():
            jobs[fault] = pool.submit(verdict, folder / fault, "-O0", f"-DFAULT_{fault}", f"-DSERVER_DEATHS={server}",
                                      f"-DSUPERVISOR_DEATHS={supervisor}", f"-DDROPS={drops}")
        return {fault: job.result() for fault, job in jobs.items()}


def test_the_properties_of_the_model_hold(verdicts):
    output = verdicts[""]
    assert NO_ERRORS in output, output
    assert "search depth too small" not in output and "Search not completed" not in output, output
    states = int(re.search(r"(\d+) states, stored", output).group(1))
    assert states > 100_000, "this model has too few states"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(verdicts, fault):
    output = verdicts[fault]
    assert "errors: 1" in output, output
    never_ends = fault in ("CANCELS_ONCE", "DISCARDS_RUNNING_ATTEMPTS")
    assert ("acceptance cycle" if never_ends else "assertion violated") in output.splitlines()[0], output


def test_every_fault_of_the_model_is_planted():
    assert set(re.findall(r"FAULT_(\w+)", MODEL.read_text())) == set(FAULTS)


def test_the_code_has_the_names_of_the_model():
    lists = re.findall(r"^mtype = \{ (.*) \}; +/\* (\S+\.[hc]pp): ", MODEL.read_text(), re.MULTILINE)
    assert len(lists) == 5
    for names, file in lists:
        words = set(re.findall(r"\w+", (SOURCES / file).read_text()))
        missing = [name for name in names.split(", ") if name not in words]
        assert not missing, f"{file} does not contain the names {missing}"
