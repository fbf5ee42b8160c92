"""Fixtures of the tests that use the real programs, and the markers by which tools/run_tests.py schedules test files.

    pytestmark = pytest.mark.needs(cpu=1)      # for a file or a test: how many processors it keeps busy; most wait for the disk: 0.4
    @pytest.mark.needs(apart=True)             # a long test: runs in a process of its own, concurrently with the rest of its file
    @pytest.mark.long                          # runs only with `./dev test --all`: takes longer than CI allows

The tests in tests/conformance/NAME run in the Python environment of the client NAME (tools/clients.py).
"""
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tools")]
import bystander  # noqa: E402
import clients  # noqa: E402
import sluice_program  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="also run the tests that are marked `long`")


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(cpu=0.4, apart=False): resources, and whether it runs in a process of its own")
    config.addinivalue_line("markers", "long: runs only with --all")


def pytest_ignore_collect(collection_path, config):
    if collection_path.parent == HERE / "conformance" and collection_path.name in clients.names():
        return pathlib.Path(sys.prefix).name != collection_path.name
    return None


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--all"):
        later = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=later)
        items[:] = [item for item in items if item not in later]


def pytest_collection_finish(session):
    """Lists the selected tests for tools/run_tests.py."""
    if target := os.environ.get("SLUICE_TESTS_LIST"):
        pathlib.Path(target).write_text(json.dumps([about(item) for item in session.items]))


def about(item):
    needs = {"cpu": 0.4, "apart": False}
    for mark in reversed(list(item.iter_markers("needs"))):  # the closest marker is last, so that it overrides the others
        needs |= mark.kwargs
    file = item.nodeid.split("::")[0]
    return needs | {"file": file, "id": f"{file}::{item.originalname}"}


@pytest.fixture(scope="session")
def client_python():
    """client_python(NAME): the Python interpreter of the environment that tests/clients/NAME.lock describes."""
    return clients.python_of


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """made_once(name, make): a folder that make(folder) fills once for all processes of this test run. Tests must not change it."""
    shared = pathlib.Path(os.environ.get("SLUICE_TESTS_SHARED", tmp_path_factory.getbasetemp() / "shared"))
    shared.mkdir(exist_ok=True)

    def once(name, make):
        folder = shared / name
        with open(shared / f"{name}.flock", "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if not (folder / ".made").exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                (folder / ".made").touch()
        return folder

    return once


@pytest.fixture(scope="session")
def stamps(made_once):
    """Ten classes of pictures, from Debian's package; the same folder as the demo's."""
    assemble = [sys.executable, sluice_program.ROOT / "tools" / "stamps.py"]
    made_once("stamps", lambda _: subprocess.run(assemble, check=True, stdout=subprocess.DEVNULL))
    return sluice_program.ROOT / "build" / "stamps"


@pytest.fixture(scope="session")
def finished_main_job(made_once, stamps):
    """A folder with `data`, the data folder of a finished main job, and its report, `report.json`. Tests must only copy it."""
    plan = sluice_program.ROOT / "examples" / "stamps" / "sluice.yaml"

    def run(folder):
        done = sluice_program.sluice("run", plan, "--input", f"pictures={stamps}", "--json", data=folder / "data", limit=600)
        assert done.returncode == 0, done.stderr
        (folder / "report.json").write_text(done.stdout)

    return made_once("main-job", run)


@pytest.fixture(scope="session")
def main_job_report(finished_main_job):
    return json.loads((finished_main_job / "report.json").read_text())


@pytest.fixture(scope="session")
def main_job(finished_main_job, main_job_report, tmp_path_factory):
    """The data folder of a finished main job, shared by the tests of a process, and its report: (folder, report)."""
    return sluice_program.copy_data(finished_main_job / "data", tmp_path_factory.mktemp("main-job") / "data"), main_job_report


@pytest.fixture
def main_job_copy(finished_main_job, tmp_path):
    """The data folder of a finished main job, for one test."""
    return sluice_program.copy_data(finished_main_job / "data", tmp_path / "data")


@pytest.fixture(scope="session")
def server(main_job):
    with sluice_program.serving(main_job[0]) as running:
        yield running


@pytest.fixture(scope="session")
def endpoint(main_job_report):
    return main_job_report["outputs"]["endpoint"]


@pytest.fixture
def plan(tmp_path):
    """Writes a plan beside its scripts: plan(text, **files) returns its path."""

    def write(text, **files):
        for name, content in files.items():
            (tmp_path / name.replace("__", ".")).write_text(content)
        path = tmp_path / "plan.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A server that holds a finished run, for tests that try to harm it: (server, run)."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "plan.yaml").write_text("sluice: 1\npipelines: {main: {graph: {done: {process: [echo, done]}}}}\n")
    with sluice_program.serving(folder / "data") as running:
        report = sluice_program.report_of(sluice_program.sluice("run", folder / "plan.yaml", "--json", data=folder / "data"))
        assert report["status"] == "succeeded"
        yield running, report["run"]


@pytest.fixture
def unharmed(recorded):
    """The server of `recorded`. While the test runs, it must serve other clients; at the end, it must still have the recorded run."""
    with bystander.Bystander(*recorded) as others:
        yield others
