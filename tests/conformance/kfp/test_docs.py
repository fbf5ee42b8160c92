"""docs/kubeflow.md: its example, compiled by the real kfp, ends as the page says."""
import json
import os
import shlex
import subprocess
import sys

import clients
import pytest
from sluice_program import BIN, ROOT
from system import test_docs_plans as pages

pytestmark = pytest.mark.needs(cpu=1)
PAGE = ROOT / "docs" / "kubeflow.md"


def test_the_example(tmp_path):
    arguments, shown = pages.first_example(PAGE, tmp_path)
    environment = os.environ | clients.uv_settings()
    subprocess.run([sys.executable, "-W", "ignore", "-c", "from kfp.cli.__main__ import main; main()", "dsl", "compile", "--py", "pipeline.py", "--output",
                    "pipeline.yaml"], cwd=tmp_path, check=True, env=environment)
    done = subprocess.run([BIN / "sluice", *arguments, "--json", "--data", tmp_path / "data"], cwd=tmp_path, capture_output=True, text=True, timeout=300,
                          env=environment)
    assert done.returncode == 0, done.stderr
    assert pages.spaced(pages.lines_of(json.loads(done.stdout))) == pages.spaced(shown), shlex.join(arguments)
