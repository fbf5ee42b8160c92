"""The tasks of a pipeline log with MLflow's client as it is: what it is told by the environment is all that it knows."""
import json
import pathlib
import re
import subprocess
import sys
import textwrap

import browser
import mlflow
import sluice_program
import tracked
import waiting

PLAN = """
sluice: 1
pipelines:
  main:
    graph:
"""
HOW = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "GIT_PYTHON_REFRESH": "quiet", "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "0"}
LOGS = """
import mlflow
with mlflow.start_run():
    mlflow.log_param("depth", 3)
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_text("hello", "notes/a.txt")
"""
RAW = """
import json, os, urllib.request
def ask(method, path, /, **fields):
    request = urllib.request.Request(os.environ["MLFLOW_TRACKING_URI"] + path, data=json.dumps(fields).encode(), method=method,
                                     headers={"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"], "Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())
RUN = os.environ["MLFLOW_RUN_ID"]
def log(key, value):
    ask("POST", "/api/2.0/mlflow/runs/log-metric", run_id=RUN, key=key, value=value, timestamp=1)
"""


class Pipeline:
    """A plan whose tasks are Python programs."""

    def __init__(self, folder, name="shop"):
        self.folder, self.plan, self.tasks = folder, folder / f"{name}.yaml", ""

    def task(self, name, code, **fields):
        script = self.folder / f"{name}.py"
        script.write_text(textwrap.dedent(code))
        variables = HOW | fields.pop("env", {})
        self.tasks += f"      {name}:\n        process: [{json.dumps(sys.executable)}, {json.dumps(str(script))}]\n        env: {json.dumps(variables)}\n"
        for field, value in fields.items():
            self.tasks += f"        {field}: {json.dumps(value)}\n"
        self.plan.write_text(PLAN + self.tasks)
        return self

    def run(self, data, *arguments, ok=True):
        done = subprocess.run([sluice_program.BIN / "sluice", "run", self.plan, "--data", str(data), "--json", *arguments], capture_output=True, text=True,
                              timeout=300, env=sluice_program.environment())
        report = json.loads(done.stdout)
        failures = [(task["path"], task.get("failure")) for task in report.get("tasks", [])]
        assert (done.returncode == 0) == ok, (done.stderr, failures)
        return report


def below(client, run, experiment="shop"):
    """The tracked runs that are shown below one, by name."""
    found = client.get_experiment_by_name(experiment)
    return {r.info.run_name: r for r in client.search_runs([found.experiment_id], f"tags.`mlflow.parentRunId` = '{run}'")} if found else {}


def ended(client, run, experiment="shop"):
    """The server ends tracked runs a moment after the run."""
    waiting.until(lambda: client.get_run(run).info.status != "RUNNING", "the tracked run has ended")
    return client.get_run(run)


def test_a_task_logs_to_its_run(tracking, tmp_path):
    server, client = tracking
    report = Pipeline(tmp_path).task("train", LOGS).task("silent", "print('nothing')").run(server.data)
    whole = ended(client, report["run"])
    assert whole.info.status == "FINISHED" and whole.data.tags["sluice.run"] == report["run"] and whole.data.tags["mlflow.source.name"].endswith("shop.yaml")
    runs = below(client, report["run"])
    assert list(runs) == ["train"]
    run = runs["train"]
    assert run.info.status == "FINISHED" and run.data.params == {"depth": "3"} and run.data.metrics == {"loss": 1 / 3}
    assert run.data.tags["sluice.task"] == "train" and run.data.tags["sluice.run"] == report["run"]
    assert [m.step for m in client.get_metric_history(run.info.run_id, "loss")] == [0, 1, 2]
    assert pathlib.Path(client.download_artifacts(run.info.run_id, "notes/a.txt", str(tmp_path))).read_text() == "hello"


