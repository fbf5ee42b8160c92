"""Every public method of the unmodified kfp.Client, but those about recurring runs, against `sluice up`."""
import contextlib
import datetime
import inspect
import json
import pathlib
import re
import tempfile

import kfp
import kfp_server_api
import packages
import pytest
import served
import waiting
import yaml
from kfp import compiler, dsl

pytestmark = pytest.mark.needs(cpu=1)

METHODS = {name for name, _ in inspect.getmembers(kfp.Client, inspect.isfunction) if not name.startswith("_")}
RECURRING = {"create_recurring_run", "delete_job", "delete_recurring_run", "disable_job", "disable_recurring_run", "enable_job", "enable_recurring_run",
             "get_recurring_run", "list_recurring_runs"}


@pytest.fixture(scope="module")
def kubeflow(tmp_path_factory):
    with served.serving(tmp_path_factory.mktemp("kubeflow") / "data") as both:
        yield both


@pytest.fixture
def client(kubeflow):
    return kubeflow[1]


def compiled(pipeline, folder, name="pipeline.yaml"):
    compiler.Compiler().compile(pipeline, str(folder / name))
    return str(folder / name)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return compiled(served.two_additions, tmp_path_factory.mktemp("package"))


@pytest.fixture
def experiment(client, request):
    return client.create_experiment(request.node.name, "of a test").experiment_id


def started(client, pipeline, experiment, **options):
    return client.create_run_from_pipeline_func(pipeline, experiment_id=experiment, **options).run_id


def test_every_method_is_called():
    """By a test of this file; those about recurring runs belong to schedules."""
    text = pathlib.Path(__file__).read_text()
    assert {name for name in METHODS - RECURRING if not re.search(rf"\.{name}\(", text)} == set()
    assert METHODS >= RECURRING and len(METHODS) == 39


def test_health(client):
    health = client.get_kfp_healthz()
    assert (health.multi_user, health.pipeline_store) == (False, "database")


# Runs

def test_a_run_of_a_package(client, package):
    run = client.create_run_from_pipeline_package(package, {"x": 5}, run_name="x is 5", experiment_name="of packages", pipeline_root="s3://bucket/root",
                                                  service_account="someone")
    assert run.run_info.state in ("RUNNING", *served.ENDED)
    done = run.wait_for_run_completion(300)
    assert done.state == "SUCCEEDED" and done.error is None
    again = client.get_run(run.run_id)
    assert (again.run_id, again.display_name, again.storage_state, again.service_account) == (run.run_id, "x is 5", "AVAILABLE", "someone")
    assert (again.runtime_config.parameters, again.runtime_config.pipeline_root) == ({"x": 5}, "s3://bucket/root")
    assert again.experiment_id == client.get_experiment(experiment_name="of packages").experiment_id
    assert again.created_at <= again.finished_at and again.pipeline_spec["pipelineInfo"]["name"] == "two-additions"
    assert [entry.state for entry in again.state_history] == ["PENDING", "RUNNING", "SUCCEEDED"]
    details = {task.task_id: task for task in again.run_details.task_details}
    assert set(details) == {"add", "add-2"}
    for task in details.values():
        assert task.state == "SUCCEEDED" and task.run_id == run.run_id and task.error is None
        assert task.create_time <= task.start_time <= task.end_time


def test_a_run_finds_in_the_cache_what_another_has_made(client, package, experiment):
    for states in ({"SUCCEEDED", "SKIPPED"}, {"SKIPPED"}):
        run = client.create_run_from_pipeline_package(package, {"x": 77}, experiment_id=experiment)
        done = client.wait_for_run_completion(run.run_id, 300, sleep_duration=0.05)
        assert done.state == "SUCCEEDED" and {task.state for task in done.run_details.task_details} <= states
    run = client.create_run_from_pipeline_package(package, {"x": 77}, experiment_id=experiment, enable_caching=False)
    done = served.ended(client, run.run_id)
    assert [task.state for task in done.run_details.task_details] == ["SUCCEEDED", "SUCCEEDED"]


def test_a_run_of_a_function(client, experiment):
    run = client.create_run_from_pipeline_func(served.one_command, {"script": "echo hello"}, run_name="a command", experiment_id=experiment)
    assert served.ended(client, run.run_id).state == "SUCCEEDED"


