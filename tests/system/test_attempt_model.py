"""tests/model/attempt.pml, looked at by spin: what it promises holds, and each fault that can be planted is found."""
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

# What is planted → deaths of the server, of the supervisor, and lost connections, with which it shows.
FAULTS = {
    "STARTS_WITHOUT_THE_BOOK": (0, 0, 1),
    "TAKES_UP_WITHOUT_ASKING": (1, 0, 0),
    "ACKNOWLEDGES_BEFORE_THE_JOURNAL": (1, 0, 0),
    "LOST_BEFORE_IT_IS_DEAD": (0, 1, 0),
    "HEARS_A_DEAD_SERVER": (1, 0, 0),
    "CANCELS_ONCE": (0, 0, 1),
    "FORGETS_WHAT_RAN": (0, 1, 1),
}
ALL_IS_WELL = "errors: 0"


def verdict(folder, optimise, *defines):
    """What spin says about every order of events."""
    folder.mkdir()
    for command in (["spin", "-Pclang-19 -E -x c", *defines, "-a", MODEL],
                    ["clang-19", optimise, "-w", "-DVECTORSZ=2048", "-DNFAIR=3", "-o", "pan", "pan.c"]):
        made = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert made.returncode == 0, made.stdout + made.stderr
    # -a -f: cycles in which it never ends, though every process goes on when it can
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


def test_what_the_model_promises_holds(verdicts):
    told = verdicts[""]
    assert ALL_IS_WELL in told, told
    assert "search depth too small" not in told and "Search not completed" not in told, told
    states = int(re.search(r"(\d+) states, stored", told).group(1))
    assert states > 100_000, "hardly anything can happen in this model"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(verdicts, fault):
    told = verdicts[fault]
    assert "errors: 1" in told, told
    never_ends = fault in ("CANCELS_ONCE", "FORGETS_WHAT_RAN")
    assert ("acceptance cycle" if never_ends else "assertion violated") in told.splitlines()[0], told


def test_every_fault_of_the_model_is_planted():
    assert set(re.findall(r"FAULT_(\w+)", MODEL.read_text())) == set(FAULTS)


def test_the_code_has_the_names_of_the_model():
    lists = re.findall(r"^mtype = \{ (.*) \}; +/\* (\S+\.[hc]pp): ", MODEL.read_text(), re.MULTILINE)
    assert len(lists) == 5
    for names, file in lists:
        words = set(re.findall(r"\w+", (SOURCES / file).read_text()))
        missing = [name for name in names.split(", ") if name not in words]
        assert not missing, f"{file} does not call anything {missing}"
