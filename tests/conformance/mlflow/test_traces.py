"""Traces of MLflow's client (mlflow, unmodified): spans, searches, assessments, tags, sessions, and what is refused.

Runs in the environment tests/clients/mlflow.in.
"""
import concurrent.futures
import gzip
import json
import os
import re
import time
import urllib.error
import urllib.request
import uuid

import pytest
import sluice_program
import waiting

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
import mlflow  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import AssessmentSource, AssessmentSourceType, Feedback, Link, SpanEvent, SpanType  # noqa: E402
from mlflow.entities.model_registry import PromptVersion  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.tracing.attachments import Attachment  # noqa: E402
from mlflow.tracing.client import TracingClient  # noqa: E402
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with sluice_program.serving(tmp_path_factory.mktemp("traces") / "data") as running:
        mlflow.set_tracking_uri(running.url)
        yield running


@pytest.fixture
def experiment(server):
    return mlflow.set_experiment(f"traces-{uuid.uuid4().hex}").experiment_id


@pytest.fixture
def client(server):
    return MlflowClient()


def flushed():
    mlflow.flush_trace_async_logging()


def search(experiment, filter_string=None, **more):
    return MlflowClient().search_traces(locations=[experiment], filter_string=filter_string, **more)


def names(traces):
    return [trace.info.tags["mlflow.traceName"] for trace in traces]


def ask(server, method, path, body=None, **headers):
    """Returns the status and the text of the response."""
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(server.url + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


@mlflow.trace(span_type=SpanType.LLM, attributes={"model": "small", "n": 5, "list": [1, "a", 1.5, None, True], "deep": {"x": {"y": "ü"}}})
def answer(question):
    span = mlflow.get_current_active_span()
    span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})
    span.add_event(SpanEvent("looked", attributes={"where": "here"}))
    return {"text": question.upper(), "json": '{"q": 1}', "quoted": '"x"'}


@mlflow.trace(name="chain")
def chain(question, **context):
    mlflow.update_current_trace(tags={"question": question}, **context)
    return answer(question)["text"]


@mlflow.trace
def failing():
    raise ValueError("no ü here")


def run_failing():
    with pytest.raises(ValueError):
        failing()


