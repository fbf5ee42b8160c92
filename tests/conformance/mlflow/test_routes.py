"""The tables of docs/mlflow.md, "Routes", against what the client's package declares, and what the server answers on each.

That the tables list what the server has, and nothing else, is checked by tests/unit/app/mlflow_routes_test.cpp.
Runs in the environment tests/clients/mlflow.in. `tracking`: from conftest.py.
"""
import re

import pytest
import requests
import routes
from sluice_program import ROOT

SECTION = (ROOT / "docs" / "mlflow.md").read_text().partition("\n## Routes\n")[2]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def tables():
    """{state: {(method, path)}} for the states Done, Empty, Refused."""
    found = {}
    for line in SECTION.splitlines():
        if state := re.search(r"(Done|Empty|Refused)\b", line):
            current = found.setdefault(state.group(1), set())
        if not line.startswith("| `"):
            continue
        _, below, rest, _ = line.split("|")
        for above in re.findall(r"`([^`]*)`", below):
            for code in re.findall(r"`([^`]*)`", rest):
                words = code.split()
                methods = [word for word in words if word in METHODS]
                current |= {(method, above + "".join(words[len(methods):])) for method in methods or METHODS}
    return found


TABLES = tables()
DECLARED = {(route.method, route.path) for route in routes.declared()}

NOT_THERE = {
    ("GET", "2.0/mlflow/unified-traces"), ("GET", "2.0/mlflow/get-online-trace-details"),
    ("POST", "2.0/mlflow/runs/log-model"), ("POST", "2.0/mlflow/artifacts/presigned-upload-url"), ("POST", "2.0/mlflow/artifacts/presigned-download-url"),
}

# What the recorded traffic of the interface and of the client showed to be needed: without it a page or a script breaks, or a part of one.
NEEDED = """
GET 2.0/mlflow/experiments/search, POST 2.0/mlflow/experiments/search, GET 2.0/mlflow/experiments/get, GET 2.0/mlflow/experiments/get-by-name, POST 2.0/mlflow/experiments/create,
POST 2.0/mlflow/experiments/update, POST 2.0/mlflow/experiments/set-experiment-tag, POST 2.0/mlflow/experiments/delete-experiment-tag, POST 2.0/mlflow/experiments/delete,
POST 2.0/mlflow/experiments/restore, POST 2.0/mlflow/runs/create, POST 2.0/mlflow/runs/update, GET 2.0/mlflow/runs/get, POST 2.0/mlflow/runs/log-batch, POST 2.0/mlflow/runs/log-metric,
POST 2.0/mlflow/runs/log-parameter, POST 2.0/mlflow/runs/set-tag, POST 2.0/mlflow/runs/delete-tag, POST 2.0/mlflow/runs/delete, POST 2.0/mlflow/runs/restore, POST 2.0/mlflow/runs/log-inputs,
POST 2.0/mlflow/runs/outputs, POST 2.0/mlflow/runs/search, GET 2.0/mlflow/metrics/get-history, GET 2.0/mlflow/metrics/get-history-bulk-interval, GET 2.0/mlflow/artifacts/list,
PUT 2.0/mlflow-artifacts/artifacts/{*}, GET 2.0/mlflow-artifacts/artifacts/{*}, GET 2.0/mlflow-artifacts/artifacts, DELETE 2.0/mlflow-artifacts/artifacts/{*},
POST 2.0/mlflow/logged-models, GET 2.0/mlflow/logged-models/{}, PATCH 2.0/mlflow/logged-models/{}, PATCH 2.0/mlflow/logged-models/{}/tags, POST 2.0/mlflow/logged-models/search,
GET 2.0/mlflow/logged-models/{}/artifacts/directories, GET 2.0/mlflow/logged-models/{}/artifacts/files, GET 3.0/mlflow/server-info, POST 2.0/mlflow/registered-models/create,
POST 2.0/mlflow/model-versions/create, GET 2.0/mlflow/registered-models/get, POST 2.0/mlflow/registered-models/alias, GET 2.0/mlflow/registered-models/alias,
DELETE 2.0/mlflow/registered-models/alias, GET 2.0/mlflow/model-versions/get-download-uri, POST 2.0/mlflow/registered-models/get-latest-versions, GET 2.0/mlflow/registered-models/search,
GET 2.0/mlflow/model-versions/search, GET 2.0/mlflow/model-versions/get, PATCH 2.0/mlflow/registered-models/update, PATCH 2.0/mlflow/model-versions/update,
POST 2.0/mlflow/registered-models/set-tag, POST 2.0/mlflow/model-versions/set-tag, DELETE 2.0/mlflow/registered-models/delete-tag, DELETE 2.0/mlflow/model-versions/delete-tag,
POST 2.0/mlflow/registered-models/rename, DELETE 2.0/mlflow/registered-models/delete, DELETE 2.0/mlflow/model-versions/delete, POST 2.0/mlflow/model-versions/transition-stage,
GET /version, POST 3.0/mlflow/traces, POST /v1/traces, POST 3.0/mlflow/traces/search, GET 3.0/mlflow/traces/batchGet, GET 3.0/mlflow/traces/{}, GET 3.0/mlflow/traces/get,
POST 3.0/mlflow/traces/metrics, GET 3.0/mlflow/get-trace-artifact, POST /graphql, GET /get-artifact, GET /static-files/{*}
"""

