"""What people's training scripts do with MLflow's client (unmodified): autolog, models of several flavours, evaluate, `mlflow run`, system metrics.

Runs in the environment tests/clients/mlflow.in. `tracking`, `client`, `experiment`: from conftest.py.
"""
import os
import subprocess
import sys

import mlflow
import numpy
import pytest
import waiting
from mlflow.entities import Metric
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

pytestmark = pytest.mark.needs(cpu=1)
PICTURES, LABELS = load_iris(return_X_y=True, as_frame=True)


@pytest.fixture(scope="module")
def trained():
    return LogisticRegression(max_iter=200).fit(PICTURES, LABELS)


def test_autolog_of_scikit_learn(client, experiment):
    mlflow.sklearn.autolog()
    try:
        with mlflow.start_run(experiment_id=experiment) as run:
            trained = LogisticRegression(max_iter=200).fit(PICTURES, LABELS)
    finally:
        mlflow.sklearn.autolog(disable=True)
    found = client.get_run(run.info.run_id)
    assert found.data.metrics["training_score"] > 0.9 and found.data.params["max_iter"] == "200"
    (output,) = found.outputs.model_outputs
    assert mlflow.sklearn.load_model(f"models:/{output.model_id}").score(PICTURES, LABELS) == trained.score(PICTURES, LABELS)


def test_autolog_of_xgboost(client, experiment):
    import xgboost

    table = xgboost.DMatrix(PICTURES, label=LABELS)
    mlflow.xgboost.autolog()
    try:
        with mlflow.start_run(experiment_id=experiment) as run:
            booster = xgboost.train({"objective": "multi:softprob", "num_class": 3}, table, num_boost_round=5, evals=[(table, "train")], verbose_eval=False)
    finally:
        mlflow.xgboost.autolog(disable=True)
    found = client.get_run(run.info.run_id)
    losses = [point.value for point in client.get_metric_history(run.info.run_id, "train-mlogloss")]
    assert len(losses) == 5 and losses == sorted(losses, reverse=True) and found.data.params["num_boost_round"] == "5"
    assert {tag.value for used in found.inputs.dataset_inputs for tag in used.tags} == {"train", "eval"}
    assert "feature_importance_weight.json" in [entry.path for entry in client.list_artifacts(run.info.run_id)]
    (output,) = found.outputs.model_outputs
    assert numpy.array_equal(mlflow.xgboost.load_model(f"models:/{output.model_id}").predict(table), booster.predict(table))


def test_a_model_of_onnx_is_registered_and_loaded(client, experiment, trained):
    from skl2onnx import to_onnx

    rows = PICTURES.to_numpy().astype(numpy.float32)
    with mlflow.start_run(experiment_id=experiment):
        logged = mlflow.onnx.log_model(to_onnx(trained, rows[:1]), name="classifier", registered_model_name="onnx classifier", input_example=rows[:2])
    assert client.get_model_version("onnx classifier", "1").source == f"models:/{logged.model_id}"
    predicted = mlflow.pyfunc.load_model("models:/onnx classifier/1").predict(rows)
    assert list(predicted["output_label"]) == list(trained.predict(PICTURES.to_numpy()))
    assert mlflow.onnx.load_model(logged.model_uri).graph.input[0].type.tensor_type.elem_type == 1


def test_a_classifier_is_evaluated(client, experiment, trained):
    table = PICTURES.assign(target=LABELS)
    with mlflow.start_run(experiment_id=experiment) as run:
        logged = mlflow.sklearn.log_model(trained, name="classifier")
        found = mlflow.models.evaluate(logged.model_uri, table, targets="target", model_type="classifier", evaluator_config={"log_explainer": False})
    kept = client.get_run(run.info.run_id)
    assert kept.data.metrics == found.metrics and found.metrics["accuracy_score"] == trained.score(PICTURES, LABELS)
    assert {f"{name}.{'csv' if name == 'per_class_metrics' else 'png'}" for name in found.artifacts} == {entry.path for entry in client.list_artifacts(run.info.run_id)}
    (used,) = kept.inputs.dataset_inputs
    assert used.dataset.source_type == "code" and [model.model_id for model in kept.inputs.model_inputs] == [logged.model_id]
    measured = client.get_logged_model(logged.model_id).metrics
    assert {metric.key: metric.value for metric in measured} == found.metrics and {metric.dataset_digest for metric in measured} == {used.dataset.digest}


PROJECT = {
    "MLproject": """\
name: small
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.1}
    command: "python train.py {alpha}"
""",
    "train.py": """\
import sys
import mlflow
with mlflow.start_run():
    mlflow.log_metric("doubled", 2 * float(sys.argv[1]))
    mlflow.log_text("trained", "note.txt")
""",
}


def test_a_project_is_run_at_the_address_of_the_interface(tracking, experiment, tmp_path):
    server, client = tracking
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run([sys.executable, "-m", "mlflow", "run", tmp_path, "--env-manager", "local", "--experiment-id", experiment, "-P", "alpha=0.5"], timeout=240,
                          env=os.environ | {"MLFLOW_TRACKING_URI": f"{server.url}/mlflow", "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    (run,) = client.search_runs([experiment])
    assert (run.info.status, run.data.metrics, run.data.params) == ("FINISHED", {"doubled": 1.0}, {"alpha": "0.5"})
    assert run.data.tags["mlflow.project.entryPoint"] == "main" and run.data.tags["mlflow.project.backend"] == "local"
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/note.txt") == "trained"


def test_metrics_of_the_system(client, experiment):
    mlflow.set_system_metrics_sampling_interval(0.05)
    try:
        with mlflow.start_run(experiment_id=experiment, log_system_metrics=True) as run:
            waiting.until(lambda: len(client.get_metric_history(run.info.run_id, "system/cpu_utilization_percentage")) >= 3, "the client has logged three times")
    finally:
        mlflow.set_system_metrics_sampling_interval(None)
    found = client.get_run(run.info.run_id).data.metrics
    assert found["system/system_memory_usage_megabytes"] > 0 and {name.partition("/")[0] for name in found} == {"system"}


def test_asynchronous_logging(client, experiment):
    with mlflow.start_run(experiment_id=experiment) as run:
        for i in range(50):
            mlflow.log_metric("async", i, step=i, synchronous=False)
        mlflow.log_params({f"p{i}": i for i in range(20)}, synchronous=False)
        client.log_batch(run.info.run_id, metrics=[Metric("batch", i, i, i) for i in range(3000)], synchronous=False).wait()
        mlflow.log_text("later", "note.txt")
        mlflow.flush_async_logging()
    found = mlflow.get_run(run.info.run_id).data
    assert found.metrics == {"async": 49, "batch": 2999} and len(found.params) == 20
    assert [point.step for point in client.get_metric_history(run.info.run_id, "batch")] == list(range(3000))