def next_millisecond():
    """So that what is traced before and after has different times."""
    before = time.time_ns() // 1_000_000
    waiting.until(lambda: time.time_ns() // 1_000_000 > before, "a millisecond has passed")


def as_logged(spans):
    return [(span.span_id, span.parent_id, span.name, span.span_type, span.start_time_ns, span.end_time_ns, span.status.status_code,
             span.status.description, span.attributes, [(event.name, event.attributes) for event in span.events]) for span in spans]


def test_spans_come_back_as_they_were_logged(experiment, client):
    logged = []
    with mlflow.start_span("root", span_type=SpanType.AGENT) as root:
        root.set_inputs({"messages": [{"role": "user", "content": "hi"}], "text": '["a"]'})
        with mlflow.start_span("child") as child:
            child.set_attributes({"a": 1, "b": 2.5, "c": None, "d": [True, {"e": "f"}], "long": "x" * 100_000, "number": "12", "": "empty"})
            logged.append(child)
        root.set_outputs("done")
        logged.append(root)
    flushed()
    trace = client.get_trace(root.trace_id)
    assert [span.name for span in trace.data.spans] == ["root", "child"]
    assert sorted(as_logged(trace.data.spans)) == sorted(as_logged(logged))
    assert trace.info.state == "OK"
    assert trace.info.request_preview == "hi"
    assert trace.info.trace_metadata["mlflow.trace_schema.version"] == "3"
    assert trace.info.tags["mlflow.traceName"] == "root"
    found, = search(experiment)
    assert as_logged(found.data.spans) == as_logged(trace.data.spans)


def test_functions_are_traced_with_what_they_call(experiment):
    assert chain("why") == "WHY"
    flushed()
    trace, = search(experiment)
    outer, inner = trace.data.spans
    assert (outer.name, inner.name, inner.parent_id) == ("chain", "answer", outer.span_id)
    assert inner.inputs == {"question": "why"}
    assert inner.outputs == {"text": "WHY", "json": '{"q": 1}', "quoted": '"x"'}
    assert inner.get_attribute("deep") == {"x": {"y": "ü"}}
    assert [event.name for event in inner.events] == ["looked"]
    assert trace.info.token_usage == {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}


def test_exceptions_are_kept_as_events(experiment):
    run_failing()
    flushed()
    trace, = search(experiment, "status = 'ERROR'")
    span, = trace.data.spans
    assert span.status.description == "ValueError: no ü here"
    assert span.events[0].attributes["exception.type"] == "ValueError"
    assert "no ü here" in span.events[0].attributes["exception.stacktrace"]
    assert trace.info.state == "ERROR"


def test_traces_are_found_by_filters_in_order_and_by_pages(experiment, client):
    for question in ("one", "two", "three"):
        chain(question, metadata={"team": question[0]})
        next_millisecond()
    run_failing()
    flushed()
    assert names(search(experiment)) == ["failing", "chain", "chain", "chain"]
    assert names(search(experiment, order_by=["timestamp ASC"])) == ["chain", "chain", "chain", "failing"]
    assert [t.info.tags.get("question") for t in search(experiment, order_by=["tags.question DESC"])] == ["two", "three", "one", None]
    for filter_string, expected in [
        ("status = 'OK'", 3), ("status != 'OK'", 1), ("status IN ('OK', 'ERROR')", 4), ("name = 'chain'", 3), ("name LIKE 'fail%'", 1),
        ("name ILIKE 'CHAIN'", 3), ("name LIKE 'CHAIN'", 0), ("tags.question = 'one'", 1), ("tags.question != 'one'", 2),
        ("tags.question IS NULL", 1), ("tags.question IS NOT NULL", 3), ("metadata.team = 't'", 2),
        ("metadata.team = 't' AND tags.question = 'two'", 1), ("span.name = 'answer'", 3), ("span.type = 'LLM'", 3),
        ("span.status = 'ERROR'", 1), ("span.name = 'chain' AND span.type = 'LLM'", 0), ("span.attributes.model LIKE '%mal%'", 3),
        ("span.attributes.model LIKE '%big%'", 0), ("span.content LIKE '%THREE%'", 1), ("span.content ILIKE '%three%'", 1),
        ("timestamp_ms > 0", 4), ("timestamp_ms > 99999999999999", 0), ("execution_time_ms >= 0", 4), ("trace.text LIKE '%no ü here%'", 1),
        ("name RLIKE '^ch.*n$'", 3),
        ("tags.question RLIKE '^t(wo|hree)$'", 2), ("span.attributes.model RLIKE 'sm[a-z]+'", 3), ("name RLIKE '(?i)CHAIN|x'", 3),
    ]:
        assert len(search(experiment, filter_string)) == expected, filter_string
    first = search(experiment, max_results=3)
    second = search(experiment, max_results=3, page_token=first.token)
    assert (len(first), len(second), second.token) == (3, 1, None)
    assert len({trace.info.trace_id for trace in [*first, *second]}) == 4
    frame = mlflow.search_traces(locations=[experiment], filter_string="name = 'chain'", order_by=["timestamp_ms ASC"])
    assert list(frame["request"].apply(lambda inputs: inputs["question"])) == ["one", "two", "three"]
    assert list(frame["state"]) == ["OK"] * 3
    with pytest.raises(MlflowException, match="Invalid"):
        search(experiment, "nonsense ~ 'x'")
    assert len(search(experiment, "name RLIKE '(a+)+$'")) == 0
    with pytest.raises(MlflowException, match="regular expression: invalid escape sequence"):
        search(experiment, r"name RLIKE 'a\1'")


def test_sessions_and_users_are_found(experiment):
    chain("a", metadata={"mlflow.trace.session": "s1", "mlflow.trace.user": "ann"}, client_request_id="request-1")
    chain("b", metadata={"mlflow.trace.session": "s1", "mlflow.trace.user": "bob"})
    chain("c", metadata={"mlflow.trace.session": "s2"})
    flushed()
    assert len(search(experiment, "metadata.`mlflow.trace.session` = 's1'")) == 2
    assert len(search(experiment, "metadata.`mlflow.trace.session` = 's1' AND metadata.`mlflow.trace.user` = 'ann'")) == 1
    found, = search(experiment, "client_request_id = 'request-1'")
    assert found.info.client_request_id == "request-1"
    assert found.info.trace_metadata["mlflow.trace.session"] == "s1"


def test_assessments_are_logged_changed_overridden_and_removed(experiment, client):
    chain("why")
    chain("not assessed")
    flushed()
    trace = search(experiment, "tags.question = 'why'")[0].info.trace_id
    human = AssessmentSource(source_type=AssessmentSourceType.HUMAN, source_id="ann")
    given = mlflow.log_feedback(trace_id=trace, name="quality", value=0.5, rationale="so so", metadata={"a": "b"}, source=human)
    mlflow.log_feedback(trace_id=trace, name="broken", error=ValueError("boom"))
    wanted = mlflow.log_expectation(trace_id=trace, name="facts", value={"all": [1, "two", None]}, source=human)
    mlflow.log_expectation(trace_id=trace, name="text", value="WHY")
    mlflow.log_feedback(trace_id=trace, name="tags", value=["a", 1.5, True])
    read = mlflow.get_assessment(trace_id=trace, assessment_id=given.assessment_id)
    assert (read.name, read.value, read.rationale, read.metadata, read.source, read.valid) == ("quality", 0.5, "so so", {"a": "b"}, human, True)
    assert mlflow.get_assessment(trace_id=trace, assessment_id=wanted.assessment_id).value == {"all": [1, "two", None]}
    assessed = {one.name: one for one in client.get_trace(trace).info.assessments}
    assert list(assessed) == ["quality", "broken", "facts", "text", "tags"]
    assert (assessed["broken"].value, assessed["broken"].error.error_message) == (None, "boom")
    assert assessed["tags"].value == ["a", 1.5, True]

    changed = mlflow.update_assessment(trace_id=trace, assessment_id=given.assessment_id,
                                       assessment=Feedback(name="quality", value=1, rationale="better", metadata={"c": "d"}))
    assert (changed.value, changed.rationale, changed.metadata, changed.source) == (1, "better", {"a": "b", "c": "d"}, human)
    for filter_string, expected in [
        ("feedback.quality > 0.9", 1), ("feedback.quality > 1", 0), ("expectation.text = 'WHY'", 1), ("expectation.text != 'WHY'", 0),
        ("expectation.text LIKE 'W%'", 1), ("feedback.quality IS NOT NULL", 1), ("feedback.quality IS NULL", 1), ("feedback.text = 'WHY'", 0),
    ]:
        assert len(search(experiment, filter_string)) == expected, filter_string

    override = mlflow.override_feedback(trace_id=trace, assessment_id=given.assessment_id, value=False, rationale="no")
    assert not mlflow.get_assessment(trace_id=trace, assessment_id=given.assessment_id).valid
    assert len(search(experiment, "feedback.quality = 'false'")) == 1
    mlflow.delete_assessment(trace_id=trace, assessment_id=override.assessment_id)
    assert mlflow.get_assessment(trace_id=trace, assessment_id=given.assessment_id).valid
    mlflow.delete_assessment(trace_id=trace, assessment_id=given.assessment_id)
    with pytest.raises(MlflowException, match="not found"):
        mlflow.get_assessment(trace_id=trace, assessment_id=given.assessment_id)
    with pytest.raises(MlflowException, match="not found"):
        mlflow.log_feedback(trace_id="tr-nothing", name="x", value=1)


def test_what_is_said_of_a_session_is_found_for_all_its_traces(experiment):
    for question in ("a", "b"):
        chain(question, metadata={"mlflow.trace.session": "talk"})
    chain("c", metadata={"mlflow.trace.session": "other"})
    flushed()
    trace = search(experiment, "tags.question = 'a'")[0].info.trace_id
    mlflow.log_feedback(trace_id=trace, name="polite", value=True, metadata={"mlflow.trace.session": "talk"})
    assert sorted(t.info.tags["question"] for t in search(experiment, "feedback.polite = 'true'")) == ["a", "b"]
    assert [t.info.tags["question"] for t in search(experiment, "feedback.polite IS NULL")] == ["c"]


def test_tags_are_set_and_removed(experiment, server, client):
    chain("why")
    flushed()
    trace = search(experiment)[0].info.trace_id
    client.set_trace_tag(trace, "stage", "new")
    client.set_trace_tag(trace, "stage", "newer")
    assert client.get_trace(trace).info.tags["stage"] == "newer"
    client.delete_trace_tag(trace, "stage")
    assert "stage" not in client.get_trace(trace).info.tags
    with pytest.raises(MlflowException, match="No trace tag with key 'stage'"):
        client.delete_trace_tag(trace, "stage")
    status, text = ask(server, "PATCH", f"/api/2.0/mlflow/traces/{trace}/tags", {"key": "mlflow.trace.spansLocation", "value": "elsewhere"})
    assert (status, "immutable" in text) == (400, True)
    with pytest.raises(MlflowException, match="not found"):
        client.set_trace_tag("tr-nothing", "a", "b")


def test_traces_are_removed(experiment, client):
    for question in ("a", "b", "c", "d"):
        chain(question)
    flushed()
    first, *_ = ids = [trace.info.trace_id for trace in search(experiment, order_by=["timestamp ASC"])]
    assert client.delete_traces(experiment, trace_ids=[first]) == 1
    with pytest.raises(MlflowException, match="not found"):
        client.get_trace(first)
    assert client.delete_traces(experiment, max_timestamp_millis=int(time.time() * 1000) + 60_000, max_traces=2) == 2
    assert [trace.info.trace_id for trace in search(experiment)] == [ids[-1]]
    assert client.delete_traces("0", trace_ids=[ids[-1]]) == 0
    with pytest.raises(MlflowException, match="must be specified"):
        client.delete_traces(experiment)


def test_traces_belong_to_runs(experiment, client):
    with mlflow.start_run() as run:
        chain("inside")
    chain("outside")
    flushed()
    assert [t.info.tags["question"] for t in search(experiment, f"run_id = '{run.info.run_id}'")] == ["inside"]
    outside, = search(experiment, "tags.question = 'outside'")
    client.link_traces_to_run([outside.info.trace_id], run.info.run_id)
    client.link_traces_to_run([outside.info.trace_id], run.info.run_id)
    assert len(search(experiment, f"attributes.run_id = '{run.info.run_id}'")) == 2
    with pytest.raises(MlflowException, match="more than 100"):
        client.link_traces_to_run(["tr-x"] * 101, run.info.run_id)


def test_many_threads_write_traces(experiment):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: chain(f"q{number}"), range(80)))
    flushed()
    assert answers == [f"Q{number}" for number in range(80)]
    found = search(experiment, max_results=100)
    assert sorted(trace.info.tags["question"] for trace in found) == sorted(f"q{number}" for number in range(80))
    assert all([span.name for span in trace.data.spans] == ["chain", "answer"] for trace in found)