# Pages live without it, and show that there is nothing when it is answered so.
EMPTY = {
    "GET 3.0/mlflow/ui-telemetry": {"disable_ui_events": [], "disable_ui_telemetry": True, "ui_rollout_percentage": 0},
    "POST 3.0/mlflow/ui-telemetry": {"status": "disabled"},
    "GET 3.0/mlflow/assistant/config": {"providers": {}, "projects": {}, "remote_access_allowed": False},
    "GET 3.0/mlflow/assistant/providers": {"providers": []},
    "POST 2.0/mlflow/experiments/search-datasets": {},
    "GET 2.0/mlflow/gateway-proxy": {"endpoints": []},
    "GET 3.0/mlflow/scorers/list": {},
    "POST 3.0/mlflow/datasets/search": {},
    "GET 3.0/mlflow/datasets/search": {},
    "GET 2.0/mlflow/webhooks": {},
    "GET 3.0/mlflow/gateway/secrets/list": {},
    "GET 3.0/mlflow/gateway/endpoints/list": {},
    "GET 3.0/mlflow/gateway/model-definitions/list": {},
    "GET 3.0/mlflow/gateway/endpoints/bindings/list": {},
    "GET 3.0/mlflow/gateway/secrets/config": {"secrets_available": False, "using_default_passphrase": False},
    "GET 3.0/mlflow/review-queues/list": {"next_page_token": ""},
    "GET 3.0/mlflow/review-queues/items/list": {"next_page_token": ""},
    "GET 3.0/mlflow/label-schemas/list": {"label_schemas": []},
    "GET 3.0/mlflow/mcp-servers": {"mcp_servers": [], "next_page_token": None},
}


def is_in(route, table):
    """Also below a path that ends with {*}."""
    method, path = route
    return any(method == listed and (path == other or (other.endswith("/{*}") and path.startswith(other[:-3]))) for listed, other in table)


def test_every_route_that_the_client_declares_has_a_state():
    unknown = {route for route in DECLARED - NOT_THERE if not any(is_in(route, table) for table in TABLES.values())}
    assert unknown == set()
    assert NOT_THERE <= DECLARED and not any(is_in(route, TABLES["Done"]) for route in NOT_THERE)


def test_every_route_that_pages_and_scripts_need_is_done():
    needed = {tuple(one.split()) for one in NEEDED.replace("\n", " ").strip().split(", ")}
    assert {route for route in needed if route not in TABLES["Done"]} == set() and len(needed) > 60


def addresses(path):
    path = path.replace("{*}", "a/b").replace("{}", "x")
    return [above + tree + path for above in ("", "/mlflow") for tree in (("",) if path.startswith("/") else ("/api/", "/ajax-api/"))]


@pytest.mark.parametrize("state", TABLES)
def test_every_route_answers_by_its_state(tracking, state):
    server, _ = tracking
    with requests.Session() as session:
        for method, path in sorted(TABLES[state]):
            for address in addresses(path):
                answer = session.request(method, server.url + address, json=None if method == "GET" else {})
                where = (method, address, answer.status_code, answer.text[:300])
                if state == "Refused":
                    assert answer.status_code == 501 and answer.json()["error_code"] == "NOT_IMPLEMENTED" and "this server does not run" in answer.json()["message"], where
                elif state == "Empty":
                    assert answer.status_code == 200 and answer.json() == EMPTY[f"{method} {path}"], where
                else:
                    assert answer.status_code < 500 and answer.status_code != 405 and "no route matches" not in answer.text, where


def test_routes_that_are_not_there(tracking):
    server, _ = tracking
    for method, path in sorted(NOT_THERE) + [("GET", "2.0/mlflow/users/current"), ("GET", "3.0/mlflow/nothing")]:
        for address in addresses(path):
            answer = requests.request(method, server.url + address, json=None if method == "GET" else {})
            assert answer.status_code == 404 and answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST" and "no route matches" in answer.json()["message"], (method, address, answer.text)