def test_a_failed_run(client, experiment):
    run = served.ended(client, started(client, served.one_command, experiment, arguments={"script": "exit 3"}))
    assert run.state == "FAILED" and "3" in run.error.message
    task, = run.run_details.task_details
    assert (task.task_id, task.state) == ("shell", "FAILED") and task.error.message
    assert [entry.state for entry in run.state_history] == ["PENDING", "RUNNING", "FAILED"] and run.state_history[-1].error.message


def test_a_run_of_a_version(client, package, experiment):
    pipeline = client.upload_pipeline(package, "run by its version")
    version = client.list_pipeline_versions(pipeline.pipeline_id).pipeline_versions[0]
    for chosen in (version.pipeline_version_id, ""):  # without one, the newest
        run = client.run_pipeline(experiment, "of a version", params={"x": 3}, pipeline_id=pipeline.pipeline_id, version_id=chosen)
        assert run.pipeline_version_reference.pipeline_version_id == version.pipeline_version_id
        assert run.pipeline_version_reference.pipeline_id == pipeline.pipeline_id and run.pipeline_spec is None
        assert served.ended(client, run.run_id).state == "SUCCEEDED"


def test_a_run_with_what_it_says_about_platforms(client, tmp_path, experiment):
    run = client.create_run_from_pipeline_package(compiled(served.for_a_platform, tmp_path), experiment_id=experiment)
    spec = client.get_run(run.run_id).pipeline_spec
    assert set(spec) == {"pipeline_spec", "platform_spec"} and "kubernetes" in spec["platform_spec"]["platforms"]


def test_a_run_that_is_terminated(client, tmp_path, experiment):
    with waiting.Gate(tmp_path / "gate") as gate:
        run = started(client, served.one_command, experiment, arguments={"script": f"read line < {gate.path}; true"})
        waiting.until(lambda: [task.state for task in client.get_run(run).run_details.task_details] == ["RUNNING"], "its task is running")
        assert client.get_run(run).state == "RUNNING"
        client.terminate_run(run)
        done = served.ended(client, run)
    assert done.state == "CANCELED" and [task.state for task in done.run_details.task_details] == ["CANCELED"]
    assert [entry.state for entry in done.state_history] == ["PENDING", "RUNNING", "CANCELING", "CANCELED"]
    served.refused(lambda: client.terminate_run(run), 400, "has ended")


def test_a_run_that_is_retried(client, kubeflow, tmp_path, experiment):
    """It keeps its id; what has succeeded is taken from the cache."""
    flag = tmp_path / "flag"
    run = started(client, served.one_command, experiment, arguments={"script": f"test -e {flag}"})
    assert served.ended(client, run).state == "FAILED"
    flag.touch()
    client._run_api.run_service_retry_run(run)
    done = served.ended(client, run)
    assert done.state == "SUCCEEDED" and done.run_id == run
    assert [entry.state for entry in done.state_history] == ["PENDING", "RUNNING", "FAILED", "PENDING", "RUNNING", "SUCCEEDED"]
    served.refused(lambda: client._run_api.run_service_retry_run(run), 400, "has succeeded")
    assert client.list_runs(experiment_id=experiment).total_size == 1


def test_runs_are_listed(client, experiment):
    names = [f"run {number}" for number in range(5)]
    ids = [served.ended(client, started(client, served.one_command, experiment, run_name=name)).run_id for name in names]
    listed = client.list_runs(experiment_id=experiment)
    assert [run.run_id for run in listed.runs] == ids and listed.total_size == 5 and listed.next_page_token is None
    newest = client.list_runs(experiment_id=experiment, sort_by="created_at desc", page_size=2)
    assert [run.display_name for run in newest.runs] == ["run 4", "run 3"] and newest.total_size == 5
    # A token is enough: it knows the order.
    second = client.list_runs(experiment_id=experiment, page_token=newest.next_page_token, page_size=2)
    third = client.list_runs(experiment_id=experiment, page_token=second.next_page_token, page_size=2, sort_by="created_at desc")
    assert [run.display_name for run in [*second.runs, *third.runs]] == ["run 2", "run 1", "run 0"] and third.next_page_token is None
    by_name = client.list_runs(experiment_id=experiment, sort_by="display_name desc", page_size=3)
    assert [run.display_name for run in by_name.runs] == ["run 4", "run 3", "run 2"]
    assert {run.run_id for run in client.list_runs(namespace="default", page_size=200).runs} >= set(ids)
    assert {run.run_id for run in client.list_runs(page_size=200).runs} >= set(ids)


