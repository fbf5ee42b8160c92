"""Everything that MLflow's client can do, against a server: `python everything.py URL FILE` writes what it returned, step by step, as JSON.

`./dev record mlflow` keeps what a real server led to; test_everything.py compares this one. Ids, times and invented names are replaced.
"""
import json
import math
import os
import pathlib
import re
import sys
import tempfile

os.environ |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ASYNC_LOGGING": "false"}
import mlflow
from mlflow.entities import (AssessmentSource, Dataset, DatasetInput, Expectation, Feedback, InputTag, LoggedModelOutput, Metric, Param, RunTag,
                             ViewType)
from mlflow.tracking import MlflowClient

TIMES = {"creation_time", "last_update_time", "start_time", "end_time", "creation_timestamp", "last_updated_timestamp", "timestamp", "timestamp_ms",
         "create_time_ms", "last_update_time_ms", "request_time", "execution_duration", "execution_time_ms", "start_time_unix_nano",
         "end_time_unix_nano", "time_unix_nano", "created_time", "start_time_ns", "end_time_ns"}
GIVEN_TIMES = range(1_600_000_000_000, 1_600_000_100_000)  # those that the script itself gives


def plain(value, name=""):
    """Entities as JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if name in TIMES and value is not None:
        return value if value in GIVEN_TIMES else "TIME"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): plain(inner, key) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(inner) for inner in value]
    if hasattr(value, "_properties") or type(value).__module__.startswith("mlflow.entities"):
        names = sorted({name for name in dir(type(value)) if isinstance(getattr(type(value), name, None), property)} | set(getattr(value, "__dict__", {})))
        return {name: plain(getattr(value, name), name) for name in names if not name.startswith("_") and name not in ("model_uri", "url")}
    return str(value)


class Names:
    """Replaces what each server invents, in the order in which it appears."""

    PATTERNS = (("run", r"\b[0-9a-f]{32}\b"), ("model", r"\bm-[0-9a-f]{32}\b"), ("trace", r"\btr-[0-9a-f]{32}\b"), ("assessment", r"\ba-[0-9a-f]{32}\b"),
                ("name", r"\b[a-z]+-[a-z]+-\d{1,3}\b"))

    def __init__(self, url):
        self.url, self.known = url, {}

    def replaced(self, value):
        text = json.dumps(value, sort_keys=True, ensure_ascii=False).replace(self.url, "URL")
        for kind in ("model", "trace", "assessment", "run", "name"):
            pattern = dict(self.PATTERNS)[kind]
            text = re.sub(pattern, lambda found, kind=kind: self.known.setdefault(found.group(0), f"{kind.upper()}-{sum(1 for v in self.known.values() if v.startswith(kind.upper())) + 1}"), text)
        return json.loads(text)


def steps(client, folder):
    """Pairs (name, work); what a step returns is what is compared. Later ones use what earlier ones made."""
    made = {}

    def keep(name, value):
        made[name] = value
        return value

    def run(name="a"):
        return made[name].info.run_id

    yield "create_experiment", lambda: keep("e", client.create_experiment("first ~ 日本", tags={"team": "blue"}))
    yield "get_experiment", lambda: client.get_experiment(made["e"])
    yield "get_experiment_by_name", lambda: client.get_experiment_by_name("first ~ 日本")
    yield "no_experiment_of_that_name", lambda: client.get_experiment_by_name("none")
    yield "no_experiment", lambda: client.get_experiment("98765")
    yield "experiment_twice", lambda: client.create_experiment("first ~ 日本")
    yield "experiment_without_name", lambda: client.create_experiment("")
    yield "experiment_tag", lambda: client.set_experiment_tag(made["e"], "k/ä", "v" * 3000)
    yield "delete_experiment_tag", lambda: client.delete_experiment_tag(made["e"], "team")
    yield "delete_experiment_tag_again", lambda: client.delete_experiment_tag(made["e"], "team")
    yield "rename_experiment", lambda: client.rename_experiment(made["e"], "renamed")
    yield "second_experiment", lambda: keep("f", client.create_experiment("second"))
    yield "rename_to_taken", lambda: client.rename_experiment(made["f"], "renamed")
    yield "delete_experiment", lambda: client.delete_experiment(made["f"])
    yield "run_in_deleted_experiment", lambda: client.create_run(made["f"])
    yield "rename_deleted_experiment", lambda: client.rename_experiment(made["f"], "other")
    yield "deleted_experiments", lambda: [found.name for found in client.search_experiments(view_type=ViewType.DELETED_ONLY)]
    yield "restore_experiment", lambda: client.restore_experiment(made["f"])
    yield "search_experiments", lambda: [found.name for found in client.search_experiments(order_by=["name ASC"], max_results=2)]
    yield "search_experiments_by_name", lambda: [found.name for found in client.search_experiments(filter_string="name ILIKE 'SEC%'")]
    yield "search_experiments_by_tag", lambda: [found.name for found in client.search_experiments(filter_string="tags.`k/ä` LIKE 'v%'")]

    yield "create_run", lambda: keep("a", client.create_run(made["e"], start_time=1_600_000_000_000, tags={"t": "1"}, run_name="run a"))
    yield "run_of_two_names", lambda: client.create_run(made["e"], tags={"mlflow.runName": "x"}, run_name="y")
    yield "run_without_name", lambda: sorted(client.create_run(made["f"], start_time=1_600_000_000_001).data.tags)
    yield "log_metric", lambda: client.log_metric(run(), "m", 0.5, timestamp=1_600_000_000_010, step=1)
    yield "log_metric_nan", lambda: client.log_metric(run(), "nan", math.nan, timestamp=1_600_000_000_010, step=1)
    yield "log_metric_infinite", lambda: [client.log_metric(run(), "up", math.inf, timestamp=1_600_000_000_010), client.log_metric(run(), "down", -math.inf, timestamp=1_600_000_000_010)]
    yield "log_metric_same_step", lambda: [client.log_metric(run(), "s", value, timestamp=1_600_000_000_000 + at, step=step) for value, at, step in ((1, 1, 5), (3, 2, 5), (2, 2, 5), (9, 9, 4))]
    yield "log_metric_twice", lambda: [client.log_metric(run(), "twice", 1, timestamp=1_600_000_000_010, step=1) for _ in range(2)]
    yield "log_param", lambda: client.log_param(run(), "p", 1)
    yield "log_param_again", lambda: client.log_param(run(), "p", 1)
    yield "change_param", lambda: client.log_param(run(), "p", 2)
    yield "change_params", lambda: client.log_batch(run(), params=[Param("p", "3"), Param("q", "1")])
    yield "params_twice", lambda: client.log_batch(run(), params=[Param("r", "1"), Param("r", "2")])
    yield "long_param", lambda: client.log_param(run(), "long", "x" * 6001)
    yield "long_tag", lambda: client.set_tag(run(), "long", "x" * 8001)
    yield "long_key", lambda: client.log_metric(run(), "x" * 251, 1)
    for number, name in enumerate(("a:b$", "../up", "/root", "a//b", "a/./b", "ok/with slash.and-more_ :", "日本/ünï")):
        yield f"key_{number}", lambda name=name: client.log_metric(run(), name, 1, timestamp=1_600_000_000_010)
    yield "log_batch", lambda: client.log_batch(run(), [Metric(f"b{i}", i, 1_600_000_000_000 + i, i) for i in range(20)], [Param("bp", "1")], [RunTag("bt", "1"), RunTag("bt", "2")])
    yield "rename_by_tag", lambda: client.set_tag(run(), "mlflow.runName", "renamed a")
    yield "delete_tag", lambda: client.delete_tag(run(), "t")
    yield "delete_tag_again", lambda: client.delete_tag(run(), "t")
    yield "log_inputs", lambda: client.log_inputs(run(), [DatasetInput(Dataset("d", "digest", "code", "{}", "{\"s\": 1}", "{\"p\": 1}"), [InputTag("mlflow.data.context", "train")])])
    yield "set_terminated", lambda: client.set_terminated(run(), "FINISHED", end_time=1_600_000_000_099)
    yield "get_run", lambda: client.get_run(run())
    yield "history", lambda: client.get_metric_history(run(), "s")
    yield "history_of_nan", lambda: client.get_metric_history(run(), "nan")
    yield "history_twice", lambda: client.get_metric_history(run(), "twice")
    yield "history_of_nothing", lambda: client.get_metric_history(run(), "nothing")
    yield "no_run", lambda: client.get_run("0" * 32)
    yield "bad_run_id", lambda: client.log_batch("../x", metrics=[Metric("m", 1, 1, 0)])
    yield "delete_run", lambda: client.delete_run(run())
    yield "log_to_deleted_run", lambda: client.log_metric(run(), "m", 1)
    yield "restore_run", lambda: client.restore_run(run())
    for number in range(6):
        yield f"run_{number}", lambda number=number: keep(f"r{number}", client.create_run(made["f"], start_time=1_600_000_001_000 + number, run_name=f"r{number}")).info.status
        yield f"fill_{number}", lambda number=number: client.log_batch(run(f"r{number}"), [Metric("x", (number * 5) % 7, 1, 0)] if number != 4 else [], [Param("k", str(number % 3))], [RunTag("z", "even" if number % 2 == 0 else "odd")])
    searches = (("", ["start_time ASC"]), ("metrics.x > 2", ["metrics.x DESC"]), ("params.k = '1' and tags.z = 'odd'", []), ("attributes.run_name LIKE 'r_'", ["params.k DESC", "start_time ASC"]),
                ("", ["metrics.x ASC"]), ("tags.none IS NULL", ["tags.z ASC", "metrics.x DESC"]), ("metrics.x != 3", ["start_time DESC"]), ("status = 'RUNNING'", ["attributes.start_time"]),
                ("foo ~ bar", []), ("metrics.x > 'a'", []), ("", ["bogus.x"]), ("params.k > '1'", []), ("metrics.x = ", []), ("x y z", []))
    for number, (text, order) in enumerate(searches):
        yield f"search_{number}", lambda text=text, order=order: [found.info.run_name for found in client.search_runs([made["f"]], text, order_by=order) if found.info.run_name.startswith("r")]
    yield "search_page", lambda: [found.info.run_name for found in keep("page", client.search_runs([made["f"]], order_by=["start_time DESC"], max_results=2))]
    yield "search_next_page", lambda: [found.info.run_name for found in client.search_runs([made["f"]], order_by=["start_time DESC"], max_results=2, page_token=made["page"].token)]
    yield "bad_page_token", lambda: client.search_runs([made["f"]], page_token="!!")
    yield "too_many_results", lambda: client.search_runs([made["f"]], max_results=100_000)

    yield "log_text", lambda: client.log_text(run(), "hello", "sub dir/ünder/note.txt")
    yield "log_dict", lambda: client.log_dict(run(), {"k": 1}, "d.json")
    yield "list_artifacts", lambda: [plain(entry) for entry in client.list_artifacts(run())]
    yield "list_artifacts_below", lambda: [plain(entry) for entry in client.list_artifacts(run(), "sub dir/ünder")]
    yield "list_no_artifacts", lambda: client.list_artifacts(run(), "none")
    yield "download", lambda: pathlib.Path(client.download_artifacts(run(), "sub dir/ünder/note.txt", folder)).read_text()

    yield "logged_model", lambda: keep("lm", client.create_logged_model(made["e"], name="lm", source_run_id=run(), tags={"a": "b"}, params={"p": "1"}, model_type="agent"))
    yield "logged_model_name", lambda: client.create_logged_model(made["e"], name="a/b")
    yield "finalize", lambda: client.finalize_logged_model(made["lm"].model_id, "READY")
    yield "logged_model_metric", lambda: client.log_metric(run(), "acc", 0.5, timestamp=1_600_000_000_050, model_id=made["lm"].model_id)
    yield "logged_model_tags", lambda: client.set_logged_model_tags(made["lm"].model_id, {"c": "d"})
    yield "log_outputs", lambda: client.log_outputs(run(), [LoggedModelOutput(made["lm"].model_id, 3)])
    yield "get_logged_model", lambda: client.get_logged_model(made["lm"].model_id)
    yield "no_logged_model", lambda: client.get_logged_model("m-" + "0" * 32)
    yield "search_logged_models", lambda: [found.name for found in client.search_logged_models([made["e"]], filter_string="metrics.acc > 0.4 AND tags.c = 'd'")]
    yield "run_with_uses", lambda: client.get_run(run())

    yield "create_model", lambda: client.create_registered_model("reg ä", {"k": "v"}, "about")
    yield "model_twice", lambda: client.create_registered_model("reg ä")
    yield "model_name", lambda: client.create_registered_model("a/b")
    for number in range(3):
        yield f"version_{number}", lambda number=number: client.create_model_version("reg ä", f"runs:/{run()}/sub dir", run(), tags={"n": str(number)}, description=f"version {number}", await_creation_for=0).version
    yield "version_of_no_model", lambda: client.create_model_version("none", "runs:/x/y", await_creation_for=0)
    yield "alias", lambda: client.set_registered_model_alias("reg ä", "champion", "2")
    yield "alias_reserved", lambda: client.set_registered_model_alias("reg ä", "v1", "2")
    yield "alias_of_no_version", lambda: client.set_registered_model_alias("reg ä", "x", "9")
    yield "by_alias", lambda: client.get_model_version_by_alias("reg ä", "champion").version
    yield "by_no_alias", lambda: client.get_model_version_by_alias("reg ä", "none")
    yield "stage", lambda: client.transition_model_version_stage("reg ä", "1", "production").current_stage
    yield "stage_archives", lambda: client.transition_model_version_stage("reg ä", "3", "Production", archive_existing_versions=True).current_stage
    yield "stage_wrong", lambda: client.transition_model_version_stage("reg ä", "3", "Live")
    yield "latest", lambda: sorted((found.current_stage, found.version) for found in client.get_latest_versions("reg ä"))
    yield "version_tag", lambda: client.set_model_version_tag("reg ä", "1", "t", "1")
    yield "update_version", lambda: client.update_model_version("reg ä", "1", "changed").description
    yield "update_model", lambda: client.update_registered_model("reg ä", "changed").description
    yield "get_version", lambda: {key: value for key, value in plain(client.get_model_version("reg ä", "1")).items() if key not in ("deployment_job_state", "metrics", "params", "user_id")}
    yield "delete_version", lambda: client.delete_model_version("reg ä", "2")
    yield "deleted_version", lambda: client.get_model_version("reg ä", "2")
    yield "alias_of_deleted", lambda: client.get_model_version_by_alias("reg ä", "champion")
    yield "next_version", lambda: client.create_model_version("reg ä", f"runs:/{run()}/sub dir", run(), await_creation_for=0).version
    yield "search_versions", lambda: sorted(found.version for found in client.search_model_versions("name = 'reg ä'"))
    yield "search_versions_by_run", lambda: len(client.search_model_versions(f"run_id = '{run()}'"))
    yield "search_models", lambda: [found.name for found in client.search_registered_models("name ILIKE 'REG%'")]
    yield "rename_model", lambda: client.rename_registered_model("reg ä", "reg b").name
    yield "no_model", lambda: client.get_registered_model("reg ä")
    yield "delete_model", lambda: client.delete_registered_model("reg b")
    yield "model_is_gone", lambda: client.search_registered_models("name = 'reg b'")
    yield "model_anew", lambda: client.create_registered_model("reg b").name
    yield "version_anew", lambda: client.create_model_version("reg b", f"runs:/{run()}/sub dir", run(), await_creation_for=0).version

    yield "prompt", lambda: mlflow.genai.register_prompt("greet", "Hi {{name}}", commit_message="first").version
    yield "prompt_again", lambda: mlflow.genai.register_prompt("greet", "Hello {{name}}").version
    yield "load_prompt", lambda: mlflow.genai.load_prompt("prompts:/greet/1").template
    yield "prompts_are_not_models", lambda: [found.name for found in client.search_registered_models() if found.name.startswith(("reg", "greet"))]

    def trace():
        mlflow.set_experiment("second")
        with mlflow.start_span("outer", span_type="CHAIN") as outer:
            outer.set_inputs({"q": "why"})
            with mlflow.start_span("inner"):
                pass
            outer.set_outputs("because")
        mlflow.flush_trace_async_logging()
        return keep("trace", outer.trace_id)

    yield "trace", trace
    yield "get_trace", lambda: sorted(span.name for span in client.get_trace(made["trace"]).data.spans)
    yield "trace_state", lambda: str(client.get_trace(made["trace"]).info.state)
    yield "trace_tag", lambda: client.set_trace_tag(made["trace"], "k", "v")
    yield "search_traces", lambda: [found.info.trace_id for found in client.search_traces(locations=[made["f"]], filter_string="tags.k = 'v'")]
    yield "feedback", lambda: mlflow.log_assessment(made["trace"], Feedback(name="good", value=True, rationale="yes", source=AssessmentSource("HUMAN", "me"))).name
    yield "expectation", lambda: mlflow.log_assessment(made["trace"], Expectation(name="wanted", value="because", source=AssessmentSource("HUMAN", "me"))).name
    yield "assessments", lambda: sorted((found.name, found.value) for found in client.get_trace(made["trace"]).info.assessments)
    yield "delete_trace_tag", lambda: client.delete_trace_tag(made["trace"], "k")
    yield "delete_traces", lambda: client.delete_traces(made["f"], trace_ids=[made["trace"]])
    yield "no_trace", lambda: client.get_trace("tr-" + "0" * 32)


def said(message):
    """Without what differs from time to time."""
    message = re.sub(r" Error: \(.*", "", message, flags=re.S)
    return re.sub(r"\b1[678]\d{11}\b", "TIME", re.sub(r"port=\d+", "port=N", message))


def answers(url):
    """{step: what it returned, or the error}, in order."""
    mlflow.set_tracking_uri(url)
    mlflow.set_registry_uri(url)
    client, names, out = MlflowClient(url, url), Names(url), {}
    with tempfile.TemporaryDirectory() as folder:
        for name, work in steps(client, folder):
            try:
                answer = {"returned": plain(work())}
            except mlflow.exceptions.MlflowException as error:
                answer = {"error_code": error.error_code, "message": said(str(error.message))}
            except Exception as error:
                answer = {"raised": type(error).__name__}
            out[name] = names.replaced(answer)
    return out


if __name__ == "__main__":
    pathlib.Path(sys.argv[2]).write_text(json.dumps(answers(sys.argv[1])))
