"""What MLflow tracked moves in and out: compared by what its own client returns, before and after."""
import contextlib
import errno
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request

import mlflow
import pandas
import pytest
import sluice_program
import tracked
import waiting
from mlflow.entities import AssessmentSource, Dataset, DatasetInput, Expectation, InputTag, LoggedModelInput, LoggedModelOutput, Metric, Param, RunTag, ViewType
from mlflow.tracking import MlflowClient

RUNS = 200
RUN_OF_VERSIONS = "Lauf 1 / 走る"  # whose files the versions of models have
GREATEST = sys.float_info.max
STATUSES = ["FINISHED", "FAILED", "KILLED", None]


@pytest.fixture(scope="module", autouse=True)
def settings():
    kept = dict(os.environ)
    os.environ |= {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    yield
    os.environ.clear()
    os.environ.update(kept)


def client_of(uri):
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def metrics_of(number):
    steps = 700 if number % 50 == 0 else 3
    values = [Metric("loss/träin", 1 / (step + 1), 1_700_000_000_000 + step, step) for step in range(steps)]
    values += [Metric("odd", value, 5 + place, -place) for place, value in enumerate([float("nan"), float("inf"), float("-inf"), -0.0])]
    return values + [Metric("again", 2.0, 7, 1), Metric("again", 3.0, 7, 1), Metric("again", 1.0, 8, 1)]


def log_run(client, experiment, number, parent=None):
    tags = {"team": "blau\n/grün", "place": str(number)} | ({"mlflow.parentRunId": parent} if parent else {})
    run = client.create_run(experiment, run_name=f"Lauf {number} / 走る", tags=tags, start_time=1_600_000_000_000 + number).info.run_id
    values = metrics_of(number)
    for begin in range(0, len(values), 500):
        client.log_batch(run, metrics=values[begin:begin + 500])
    client.log_batch(run, params=[Param("größe/a b", str(number)), Param("empty", ""), Param("lines", "a\nb\n"), Param("long", "x" * 5000)])
    if number % 10 == 0:
        dataset = Dataset(f"table {number % 30}", f"d{number % 20}", "local", '{"uri": "/x.csv"}', '{"schema": 1}', '{"rows": 2}')
        client.log_inputs(run, datasets=[DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
    if number % 20 == 1:
        client.log_text(run, f"text {number}", "folder/with space/ü 1.txt")
        client.log_dict(run, {"number": number}, "top.json")
    if number % 25 == 2:
        model = client.create_logged_model(experiment, f"model {number}".replace(" ", "-"), run, {"t": "v"}, {"p": "q"}, "agent")
        model = client.finalize_logged_model(model.model_id, "READY" if number % 2 else "FAILED")
        client.log_model_artifact(model.model_id, __file__) if hasattr(client, "log_model_artifact") else None
        client.log_outputs(run, [LoggedModelOutput(model.model_id, 3)])
        client.log_inputs(run, models=[LoggedModelInput(model.model_id)])
        client.log_metric(run, "score", 0.5, timestamp=99, step=0, model_id=model.model_id)
    status = STATUSES[number % len(STATUSES)]
    if status:
        client.set_terminated(run, status, end_time=1_600_000_100_000 + number)
    if number % 17 == 3:
        client.delete_run(run)
    return run


def fill_registry(client, run, model):
    """Models with versions of a run's files and of a logged model's, with gaps in their numbers, and a prompt."""
    client.create_registered_model("fisch — 魚", {"über": "alles / ok"}, "all fish\nof the sea")
    client.create_registered_model("empty")
    for number in range(4):
        source = f"models:/{model}" if number % 2 else f"runs:/{run}/folder"
        client.create_model_version("fisch — 魚", source, run_id=run, description=f"number {number}" if number else None,
                                    tags={"place": str(number), "lines": "a\nb"}, run_link="http://example.org/run")
    client.delete_model_version("fisch — 魚", "2")
    client.transition_model_version_stage("fisch — 魚", "1", "Production")
    client.transition_model_version_stage("fisch — 魚", "3", "Archived")
    client.update_model_version("fisch — 魚", "4", "described later")
    client.set_registered_model_alias("fisch — 魚", "Größter", "3")
    client.set_registered_model_alias("fisch — 魚", "champion", "3")
    mlflow.genai.register_prompt("greeting", "Hello {{name}}", commit_message="the first", tags={"tone": "kind"})
    mlflow.genai.register_prompt("greeting", "Hi {{name}}")
    mlflow.genai.set_prompt_alias("greeting", "live", 1)


@mlflow.trace(span_type="LLM")
def answer(question):
    span = mlflow.get_current_active_span()
    span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})
    span.set_attribute("mlflow.llm.cost", {"input_cost": 0.25, "output_cost": 0.5, "total_cost": 0.75})
    if question is None:
        raise ValueError("no question")
    return {"antwört": question * 2}


@mlflow.trace(name="chat / 話")
def chat(question):
    mlflow.update_current_trace(tags={"über": "alles / ok"}, metadata={"mlflow.trace.session": "s1", "own": "x"}, client_request_id="c1")
    return answer(question)


def log_traces(experiment_id):
    mlflow.set_experiment(experiment_id=experiment_id)
    chat("Wörter")
    mlflow.flush_trace_async_logging()
    trace = mlflow.get_last_active_trace_id()
    with contextlib.suppress(ValueError):
        chat(None)
    mlflow.flush_trace_async_logging()
    first = mlflow.log_feedback(trace_id=trace, name="good", value=True, rationale="because", metadata={"a": "b"}, source=AssessmentSource("HUMAN", "ann"))
    mlflow.override_feedback(trace_id=trace, assessment_id=first.assessment_id, value=0.5, source=AssessmentSource("LLM_JUDGE", "judge"))
    mlflow.log_feedback(trace_id=trace, name="bad", error=ValueError("x"))
    mlflow.log_expectation(trace_id=trace, name="expected", value={"k": [1, "zwei"]})
    return trace


OWN_OF_STORES = {"mlflow.artifactLocation", "mlflow.trace.spansLocation", "mlflow.trace.infoFinalized"}


def traces_at(client, names):
    seen = {}
    for found in pages(lambda token: client.search_traces(locations=list(names), include_spans=False, page_token=token)):
        trace = client.get_trace(found.info.trace_id)
        info = trace.info
        # Over HTTP, the client drops whether an expectation is valid.
        assessments = [{"valid": True} | a.to_dictionary() for a in info.assessments]
        seen[info.trace_id] = {
            "info": (names[info.experiment_id], info.request_time, info.execution_duration, info.state, info.client_request_id, info.request_preview,
                     info.response_preview),
            "tags": {key: value for key, value in info.tags.items() if key not in OWN_OF_STORES},
            "metadata": {key: value for key, value in info.trace_metadata.items() if key not in OWN_OF_STORES},
            "assessments": sorted((json.dumps(a, sort_keys=True) for a in assessments)),
            "spans": sorted((json.dumps(span.to_dict(), sort_keys=True) for span in trace.data.spans)),
        }
    return seen


def registered_at(client, contents):
    seen, store = {}, client._get_registry_client().store  # the client itself hides what a prompt is made of
    for filter_string in (None, "tags.`mlflow.prompt.is_prompt` = 'true'"):
        for found in pages(lambda token: store.search_registered_models(filter_string, 100, page_token=token)):
            model = store.get_registered_model(found.name)
            seen[model.name] = {"model": (model.description or "", model.tags, {a: int(v) for a, v in model.aliases.items()}, model.creation_timestamp,
                                          model.last_updated_timestamp)}
            for version in store.search_model_versions(f"name = '{model.name}'", 1000):
                version = store.get_model_version(model.name, version.version)
                record = {field: getattr(version, field) for field in ("creation_timestamp", "current_stage", "status", "run_id", "tags", "source")}
                record |= {"description": version.description or "", "run_link": version.run_link or "", "aliases": sorted(version.aliases)}
                if contents and "mlflow.prompt.is_prompt" not in version.tags:
                    folder = pathlib.Path(mlflow.artifacts.download_artifacts(f"models:/{model.name}/{version.version}"))
                    record["files"] = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
                                       if path.is_file() and path.name != "registered_model_meta"}
                seen[model.name][int(version.version)] = record
    return seen


