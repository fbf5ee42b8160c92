"""MLflow's own interface (its static files, unmodified) in a real browser: its pages, and what goes wrong in them."""
import contextlib
import re

import browser
import mlflow
import tracked
from mlflow.entities import Metric, Param
from sluice_program import ROOT

STATIC_FILES = re.sub(r"__init__.py$", "server/js/build", mlflow.__file__)
SCREENSHOTS = ROOT / "build" / "screenshots" / "mlflow"

# What the pages write to the console of MLflow's own server too, and why.
EXPECTED = {
    r"404 \(Not Found\) .*/mlflow/users/current$": "only a server of MLflow with passwords has users; the pages ask for it, and take 404 for \"none\"",
    r"404 \(Not Found\) .*/(experiments/get-by-name|registered-models/get)\?": "whether a name is free is asked so",
    r"501 \(Not Implemented\) .*/review-queues/get-or-create-user$": "reviews by people are refused; their page shows how one would begin",
    r"security: Loading media from +'https://mlflow\.org/": "a page without traces shows a film of MLflow's site; pages may talk to this server alone",
    r"ResizeObserver loop completed": "Chromium's notice that a size was not settled within one frame; it is, in the next",
}


def serving(folder, *arguments):
    return tracked.serving(folder, "--mlflow-ui", STATIC_FILES, *arguments)


class Pages:
    """Made by `opened`."""

    def __init__(self, chromium, server):
        self.browser, self.server = chromium, server

    def __call__(self, name, path, *words):
        """Opens a page, waits until it shows these words, and leaves a screenshot; returns its text."""
        self.browser.open(f"{self.server.url}/mlflow/{path}")
        text = self.browser.shows(*words)
        self.browser.screenshot(SCREENSHOTS / f"{name}.png")
        return text

    def check(self):
        """Nothing went wrong in any of the pages, but what is expected."""
        self.browser.text()  # what they have said meanwhile is read
        wrong = [f"{address}\n{error}" for address, error in self.browser.errors if not any(re.search(pattern, error) for pattern in EXPECTED)]
        assert not wrong, "\n".join(wrong)


@contextlib.contextmanager
def opened(folder, server):
    with browser.opened(folder) as chromium:
        yield Pages(chromium, server)


# Every page, with what it shows: path, words. `fill` makes what they name.
ALL = {
    "home": ("#/", "Welcome to MLflow", "{experiment_name}"),
    "experiments": ("#/experiments", "{experiment_name}", "Default"),
    "experiment": ("#/experiments/{experiment}", "{experiment_name}"),
    "overview": ("#/experiments/{experiment}/overview/usage", "Usage"),
    "runs": ("#/experiments/{experiment}/runs?compareRunsMode=TABLE", "{run_name}", "matching runs"),
    "charts": ("#/experiments/{experiment}/runs?compareRunsMode=CHART", "loss", "{run_name}"),
    "run": ("#/experiments/{experiment}/runs/{run}", "{run_name}", "loss", "lr"),
    "run-metrics": ("#/experiments/{experiment}/runs/{run}/model-metrics", "loss"),
    "run-system-metrics": ("#/experiments/{experiment}/runs/{run}/system-metrics", "cpu_utilization"),
    "run-artifacts": ("#/experiments/{experiment}/runs/{run}/artifacts/note.txt", "a note"),
    "run-traces": ("#/experiments/{experiment}/runs/{run}/traces", "{run_name}"),
    "metric": ("#/metric?runs=[%22{run}%22,%22{other}%22]&metric=%22loss%22&experiments=[%22{experiment}%22]&plot_metric_keys=[%22loss%22]", "loss"),
    # One of them has files, and the other has none.
    "compare-runs": ("#/compare-runs?runs=[%22{run}%22,%22{other}%22]&experiments=[%22{experiment}%22]", "Comparing 2 Runs", "{run_name}"),
    "compare-experiments": ("#/compare-experiments/s?experiments=[%22{experiment}%22,%220%22]", "Displaying Runs from 2 Experiments"),
    "models": ("#/models", "{model}"),
    "model": ("#/models/{model}", "{model}", "Version 1"),
    "version": ("#/models/{model}/versions/1", "Version 1", "{run_name}"),
    "traces": ("#/experiments/{experiment}/traces", "why"),
    "trace": ("#/experiments/{experiment}/traces?selectedEvaluationId={trace}", "question"),
    "sessions": ("#/experiments/{experiment}/chat-sessions", "Sessions"),
    "agent-versions": ("#/experiments/{experiment}/models", "{logged_name}"),
    "logged-model": ("#/experiments/{experiment}/models/{logged}", "{logged_name}"),
    "prompts": ("#/prompts", "{prompt}"),
    "prompt": ("#/prompts/{prompt}", "{prompt}", "Hi"),
    "judges": ("#/experiments/{experiment}/judges", "Judges"),
    "datasets": ("#/experiments/{experiment}/datasets", "Datasets"),
    "evaluation-runs": ("#/experiments/{experiment}/evaluation-runs", "Evaluation runs"),
    "review": ("#/experiments/{experiment}/review-queue", "Review"),
    "settings": ("#/settings", "Settings"),
    "webhooks": ("#/settings/webhooks", "Webhooks"),
    "connections": ("#/settings/llm-connections", "Settings"),
    "gateway": ("#/gateway", "Page Not Found"),  # the server says that it has none
    "playground": ("#/playground", "Page Not Found"),
    "mcp": ("#/mcp-registry", "MCP"),
}


def fill(client, experiment, run, other, model, logged_name, prompt):
    """Makes what ALL names of an experiment with two runs; returns the fields of its paths and words."""
    client.log_batch(run, metrics=[Metric("loss", 1 / (step + 1), 1000 + step, step) for step in range(50)] + [Metric("system/cpu_utilization_percentage", 5, 1, step) for step in range(3)],
                     params=[Param("lr", "0.1")])
    client.log_metric(other, "loss", 0.5)
    client.log_text(run, "a note", "note.txt")
    client.log_text(run, "artifact_path: model\nflavors: {}\n", "model/MLmodel")
    client.create_registered_model(model, description="what it is for")
    client.create_model_version(model, f"runs:/{run}/model", run, description="the first one")
    client.set_registered_model_alias(model, "champion", "1")
    logged = client.create_logged_model(experiment, name=logged_name, source_run_id=run)
    client.finalize_logged_model(logged.model_id, "READY")
    mlflow.genai.register_prompt(prompt, "Hi {{name}}")
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_span("chain") as span:
        span.set_inputs({"question": "why"})
    mlflow.flush_trace_async_logging()
    return {"experiment": experiment, "experiment_name": client.get_experiment(experiment).name, "run": run, "run_name": client.get_run(run).info.run_name, "other": other,
            "model": model, "logged": logged.model_id, "logged_name": logged_name, "prompt": prompt, "trace": span.trace_id}
