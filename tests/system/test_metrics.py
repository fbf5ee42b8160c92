"""`sluice metrics`: what MLflow's client logged to a run, in the terminal."""
import json
import urllib.request

import pytest
from sluice_program import serving, sluice


def post(server, path, body):
    request = urllib.request.Request(f"{server.url}/api/2.0/mlflow{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.loads(urllib.request.urlopen(request).read())


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """A data folder with one run, whose server runs, and the id of the run."""
    data = tmp_path_factory.mktemp("tracked") / "data"
    with serving(data) as server:
        run = post(server, "/runs/create", {"experiment_id": "0", "run_name": "first\x1b[31m", "start_time": 1})["run"]["info"]["run_id"]
        for begin in range(0, 25_000, 1000):
            post(server, "/runs/log-batch", {"run_id": run, "metrics": [
                {"key": "loss/train", "value": 1 / (i + 1), "timestamp": 1_700_000_000_000 + i, "step": i} for i in range(begin, begin + 1000)]})
        post(server, "/runs/log-batch", {"run_id": run, "metrics": [
            {"key": "- odd", "value": value, "timestamp": 5 + i, "step": -i} for i, value in enumerate(["NaN", -0.5])]})
        post(server, "/runs/log-metric", {"run_id": run, "key": "once", "value": 3, "timestamp": 7})
        yield server, data, run


def test_each_metric_is_a_chart(tracked):
    server, data, run = tracked
    done = sluice("metrics", run[:10], data=data)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["run", run, "first?[31m"] and lines[1].split() == ["status", "running"]
    assert "loss/train = 4e-05  at step 24999" in lines and "once = 3  at step 0" in lines and "- odd = NaN  at step 0" in lines
    chart = lines[lines.index("loss/train = 4e-05  at step 24999") + 1:][:5]
    assert chart[0].split()[0] == "1" and chart[0].split()[1].startswith("⡇") and chart[3].split()[0] == "4e-05" and chart[4] == "  steps 0 to 24999"
    assert lines[-1] == "once = 3  at step 0", "one value is no chart"
    assert sluice("metrics", run, "--server", server.url).stdout == done.stdout


def test_csv_has_every_value(tracked):
    server, data, run = tracked
    done = sluice("metrics", run, "--emit", "csv", data=data)
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head == "key,step,timestamp,value" and len(rows) == 25_003
    assert rows[:2] == ["'- odd,0,5,NaN", "'- odd,-1,6,-0.5"]
    assert rows[2:25_002] == [f"loss/train,{i},{1_700_000_000_000 + i}," + rows[2 + i].rpartition(",")[2] for i in range(25_000)]
    assert all(float(rows[2 + i].rpartition(",")[2]) == 1 / (i + 1) for i in range(25_000))
    one = sluice("metrics", run, "--emit", "csv", "--metric", "once", "--server", server.url)
    assert one.stdout == "key,step,timestamp,value\nonce,0,7,3\n"


def test_metrics_are_named_and_counted(tracked):
    _, data, run = tracked
    shown = json.loads(sluice("metrics", run, "--metric", "loss/train", "--json", data=data).stdout)
    (shown,) = shown["runs"]
    assert shown["run"] == run and shown["metrics_omitted"] == 0
    (metric,) = shown["metrics"]
    assert metric["key"] == "loss/train" and metric["step"] == 24_999 and metric["points"][0]["value"] == 1 and 100 < len(metric["points"]) <= 500
    few = sluice("metrics", run, "--limit", "1", data=data)
    assert "loss/train" not in few.stdout and "2 more; name some with --metric, or raise --limit" in few.stderr


@pytest.mark.parametrize(("arguments", "message"), [
    (["x"], "there is no tracked run `x`; name one by its id, or by how that begins"),
    (["RUN", "--metric", "loss/trian"], "has no metric `loss/trian`; did you mean `loss/train`?"),
    (["RUN", "--emit", "csv", "--json"], "--emit csv is a format of its own; leave out --json"),
])
def test_what_is_wrong_is_said(tracked, arguments, message):
    _, data, run = tracked
    done = sluice("metrics", *[run if word == "RUN" else word for word in arguments], data=data)
    assert done.returncode == 2 and message in done.stderr and not done.stdout


def test_it_works_without_a_server(tmp_path):
    data = tmp_path / "data"
    with serving(data) as server:
        run = post(server, "/runs/create", {"experiment_id": "0", "start_time": 1})["run"]["info"]["run_id"]
        for step in range(3):
            post(server, "/runs/log-metric", {"run_id": run, "key": "m", "value": step, "timestamp": 7, "step": step})
    assert "m = 2  at step 2" in sluice("metrics", run, data=data).stdout
    assert sluice("metrics", run, "--emit", "csv", data=data).stdout == "key,step,timestamp,value\nm,0,7,0\nm,1,7,1\nm,2,7,2\n"