def test_outputs_of_kinds_that_say_how_good_something_is_are_logged(tracking, tmp_path):
    """A task that knows nothing of MLflow: its outputs are what components of Kubeflow make. So is one from the cache."""
    server, client = tracking
    metrics = "${artifact(self.file, {kind: 'system.Metrics', metadata: {accuracy: self.score, rows: 3}})}"
    curve = "${artifact(self.file, {kind: 'system.ClassificationMetrics', metadata: {confidenceMetrics: [{recall: 1}]}})}"
    pipeline = Pipeline(tmp_path, "measured").task(
        "train", "import os\nopen(os.environ['PAGE'], 'w').write('<b>')\nopen(os.environ['SCORE'], 'w').write('0.75')",
        env={"PAGE": "${out.file}", "SCORE": "${out.score}"}, outputs={"file": {"type": "artifact"}, "score": {"type": "number"}},
        **{"yield": {"metrics": metrics, "curve": curve, "page": "${artifact(self.file, {kind: 'system.HTML'})}"}})
    for report in (pipeline.run(server.data), pipeline.run(server.data)):
        waiting.until(lambda: below(client, report["run"], "measured"), "the outputs are logged")
        run = waiting.until(lambda: (found := below(client, report["run"], "measured")["train"]).info.status == "FINISHED" and found, "the run has ended")
        assert run.data.metrics == {"accuracy": 0.75, "rows": 3}
        assert sorted(file.path for file in client.list_artifacts(run.info.run_id)) == ["curve.json", "page.html"]
        assert json.loads(pathlib.Path(client.download_artifacts(run.info.run_id, "curve.json", str(tmp_path))).read_text()) == {"confidenceMetrics": [{"recall": 1}]}
    assert report["tasks"][0]["cached"]


def test_what_logs_nothing_has_no_run(tracking, tmp_path):
    """Neither a task that only begins and ends a run; the engine's run can be looked at all the same."""
    server, client = tracking
    begins = "import mlflow\nwith mlflow.start_run() as run:\n    assert run.info.status == 'RUNNING', run.info\n"
    report = Pipeline(tmp_path, "quiet").task("begins", begins).task("silent", "").run(server.data)
    assert below(client, report["run"], "quiet") == {}
    shown = client.get_run(report["run"])
    assert shown.info.status == "FINISHED" and shown.info.run_name == f"quiet {report['run']}" and shown.data.metrics == {}


def test_a_run_that_logged_nothing_can_be_annotated(tracking, tmp_path):
    server, client = tracking
    report = Pipeline(tmp_path, "noted").task("silent", "").run(server.data)
    client.set_tag(report["run"], "mlflow.note.content", "a good one")
    noted = client.get_run(report["run"])
    assert noted.data.tags["mlflow.note.content"] == "a good one" and noted.info.status == "FINISHED"
    assert [r.info.run_id for r in client.search_runs([noted.info.experiment_id])] == [report["run"]]
    tracked.refused(lambda: client.set_tag("0" * 32, "a", "b"), "RESOURCE_DOES_NOT_EXIST", "not found")


def test_cached_tasks_show_what_they_logged(tracking, tmp_path):
    server, client = tracking
    code = LOGS + "    with mlflow.start_run(nested=True, run_name='inner'):\n        mlflow.log_metric('deep', 7)\n"
    pipeline = Pipeline(tmp_path, "cached").task("train", code).task("after", "print(1)", after=["train"])
    first = pipeline.run(server.data)
    ended(client, first["run"])
    second = pipeline.run(server.data)
    assert second["tasks"][0]["cached"]
    waiting.until(lambda: below(client, second["run"], "cached"), "what the task logged is shown in the second run")
    ended(client, second["run"])
    original, copy = (below(client, report["run"], "cached")["train"] for report in (first, second))
    assert copy.info.run_id != original.info.run_id and copy.data.tags["sluice.cached_from"] == original.info.run_id
    assert (copy.data.params, copy.data.metrics, copy.info.status) == (original.data.params, original.data.metrics, "FINISHED")
    assert copy.info.start_time == original.info.start_time
    assert [m.value for m in client.get_metric_history(copy.info.run_id, "loss")] == [m.value for m in client.get_metric_history(original.info.run_id, "loss")]
    assert pathlib.Path(client.download_artifacts(copy.info.run_id, "notes/a.txt", str(tmp_path))).read_text() == "hello"
    inner = below(client, copy.info.run_id, "cached")["inner"]
    assert inner.data.metrics == {"deep": 7.0} and inner.info.run_id != below(client, original.info.run_id, "cached")["inner"].info.run_id
    # A third time it is what was logged at first.
    third = pipeline.run(server.data)
    waiting.until(lambda: below(client, third["run"], "cached"), "what the task logged is shown in the third run")
    assert below(client, third["run"], "cached")["train"].data.tags["sluice.cached_from"] == original.info.run_id


def test_nothing_of_it_is_in_the_key(tracking, tmp_path):
    server, _ = tracking
    pipeline = Pipeline(tmp_path, "key").task("prints", "import os\nprint(os.environ['MLFLOW_RUN_ID'])\n")
    assert not pipeline.run(server.data)["tasks"][0]["cached"]
    assert pipeline.run(server.data)["tasks"][0]["cached"]


