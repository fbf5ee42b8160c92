"""MLflow's client (unmodified): experiments, runs, metrics, artifacts, logged models; its errors.

Runs in the environment tests/clients/mlflow.in. `tracking`, `client`, `experiment`: from conftest.py.
"""
import hashlib
import json
import math
import threading

import mlflow
import pandas as pd
import pytest
import requests
import sluice_program
import tracked
from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType
from tracked import refused

NAMES = ["with/slash", "with space", "with.dot-and_more:", "Ünïcödé/日本"]


def logged(client, experiment, **metrics):
    run = client.create_run(experiment).info.run_id
    for name, value in metrics.items():
        client.log_metric(run, name, value)
    return run


# Experiments

def test_experiments_are_created_found_renamed_removed_and_restored(client):
    one = client.create_experiment("one", tags={"team": "blue"})
    client.create_experiment("two ~ 日本")
    assert client.get_experiment(one).tags == {"team": "blue"}
    assert client.get_experiment(one).artifact_location == f"mlflow-artifacts:/{one}"
    assert client.get_experiment_by_name("two ~ 日本").name == "two ~ 日本"
    assert client.get_experiment_by_name("three") is None
    client.rename_experiment(one, "renamed")
    client.set_experiment_tag(one, "stage", "x" * 5000)
    assert client.get_experiment(one).name == "renamed" and client.get_experiment(one).tags["stage"] == "x" * 5000
    run = client.create_run(one).info.run_id
    client.delete_experiment(one)
    assert client.get_experiment(one).lifecycle_stage == "deleted" and client.get_run(run).info.lifecycle_stage == "deleted"
    assert "renamed" not in [found.name for found in client.search_experiments()]
    assert [found.name for found in client.search_experiments(view_type=ViewType.DELETED_ONLY)] == ["renamed"]
    client.restore_experiment(one)
    assert client.get_run(run).info.lifecycle_stage == "active"


def test_the_default_experiment_is_number_0(client):
    assert client.get_experiment("0").name == "Default"


def test_experiments_are_searched_in_pages(client):
    for i in range(5):
        client.create_experiment(f"paged-{i}", tags={"kind": "paged", "i": str(i)})
    found, token = [], None
    while True:
        page = client.search_experiments(filter_string="tags.kind = 'paged'", order_by=["name DESC"], max_results=2, page_token=token)
        found += [one.name for one in page]
        token = page.token
        if not token:
            break
    assert found == [f"paged-{i}" for i in reversed(range(5))]
    assert [one.name for one in client.search_experiments(filter_string="name ILIKE 'PAGED-%' AND tags.i = '3'")] == ["paged-3"]
    assert len(client.search_experiments(filter_string="tags.kind IS NULL AND name LIKE 'paged%'")) == 0


def test_refusals_of_experiments(client):
    client.create_experiment("taken")
    refused(lambda: client.create_experiment("taken"), "RESOURCE_ALREADY_EXISTS", "Experiment(name=taken) already exists")
    refused(lambda: client.get_experiment("999999"), "RESOURCE_DOES_NOT_EXIST", "No Experiment with id=999999 exists")
    refused(lambda: client.search_experiments(filter_string="bogus = 'x'"), "INVALID_PARAMETER_VALUE", "Invalid attribute key 'bogus'")
    gone = client.create_experiment("gone")
    client.delete_experiment(gone)
    refused(lambda: client.create_run(gone), "INVALID_PARAMETER_VALUE", f"The experiment {gone} must be in the 'active' state")


# Runs

