"""Fixtures of the tests that use the real programs."""
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bystander  # noqa: E402
import sluice_program  # noqa: E402


@pytest.fixture(scope="session")
def stamps():
    """Ten classes of pictures, from Debian's package; the same folder as the demo's."""
    folder = sluice_program.ROOT / "build" / "stamps"
    subprocess.run([sys.executable, sluice_program.ROOT / "tools" / "stamps.py"], check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="session")
def main_job(tmp_path_factory, stamps):
    """A data folder in which the main job has run once: (folder, report)."""
    data = tmp_path_factory.mktemp("main-job")
    done = sluice_program.sluice("run", sluice_program.ROOT / "examples" / "stamps" / "sluice.yaml", "--input", f"pictures={stamps}", "--json", data=data, limit=600)
    assert done.returncode == 0, done.stderr
    return data, sluice_program.report_of(done)


@pytest.fixture(scope="session")
def server(main_job):
    with sluice_program.serving(main_job[0]) as running:
        yield running


@pytest.fixture(scope="session")
def endpoint(main_job):
    return main_job[1]["outputs"]["endpoint"]


@pytest.fixture
def plan(tmp_path):
    """Writes a plan beside its scripts: plan(text, **files) answers its path."""

    def write(text, **files):
        for name, content in files.items():
            (tmp_path / name.replace("__", ".")).write_text(content)
        path = tmp_path / "plan.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A server that holds a finished run, for tests that do it harm: (server, run)."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "plan.yaml").write_text("sluice: 1\npipelines: {main: {graph: {done: {process: [echo, done]}}}}\n")
    with sluice_program.serving(folder / "data") as running:
        report = sluice_program.report_of(sluice_program.sluice("run", folder / "plan.yaml", "--json", data=folder / "data"))
        assert report["status"] == "succeeded"
        yield running, report["run"]


@pytest.fixture
def unharmed(recorded):
    """The server of `recorded`. While the test runs it must answer others, at its end have what was recorded."""
    with bystander.Bystander(*recorded) as others:
        yield others
