"""What MLflow's client returns from MLflow's own server, step by step (tests/conformance/mlflow/everything.py), which is run on Sluice by
tests/conformance/mlflow/test_everything.py."""
import json
import os
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from sluice_program import ROOT, reserved_address
from waiting import until

CLIENT = "mlflow"
SCRIPT = ROOT / "tests" / "conformance" / "mlflow" / "everything.py"


def is_up(url):
    try:
        return urllib.request.urlopen(f"{url}/health", timeout=5).status == 200
    except OSError:
        return False


def run_script(python, url, folder):
    """{step: what the client returned, or how it failed}."""
    subprocess.run([python, SCRIPT, url, folder / "returned.json"], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env=os.environ | {"LC_ALL": "C.UTF-8"})
    return json.loads((folder / "returned.json").read_text())


def answers(python):
    with tempfile.TemporaryDirectory() as made:
        folder, address = Path(made), reserved_address()
        host, _, port = address.partition(":")
        with open(folder / "server.log", "wb") as log:
            server = subprocess.Popen([python, "-m", "mlflow", "server", "--host", host, "--port", port, "--workers", "1", "--backend-store-uri",
                                       f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", folder / "artifacts"],
                                      cwd=folder, stdout=log, stderr=log, start_new_session=True,
                                      env=os.environ | {"PYTHONHASHSEED": "0"})  # messages list sets
        try:
            until(lambda: is_up(f"http://{address}"), "MLflow's server answers", 180)
            return {"client": run_script(python, f"http://{address}", folder)}
        finally:
            os.killpg(server.pid, 9)
            server.wait()
