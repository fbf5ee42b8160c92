"""The examples of docs/mlflow.md are run as they are written, with a training script, servers and a database of MLflow where it names its reader's.

Runs in the environment tests/clients/mlflow.in.
"""
import os
import re
import subprocess
import sys

import mlflow
import pytest
import sluice_program
import tracked
from sluice_program import BIN, ROOT

PAGE = (ROOT / "docs" / "mlflow.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TRAINING = """
import mlflow
with mlflow.start_run(run_name="documented"):
    mlflow.log_metric("loss", 0.5)
    mlflow.log_text("kept", "note.txt")
print(mlflow.get_tracking_uri())
"""


def block(word):
    (found,) = [text for text in BLOCKS if word in text]
    return found


def commands(word):
    """The lines of the block with that word, without their comments."""
    return [line.partition("  #")[0].strip() for line in block(word).splitlines() if line.strip()]


def run(command, folder, **env):
    path = f"{BIN}:{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "-euc", command], cwd=folder, capture_output=True, text=True, timeout=240,
                          env=sluice_program.environment(MLFLOW_DISABLE_TELEMETRY="true", **env) | {"PATH": path})
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def test_every_example_is_run_here():
    words = ("train.py", "sluice import mlflow http", "--mlflow-ui")
    assert sorted(map(block, words)) == sorted(BLOCKS)


def test_one_address_is_changed(tmp_path):
    up, export, train = commands("train.py")
    assert up == "sluice up"
    (tmp_path / "train.py").write_text(TRAINING)
    with tracked.serving(tmp_path / "data") as (server, client):
        assert "http://127.0.0.1:8080" in export
        # `python` is that of the reader's environment, which has mlflow.
        printed = run(f"{export.replace('http://127.0.0.1:8080', server.url)}\n{train}", tmp_path)
        assert printed.splitlines()[-1] == server.url
        (found,) = client.search_runs(["0"])
        assert (found.info.run_name, found.data.metrics) == ("documented", {"loss": 0.5}) and mlflow.artifacts.load_text(f"runs:/{found.info.run_id}/note.txt") == "kept"


def test_the_interface_is_found_where_it_is_said_to_be(tmp_path):
    """Where `mlflow` is on the PATH, or in the virtual environment that is active, or where the option names it."""
    packages = os.path.relpath(os.path.dirname(os.path.dirname(mlflow.__file__)), sys.prefix)
    (command,) = commands("--mlflow-ui")
    (named,) = re.findall(r"--mlflow-ui (\S+)", command)
    assert named == f".venv/{packages}/mlflow/server/js/build"
    (tmp_path / ".venv").symlink_to(sys.prefix)
    bare = sluice_program.environment() | {"PATH": "/usr/bin:/bin"}
    for number, (arguments, env) in enumerate((([], bare | {"PATH": f"{sys.prefix}/bin:/usr/bin:/bin"}), ([], bare | {"VIRTUAL_ENV": sys.prefix}),
                                               (["--mlflow-ui", str(tmp_path / named)], bare), ([], bare))):
        with sluice_program.serving(tmp_path / f"data{number}", *arguments, env=env) as server:
            status, page = server.ask("GET", "/mlflow/")
            assert (status == 200 and "<title>MLflow</title>" in page) == (number < 3), (number, page)
            assert number < 3 or (status == 404 and "--mlflow-ui" in page["message"]), page


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """A folder with what its reader has: mlflow.db and mlruns, with a run each."""
    folder = tmp_path_factory.mktemp("theirs")
    with pytest.MonkeyPatch.context() as settings:
        settings.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        for name, uri in (("mlflow.db", f"sqlite:///{folder}/mlflow.db"), ("mlruns", f"file://{folder}/mlruns")):
            client = mlflow.MlflowClient(tracking_uri=uri)
            experiment = client.create_experiment(name, artifact_location=f"file://{folder}/artifacts-{name}")
            client.log_metric(client.create_run(experiment, run_name=f"of {name}").info.run_id, "loss", 0.25)
    return folder


def test_it_is_moved_in_and_out_again(theirs, tmp_path):
    from_server, from_database, from_folder = commands("sluice import mlflow http")
    source = tmp_path / "source"
    with tracked.serving(source) as (server, client):  # a server that speaks as MLflow's; test_moving.py has MLflow's own
        client.log_text(client.create_run(client.create_experiment("from a server"), run_name="of a server").info.run_id, "moved", "note.txt")
        client.delete_registered_model("efficientnet-lite0")  # MLflow's server has no such model
        run(from_server.replace("http://mlflow.example.org:5000", server.url), theirs, SLUICE_DATA=tmp_path / "data")
    run(from_database, theirs, SLUICE_DATA=tmp_path / "data")
    run(from_folder, theirs, SLUICE_DATA=tmp_path / "data")
    with tracked.serving(tmp_path / "data") as (_, client):
        names = {found.info.run_name for found in client.search_runs([one.experiment_id for one in client.search_experiments()])}
        assert names == {"of a server", "of mlflow.db", "of mlruns"}
    back = re.search(r"Back again: `(mlflow db upgrade [^`]+)`, then `(sluice export [^`]+)`", PAGE)
    for command in back.groups():
        run(command, tmp_path, SLUICE_DATA=tmp_path / "data")
    moved = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/new.db")
    found = moved.search_runs([one.experiment_id for one in moved.search_experiments()])
    assert {one.info.run_name for one in found} == names
    assert [file.read_text() for file in (tmp_path / "new-artifacts").rglob("note.txt")] == ["moved"]


def test_a_registered_model_is_a_git_repository(tmp_path):
    with tracked.serving(tmp_path / "data") as (server, client):
        made = client.create_run("0").info.run_id
        client.log_text(made, "artifact_path: model\nflavors: {}\n", "model/MLmodel")
        client.create_registered_model("stamps")
        client.create_model_version("stamps", f"runs:/{made}/model", made)
    run(f"git clone {tmp_path}/data/models/default/stamps.git", tmp_path)
    assert (tmp_path / "stamps").is_dir()
    (shown,) = set(re.findall(r"`(sluice show MODEL@VERSION)`", PAGE))
    assert "stamps" in run(shown.replace("MODEL@VERSION", "stamps@v1"), tmp_path, SLUICE_DATA=tmp_path / "data")