def test_the_interface_reads_a_trace_and_its_numbers(experiment, server):
    chain("why")
    run_failing()
    flushed()
    trace = search(experiment, "status = 'OK'")[0].info.trace_id
    status, text = ask(server, "GET", f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id={trace}")
    spans = json.loads(text)["spans"]
    assert (status, [span["name"] for span in spans], spans[0]["parent_span_id"]) == (200, ["chain", "answer"], None)
    assert json.loads(spans[1]["attributes"]["mlflow.spanInputs"]) == {"question": "why"}
    status, text = ask(server, "GET", f"/mlflow/ajax-api/3.0/mlflow/traces/{trace}")
    assert (status, json.loads(text)["trace"]["trace_info"]["trace_id"]) == (200, trace)
    assert ask(server, "GET", "/ajax-api/3.0/mlflow/traces/tr-nothing")[0] == 404

    now = int(time.time() * 1000)

    def numbers(**query):
        query = {"experiment_ids": [experiment], "view_type": "TRACES", "aggregations": [{"aggregation_type": "COUNT"}]} | query
        status, text = ask(server, "POST", "/ajax-api/3.0/mlflow/traces/metrics", query)
        return json.loads(text).get("data_points", []) if status == 200 else (status, json.loads(text)["message"])

    points = numbers(metric_name="trace_count", dimensions=["trace_status"], time_interval_seconds=86400, start_time_ms=now - 86_400_000,
                     end_time_ms=now + 1000)
    assert {point["dimensions"]["trace_status"]: point["values"] for point in points} == {"ERROR": {"COUNT": 1}, "OK": {"COUNT": 1}}
    assert all(point["dimensions"]["time_bucket"].endswith("T00:00:00+00:00") for point in points)
    percentiles = [{"aggregation_type": "PERCENTILE", "percentile_value": value} for value in (50, 90, 99)]
    point, = numbers(metric_name="latency", aggregations=percentiles)
    assert list(point["values"]) == ["P50.0", "P90.0", "P99.0"]
    assert numbers(metric_name="total_tokens", aggregations=[{"aggregation_type": "SUM"}])[0]["values"] == {"SUM": 7}
    spans = numbers(metric_name="span_count", view_type="SPANS", dimensions=["span_name"], filters=['trace.status = "OK"'])
    assert [(span["dimensions"]["span_name"], span["values"]["COUNT"]) for span in spans] == [("answer", 1), ("chain", 1)]
    mlflow.log_feedback(trace_id=trace, name="ok", value=True)
    assert numbers(metric_name="assessment_value", view_type="ASSESSMENTS", aggregations=[{"aggregation_type": "AVG"}],
                   dimensions=["assessment_name"])[0]["values"] == {"AVG": 1}
    assert numbers(metric_name="trace_count", filters=["trace.metadata.`mlflow.sourceRun` = \"none\""])[0]["values"] == {"COUNT": 0}
    assert numbers(metric_name="nonsense")[0] == 400
    assert numbers(metric_name="trace_count", filters=["nonsense"])[0] == 400


def test_what_else_the_client_asks_for(experiment, server):
    store = TracingClient().store
    chain("why")
    run_failing()
    flushed()
    failed, answered = [trace.info.trace_id for trace in search(experiment)]
    assert [info.trace_id for info in store.batch_get_trace_infos([answered, "tr-nothing", failed])] == [answered, failed]
    assert [trace.info.trace_id for trace in store.batch_get_traces([failed, answered])] == [failed, answered]
    related = store.calculate_trace_filter_correlation([experiment], "status = 'ERROR'", "name = 'failing'")
    assert (related.npmi, related.joint_count, related.total_count) == (1.0, 1, 2)
    apart = store.calculate_trace_filter_correlation([experiment], "status = 'ERROR'", "name = 'chain'")
    assert (apart.npmi, apart.joint_count) == (-1.0, 0)
    store.link_prompts_to_trace(answered, [PromptVersion(name="greeting", version=2, template="")])
    assert [trace.info.trace_id for trace in search(experiment, 'prompt = "greeting/2"')] == [answered]
    assert search(experiment, 'prompt = "greeting/1"') == []


def test_links_attachments_and_numbers_that_json_has_not_got(experiment, server, client):
    with mlflow.start_span("first") as first:
        first.set_inputs({"picture": Attachment(content_type="image/png", content_bytes=b"\x89PNG")})
    with mlflow.start_span("second", links=[Link(trace_id=first.trace_id, span_id=first.span_id, attributes={"a": "b"})]) as second:
        second.set_outputs([float("inf"), float("nan"), 1e300, 2**53 + 1, -1])
    flushed()
    span, = client.get_trace(second.trace_id).data.spans
    assert span.links == second.links
    assert span.outputs == ["Infinity", "NaN", 1e300, 2**53 + 1, -1]
    name = re.search("mlflow-attachment://([^?]+)", client.get_trace(first.trace_id).data.spans[0].inputs["picture"]).group(1)
    assert ask(server, "GET", f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id={second.trace_id}&path={name}")[0] == 404
    assert ask(server, "GET", f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id={first.trace_id}&path=../../{name}")[0] == 400
    with urllib.request.urlopen(f"{server.url}/ajax-api/3.0/mlflow/get-trace-artifact?request_id={first.trace_id}&path={name}") as response:
        assert response.read() == b"\x89PNG"


def test_a_removed_experiment_takes_no_traces(experiment, server, client):
    chain("before")
    flushed()
    client.delete_experiment(experiment)
    chain("after")
    flushed()
    assert [trace.info.tags["question"] for trace in search(experiment)] == ["before"]
    body = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": experiment}
    status, text = ask(server, "POST", "/v1/traces", exported().SerializeToString(), **body)
    assert (status, "must be in the 'active' state" in text) == (400, True)


def exported(trace=bytes(range(16)), parent=b"", **fields):
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=trace, span_id=b"\1" * 8, parent_span_id=parent, name="sent",
                                                                    start_time_unix_nano=10**18, end_time_unix_nano=10**18 + 10**9)
    for key, value in fields.items():
        span.attributes.add(key=key).value.string_value = value
    return request


def test_other_exporters_send_spans(experiment, server, client):
    trace = os.urandom(16)
    sent = exported(trace, b"\2" * 8, **{"mlflow.spanType": '"TOOL"', "plain": "text"})
    headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": experiment}
    assert ask(server, "POST", "/v1/traces", gzip.compress(sent.SerializeToString()), Content_Encoding="gzip", **headers) == (200, "")
    info = client.get_trace(f"tr-{trace.hex()}").info
    assert info.state == "IN_PROGRESS"
    root = exported(trace, **{"session.id": "s", "user.id": "u", "mlflow.spanInputs": '{"a": 1}', "mlflow.traceTag.stage": "test"})
    root.resource_spans[0].resource.attributes.add(key="service.name").value.string_value = "shop"
    root.resource_spans[0].scope_spans[0].spans[0].span_id = b"\2" * 8
    assert ask(server, "POST", "/mlflow/v1/traces", root.SerializeToString(), **headers) == (200, "")
    found = client.get_trace(f"tr-{trace.hex()}")
    assert [(span.name, span.span_type, span.parent_id) for span in found.data.spans] == [("sent", None, None), ("sent", "TOOL", "02" * 8)]
    assert found.data.spans[1].get_attribute("plain") == "text"
    assert (found.info.state, found.info.execution_duration, found.info.request_preview) == ("OK", 1000, '{"a": 1}')
    assert (found.info.trace_metadata["mlflow.trace.session"], found.info.trace_metadata["mlflow.trace.user"]) == ("s", "u")
    assert (found.info.tags["service.name"], found.info.tags["stage"]) == ("shop", "test")


def test_what_is_no_span_is_refused(experiment, server):
    def send(body, kind="application/x-protobuf", where=experiment):
        status, text = ask(server, "POST", "/v1/traces", body, Content_Type=kind, x_mlflow_experiment_id=where)
        return status, json.loads(text)["error_code"]

    good = exported().SerializeToString()
    deep = exported()
    value = deep.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="deep").value
    for _ in range(60):
        value = value.array_value.values.add()
    refused = (400, "INVALID_PARAMETER_VALUE")
    assert send(b"garbage") == refused
    assert send(b"") == refused
    assert send(good[:-1]) == refused
    assert send(os.urandom(10_000)) == refused
    assert send(deep.SerializeToString()) == refused
    assert send(exported(trace=b"").SerializeToString()) == refused
    assert send(exported(trace=b"x" * 17).SerializeToString()) == refused
    assert send(good, kind="text/plain") == refused
    assert send(good, where="nonsense") == refused
    assert send(good, where="99999999") == (404, "RESOURCE_DOES_NOT_EXIST")
    assert send(b"{", kind="application/json") == refused
    assert send(b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "zz"}]}]}]}', kind="application/json") == refused
    assert ask(server, "POST", "/v1/traces", good, Content_Type="application/x-protobuf")[0] == 400
    assert search(experiment) == []