def test_scripts_that_set_an_experiment(tracking, tmp_path):
    """What they log is in that experiment; one that is not there is made."""
    server, client = tracking
    known = client.create_experiment("known already")
    code = "import mlflow\nmlflow.set_experiment({!r})\nwith mlflow.start_run():\n    mlflow.log_metric('a', 1)\n"
    pipeline = Pipeline(tmp_path, "sets").task("one", code.format("known already")).task("two", code.format("new here"))
    report = pipeline.run(server.data)
    assert list(below(client, report["run"], "known already")) == ["one"] and list(below(client, report["run"], "new here")) == ["two"]
    assert client.get_experiment(known).name == "known already" and below(client, report["run"], "sets") == {}


def test_sklearn_in_a_task(tracking, tmp_path):
    """`autolog` with a search makes runs below that of the task; the model can be loaded."""
    server, client = tracking
    code = """
    import mlflow, numpy
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    mlflow.sklearn.autolog(log_datasets=False)
    x = numpy.array([[0.0], [1.0], [2.0], [3.0]] * 5)
    with mlflow.start_run(run_name="search"):
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(x, (x[:, 0] > 1).astype(int))
    """
    report = Pipeline(tmp_path, "learns").task("fit", code).run(server.data)
    fit = below(client, report["run"], "learns")["search"]
    assert len(below(client, fit.info.run_id, "learns")) == 2
    models = client.search_logged_models([fit.info.experiment_id], filter_string=f"source_run_id = '{fit.info.run_id}'")
    assert models and mlflow.sklearn.load_model(f"models:/{models[0].model_id}").predict([[3.0]]) == [1]


def test_the_token_is_for_its_run_alone(tracking, tmp_path):
    server, client = tracking
    other = client.create_run("0").info.run_id
    theirs = client.create_logged_model("0", "theirs", source_run_id=other)
    code = RAW + textwrap.dedent(f"""
    import urllib.error
    log("own", 1)
    def refused(method, path, /, **fields):
        try:
            ask(method, path, **fields)
        except urllib.error.HTTPError as error:
            assert error.code == 403, (path, error.code)
            return error.read().decode()
        raise AssertionError(path + " was not refused")
    other, api = {other!r}, "/api/2.0/mlflow"
    point = dict(key="x", value=1, timestamp=1)
    messages = [refused("POST", api + "/runs/log-metric", run_id=other, **point),
                refused("POST", api + "/runs/log-parameter", run_id=other, key="a", value="b"),
                refused("POST", api + "/runs/log-batch", run_id=other, metrics=[point]),
                refused("POST", api + "/runs/update", run_id=other, status="FAILED"),
                refused("POST", api + "/runs/set-tag", run_id=other, key="a", value="b"),
                refused("POST", api + "/runs/delete-tag", run_id=other, key="a"),
                refused("POST", api + "/runs/log-inputs", run_id=other),
                refused("POST", api + "/runs/outputs", run_id=other, models=[]),
                refused("POST", api + "/runs/delete", run_id=RUN),
                refused("POST", api + "/logged-models", experiment_id="0", name="m", source_run_id=other),
                refused("PATCH", api + "/logged-models/{theirs.model_id}/tags", tags=[]),
                refused("PUT", f"/api/2.0/mlflow-artifacts/artifacts/0/{{other}}/artifacts/x"),
                refused("PUT", f"/api/2.0/mlflow-artifacts/artifacts/0/{{RUN}}/artifacts/../../{{other}}/artifacts/x"),
                refused("PUT", f"/api/2.0/mlflow-artifacts/artifacts/0/models/{theirs.model_id}/artifacts/x"),
                refused("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/0/{{other}}/artifacts"),
                refused("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{{RUN}}"),
                refused("POST", f"/api/2.0/mlflow-artifacts/mpu/create/0/{{other}}/artifacts", path="x", num_parts=1),
                refused("POST", f"/api/2.0/mlflow-artifacts/mpu/complete/0/{{other}}/artifacts", path="x", upload_id="x", parts=[]),
                refused("POST", api + "/registered-models/create", name="m"),
                refused("POST", api + "/experiments/delete", experiment_id="0"),
                refused("POST", "/v1/runs", plan="x")]
    print("\\n".join(messages))
    assert ask("POST", api + "/runs/search", experiment_ids=["0"])["runs"]
    """)
    # `..` in a path is refused before anything else.
    code = code.replace("assert error.code == 403, (path, error.code)", "assert error.code in ((400,) if '..' in path else (403,)), (path, error.code)")
    report = Pipeline(tmp_path, "alone").task("tries", code).run(server.data)
    log = subprocess.run([sluice_program.BIN / "sluice", "logs", report["run"], "tries", "--data", str(server.data)], capture_output=True, text=True).stdout
    assert "may log to its own run" in log and "needs one with the role `run`" in log
    assert client.get_run(other).data.metrics == {}