def test_a_run_keeps_what_was_logged(client, experiment):
    run = client.create_run(experiment, run_name="first", start_time=1_700_000_000_123, tags={"k": "v"}).info.run_id
    client.log_metric(run, "loss", 0.5, step=1, timestamp=1_700_000_001_000)
    client.log_metric(run, "loss", 0.25, step=2, timestamp=1_700_000_002_000)
    client.log_param(run, "lr", 0.1)
    client.log_batch(run, [Metric(name, i, 1, 0) for i, name in enumerate(NAMES)], [Param(name, name) for name in NAMES], [RunTag(name, name) for name in NAMES])
    client.set_terminated(run, "FINISHED", end_time=1_700_000_009_000)
    found = client.get_run(run)
    assert (found.info.run_name, found.info.status, found.info.start_time, found.info.end_time) == ("first", "FINISHED", 1_700_000_000_123, 1_700_000_009_000)
    assert found.data.metrics == {"loss": 0.25} | {name: i for i, name in enumerate(NAMES)}
    assert found.data.params == {"lr": "0.1"} | {name: name for name in NAMES}
    assert found.data.tags == {"k": "v", "mlflow.runName": "first"} | {name: name for name in NAMES}
    assert [(point.step, point.value, point.timestamp) for point in client.get_metric_history(run, "loss")] == [
        (1, 0.5, 1_700_000_001_000), (2, 0.25, 1_700_000_002_000)]
    assert client.search_runs([experiment])[0].data.metrics == found.data.metrics


def test_the_newest_value_is_that_of_the_greatest_step(client, experiment):
    run = client.create_run(experiment).info.run_id
    for step, value in ((5, 1.0), (3, 2.0), (5, 0.5)):
        client.log_metric(run, "m", value, step=step, timestamp=10)
    assert client.get_run(run).data.metrics["m"] == 1.0


def test_numbers_that_are_none(client, experiment):
    run = logged(client, experiment, nan=math.nan, up=math.inf, down=-math.inf)
    metrics = client.get_run(run).data.metrics
    assert math.isnan(metrics["nan"]) and metrics["up"] == 1.7976931348623157e308 and metrics["down"] == -1.7976931348623157e308
    assert math.isnan(client.get_metric_history(run, "nan")[0].value)
    assert client.search_runs([experiment], "metrics.nan > 0") == [] and client.search_runs([experiment], "metrics.nan <= 0") == []
    assert [found.info.run_id for found in client.search_runs([experiment], "metrics.nan != 5")] == [run]


def test_a_parameter_has_one_value(client, experiment):
    run = client.create_run(experiment).info.run_id
    client.log_param(run, "lr", "0.1")
    client.log_param(run, "lr", "0.1")
    refused(lambda: client.log_param(run, "lr", "0.2"), "INVALID_PARAMETER_VALUE",
            f"Param with key='lr' was already logged with value='0.1' for run ID='{run}'. Attempted logging new value '0.2'.")
    refused(lambda: client.log_batch(run, metrics=[Metric("m", 1, 1, 0)], params=[Param("lr", "0.3"), Param("new", "x")]), "INVALID_PARAMETER_VALUE",
            "Params were already logged='[{'key': 'lr', 'old_value': '0.1', 'new_value': '0.3'}]'")
    found = client.get_run(run).data
    assert found.params == {"lr": "0.1"} and found.metrics == {}, "nothing of a batch that is refused is kept"
    refused(lambda: client.log_batch(run, params=[Param("q", "1"), Param("q", "2")]), "INVALID_PARAMETER_VALUE",
            "Duplicate parameter keys have been submitted: ['q']")


def test_long_values_are_cut_and_bad_keys_refused(client, experiment):
    run = client.create_run(experiment).info.run_id
    client.log_param(run, "long", "ü" * 6001)
    client.set_tag(run, "long", "ü" * 8001)
    found = client.get_run(run).data
    assert found.params["long"] == "ü" * 6000 and found.tags["long"] == "ü" * 8000
    refused(lambda: client.log_metric(run, "a" * 251, 1), "INVALID_PARAMETER_VALUE", "exceeds the maximum length of 250")
    refused(lambda: client.log_metric(run, "a:b$", 1), "INVALID_PARAMETER_VALUE", "Names may only contain alphanumerics")
    for name in ("../up", "/root", "a//b", "a/../b", ".", ""):
        refused(lambda: client.log_metric(run, name, 1), "INVALID_PARAMETER_VALUE")


def test_a_run_is_renamed_and_its_tags_change(client, experiment):
    run = client.create_run(experiment).info.run_id
    name = client.get_run(run).info.run_name
    assert name and client.get_run(run).data.tags["mlflow.runName"] == name
    client.update_run(run, name="second")
    assert client.get_run(run).data.tags["mlflow.runName"] == "second"
    client.set_tag(run, "mlflow.runName", "third")
    assert client.get_run(run).info.run_name == "third"
    client.set_tag(run, "k", "v")
    client.delete_tag(run, "k")
    assert "k" not in client.get_run(run).data.tags
    refused(lambda: client.delete_tag(run, "k"), "RESOURCE_DOES_NOT_EXIST", f"No tag with name: k in run with id {run}")