def test_wrong_requests_are_refused(experiment, server, client):
    chain("why")
    flushed()
    trace = search(experiment)[0].info.trace_id
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    info = {"trace_id": "tr-x", "trace_location": place, "request_time": "2026-11-29T08:35:44.504Z", "state": "OK"}

    def post(path, body, method="POST"):
        return ask(server, method, "/api/3.0/mlflow/traces" + path, body)[0]

    for wrong in [{"trace_id": 5}, {"trace_id": ""}, {"trace_id": "x" * 300}, {"request_time": "yesterday"}, {"request_time": "2026-13-01T00:00:00Z"},
                  {"execution_duration": "5"}, {"execution_duration": "1e9s"}, {"state": "GOOD"}, {"tags": {"a": 5}}, {"tags": ["a"]},
                  {"trace_location": {}}, {"tags": {f"t{number}": "" for number in range(1001)}}, {"assessments": [{"assessment_name": "x"}]}]:
        assert post("", {"trace": {"trace_info": info | wrong}}) == 400, wrong
    for body in ({}, {"trace": 5}, {"trace": {}}, []):
        assert post("", body) == 400, body
    locations = {"locations": [place]}
    for wrong in [{}, locations | {"max_results": 0}, locations | {"max_results": 501}, locations | {"page_token": "x"}, locations | {"order_by": ["x"]},
                  {"locations": [{"mlflow_experiment": {"experiment_id": "x"}}]}]:
        assert post("/search", wrong) == 400, wrong
    assert post("/search", {"locations": []}) == 200, "the interface asks so where no experiment is chosen"
    for wrong in [{"assessment": {"feedback": {"value": 1}}}, {"assessment": {"feedback": 5}, "update_mask": "feedback"}, {"update_mask": "feedback"},
                  {"assessment": {}, "update_mask": "feedback"}]:
        given = mlflow.log_feedback(trace_id=trace, name="x", value=1)
        assert post(f"/{trace}/assessments/{given.assessment_id}", wrong, "PATCH") == 400, wrong
    assert post(f"/{trace}/assessments", {"assessment": {"assessment_name": "x" * 300, "feedback": {"value": 1}}}) == 400
    assert post(f"/{trace}/tags", {"value": "no key"}, "PATCH") == 400
    assert post("/delete-traces", {"experiment_id": experiment, "request_ids": [5]}) == 400
    assert ask(server, "GET", "/api/3.0/mlflow/traces/batchGet")[0] == 400
    assert len(search(experiment)) == 1