def test_a_task_sends_files_in_parts(tracking, tmp_path):
    server, client = tracking
    code = """
    import os, pathlib, mlflow
    pathlib.Path("large.bin").write_bytes(bytes(range(256)) * 1000)
    with mlflow.start_run():
        mlflow.log_artifact("large.bin", "folder")
    """
    how = {"MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true", "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "1", "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": "50000"}
    report = Pipeline(tmp_path, "parts").task("send", code, env=how).run(server.data)
    (run,) = below(client, report["run"], "parts").values()
    with open(client.download_artifacts(run.info.run_id, "folder/large.bin"), "rb") as got:
        assert got.read() == bytes(range(256)) * 1000


def test_the_token_ends_with_its_run(tracking, tmp_path):
    server, _ = tracking
    kept = tmp_path / "kept.json"
    code = RAW + f"log('a', 1)\nopen({str(kept)!r}, 'w').write(json.dumps([os.environ['MLFLOW_TRACKING_TOKEN'], RUN]))\n"
    Pipeline(tmp_path, "ends").task("gives", code).run(server.data)
    token, run = json.loads(kept.read_text())
    point = {"run_id": run, "key": "late", "value": 1, "timestamp": 1}
    for given, status, words in ((token, 403, "has ended"), (token[:-1] + ("0" if token[-1] != "0" else "1"), 200, None)):
        # Whose token is nobody's is the owner here.
        headers = {"Authorization": f"Bearer {given}", "Content-Type": "application/json"}
        answered, body = server.ask("POST", "/api/2.0/mlflow/runs/log-metric", point, headers)
        assert answered == status and (words is None or words in body["message"])
    # Nor does it show anything any more.
    answered, body = server.ask("GET", f"/api/2.0/mlflow/runs/get?run_id={run}", headers={"Authorization": f"Bearer {token}"})
    assert answered == 403 and "has ended, and its token with it" in body["message"]
    assert server.ask("GET", "/v1/runs", headers={"Authorization": f"Bearer {token}"})[0] == 403


def test_retries_have_runs_of_their_own(tracking, tmp_path):
    """So one attempt cannot spoil the next one; what does not end its run is ended with the pipeline."""
    server, client = tracking
    code = RAW + textwrap.dedent(f"""
    first = {str(tmp_path / "first")!r}
    ask("POST", "/api/2.0/mlflow/runs/log-parameter", run_id=RUN, key="attempt", value=RUN)
    if not os.path.exists(first):
        open(first, "w").close()
        raise SystemExit(3)
    """)
    report = Pipeline(tmp_path, "tries").task("task", code, retry={"limit": 1, "backoff": "1ms"}).run(server.data)
    ended(client, report["run"])
    runs = below(client, report["run"], "tries")
    assert {name: run.info.status for name, run in runs.items()} == {"task": "FAILED", "task (2)": "FINISHED"}


def test_a_plan_that_tracks_elsewhere(tracking, tmp_path):
    server, client = tracking
    code = "import os\nassert 'MLFLOW_RUN_ID' not in os.environ and 'MLFLOW_TRACKING_TOKEN' not in os.environ\n"
    Pipeline(tmp_path, "else").task("task", code, env={"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}).run(server.data)


def test_without_a_server(tmp_path):
    """`sluice run` alone: what was logged is there when a server starts."""
    data = tmp_path / "data"
    report = Pipeline(tmp_path, "alone").task("train", LOGS).run(data)
    with tracked.serving(data) as (_, client):
        assert below(client, report["run"], "alone")["train"].data.params == {"depth": "3"}
        assert ended(client, report["run"]).info.status == "FINISHED"


def test_a_killed_server(tmp_path):
    """A task that outlives its server logs to the next one at the same address."""
    data = tmp_path / "data"
    address = sluice_program.reserved_address()
    with waiting.Gate(tmp_path / "gate") as gate:
        code = RAW + f"log('before', 1)\nopen({str(gate.path)!r}).readline()\nlog('after', 2)\n"
        pipeline = Pipeline(tmp_path, "outlives").task("task", code)
        with tracked.serving(data, listen=address) as (server, client):
            command = [sluice_program.BIN / "sluice", "run", pipeline.plan, "--data", str(data)]
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=sluice_program.environment()) as submitted:
                run = submitted.stderr.readline().split()[1]
                waiting.until(lambda: below(client, run, "outlives"), "the task has logged something")
                server.process.kill()
                server.process.wait()
                submitted.communicate()
        with tracked.serving(data, listen=address) as (server, client):
            gate.open()
            assert ended(client, run).info.status == "FINISHED"
            assert below(client, run, "outlives")["task"].data.metrics == {"before": 1.0, "after": 2.0}


def test_lineage_joins_both(tracking, tmp_path):
    """A version that was registered from what a task logged names the run and its task; the run leads to what it logged."""
    server, client = tracking
    code = """
    import mlflow
    class Twice(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input):
            return [2 * x for x in model_input]
    with mlflow.start_run():
        mlflow.pyfunc.log_model(name="twice", python_model=Twice())
    """
    report = Pipeline(tmp_path, "joins").task("train", code).run(server.data)
    run = below(client, report["run"], "joins")["train"]
    client.create_registered_model("twice")
    version = client.create_model_version("twice", f"runs:/{run.info.run_id}/twice", run.info.run_id)
    shown = show(server, f"twice@{version.version}")
    assert (shown["run"], shown["task"], shown["tracked_run"]) == (report["run"], "train", run.info.run_id)
    whole = ended(client, report["run"])
    assert show(server, report["run"])["tracked"] == {"experiment": whole.info.experiment_id, "run": report["run"]}
    text = subprocess.run([sluice_program.BIN / "sluice", "show", report["run"], "--data", str(server.data)], capture_output=True, text=True).stdout
    assert f"tracked   /mlflow/#/experiments/{whole.info.experiment_id}/runs/{report['run']}" in text


def test_the_interface_leads_from_a_version_to_its_run(main_job_copy, main_job_report, tmp_path):
    """Also where the run logged nothing to MLflow."""
    static_files = re.sub(r"__init__.py$", "server/js/build", mlflow.__file__)
    with tracked.serving(main_job_copy, "--mlflow-ui", static_files) as (server, client), browser.opened(tmp_path) as chromium:
        run = client.get_run(client.get_model_version("stamps", "1").run_id)
        assert run.info.run_id == main_job_report["run"] and run.info.status == "FINISHED"
        chromium.open(f"{server.url}/mlflow/#/models/stamps/versions/1")
        chromium.shows("Source Run", run.info.run_name)
        chromium.open(f"{server.url}/mlflow/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}")
        chromium.shows(run.info.run_name)
        chromium.screenshot(sluice_program.ROOT / "build/screenshots/mlflow/run-of-the-engine.png")


def test_the_terminal_shows_the_metrics_of_tasks(tracking, tmp_path):
    server, _ = tracking
    learns = RAW + "for step in range(5):\n    ask('POST', '/api/2.0/mlflow/runs/log-metric', run_id=RUN, key='loss', value=1 / (step + 1), step=step, timestamp=1)\n"
    report = Pipeline(tmp_path, "terminal").task("learn", learns).task("score", RAW + "log('accuracy', 0.5)\n").task("quiet", "").run(server.data)

    def metrics(*arguments):
        return subprocess.run([sluice_program.BIN / "sluice", "metrics", *arguments, "--data", str(server.data)], capture_output=True, text=True)

    for run in (report["run"], "latest"):
        text = metrics(run).stdout
        assert "  learn\n" in text and "loss = 0.2  at step 4" in text and "  score\n" in text and "accuracy = 0.5  at step 0" in text
    assert "accuracy" not in metrics("latest", "learn").stdout
    assert metrics("latest", "learn", "--emit", "csv").stdout.splitlines()[:2] == ["key,step,timestamp,value", "loss,0,1,1"]
    assert [run["name"] for run in json.loads(metrics("latest", "--json", "--metric", "loss").stdout)["runs"]] == ["learn", "score"]
    for arguments, message in ((["latest", "--emit", "csv"], "of its tasks logged some: learn, score; name one: `sluice metrics latest TASK --emit csv`"),
                               (["latest", "lern"], f"task `lern` of run {report['run']} logged nothing with MLflow's client; did you mean `learn`?"),
                               (["latest", "--metric", "los"], "has no metric `los`; did you mean `loss`?")):
        refused = metrics(*arguments)
        assert refused.returncode == 2 and message in refused.stderr and not refused.stdout, refused.stderr


def show(server, what):
    return json.loads(subprocess.run([sluice_program.BIN / "sluice", "show", what, "--data", str(server.data), "--json"], capture_output=True, text=True,
                                     check=True).stdout)