def predicate(operation, key, **value):
    return json.dumps({"predicates": [{"operation": operation, "key": key, **value}]})


def test_runs_are_filtered(client, experiment):
    good, bad, other = (served.ended(client, started(client, served.one_command, experiment, run_name=name, arguments={"script": script})).run_id
                        for name, script in [("Good one", "true"), ("bad 100%", "false"), ("other_1", "true")])
    now = datetime.datetime.now(datetime.timezone.utc)

    def found(filter):
        return {run.run_id for run in client.list_runs(experiment_id=experiment, filter=filter).runs or []}
    assert found(predicate("EQUALS", "display_name", stringValue="good one")) == {good}
    assert found(predicate(1, "name", string_value="Good one")) == {good}
    assert found(predicate("NOT_EQUALS", "name", stringValue="good one")) == {bad, other}
    assert found(predicate("IS_SUBSTRING", "name", stringValue="0%")) == {bad}
    assert found(predicate("IS_SUBSTRING", "name", stringValue="_")) == {other}
    assert found(predicate("IN", "run_id", stringValues={"values": [good, other, "none"]})) == {good, other}
    assert found(predicate("EQUALS", "state", stringValue="FAILED")) == {bad}
    assert found(predicate("IN", "state", stringValues={"values": ["FAILED", "RUNNING"]})) == {bad}
    assert found(predicate("GREATER_THAN", "created_at", timestampValue=now.isoformat())) == set()
    assert found(predicate("LESS_THAN_EQUALS", "finished_at", timestampValue=now.isoformat())) == {good, bad, other}
    assert found(predicate("LESS_THAN", "created_at", longValue="1000")) == set()
    assert found(json.dumps({"predicates": [{"operation": "EQUALS", "key": "state", "stringValue": "SUCCEEDED"},
                                            {"operation": "IS_SUBSTRING", "key": "display_name", "stringValue": "OTHER"}]})) == {other}
    assert found(json.dumps({})) == {good, bad, other}


def test_runs_are_archived_and_deleted(client, experiment):
    first, second = (served.ended(client, started(client, served.one_command, experiment)).run_id for _ in range(2))
    client.archive_run(first)
    assert client.get_run(first).storage_state == "ARCHIVED"

    def stored(operation, state):
        return [run.run_id for run in client.list_runs(experiment_id=experiment, filter=predicate(operation, "storage_state", stringValue=state)).runs or []]
    assert (stored("EQUALS", "ARCHIVED"), stored("NOT_EQUALS", "ARCHIVED"), stored("EQUALS", "AVAILABLE")) == ([first], [second], [second])
    client.unarchive_run(first)
    assert client.get_run(first).storage_state == "AVAILABLE"
    client.delete_run(first)
    served.refused(lambda: client.get_run(first), 404, "there is no run")
    served.refused(lambda: client.delete_run(first), 404, "there is no run")
    assert [run.run_id for run in client.list_runs(experiment_id=experiment).runs] == [second]


def test_a_run_that_is_deleted_ends(client, kubeflow, tmp_path, experiment):
    with waiting.Gate(tmp_path / "gate") as gate:
        run = started(client, served.one_command, experiment, arguments={"script": f"read line < {gate.path}; true"})
        client.delete_run(run)
        assert kubeflow[0].end_of(run)["status"] == "cancelled"
    assert client.list_runs(experiment_id=experiment).runs is None


def test_waiting_gives_up(client, tmp_path, experiment):
    with waiting.Gate(tmp_path / "gate") as gate:
        run = started(client, served.one_command, experiment, arguments={"script": f"read line < {gate.path}; true"})
        with pytest.raises(TimeoutError):
            client.wait_for_run_completion(run, 0, sleep_duration=0)
        gate.open()
        assert served.ended(client, run).state == "SUCCEEDED"


