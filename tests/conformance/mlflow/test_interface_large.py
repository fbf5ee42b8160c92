"""Every page of MLflow's own interface on 10,000 runs, in a real browser: each shows what is there, and nothing goes wrong in it.

Runs in the environment tests/clients/mlflow.in. Screenshots are left in build/screenshots/mlflow/large.
"""
import concurrent.futures
import itertools

import mlflow
import pages
import pytest
from mlflow.entities import Metric, Param, RunTag

pytestmark = [pytest.mark.needs(cpu=2), pytest.mark.long]
RUNS = 10_000


def log_run(client, experiment, number):
    run = client.create_run(experiment, run_name=f"run-{number}", start_time=1_700_000_000_000 + number).info.run_id
    client.log_batch(run, metrics=[Metric("loss", (number * 7919) % RUNS, 1000, 0), Metric("acc", number / RUNS, 1000, 0)], params=[Param("lr", str(number % 10))],
                     tags=[RunTag("kind", "even" if number % 2 == 0 else "odd")])
    client.set_terminated(run)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    with pages.serving(tmp_path_factory.mktemp("large") / "data") as (server, client), pages.opened(tmp_path_factory.mktemp("browser"), server) as shown:
        experiment = client.create_experiment("large", tags={"mlflow.experimentKind": "custom_model_development"})
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: log_run(client, experiment, number), range(RUNS - 2)))
        newest = [client.create_run(experiment, run_name=name).info.run_id for name in ("newest", "newer")]
        fields = pages.fill(client, experiment, *newest, "reg-a", "logged-a", "greeting")
        yield shown, fields


@pytest.mark.parametrize("name", pages.ALL)
def test_a_page(large, name):
    shown, fields = large
    path, *words = pages.ALL[name]
    shown(f"large/{name}", path.format(**fields), *(word.format(**fields) for word in words))


def test_the_table_has_all_of_them(large):
    shown, fields = large
    text = shown("large/runs", pages.ALL["runs"][0].format(**fields), "newest", "Load more")
    assert "matching runs" in text
    client = mlflow.MlflowClient()
    found = list(itertools.islice(client.search_runs([fields["experiment"]], order_by=["metrics.loss ASC"], max_results=1000), 1000))
    assert [run.data.metrics["loss"] for run in found[:3]] == [0, 0.02, 0.5], "a page, in the order of a metric"


def test_no_page_threw(large):
    large[0].check()