def test_the_spans_of_old_clients_are_files(experiment, server, client):
    begun = json.loads(ask(server, "POST", "/api/2.0/mlflow/traces", {"experiment_id": experiment, "timestamp_ms": 5,
                                                                      "tags": [{"key": "a", "value": "b"}]})[1])["trace_info"]
    trace = begun["request_id"]
    location = {tag["key"]: tag["value"] for tag in begun["tags"]}["mlflow.artifactLocation"]
    assert location == f"mlflow-artifacts:/{experiment}/traces/{trace}/artifacts"
    ended = json.loads(ask(server, "PATCH", f"/api/2.0/mlflow/traces/{trace}", {"timestamp_ms": 12, "status": "OK"})[1])["trace_info"]
    assert (ended["execution_time_ms"], ended["status"]) == (7, "OK")
    path = "/api/2.0/mlflow-artifacts/artifacts/" + location.removeprefix("mlflow-artifacts:/") + "/traces.json"
    assert ask(server, "PUT", path, b'{"spans": []}')[0] == 200
    status, text = ask(server, "GET", f"/ajax-api/2.0/mlflow/get-trace-artifact?request_id={trace}")
    assert (status, json.loads(text)) == (200, {"spans": []})
    assert client.get_trace(trace).data.spans == []
    infos = json.loads(ask(server, "GET", f"/api/2.0/mlflow/traces?experiment_ids={experiment}")[1])["traces"]
    assert [info["request_id"] for info in infos] == [trace]