def test_an_artifact_of_a_run(client, kubeflow, experiment):
    run = served.ended(client, started(client, served.one_file, experiment, arguments={"text": "of a run"}))
    task, = run.run_details.task_details
    assert len(task.outputs["file"].artifact_ids) == 1
    address = f"/apis/v2beta1/runs/{run.run_id}/nodes/{task.task_id}/artifacts"
    assert kubeflow[0].ask("GET", f"{address}/file:read") == (200, {"data": "b2YgYSBydW4="})
    assert kubeflow[0].ask("GET", f"{address}/none:read")[0] == 404
    assert kubeflow[0].ask("GET", f"/apis/v2beta1/runs/{run.run_id}/nodes/none/artifacts/file:read")[0] == 404


def test_tasks_of_a_loop(client, experiment):
    @dsl.pipeline(name="a-loop")
    def a_loop():
        with dsl.ParallelFor([1, 2]):
            served.shell(script="true")
    run = served.ended(client, started(client, a_loop, experiment))
    assert run.state == "SUCCEEDED"
    details = {task.task_id: task for task in run.run_details.task_details}
    shells = [task for task in details.values() if task.display_name == "shell"]
    assert len(shells) == 2
    for task in shells:
        above = details[task.parent_task_id]
        assert task.task_id in {child.task_id for child in above.child_tasks}


# Experiments

def test_experiments(client):
    made = client.create_experiment("an experiment", "what it is about")
    assert (made.display_name, made.description, made.storage_state, made.namespace) == ("an experiment", "what it is about", "AVAILABLE", "default")
    assert client.get_experiment(made.experiment_id) == made
    assert client.get_experiment(experiment_name="an experiment") == made
    assert client.create_experiment("an experiment").experiment_id == made.experiment_id
    with pytest.raises(ValueError, match="No experiment is found"):
        client.get_experiment(experiment_name="none")
    served.refused(lambda: client.get_experiment("none"), 404, "there is no experiment")
    assert client.get_experiment(experiment_name="Default").display_name == "Default"
    for name in ("In a list, b", "in a list, A"):
        client.create_experiment(name)
    filter = predicate("IS_SUBSTRING", "display_name", stringValue="in a list")
    page = client.list_experiments(page_size=1, sort_by="display_name", filter=filter)
    rest = client.list_experiments(page_token=page.next_page_token)
    assert [one.display_name for one in [*page.experiments, *rest.experiments]] == ["in a list, A", "In a list, b"] and page.total_size == 2
    client.delete_experiment(made.experiment_id)
    served.refused(lambda: client.get_experiment(made.experiment_id), 404, "there is no experiment")


def test_an_experiment_is_archived_with_its_runs(client, experiment):
    run = served.ended(client, started(client, served.one_command, experiment)).run_id
    assert client.get_experiment(experiment).last_run_created_at == client.get_run(run).created_at
    client.archive_experiment(experiment)
    assert (client.get_experiment(experiment).storage_state, client.get_run(run).storage_state) == ("ARCHIVED", "ARCHIVED")
    served.refused(lambda: client.unarchive_run(run), 400, "is archived")
    client.unarchive_experiment(experiment)
    assert (client.get_experiment(experiment).storage_state, client.get_run(run).storage_state) == ("AVAILABLE", "ARCHIVED")
    client.unarchive_run(run)
    assert client.get_run(run).storage_state == "AVAILABLE"


# Pipelines