def fill(client, runs=RUNS):
    experiments = ["0"] + [client.create_experiment(name, tags={"über": "alles / ok"}) for name in ("vision/Bilder — 写真", "plain", "gone")]
    parent = None
    for number in range(runs):
        run = log_run(client, experiments[number % 4], number, parent if number % 3 else None)
        parent = run if number % 3 == 0 else parent
    client.delete_experiment(experiments[3])
    run = client.search_runs(["0", experiments[1]], "tags.place = '1'").pop().info.run_id
    model = client.search_logged_models(experiments[:3]).pop()
    fill_registry(client, run, model.model_id)
    log_traces(experiments[1])


def plain(value):
    return repr(max(min(value, GREATEST), -GREATEST) + 0.0) if value == value else "nan"  # + 0.0: -0.0 is 0.0


def pages(search):
    token = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return


def files_below(client, run, path=None):
    for entry in client.list_artifacts(run, path):
        if entry.is_dir:
            yield from files_below(client, run, entry.path)
        else:
            yield entry.path, entry.file_size


def everything(uri, contents=True):
    """All that a client sees of a tracking: of experiments by name, of runs and models by id."""
    client = client_of(uri)
    experiments = list(pages(lambda token: client.search_experiments(view_type=ViewType.ALL, page_token=token)))
    names = {e.experiment_id: e.name for e in experiments}
    seen = {"experiments": {e.name: (e.lifecycle_stage, dict(e.tags)) for e in experiments}, "runs": {}, "models": {}}
    for run in pages(lambda token: client.search_runs(list(names), run_view_type=ViewType.ALL, page_token=token)):
        info = run.info
        run = client.get_run(info.run_id)  # a search leaves out which models it used
        record = {
            "info": (names[info.experiment_id], info.run_name, info.status, info.start_time, info.end_time, info.user_id, info.lifecycle_stage),
            "params": dict(run.data.params),
            "tags": dict(run.data.tags),
            "newest": {key: plain(value) for key, value in run.data.metrics.items()},
            "histories": {},
            "datasets": sorted((repr(sorted(dict(i.dataset).items())), [(t.key, t.value) for t in i.tags]) for i in run.inputs.dataset_inputs),
            "inputs": sorted(i.model_id for i in run.inputs.model_inputs),
            "outputs": sorted((o.model_id, o.step) for o in run.outputs.model_outputs) if run.outputs else [],
        }
        for key in run.data.metrics:
            # A file keeps what was logged twice; each value counts once.
            record["histories"][key] = sorted({(m.timestamp, m.step, plain(m.value)) for m in client.get_metric_history(info.run_id, key)})
        if contents:
            record["files"] = {path: (size, pathlib.Path(client.download_artifacts(info.run_id, path)).read_bytes())
                               for path, size in files_below(client, info.run_id)}
        seen["runs"][info.run_id] = record
    for model in pages(lambda token: client.search_logged_models(list(names), page_token=token)):
        seen["models"][model.model_id] = (names[model.experiment_id], model.name, model.status, model.model_type, model.source_run_id, model.tags,
                                          model.params, model.creation_timestamp,
                                          sorted((m.key, plain(m.value), m.timestamp, m.step, m.run_id) for m in model.metrics or []))
    seen["registered"] = registered_at(client, contents)
    seen["traces"] = traces_at(client, names)
    return seen


