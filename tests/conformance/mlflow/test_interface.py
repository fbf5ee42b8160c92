"""MLflow's own interface (its static files, unmodified) in a real browser, on this server: what its pages show. Their edits: test_interface_edits.py.

Runs in the environment tests/clients/mlflow.in. Screenshots are left in build/screenshots/mlflow.
"""
import mlflow
import pages
import pytest
from mlflow.entities import Metric

pytestmark = pytest.mark.needs(cpu=1)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A server with an experiment of runs; (server, client, experiment, ids of the runs by name)."""
    with pages.serving(tmp_path_factory.mktemp("interface") / "data") as (server, client):
        experiment = client.create_experiment("alpha-exp", tags={"mlflow.experimentKind": "custom_model_development"})
        runs = {}
        for i in range(5):
            run = client.create_run(experiment, run_name=f"run-{i}", tags={"team": "blue"}).info.run_id
            client.log_batch(run, metrics=[Metric("loss", 1 / (step + 1) + i, 1000 + step, step) for step in range(200)] + [Metric("acc", 0.5 + i / 10, 1, 0)])
            client.log_param(run, "lr", f"0.0{i}")
            client.set_terminated(run)
            runs[f"run-{i}"] = run
        client.log_text(runs["run-0"], "a note of run 0", "files/note.txt")
        client.log_dict(runs["run-0"], {"k": "v"}, "d.json")
        yield server, client, experiment, runs


@pytest.fixture(scope="module")
def shown(filled, tmp_path_factory):
    with pages.opened(tmp_path_factory.mktemp("browser"), filled[0]) as shown:
        yield shown


def test_the_address_alone_leads_to_the_interface(filled, shown):
    shown.browser.open(filled[0].url)
    shown.browser.shows("MLflow", "Experiments")
    assert shown.browser.evaluate("location.pathname") == "/mlflow/"


def test_links_that_the_client_prints_open(filled, shown):
    server, _, experiment, runs = filled
    shown.browser.open(f"{server.url}/#/experiments/{experiment}/runs/{runs['run-1']}")
    shown.browser.shows("run-1", "lr")


def test_the_list_of_experiments(shown):
    shown("experiments", "#/experiments", "alpha-exp", "Default")


def test_the_table_of_runs(filled, shown):
    text = shown("runs", f"#/experiments/{filled[2]}/runs?compareRunsMode=TABLE", "run-0", "run-4", "5 matching runs")
    assert "INTERNAL_ERROR" not in text


def test_the_charts_of_runs(filled, shown):
    shown("charts", f"#/experiments/{filled[2]}/runs?compareRunsMode=CHART", "acc", "loss", "run-3")


def test_a_run(filled, shown):
    text = shown("run", f"#/experiments/{filled[2]}/runs/{filled[3]['run-2']}", "run-2", "Parameters (1)", "Metrics (2)", "0.02")
    assert "FINISHED" in text.upper()


def test_the_metrics_of_a_run(filled, shown):
    shown("run-metrics", f"#/experiments/{filled[2]}/runs/{filled[3]['run-2']}/model-metrics", "loss", "acc")


def test_the_artifacts_of_a_run(filled, shown):
    shown("artifacts", f"#/experiments/{filled[2]}/runs/{filled[3]['run-0']}/artifacts/files/note.txt", "note.txt", "d.json", "a note of run 0")


def test_one_metric_of_several_runs(filled, shown):
    _, _, experiment, runs = filled
    ids = f'["{runs["run-0"]}","{runs["run-1"]}"]'.replace('"', "%22")
    shown("metric", f'#/metric?runs={ids}&metric=%22loss%22&experiments=[%22{experiment}%22]&plot_metric_keys=[%22loss%22]', "loss")


def test_runs_that_are_compared(filled, shown):
    _, _, experiment, runs = filled
    ids = f'["{runs["run-0"]}","{runs["run-1"]}"]'.replace('"', "%22")
    shown("compare", f"#/compare-runs?runs={ids}&experiments=[%22{experiment}%22]", "Comparing 2 Runs", "run-0", "run-1")


def test_what_is_not_there(filled, shown):
    shown("no-run", f"#/experiments/{filled[2]}/runs/{'0' * 32}", "Page Not Found")


# Models, prompts, traces

@pytest.fixture(scope="module")
def registered(filled):
    """A registered model with a version that run-0 made, a prompt, and a trace; (experiment, id of the trace)."""
    _, client, experiment, runs = filled
    client.log_text(runs["run-0"], "artifact_path: model\nflavors: {}\n", "model/MLmodel")
    client.create_registered_model("reg-a", description="what it is for")
    client.create_model_version("reg-a", f"runs:/{runs['run-0']}/model", runs["run-0"], description="the first one")
    client.set_registered_model_alias("reg-a", "champion", "1")
    mlflow.genai.register_prompt("greeting", "Hi {{name}}")
    mlflow.set_experiment("alpha-exp")
    with mlflow.start_span("chain") as span:
        span.set_inputs({"question": "why"})
    mlflow.flush_trace_async_logging()
    return experiment, span.trace_id


@pytest.mark.usefixtures("registered")
def test_the_registry(shown):
    text = shown("models", "#/models", "reg-a", "champion")
    assert "greeting" not in text
    shown("model", "#/models/reg-a", "reg-a", "what it is for", "Version 1")
    shown("version", "#/models/reg-a/versions/1", "the first one", "run-0")


@pytest.mark.usefixtures("registered")
def test_prompts(shown):
    shown("prompts", "#/prompts", "greeting")
    shown("prompt", "#/prompts/greeting", "Hi", "name")


def test_traces(registered, shown):
    experiment, trace = registered
    shown("traces", f"#/experiments/{experiment}/traces", "why", "1 of 1")
    shown("trace", f"#/experiments/{experiment}/traces?selectedEvaluationId={trace}", "why")


def test_versions_of_models_are_on_the_page_of_their_run(filled, registered, shown):
    shown("run-with-model", f"#/experiments/{registered[0]}/runs/{filled[3]['run-0']}", "reg-a")


def test_side_pages(filled, shown):
    for name in ("settings/webhooks", "gateway", "mcp-registry"):
        assert "Something went wrong" not in shown(name.replace("/", "-"), f"#/{name}", "MLflow")


@pytest.fixture(scope="module")
def more(filled):
    """The fields of an experiment that has everything."""
    _, client, _, _ = filled
    experiment = client.create_experiment("beta-exp", tags={"mlflow.experimentKind": "custom_model_development"})
    runs = [client.create_run(experiment, run_name=name).info.run_id for name in ("beta-run", "other")]
    return pages.fill(client, experiment, *runs, "reg-b", "logged-b", "greeting-b")


@pytest.mark.parametrize("name", ["home", "experiment", "overview", "run-system-metrics", "run-traces", "compare-experiments", "agent-versions", "logged-model"])
def test_other_pages(more, shown, name):
    path, *words = pages.ALL[name]
    shown(f"other/{name}", path.format(**more), *(word.format(**more) for word in words))


def test_no_page_threw(shown):
    shown.check()