def test_pipelines(client, package):
    made = client.upload_pipeline(package, "a pipeline", "what it does")
    assert (made.name, made.display_name, made.description, made.namespace) == ("a pipeline", "a pipeline", "what it does", "default")
    assert client.get_pipeline(made.pipeline_id) == made
    assert client.get_pipeline_id("a pipeline") == made.pipeline_id and client.get_pipeline_id("none") is None
    assert client._pipelines_api.pipeline_service_get_pipeline_by_name("a pipeline") == made
    served.refused(lambda: client.upload_pipeline(package, "a pipeline"), 409, "there is a pipeline `a pipeline` already")
    of_function = client.upload_pipeline_from_pipeline_func(served.one_command, "of a function")
    filter = predicate("IN", "name", stringValues={"values": ["a pipeline", "of a function"]})
    listed = client.list_pipelines(sort_by="created_at desc", filter=filter)
    assert [one.pipeline_id for one in listed.pipelines] == [of_function.pipeline_id, made.pipeline_id] and listed.total_size == 2
    served.refused(lambda: client.delete_pipeline(made.pipeline_id), 400, "has versions")
    for version in client.list_pipeline_versions(made.pipeline_id).pipeline_versions:
        client.delete_pipeline_version(made.pipeline_id, version.pipeline_version_id)
    client.delete_pipeline(made.pipeline_id)
    served.refused(lambda: client.get_pipeline(made.pipeline_id), 404, "there is no pipeline")
    client._pipelines_api.pipeline_service_delete_pipeline(of_function.pipeline_id, cascade=True)
    assert client.get_pipeline_id("of a function") is None
    assert client.upload_pipeline(package).name == "two-additions"


def test_versions_of_a_pipeline(client, package, tmp_path):
    pipeline = client.upload_pipeline(package, "of versions").pipeline_id
    second = client.upload_pipeline_version(package, "second", pipeline_id=pipeline, description="the same")
    assert (second.pipeline_id, second.display_name, second.description) == (pipeline, "second", "the same")
    third = client.upload_pipeline_version_from_pipeline_func(served.one_command, "third", pipeline_name="of versions")
    assert client.get_pipeline_version(pipeline, third.pipeline_version_id) == third
    assert third.pipeline_spec["pipelineInfo"]["name"] == "one-command"
    listed = client.list_pipeline_versions(pipeline, sort_by="created_at desc", page_size=2)
    assert [one.display_name for one in listed.pipeline_versions] == ["third", "second"] and listed.total_size == 3
    rest = client.list_pipeline_versions(pipeline, page_token=listed.next_page_token)
    assert [one.display_name for one in rest.pipeline_versions] == ["of versions"]
    served.refused(lambda: client.upload_pipeline_version(package, "second", pipeline_id=pipeline), 409, "has a version `second` already")
    client.delete_pipeline_version(pipeline, second.pipeline_version_id)
    served.refused(lambda: client.get_pipeline_version(pipeline, second.pipeline_version_id), 404, "there is no pipeline version")
    filter = predicate("EQUALS", "display_name", stringValue="third")
    assert client.list_pipeline_versions(pipeline, filter=filter).total_size == 1


@pytest.mark.parametrize("name", ["words.zip", "words.tar.gz", "words.tgz"])
def test_packages(client, package, tmp_path, experiment, name):
    """Archives: as a pipeline, as a version, and as a run."""
    content = pathlib.Path(package).read_bytes()
    archive = tmp_path / name
    archive.write_bytes(packages.zipped({"pipeline.yaml": content}) if name.endswith(".zip") else packages.targz(packages.member("pipeline.yaml", content)))
    pipeline = client.upload_pipeline(str(archive), f"of {name}").pipeline_id
    version = client.upload_pipeline_version(str(archive), "again", pipeline_id=pipeline)
    assert version.pipeline_spec == yaml.safe_load(content)
    run = client.run_pipeline(experiment, "of a version", pipeline_id=pipeline, version_id=version.pipeline_version_id)
    assert served.ended(client, run.run_id).state == "SUCCEEDED"
    run = client.create_run_from_pipeline_package(str(archive), experiment_id=experiment)
    assert served.ended(client, run.run_id).state == "SUCCEEDED"
    archive.write_bytes(archive.read_bytes()[:-60])
    served.refused(lambda: client.upload_pipeline(str(archive), "truncated"), 400, f"{name}: ", "the package")