def test_removed_runs_are_closed_until_they_are_restored(client, experiment):
    run = logged(client, experiment, m=1)
    client.delete_run(run)
    refused(lambda: client.log_metric(run, "m", 2), "INVALID_PARAMETER_VALUE", f"The run {run} must be in the 'active' state. Current state is deleted.")
    assert client.search_runs([experiment]) == []
    assert [found.info.run_id for found in client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)] == [run]
    client.restore_run(run)
    client.log_metric(run, "m", 3, step=1)
    assert client.search_runs([experiment])[0].data.metrics == {"m": 3}


def test_a_run_that_is_not_there(client):
    run = "0" * 32
    refused(lambda: client.get_run(run), "RESOURCE_DOES_NOT_EXIST", f"Run with id={run} not found")
    refused(lambda: client.log_metric(run, "m", 1), "RESOURCE_DOES_NOT_EXIST")


def test_long_histories_are_whole_and_in_order(client, experiment):
    run = client.create_run(experiment).info.run_id
    points = 12_000
    for begin in range(0, points, 1000):
        client.log_batch(run, metrics=[Metric("long", i / 7, 1000 + i, i) for i in range(begin, begin + 1000)])
    for i in range(points, points + 30):
        client.log_metric(run, "long", i / 7, timestamp=1000 + i, step=i)
    client.log_metric(run, "long", 0.0, timestamp=1000, step=0)  # once more
    history = client.get_metric_history(run, "long")
    assert [(point.step, point.timestamp, point.value) for point in history] == [(i, 1000 + i, i / 7) for i in range(points + 30)]


def test_many_writers_on_one_run(client, experiment):
    run = client.create_run(experiment).info.run_id

    def write(number):
        own = mlflow.MlflowClient()
        for i in range(40):
            own.log_metric(run, "shared", number, step=i, timestamp=number)
            own.log_metric(run, f"own/{number}", i, step=i)
        own.log_batch(run, params=[Param(f"p{number}", str(number))], tags=[RunTag("who", str(number))])

    writers = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = client.get_run(run).data
    assert len(client.get_metric_history(run, "shared")) == 320
    assert {f"own/{number}": 39 for number in range(8)}.items() <= found.metrics.items()
    assert found.params == {f"p{number}": str(number) for number in range(8)}


# Searches

