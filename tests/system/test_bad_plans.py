"""Plans that are too large, too deep, or expand without bound: each is refused or fails with a message, and uses little memory."""
import json

import pytest
from bystander import forget_memory_peak, memory_peak
from sluice_program import sluice

MEMORY_MORE_MB = 512


def plan_of(main):
    return "sluice: 1\npipelines:\n  main:\n    graph:\n" + main


def many_operations():
    return plan_of("".join(f"      t{i}: {{process: [run]}}\n" for i in range(1_000_000)))


def deep_flow():
    return "sluice: 1\npipelines: {main: {graph: " + "{b: {graph: " * 10_000 + "}}" * 10_000 + "}}\n"


def deep_blocks():
    return plan_of("".join(" " * (6 + i) + ("graph:\n" if i % 2 else "b:\n") for i in range(10_000)))


def alias_bomb():
    layers = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
    return "sluice: 1\na0: &a0 [x]\n" + layers + "pipelines: {main: {graph: {}}}\n"


def deep_json():
    return '{"sluice": 1, "pipelines": {"main": {"graph": {"a": {"process": ' + "[" * 100_000 + "]" * 100_000 + "}}}}}"


def deep_expression():
    return plan_of("      a: {process: [run, '${" + "(" * 100_000 + "1" + ")" * 100_000 + "}']}\n")


def long_expression():
    return plan_of("      a: {process: [run, '${" + "1 + " * 300_000 + "1}']}\n")


def self_calling():
    return "sluice: 1\npipelines: {main: {graph: {a: {call: other}}}, other: {graph: {b: {call: main}}}}\n"


def far_to_the_right():
    """A few MB, of which every line is indented by hundreds of spaces in the canonical text."""
    tasks = ", ".join(f"t{i}: {{process: [run]}}" for i in range(100_000))
    return "sluice: 1\npipelines: {main: {graph: " + "".join(f"{{b{i}: {{graph: " for i in range(190)) + "{" + tasks + "}" + "}}" * 190 + "}}\n"


def wrong_everywhere():
    return plan_of("".join(f"      t{i}: {{process: [run, '${{u{i}.o}}']}}\n" for i in range(50_000)))


BAD = {
    many_operations: ["plan.yaml:200003:", "holds more than 1000000 values, aliases counted each time; divide it"],
    deep_flow: ["plan.yaml:2:", "nested more than 1300 deep"],
    deep_blocks: ["plan.yaml:1302:", "nested more than 1300 deep"],
    alias_bomb: ["plan.yaml:2:9:", "holds more than 1000000 values"],
    deep_json: ["plan.yaml:1:", "nested more than 1300 deep"],
    deep_expression: ["plan.yaml:5:", "the expression is more than 200 deep; split it"],
    long_expression: ["plan.yaml:5:", "the expression is more than 200 deep; split it"],
    wrong_everywhere: ["plan.yaml:5:", "unknown task `u0`", "and 49900 more problems"],
    far_to_the_right: ["the plan, written out canonically, is too large: stored plan: ", "; divide it into several"],
    self_calling: ["plan.yaml:2:", "recursive pipelines are not allowed: `main` calls `other`, `other` calls `main`"],
}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.__name__)
def test_a_bad_plan_is_refused_with_a_message(unharmed, tmp_path, bad):
    server = unharmed.server
    text = bad()
    forget_memory_peak(server.process.pid)
    before = memory_peak(server.process.pid)
    status, answer = server.ask("POST", "/v1/runs", {"plan": text, "file": "plan.yaml"})
    assert status in (400, 413), (status, str(answer)[:1000])
    message = answer["error"]["message"]
    for words in BAD[bad]:
        assert words in message, message[:1000]
    assert len(message) < 20_000
    assert memory_peak(server.process.pid) - before < MEMORY_MORE_MB
    if bad in (many_operations, far_to_the_right):
        return  # the command runs the same code again
    (tmp_path / "plan.yaml").write_text(text)
    done = sluice("run", tmp_path / "plan.yaml", data=server.data)
    assert done.returncode == 2
    for words in BAD[bad]:
        assert words in done.stderr, done.stderr[:1000]


def test_a_request_that_is_nested_too_deep(unharmed):
    body = b'{"plan": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    status, answer = unharmed.server.ask("POST", "/v1/runs", body)
    assert status == 400 and "nested" in answer["error"]["message"], answer


def run_to_its_end(server, text, inputs):
    """Submits a run and waits for its end; returns its report."""
    status, answer = server.ask("POST", "/v1/runs", {"plan": text, "inputs": inputs})
    assert status == 201, (status, str(answer)[:1000])
    run, seen = answer["run"], 0
    while True:
        _, page = server.ask("GET", f"/v1/runs/{run}/events?from={seen}&wait_ms=20000")
        seen += len(page["events"])
        if any(event["t"] == "run_ended" for event in page["events"]):
            return server.ask("GET", f"/v1/runs/{run}")[1]
        assert page["goes_on"], page


EXPLODING = {
    "each over 10,000,000 items": ("      a: {each: '${range(10000000)}', as: i, graph: {b: {process: ['true']}}}\n", "makes more than 16 MiB of text and lists"),
    "each over 1,000,001 items": ("      a: {each: '${range(1000001)}', as: i, graph: {b: {process: ['true']}}}\n", "`each` takes at most 1000000 items, and this list has 1000001"),
    "a text that doubles": ("      a: {raise: \"${" + "join([" * 40 + "'0123456789'" + ", '0123456789'], text(range(500000)))" * 40 + "}\"}\n", "makes more than 16 MiB of text and lists"),
    "a list that doubles": ("      a: {raise: '${" + "flatten([" * 30 + "range(1000000)" + ", range(1000000)])" * 30 + "}'}\n", "makes more than 16 MiB of text and lists"),
}


@pytest.mark.parametrize("name", EXPLODING)
def test_an_expression_that_explodes_fails_its_run(unharmed, name):
    server = unharmed.server
    graph, words = EXPLODING[name]
    forget_memory_peak(server.process.pid)
    before = memory_peak(server.process.pid)
    report = run_to_its_end(server, plan_of(graph), {})
    assert report["status"] == "failed"
    assert words in report["message"], report["message"][:1000]
    assert memory_peak(server.process.pid) - before < MEMORY_MORE_MB


def test_each_over_a_list_of_ten_million_items_that_was_sent(unharmed):
    server = unharmed.server
    text = """
sluice: 1
pipelines:
  main:
    inputs: {rows: {type: list<integer>}}
    graph: {a: {each: "${inputs.rows}", as: i, graph: {b: {process: ["true"]}}}}
"""
    forget_memory_peak(server.process.pid)
    before = memory_peak(server.process.pid)
    body = b'{"plan": ' + json.dumps(text).encode() + b', "inputs": {"rows": [' + b"7," * 9_999_999 + b"7]}}"
    status, answer = server.ask("POST", "/v1/runs", body)
    assert status == 400 and "more than 2097152 values; send them as a file" in answer["error"]["message"], answer
    assert memory_peak(server.process.pid) - before < MEMORY_MORE_MB
