"""What kfp's compiler makes of the pipelines of tests/conformance/kfp (pipelines.py, combinations.py), and what its local runner gives for those that it can
run; tests/conformance/kfp/test_pipelines.py runs the same on Sluice."""
import json
import os
import subprocess
import tempfile
from pathlib import Path

from sluice_program import ROOT

CLIENT = "kfp"
SCRIPT = ROOT / "tests" / "conformance" / "kfp" / "compile_pipelines.py"


def answers(python):
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        subprocess.run([python, "-W", "ignore", SCRIPT, folder], check=True, cwd=folder, stdout=subprocess.DEVNULL, env=os.environ | {"LC_ALL": "C.UTF-8"})
        given = json.loads((folder / "local.json").read_text())
        return {path.stem: {"compiled": path.read_text().split("\n"), "local": given.get(path.stem)} for path in sorted(folder.glob("*.yaml"))}