@pytest.fixture(scope="module")
def searched(tracking):
    client = tracking[1]
    experiment = client.create_experiment("searched")
    for i in range(20):
        run = client.create_run(experiment, run_name=f"run {i}", start_time=1_000_000 + i, tags={"kind": "even" if i % 2 == 0 else "odd", "a b": str(i)}).info.run_id
        if i != 7:
            client.log_metric(run, "score", (i * 7) % 20)
        if i == 3:
            client.log_metric(run, "score", math.nan, step=1)
        client.log_param(run, "depth", str(i // 5))
        if i >= 15:
            client.set_terminated(run, "FAILED")
    return experiment


@pytest.mark.parametrize("text, expected", [
    ("", range(20)),
    ("metrics.score > 15", [8, 11, 14, 17]),
    ("metrics.score >= 15 and params.depth = '1'", [5, 8]),
    ("params.depth = \"2\" AND tags.kind != 'even'", [11, 13]),
    ("tags.`a b` = '9'", [9]),
    ("tags.\"a b\" = '9'", [9]),
    ("attributes.status = 'FAILED'", range(15, 20)),
    ("status = 'RUNNING' and start_time > 1000010", range(11, 15)),
    ("run_name LIKE 'run 1_'", range(10, 20)),
    ("run_name ILIKE 'RUN 1%' and params.depth IN ('0', '2')", None),
    ("attributes.run_id IN ('x', 'y')", []),
    ("attributes.run_name IN ('run 3', 'run 4')", None),
    ("params.depth LIKE '%'", range(20)),
    ("tags.nothing IS NULL and params.depth IS NOT NULL", range(20)),
    ("metrics.score != 0", [i for i in range(1, 20) if i != 7]),
    ("metrics.score < 1", [0]),
])
def test_filters_of_runs(client, searched, text, expected):
    if expected is None:
        refused(lambda: client.search_runs([searched], text), "INVALID_PARAMETER_VALUE")
        return
    found = client.search_runs([searched], text, order_by=["start_time ASC"])
    assert [run.info.run_name for run in found] == [f"run {i}" for i in expected]


@pytest.mark.parametrize("order, expected", [
    ([], list(reversed(range(20)))),
    (["start_time ASC"], list(range(20))),
    (["metrics.score DESC"], [17, 14, 11, 8, 5, 2, 19, 16, 13, 10, 4, 1, 18, 15, 12, 9, 6, 0, 3, 7]),
    (["metrics.`score` ASC"], [0, 6, 9, 12, 15, 18, 1, 4, 10, 13, 16, 19, 2, 5, 8, 11, 14, 17, 3, 7]),
    (["params.depth DESC", "tags.kind ASC", "attributes.start_time ASC"], [16, 18, 15, 17, 19, 10, 12, 14, 11, 13, 6, 8, 5, 7, 9, 0, 2, 4, 1, 3]),
    (["tags.kind", "metrics.score DESC"], [14, 8, 2, 16, 10, 4, 18, 12, 6, 0, 17, 11, 5, 19, 13, 1, 15, 9, 3, 7]),
])
def test_orders_of_runs(client, searched, order, expected):
    found, token = [], None
    while True:
        page = client.search_runs([searched], order_by=order, max_results=7, page_token=token)
        found += [int(run.info.run_name.split()[1]) for run in page]
        token = page.token
        if not token:
            break
    assert found == expected


def test_searches_over_several_experiments_and_into_pandas(client, searched):
    other = client.create_experiment("searched too")
    logged(client, other, score=16.5)
    found = client.search_runs([searched, other], "metrics.score > 15", order_by=["metrics.score ASC"])
    assert [run.data.metrics["score"] for run in found] == [16.0, 16.5, 17.0, 18.0, 19.0]
    table = mlflow.search_runs(experiment_names=["searched"], filter_string="metrics.score > 15", order_by=["metrics.score"])
    assert isinstance(table, pd.DataFrame) and list(table["metrics.score"]) == [16, 17, 18, 19] and list(table["params.depth"]) == ["1", "2", "2", "3"]


@pytest.mark.parametrize("text, words", [
    ("foo ~ bar", ["Invalid"]),
    ("metrics.x > 'a'", ["Expected numeric value type for metric"]),
    ("params.x > '1'", ["Invalid comparator"]),
    ("bogus.x = '1'", ["Invalid entity type 'bogus'"]),
    ("metrics.x = ", ["Invalid"]),
    ("x" * 100_000, []),
    (" AND ".join(["metrics.m > 1"] * 1000), []),
    ("attributes.run_id IN (" + ",".join(["'a'"] * 5000) + ")", []),
])
def test_refused_filters(client, searched, text, words):
    refused(lambda: client.search_runs([searched], text), "INVALID_PARAMETER_VALUE", *words)


def test_refused_pages(client, searched):
    refused(lambda: client.search_runs([searched], page_token="not base64!"), "INVALID_PARAMETER_VALUE", "Invalid page token")
    refused(lambda: client.search_runs([searched], max_results=100_000), "INVALID_PARAMETER_VALUE", "max_results")
    refused(lambda: client.search_runs([searched], order_by=["bogus.x"]), "INVALID_PARAMETER_VALUE", "Invalid entity type 'bogus'")


# Nested runs, datasets, artifacts

def test_the_fluent_interface_with_nested_runs(client, experiment):
    with mlflow.start_run(experiment_id=experiment, run_name="parent") as parent:
        mlflow.log_params({"a": 1, "b": "two"})
        mlflow.log_metrics({"x": 1.0, "y": 2.0}, step=3)
        with mlflow.start_run(experiment_id=experiment, run_name="child", nested=True) as child:
            mlflow.log_metric("z", 3)
    found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert [run.info.run_id for run in found] == [child.info.run_id]
    assert client.get_run(parent.info.run_id).info.status == RunStatus.to_string(RunStatus.FINISHED)


def test_datasets_of_runs(client, experiment):
    table = mlflow.data.from_pandas(pd.DataFrame({"x": [1, 2], "y": [3, 4]}), source="https://example.org/data.csv", name="points", targets="y")
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_input(table, context="training", tags={"more": "tags"})
        mlflow.log_input(table, context="training")
    (found,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest, json.loads(found.dataset.source)["url"]) == ("points", table.digest, "https://example.org/data.csv")
    assert {tag.key: tag.value for tag in found.tags} == {"mlflow.data.context": "training", "more": "tags"}
    for text in ("datasets.name = 'points'", f"dataset.digest = '{table.digest}'", "dataset.context = 'training'"):
        assert len(client.search_runs([experiment], text)) == 1
    assert client.search_runs([experiment], "datasets.name = 'others'") == []


def test_artifacts_of_runs(client, experiment, tmp_path):
    run = client.create_run(experiment).info.run_id
    folder = tmp_path / "folder"
    (folder / "sub dir" / "ünder").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub dir" / "ünder" / "note (1) & more.txt").write_text("deep")
    (folder / "empty").write_bytes(b"")
    client.log_artifacts(run, folder, "stored here")
    client.log_text(run, "hello", "hello.txt")
    client.log_dict(run, {"k": [1, 2]}, "some/dict.json")
    assert sorted((entry.path, entry.is_dir, entry.file_size) for entry in client.list_artifacts(run)) == [
        ("hello.txt", False, 5), ("some", True, None), ("stored here", True, None)]
    assert sorted(entry.path for entry in client.list_artifacts(run, "stored here")) == ["stored here/a.txt", "stored here/empty", "stored here/sub dir"]
    got = client.download_artifacts(run, "stored here", tmp_path / "got" if (tmp_path / "got").mkdir() else tmp_path / "got")
    for file in ("a.txt", "empty", "sub dir/ünder/note (1) & more.txt"):
        assert (tmp_path / "got" / "stored here" / file).read_bytes() == (folder / file).read_bytes(), got
    assert mlflow.artifacts.load_dict(f"runs:/{run}/some/dict.json") == {"k": [1, 2]}
    client.log_text(run, "hello again", "hello.txt")
    assert mlflow.artifacts.load_text(f"runs:/{run}/hello.txt") == "hello again"
    assert client.list_artifacts(run, "nothing") == []
    with pytest.raises(requests.HTTPError, match="is a file, so nothing can be stored below it"):
        client.log_text(run, "x", "hello.txt/below")


def test_paths_that_leave_the_root(tracking, experiment):
    server, client = tracking
    client.log_text(client.create_run(experiment).info.run_id, "secret", "a.txt")
    for path in ("../ledger.db", "..%2F..%2Fledger.db", "a/%2e%2e/%2e%2e/x", "a/%252e%252e/x", "%2Fetc%2Fpasswd", "a/..%5C..%5Cx/../y"):
        status, answer = server.ask("GET", f"/api/2.0/mlflow-artifacts/artifacts/{path}")
        assert status in (400, 404), (path, answer)
        status, answer = server.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}", b"x")
        assert status in (400, 404), (path, answer)


def test_logged_models(client, experiment):
    model = mlflow.initialize_logged_model(name="by-hand", experiment_id=experiment, params={"depth": "3"}, tags={"k": "v"}, model_type="agent")
    assert model.status == "PENDING"
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_metric("accuracy", 0.75, model_id=model.model_id)
        client.log_outputs(run.info.run_id, [mlflow.entities.LoggedModelOutput(model.model_id, 0)])
    mlflow.finalize_logged_model(model.model_id, "READY")
    mlflow.set_logged_model_tags(model.model_id, {"more": "tags"})
    found = mlflow.get_logged_model(model.model_id)
    assert (found.status, found.params, found.tags["more"], found.model_type) == ("READY", {"depth": "3"}, "tags", "agent")
    assert [(metric.key, metric.value, metric.run_id) for metric in found.metrics] == [("accuracy", 0.75, run.info.run_id)]
    search = lambda text: [one.name for one in mlflow.search_logged_models(experiment_ids=[experiment], filter_string=text, output_format="list")]  # noqa: E731
    assert search("name = 'by-hand'") == ["by-hand"] and search("metrics.accuracy > 0.8") == [] and search("params.depth = '3' AND metrics.accuracy > 0.7") == ["by-hand"]
    assert [output.model_id for output in client.get_run(run.info.run_id).outputs.model_outputs] == [model.model_id]
    client.delete_logged_model(model.model_id)
    refused(lambda: mlflow.get_logged_model(model.model_id), "RESOURCE_DOES_NOT_EXIST", f"Logged model with ID '{model.model_id}' not found")


# Bad input, and the death of the server

@pytest.mark.parametrize("body, words", [
    (b'{"experiment_id": "0", ', ["body"]),
    (b"[1, 2]", ["JSON object"]),
    (b'{"experiment_id": 3}', ["Value was of type 'int'"]),
    (b'{"experiment_id": "0", "start_time": "x"}', ["start_time"]),
    (b'{"experiment_id": "0", "tags": {"a": 1}}', ["tags"]),
    (b'{"experiment_id": "0", "tags": [{"value": "1"}]}', ["tags[0].key"]),
    (b"\xff\xfe", []),
])
def test_bad_requests(tracking, body, words):
    server, _ = tracking
    status, answer = server.ask("POST", "/api/2.0/mlflow/runs/create", body, {"Content-Type": "application/json"})
    assert status in (400, 413) and set(answer) >= {"error_code", "message"}, answer
    for word in words:
        assert word in answer["message"], answer


def test_requests_of_another_type(tracking):
    server, _ = tracking
    status, answer = server.ask("POST", "/api/2.0/mlflow/runs/create", b"{}", {"Content-Type": "text/plain"})
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE") and "Content-Type" in answer["message"]
    status, answer = server.ask("GET", "/api/2.0/mlflow/nothing")
    assert (status, answer["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_names_of_runs_are_cut(tracking):
    server, client = tracking
    status, answer = server.ask("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0", "run_name": "x" * 900_000}, {"Content-Type": "application/json"})
    assert status == 200 and answer["run"]["info"]["run_name"] == "x" * 8000
    assert client.get_run(answer["run"]["info"]["run_id"]).data.tags["mlflow.runName"] == "x" * 8000


def test_batches_that_are_too_large(client, experiment):
    run = client.create_run(experiment).info.run_id
    for batch in ({"metrics": [Metric("m", 1, 1, i) for i in range(1001)]}, {"params": [Param(f"p{i}", "") for i in range(101)]}):
        refused(lambda: client._tracking_client.store.log_batch(run, **({"metrics": [], "params": [], "tags": []} | batch)), "INVALID_PARAMETER_VALUE",
                "A batch logging request can contain at most")


def test_what_was_acknowledged_survives_the_death_of_the_server(tmp_path):
    with tracked.serving(tmp_path / "data") as (server, client):
        run = client.create_run("0").info.run_id
        for i in range(300):
            client.log_metric(run, "m", i, step=i)
        client.log_text(run, "kept", "a.txt")
        server.kill()
    with tracked.serving(tmp_path / "data") as (server, client):
        assert len(client.get_metric_history(run, "m")) == 300 and client.get_run(run).data.metrics == {"m": 299}
        assert mlflow.artifacts.load_text(f"runs:/{run}/a.txt") == "kept"


def test_fsck_knows_the_files_of_clients(tmp_path):
    with tracked.serving(tmp_path / "data") as (server, client):
        run = client.create_run("0").info.run_id
        client.log_text(run, "kept", "a.txt")
    digest = hashlib.sha256(b"kept").hexdigest()
    assert sluice_program.sluice("fsck", data=tmp_path / "data").returncode == 0
    (tmp_path / "data" / "objects" / digest[:2] / digest[2:4] / digest).unlink()
    checked = sluice_program.sluice("fsck", data=tmp_path / "data")
    assert checked.returncode != 0 and f"artifact 0/{run}/artifacts/a.txt" in checked.stdout + checked.stderr
