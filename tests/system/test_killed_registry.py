"""Changes of the registry over MLflow's API, killed at each call that changes a model's folder: each is there as a whole, or not at all."""
import http.client
import json
import subprocess
import urllib.error
import urllib.request

import pytest
import sluice_program
from fault import killing

ROOT_PATH = "/api/2.0/mlflow"
CHANGES = {
    "alias": ("POST", "/registered-models/alias", {"name": "fish", "alias": "champion", "version": "2"}),
    "register": ("POST", "/model-versions/create", {"name": "fish", "source": "s3://bucket/three"}),
    "stage": ("POST", "/model-versions/transition-stage",
              {"name": "fish", "version": "2", "stage": "Production", "archive_existing_versions": True}),
    "remove_version": ("DELETE", "/model-versions/delete", {"name": "fish", "version": "2"}),
    "rename": ("POST", "/registered-models/rename", {"name": "fish", "new_name": "birds"}),
    "remove": ("DELETE", "/registered-models/delete", {"name": "fish"}),
    "create": ("POST", "/registered-models/create", {"name": "new", "tags": [{"key": "k", "value": "v"}]}),
}


def ask(url, method, path, body=None):
    """The response's JSON; None if the server died first."""
    request = urllib.request.Request(url + ROOT_PATH + path, data=None if body is None else json.dumps(body).encode(), method=method,
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException):
        return None


def state(url):
    """All that the registry says, without the times of this test's run."""
    text = json.dumps([ask(url, "GET", "/registered-models/search?max_results=1000"), ask(url, "GET", "/model-versions/search")], sort_keys=True)
    return json.loads(text, object_hook=lambda fields: {name: value for name, value in fields.items() if not name.endswith("_timestamp")})


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A data folder with a model that has two versions, each with an alias and a stage, and its state."""
    data = tmp_path_factory.mktemp("registry") / "data"
    with sluice_program.serving(data) as server:
        assert ask(server.url, "POST", "/registered-models/create", {"name": "fish"})
        for number in ("1", "2"):
            assert ask(server.url, "POST", "/model-versions/create", {"name": "fish", "source": f"s3://bucket/{number}"})
        ask(server.url, "POST", "/registered-models/alias", {"name": "fish", "alias": "champion", "version": "1"})
        ask(server.url, "POST", "/model-versions/transition-stage", {"name": "fish", "version": "1", "stage": "Production"})
        return data, state(server.url)


def points_within(trace, from_line):
    """The points at which to kill: before each call that a change makes, and after the last one."""
    calls = [int(line.split()[1]) for line in trace.read_text().splitlines()[from_line:] if line.startswith("call ")]
    return [f"before:{number}" for number in calls] + [f"after:{calls[-1]}"]


@pytest.mark.needs(apart=True)
@pytest.mark.parametrize("change", CHANGES)
def test_killed_at_every_change_of_the_disk(prepared, tmp_path, change):
    source, before = prepared
    data = sluice_program.copy_data(source, tmp_path / "whole")
    trace = tmp_path / "trace"
    with sluice_program.serving(data, env=killing.doomed(trace=trace, under=(data / "models",))) as server:
        begun = len(trace.read_text().splitlines())
        assert ask(server.url, *CHANGES[change]) is not None
        points = points_within(trace, begun)
        after = state(server.url)
    assert before != after and len(points) > 3
    seen = []
    for point in points:
        data = sluice_program.copy_data(source, tmp_path / point.replace(":", "-"))
        doomed = killing.DoomedServer(data, point, under=(data / "models",))
        assert doomed.url, "it died before it listened"
        assert ask(doomed.url, *CHANGES[change]) is None, f"not killed at {point}"
        doomed.process.wait(60)
        with sluice_program.serving(data) as server:
            seen.append(state(server.url))
        assert seen[-1] in (before, after), point
        for repository in (data / "models" / "default").glob("*.git"):
            subprocess.run(["git", "-C", repository, "fsck", "--strict", "--no-dangling"], check=True, capture_output=True)
        names = [path.name for path in (data / "models" / "default").iterdir()]
        assert not [name for name in names if name.startswith(".renaming")], names
        subprocess.run(["rm", "-rf", data], check=True)
    assert seen[0] == before and seen[-1] == after
    assert seen == sorted(seen, key=lambda each: each == after), "once it is there, it stays"
