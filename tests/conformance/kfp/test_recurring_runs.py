"""Recurring runs of the unmodified kfp.Client against `sluice up`: they are schedules, and their runs belong to their experiment."""
import datetime
import json

import pytest
import served
import waiting
from fault import killing
from kfp import compiler

pytestmark = pytest.mark.needs(cpu=1)

FAR = "2099-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def kubeflow(tmp_path_factory):
    with served.serving(tmp_path_factory.mktemp("kubeflow") / "data") as both:
        yield both


@pytest.fixture
def client(kubeflow):
    return kubeflow[1]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("package") / "pipeline.yaml")
    compiler.Compiler().compile(served.one_command, path)
    return path


@pytest.fixture
def experiment(client, request):
    return client.create_experiment(request.node.name).experiment_id


def runs_of(client, experiment):
    return client.list_runs(experiment_id=experiment, page_size=100).runs or []


def test_what_is_created_is_got_listed_and_deleted(client, experiment, package):
    start = datetime.datetime(2099, 1, 1, tzinfo=datetime.timezone.utc)
    made = client.create_recurring_run(experiment, "nightly", description="of a test", start_time=start, cron_expression="0 30 7 * * 1-5", max_concurrency=3,
                                       no_catchup=True, params={"script": "true"}, pipeline_package_path=package, service_account="someone")
    got = client.get_recurring_run(made.recurring_run_id)
    for one in (made, got):
        assert (one.display_name, one.description, one.experiment_id, one.status, one.mode) == ("nightly", "of a test", experiment, "ENABLED", "ENABLE")
        assert (one.trigger.cron_schedule.cron, one.trigger.cron_schedule.start_time, one.max_concurrency, one.no_catchup) == ("0 30 7 * * 1-5", start, "3", True)
        assert one.runtime_config.parameters == {"script": "true"} and one.service_account == "someone"
    assert got.pipeline_spec["pipelineInfo"]["name"] == "one-command"
    other = client.create_recurring_run(experiment, "nightly", interval_second=3600, start_time=FAR, pipeline_package_path=package, enabled=False)
    assert (other.status, other.trigger.periodic_schedule.interval_second) == ("DISABLED", "3600")
    listed = client.list_recurring_runs(experiment_id=experiment, sort_by="created_at desc", page_size=1)
    assert [one.recurring_run_id for one in listed.recurring_runs] == [other.recurring_run_id] and listed.total_size == 2
    rest = client.list_recurring_runs(experiment_id=experiment, sort_by="created_at desc", page_size=1, page_token=listed.next_page_token)
    assert [one.recurring_run_id for one in rest.recurring_runs] == [made.recurring_run_id] and not rest.next_page_token
    wanted = json.dumps({"predicates": [{"operation": "IS_SUBSTRING", "key": "display_name", "stringValue": "NIGHT"}]})
    assert client.list_recurring_runs(filter=wanted, experiment_id=experiment).total_size == 2
    client.delete_recurring_run(made.recurring_run_id)
    client.delete_job(other.recurring_run_id)
    assert not client.list_recurring_runs(experiment_id=experiment).recurring_runs
    served.refused(lambda: client.get_recurring_run(made.recurring_run_id), 404, "there is no recurring run")
    assert runs_of(client, experiment) == []