def same(before, after):
    # A server has models of its own.
    for name, record in before["registered"].items():
        for part in record:
            assert after["registered"][name][part] == record[part], (name, part)
    assert after["experiments"] == before["experiments"]
    assert after["models"] == before["models"]
    assert after["traces"].keys() == before["traces"].keys()
    for trace, record in before["traces"].items():
        for part in record:
            assert after["traces"][trace][part] == record[part], (trace, part)
    assert after["runs"].keys() == before["runs"].keys()
    for run, record in before["runs"].items():
        assert after["runs"][run] == record, run


def sluice(*arguments, status=0):
    done = subprocess.run([sluice_program.BIN / "sluice", *map(str, arguments)], capture_output=True, text=True, timeout=600,
                          env=sluice_program.environment())
    assert done.returncode == status, (done.stdout, done.stderr)
    return done


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


def is_refused(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def take(source, data, *arguments, status=0):
    return json.loads(sluice("import", "mlflow", source, "--data", data, "--json", *arguments, status=status).stdout)


def added(report):
    return {name: (count["added"], count["changed"]) for name, count in report.items() if isinstance(count, dict)}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("database")
    with contextlib.chdir(folder):
        fill(client_of(f"sqlite:///{folder}/mlflow.db"))
    return folder / "mlflow.db"


@pytest.fixture(scope="module")
def runs_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files") / "mlruns"
    fill(client_of(folder.as_uri()))
    return folder


@pytest.fixture(params=["database", "runs_folder"])
def source(request):
    place = request.getfixturevalue(request.param)
    return place, f"sqlite:///{place}" if request.param == "database" else place.as_uri()


SEEN = {}  # what is at an address: only `check_catching_up` changes it


def seen_at(place, uri):
    if uri not in SEEN:
        with contextlib.chdir(place.parent):
            SEEN[uri] = everything(uri)
    return SEEN[uri]


def check_catching_up(place, uri, data):
    """Only what is new is taken."""
    SEEN.pop(uri)
    with contextlib.chdir(place.parent):
        client = client_of(uri)
        run = client.search_runs(["0"], max_results=1).pop().info.run_id
        client.log_metric(run, "later", 4.0, step=2)
        client.set_tag(run, "team", "rot")
        client.log_text(run, "more", "later.txt")
        client.set_terminated(run, "FINISHED")
        fresh = log_run(client, "0", 5)
        client.create_registered_model("later")
        old = client.get_model_version("fisch — 魚", "1").run_id
        client.create_model_version("fisch — 魚", f"runs:/{old}/folder", run_id=old)
        client.set_registered_model_alias("fisch — 魚", "champion", "5")
        client.set_model_version_tag("fisch — 魚", "1", "place", "another")
        trace = log_traces("0")
        client.set_trace_tag(trace, "über", "anders")
        old_trace = next(found.info.trace_id for found in client.search_traces(locations=["0", client.get_experiment_by_name("plain").experiment_id,
                         client.get_experiment_by_name("vision/Bilder — 写真").experiment_id]) if found.info.assessments and found.info.trace_id != trace)
        changed = next(a for a in client.get_trace(old_trace).info.assessments if a.name == "expected")
        mlflow.update_assessment(old_trace, changed.assessment_id, Expectation(name=changed.name, value={"k": "neu"}))
    report = take(place, data)
    assert report["registered_models"]["added"] == 1 and report["registered_models"]["changed"] == 1
    assert report["versions_of_models"]["added"] == 1 and report["aliases"]["added"] == 1
    assert report["traces"] == {"seen": report["traces"]["seen"], "added": 2, "changed": 1} and report["assessments"]["added"] == 5
    assert report["runs"] == {"seen": report["runs"]["seen"], "added": 1, "changed": 1}
    assert report["files"]["added"] == 1
    assert fresh in everything_in(data, place, uri)["runs"]


def everything_in(data, place, uri):
    before = seen_at(place, uri)
    with tracked.serving(data) as (server, _):
        after = everything(server.url)
    same(before, after)
    return after


def test_all_of_it_is_there(source, tmp_path):
    place, uri = source
    data = tmp_path / "data"
    report = take(place, data)
    assert report["runs"]["added"] == report["runs"]["seen"] >= RUNS
    assert report["not_moved"] == 0
    assert [report[name]["added"] for name in ("registered_models", "versions_of_models", "aliases")] == [3, 5, 3]
    assert [report[name]["added"] for name in ("traces", "spans", "assessments")] == [2, 4, 4]
    everything_in(data, place, uri)
    assert set(added(take(place, data)).values()) == {(0, 0)}
    check_catching_up(place, uri, data)


def test_goes_into_what_is_there(database, tmp_path):
    data = tmp_path / "data"
    with tracked.serving(data) as (server, client):
        taken = client.create_experiment("taken the number")
        plain_one = client.create_experiment("plain", tags={"own": "tag"})
        own = client.create_run(plain_one).info.run_id
        client.create_registered_model("fisch — 魚", {"own": "tag"})
        client.create_model_version("fisch — 魚", "s3://own/model")
        client.set_registered_model_alias("fisch — 魚", "mine", "1")
        done = sluice("import", "mlflow", database, "--data", data, status=2)
        assert "is in use by sluice up" in done.stderr and "stop that process first" in done.stderr
    report = take(database, data, status=1)
    assert report["experiments"]["added"] == 2
    assert report["reasons"] == [{"what": "version 1 of model fisch — 魚", "why": "there is another version of this number"}]
    with tracked.serving(data) as (_, client):
        plain_now = client.get_experiment_by_name("plain")
        assert plain_now.experiment_id == plain_one and plain_now.tags == {"own": "tag", "über": "alles / ok"}
        assert own in {run.info.run_id for run in client.search_runs([plain_one], max_results=1000)}
        assert client.get_experiment(taken).name == "taken the number"
        fish = client.get_registered_model("fisch — 魚")
        assert fish.tags == {"own": "tag", "über": "alles / ok"} and {"mine": 1, "Größter": 3}.items() <= {a: int(v) for a, v in fish.aliases.items()}.items()
        assert {version.version: version.source for version in client.search_model_versions("name = 'fisch — 魚'")}["1"] == "s3://own/model"
        client.delete_model_version("fisch — 魚", "3")
        # What is logged afterwards goes to the platform's own store.
        moved = client.search_runs([plain_one], filter_string="tags.place = '6'").pop().info
        assert moved.artifact_uri == f"mlflow-artifacts:/{plain_one}/{moved.run_id}/artifacts"
        client.log_text(moved.run_id, "x", "new.txt") if moved.status == "RUNNING" else None
    # What was removed here does not come back.
    again = take(database, data, status=1)
    assert {reason["what"] for reason in again["reasons"]} == {"version 1 of model fisch — 魚", "version 3 of model fisch — 魚"}


def test_what_cannot_be_reached_is_listed(database, tmp_path):
    copy = tmp_path / "copy" / "mlflow.db"
    copy.parent.mkdir()
    shutil.copy(database, copy)
    with sqlite3.connect(copy) as connection:
        first, second, third = (row[0] for row in connection.execute("SELECT run_uuid FROM runs WHERE name != ? ORDER BY name LIMIT 3", (RUN_OF_VERSIONS,)))
        for run, uri in ((first, "s3://bucket/1/x/artifacts"), (second, "/nowhere/at/all/1/artifacts"), (third, "mlflow-artifacts:/0/x/artifacts")):
            connection.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (uri, run))
        connection.execute("UPDATE model_versions SET source = 's3://bucket/net', storage_location = 's3://bucket/net' WHERE version = 3")
    connection.close()
    report = take(copy, tmp_path / "data", status=1)
    assert report["not_moved"] == 4 and report["runs"]["added"] == report["runs"]["seen"]
    assert report["versions_of_models"]["added"] == report["versions_of_models"]["seen"], "it is there, without its files"
    whys = {reason["what"]: reason["why"] for reason in report["reasons"]}
    assert "(s3); import from the server that can" in whys["s3://bucket/1/x/artifacts"]
    assert "(s3); import from the server that can" in whys["s3://bucket/net"]
    assert "there is no folder /nowhere/at" in whys["/nowhere/at/all/1/artifacts"]
    assert "with --artifacts" in whys["mlflow-artifacts:/0/x/artifacts"]
    served = tmp_path / "served" / "0" / "x" / "artifacts"
    served.mkdir(parents=True)
    (served / "a.txt").write_text("a")
    assert take(copy, tmp_path / "data", "--artifacts", tmp_path / "served", status=1)["files"]["added"] == 1