def test_pipelines_that_are_not_uploaded(client, kubeflow, experiment):
    """Their specification is in the JSON; any plan may be one, and its names may change."""
    api = client._pipelines_api
    spec = yaml_of(served.one_command)
    made = api.pipeline_service_create_pipeline_and_version(kfp_server_api.V2beta1CreatePipelineAndVersionRequest(
        pipeline=kfp_server_api.V2beta1Pipeline(display_name="of JSON", tags={"team": "a"}),
        pipeline_version=kfp_server_api.V2beta1PipelineVersion(display_name="first", pipeline_spec=spec)))
    assert (made.name, made.tags) == ("of JSON", {"team": "a"})
    version = api.pipeline_service_create_pipeline_version(made.pipeline_id, kfp_server_api.V2beta1PipelineVersion(display_name="second", pipeline_spec=spec))
    assert version.pipeline_spec == spec
    bare = api.pipeline_service_create_pipeline(kfp_server_api.V2beta1Pipeline(name="bare", display_name="without a version"))
    served.refused(lambda: client.run_pipeline(experiment, "of none", pipeline_id=bare.pipeline_id, version_id=""), 404, "has no version")
    status, changed = kubeflow[0].ask("PATCH", f"/apis/v2beta1/pipelines/{bare.pipeline_id}", {"display_name": "another name", "tags": {"b": "c"}})
    assert status == 200 and client.get_pipeline(bare.pipeline_id).display_name == changed["display_name"] == "another name"
    status, changed = kubeflow[0].ask("PATCH", f"/apis/v2beta1/pipelines/{made.pipeline_id}/versions/{version.pipeline_version_id}", {"displayName": "changed"})
    assert status == 200 and changed["display_name"] == "changed"


def yaml_of(pipeline):
    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        compiler.Compiler().compile(pipeline, file.name)
        return yaml.safe_load(pathlib.Path(file.name).read_text())


# Namespaces, tokens, and what is not offered

def test_a_namespace_of_the_client(kubeflow):
    client = served.client_of(kubeflow[0])
    client.set_user_namespace("ns1")
    try:
        assert client.get_user_namespace() == "ns1"
        # Nobody has told callers apart: there is one workspace.
        assert client.create_experiment("in a namespace").namespace == "default"
    finally:
        client.set_user_namespace("")


def test_tokens(kubeflow):
    server, _ = kubeflow
    secrets = {role: server.ask("POST", "/v1/tokens", {"name": role, "role": role})[1]["token"] for role in ("read", "run")}
    runs, reads = (served.client_behind_a_proxy(server, secrets[role]) for role in ("run", "read"))
    experiment = runs.create_experiment("of a token", namespace="default")
    assert reads.get_experiment(experiment.experiment_id) == experiment
    served.refused(lambda: reads.delete_experiment(experiment.experiment_id), 403, "has the role `read`")
    served.refused(lambda: reads.create_run_from_pipeline_func(served.one_command, experiment_id=experiment.experiment_id), 403, "has the role `read`")
    run = runs.create_run_from_pipeline_func(served.one_command, experiment_name="of a token").run_id
    assert served.ended(reads, run).state == "SUCCEEDED"
    served.refused(lambda: served.client_behind_a_proxy(server, "wrong").list_runs(), 401)
    changes = server.ask("GET", "/v1/audit")[1]["changes"]
    assert {"run.submit", "experiment.create"} <= {change["what"] for change in changes if change["by"] == "run"}


def test_what_is_not_offered(client, kubeflow):
    with contextlib.closing(kfp_server_api.ApiClient(kfp_server_api.Configuration(host=kubeflow[0].url))) as connection:
        work = kfp_server_api.VisualizationServiceApi(connection)
        served.refused(lambda: work.visualization_service_create_visualization_v1("ns", kfp_server_api.V2beta1Visualization(type="TABLE")), 501, "visualizations")
        assert kfp_server_api.AuthServiceApi(connection).auth_service_authorize() == {}
    served.refused(client.list_recurring_runs, 501, "recurring runs")


def test_a_server_that_is_killed_keeps_what_it_had(tmp_path):
    data = tmp_path / "data"
    with waiting.Gate(tmp_path / "gate") as gate:
        with served.serving(data) as (server, client):
            experiment = client.create_experiment("before").experiment_id
            run = started(client, served.one_command, experiment, arguments={"script": f"read line < {gate.path}; true"})
            waiting.until(lambda: [task.state for task in client.get_run(run).run_details.task_details] == ["RUNNING"], "its task is running")
            server.kill()
        with served.serving(data) as (_, client):
            assert client.get_experiment(experiment_name="before").experiment_id == experiment
            gate.open()
            done = served.ended(client, run)
            assert done.state == "SUCCEEDED", done.error