def test_its_runs_are_runs_of_its_experiment(client, experiment):
    pipeline = client.upload_pipeline_from_pipeline_func(served.one_command, f"recurring {experiment}")
    version = client.list_pipeline_versions(pipeline.pipeline_id).pipeline_versions[0].pipeline_version_id
    made = client.create_recurring_run(experiment, "often", cron_expression="* * * * *", pipeline_id=pipeline.pipeline_id, version_id=version, params={"script": "exit 0"})
    assert made.trigger.cron_schedule.cron == "* * * * * *", "the first field is the second"
    found = waiting.until(lambda: next((run for run in runs_of(client, experiment) if run.state == "SUCCEEDED"), None), "a run has succeeded")
    assert found.recurring_run_id == made.recurring_run_id and found.display_name.startswith("often 20")
    assert found.runtime_config.parameters == {"script": "exit 0"} and found.pipeline_version_reference.pipeline_id == pipeline.pipeline_id
    client.disable_recurring_run(made.recurring_run_id)
    assert client.get_recurring_run(made.recurring_run_id).status == "DISABLED"
    waiting.until(lambda: all(run.state in served.ENDED for run in runs_of(client, experiment)), "all have ended")
    count = len(runs_of(client, experiment))
    client.archive_run(found.run_id)
    client.enable_recurring_run(made.recurring_run_id)
    waiting.until(lambda: len(runs_of(client, experiment)) > count, "there is another one")
    client.disable_job(made.recurring_run_id)
    assert client.get_recurring_run(made.recurring_run_id).mode == "DISABLE"
    client.enable_job(made.recurring_run_id)
    client.archive_experiment(experiment)
    assert client.get_recurring_run(made.recurring_run_id).status == "DISABLED"
    served.refused(lambda: client.enable_recurring_run(made.recurring_run_id), 400, "is archived; unarchive it")
    client.delete_recurring_run(made.recurring_run_id)
    assert len(runs_of(client, experiment)) > count


@pytest.mark.parametrize("change, words", [
    ({"cron_expression": "0 0 30 2 *"}, ["cron"]),
    ({"cron_expression": "every day"}, ["cron"]),
    ({"interval_second": 0.5}, ["interval_second"]),
    ({"interval_second": -5}, ["interval_second"]),
    ({"cron_expression": "0 0 * * * *", "start_time": FAR, "end_time": "2098-01-01T00:00:00Z"}, ["end"]),
    ({"cron_expression": "0 0 * * * *", "start_time": "tomorrow"}, ["start_time"]),
    ({"cron_expression": "0 0 * * * *", "max_concurrency": 11}, ["max_concurrency is 11", "from 1 to 10"]),
    ({"cron_expression": "0 0 * * * *", "max_concurrency": -1}, ["max_concurrency is -1"]),
    ({"cron_expression": "0 0 * * * *", "params": {"skript": "x"}}, ["no parameter `skript`; did you mean `script`?"]),
])
def test_what_never_could_run_is_refused(client, experiment, package, change, words):
    served.refused(lambda: client.create_recurring_run(experiment, "wrong", **{"pipeline_package_path": package, **change}), 400, *words)
    assert not client.list_recurring_runs(experiment_id=experiment).recurring_runs


def test_what_it_names_must_be_there(client, experiment, package):
    cron = {"cron_expression": "0 0 * * * *"}
    served.refused(lambda: client.create_recurring_run("none", "wrong", pipeline_package_path=package, **cron), 404, "there is no experiment `none`")
    served.refused(lambda: client.create_recurring_run(experiment, "wrong", version_id="none", pipeline_id="none", **cron), 404, "none")
    for work in (client.get_recurring_run, client.enable_recurring_run, client.disable_recurring_run, client.delete_recurring_run):
        served.refused(lambda: work("none"), 404, "there is no recurring run `none`")
    served.refused(lambda: client.list_recurring_runs(sort_by="colour"), 400, "colour")
    served.refused(lambda: client.list_recurring_runs(page_token="x"), 400)


def test_every_run_is_in_its_experiment_whatever_is_killed(tmp_path, package):
    data = tmp_path / "data"
    with served.serving(data) as (_, client):
        experiment = client.create_experiment("kept").experiment_id
        client.create_recurring_run(experiment, "often", cron_expression="* * * * * *", pipeline_package_path=package, max_concurrency=10)

    def outside():
        return killing.query(data, "select id from runs where id not in (select run from grouped_runs where in_group = ?)", experiment)

    kills = 0
    for kill in range(1, 9):
        with killing.DoomedServer(data, f"event:{5 + 2 * kill}") as server:
            kills += server.dies()
        assert outside() == []
    assert kills >= 5
    ((runs, instants),) = killing.query(data, "select count(*), count(distinct display_name) from grouped_runs")
    assert runs == instants >= 3, "each instant has one"