def test_damage(database, runs_folder, tmp_path):
    damaged = tmp_path / "damaged.db"
    bytes_of = bytearray(database.read_bytes())
    for page in range(8192, len(bytes_of), 3 * 4096):
        bytes_of[page:page + 64] = b"\xff" * 64
    damaged.write_bytes(bytes_of)
    done = sluice("import", "mlflow", damaged, "--data", tmp_path / "data", status=2)
    assert "damaged.db: " in done.stderr and "give another copy of it" in done.stderr
    (tmp_path / "text.db").write_text("no database")
    assert "file is not a database; it is damaged" in sluice("import", "mlflow", tmp_path / "text.db", "--data", tmp_path / "data", status=2).stderr
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t(x)").connection.close()
    assert "not a database of MLflow" in sluice("import", "mlflow", tmp_path / "other.db", "--data", tmp_path / "data", status=2).stderr
    assert "no such file" in sluice("import", "mlflow", tmp_path / "missing.db", "--data", tmp_path / "data", status=2).stderr
    assert "not a folder of MLflow" in sluice("import", "mlflow", tmp_path, "--data", tmp_path / "data", status=2).stderr
    # What is whole is taken afterwards, as if nothing had been.
    assert take(database, tmp_path / "data")["not_moved"] == 0

    copy = tmp_path / "mlruns"
    shutil.copytree(runs_folder, copy)
    everywhere = [path for pattern in ("*/*/meta.yaml", ".trash/*/*/meta.yaml") for path in copy.glob(pattern) if len(path.parent.name) == 32]
    names = {path.parent: path.read_text().partition("run_name: ")[2].partition("\n")[0] for path in copy.glob("*/*/meta.yaml") if len(path.parent.name) == 32}
    runs = sorted((run for run in names if names[run] != RUN_OF_VERSIONS), key=lambda run: (names[run], run))
    (runs[0] / "meta.yaml").write_text("{")
    (runs[1] / "meta.yaml").unlink()
    with open(runs[2] / "metrics" / "again", "a") as metric:
        metric.write("17 half")
    report = take(copy, tmp_path / "other", status=1)
    assert report["not_moved"] == 3 and report["runs"]["seen"] == len(everywhere) - 2, report["reasons"]
    assert report["points_of_metrics"]["added"] == report["points_of_metrics"]["seen"]


