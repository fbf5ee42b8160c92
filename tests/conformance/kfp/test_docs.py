"""docs/kubeflow.md: its examples, with the real kfp, end as the page says."""
import json
import os
import shlex
import subprocess
import sys

import clients
import pytest
import served
from sluice_program import BIN, ROOT
from system import test_docs_plans as pages

pytestmark = pytest.mark.needs(cpu=1)
PAGE = ROOT / "docs" / "kubeflow.md"


def blocks_of(title):
    """The blocks of code below a heading, in order."""
    [section] = [section for section in pages.read_page(PAGE) if section.title == title]
    return [content for _, content in section.blocks]


@pytest.fixture
def compiled(tmp_path):
    """A folder with the pipeline of the page's first example."""
    pages.first_example(PAGE, tmp_path)
    subprocess.run([sys.executable, "-W", "ignore", "-c", "from kfp.cli.__main__ import main; main()", "dsl", "compile", "--py", "pipeline.py", "--output",
                    "pipeline.yaml"], cwd=tmp_path, check=True)
    return tmp_path


def test_the_example(compiled):
    arguments, shown = pages.first_example(PAGE, compiled)
    done = subprocess.run([BIN / "sluice", *arguments, "--json", "--data", compiled / "data"], cwd=compiled, capture_output=True, text=True, timeout=300,
                          env=os.environ | clients.uv_settings())
    assert done.returncode == 0, done.stderr
    assert pages.spaced(pages.lines_of(json.loads(done.stdout))) == pages.spaced(shown), shlex.join(arguments)


def test_the_client(compiled):
    program, shown = blocks_of("With the client")
    with served.serving(compiled / "data") as (server, _):
        assert "http://127.0.0.1:8080" in program
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", program.replace("http://127.0.0.1:8080", server.url)], cwd=compiled, capture_output=True,
                              text=True, timeout=600, env=os.environ | {"HOME": str(compiled)})
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith(shown)
        [run] = server.ask("GET", "/v1/runs")[1]["runs"]
        assert server.end_of(run["run"])["outputs"] == {"Output": 6.0}


def test_the_schedule(compiled):
    command, shown = blocks_of("At times of its own")
    done = subprocess.run([BIN / "sluice", *shlex.split(command)[1:], "--data", compiled / "data"], cwd=compiled, capture_output=True, text=True, timeout=300,
                          env=os.environ | clients.uv_settings())
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(shown.rstrip().removesuffix("…"))