def test_a_folder_that_was_moved(runs_folder, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(runs_folder, moved)
    for meta in moved.glob("*/*/meta.yaml"):
        meta.write_text(meta.read_text().replace(runs_folder.as_uri(), "file:///was/here/mlruns"))
    report = take(moved, tmp_path / "data")
    assert report["files"]["added"] > 0


def upgraded(file):
    subprocess.run([sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{file}"], check=True, capture_output=True, timeout=300)
    return file


def test_out_again(database, tmp_path):
    data = tmp_path / "data"
    take(database, data)
    before = seen_at(database, f"sqlite:///{database}")
    target = upgraded(tmp_path / "out.db")
    empty = tmp_path / "empty.db"
    shutil.copy(target, empty)
    report = json.loads(sluice("export", "mlflow", target, "--data", data, "--artifacts", tmp_path / "artifacts", "--json").stdout)
    assert report["runs"]["added"] == len(before["runs"]) and report["not_moved"] == 0
    same(before, everything(f"sqlite:///{target}"))

    refused = sluice("export", "mlflow", target, "--data", data, status=2)
    assert "it has runs already" in refused.stderr
    with sqlite3.connect(empty) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'cbc13b556ace'")
    connection.close()
    refused = sluice("export", "mlflow", empty, "--data", data, status=2)
    assert "its schema is `cbc13b556ace`, not `" in refused.stderr and "mlflow db upgrade" in refused.stderr
    assert "no such file" in sluice("export", "mlflow", tmp_path / "none.db", "--data", data, status=2).stderr
    refused = sluice("export", "mlflow", empty, "--data", data, "--artifacts", tmp_path / "artifacts", status=2)
    assert "is not an empty folder" in refused.stderr


def test_a_server(database, tmp_path):
    """Whatever is behind a server, it is taken by its interface."""
    port = sluice_program.reserved_address().rpartition(":")[2]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--backend-store-uri", f"sqlite:///{database}", "--workers", "1"]
    with open(tmp_path / "log", "w") as log:
        server = subprocess.Popen(command, cwd=database.parent, stdout=log, stderr=log, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        waiting.until(lambda: answers(f"{url}/health"), "MLflow's server answers", 180)
        data = tmp_path / "data"
        report = take(url, data)
        assert report["not_moved"] == 0 and report["runs"]["added"] >= RUNS
        everything_in(data, database, f"sqlite:///{database}")
        assert set(added(take(url, data)).values()) == {(0, 0)}
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    waiting.until(lambda: is_refused(int(port)), "all of its processes are gone")
    assert "connection refused" in sluice("import", "mlflow", url, "--data", data, status=3).stderr


def test_a_server_of_something_else(tmp_path):
    with sluice_program.serving(tmp_path / "other") as server:
        done = sluice("import", "mlflow", server.url + "/v1", "--data", tmp_path / "data", status=2)
        assert "not a server of MLflow" in done.stderr


@pytest.mark.long
def test_many(tmp_path):
    (tmp_path / "mlruns").mkdir()
    with contextlib.chdir(tmp_path):
        client = client_of(f"sqlite:///{tmp_path}/mlflow.db")
        run = client.create_run("0").info.run_id
        for number in range(10_000):
            client.create_run("0", run_name=str(number), start_time=number)
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        connection.executemany("INSERT INTO metrics(key, value, timestamp, step, is_nan, run_uuid) VALUES('loss', ?, ?, ?, 0, ?)",
                               ((step / 7, step, step, run) for step in range(1_000_000)))
    connection.close()
    command = [sluice_program.BIN / "sluice", "import", "mlflow", tmp_path / "mlflow.db", "--data", tmp_path / "data", "--json"]
    done = subprocess.Popen(command, stdout=subprocess.PIPE, env=sluice_program.environment())
    report = json.loads(done.stdout.read())
    _, status, used = os.wait4(done.pid, 0)
    assert status == 0 and used.ru_maxrss < 400_000, used.ru_maxrss
    assert report["runs"]["added"] == 10_001 and report["points_of_metrics"]["added"] == 1_000_000
    assert set(added(take(tmp_path / "mlflow.db", tmp_path / "data")).values()) == {(0, 0)}
