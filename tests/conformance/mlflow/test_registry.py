"""MLflow's client and the registry of models (mlflow, unmodified): what it registers are git repositories, and what a job registers is there.

Runs in the environment tests/clients/mlflow.in.
"""
import json
import pathlib
import shutil
import subprocess
import urllib.parse

import mlflow
import numpy
import pytest
import sluice_program
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

PROMPT_TAG = "mlflow.prompt.is_prompt"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with sluice_program.serving(tmp_path_factory.mktemp("registry") / "data") as running:
        yield running


@pytest.fixture
def client(registry, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    mlflow.set_tracking_uri(registry.url)
    mlflow.set_registry_uri(registry.url)
    mlflow.set_experiment("registry")
    return MlflowClient()


class Answer(mlflow.pyfunc.PythonModel):
    def __init__(self, answer):
        self.answer = answer

    def predict(self, context, model_input, params=None):
        return [self.answer]


def log(name, answer="yes"):
    """Logs a model, and registers it; returns the run and what log_model returned."""
    with mlflow.start_run() as run:
        return run, mlflow.pyfunc.log_model(name="model", python_model=Answer(answer), registered_model_name=name,
                                            pip_requirements=[])


def predicted(uri):
    return mlflow.pyfunc.load_model(uri).predict([[0]])


def bare(client, name, count=1, **more):
    """A model with versions that have no content."""
    client.create_registered_model(name)
    return [client.create_model_version(name, "s3://bucket/model", **more) for _ in range(count)]


def refused(code, call, *arguments, **named):
    with pytest.raises(MlflowException) as raised:
        call(*arguments, **named)
    assert raised.value.error_code == code, raised.value
    return raised.value.message.removeprefix(f"{code}: ")


def names(found):
    return [model.name for model in found]


def numbers(found):
    return [int(version.version) for version in found]


def repository(registry, name):
    return registry.data / "models" / "default" / f"{urllib.parse.quote(name)}.git"


def git(folder, *arguments):
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout


def operations(registry, name):
    """The log of changes of a model, newest first."""
    lines = git(repository(registry, name), "log", "--format=%B", "refs/meta/registry").splitlines()
    return [json.loads(line.removeprefix("Op: ")) for line in lines if line.startswith("Op: ")]


def test_log_model_registers_it(client, registry, tmp_path):
    run, logged = log("logged", "first")
    assert logged.registered_model_version == "1"
    version = client.get_model_version("logged", "1")
    assert (version.run_id, version.status, version.current_stage) == (run.info.run_id, "READY", "None")
    assert version.source == f"models:/{logged.model_id}"
    assert client.get_model_version_download_uri("logged", "1") == client.get_logged_model(logged.model_id).artifact_location
    # The server notes it, and so does the client.
    assert json.loads(client.get_logged_model(logged.model_id).tags["mlflow.modelVersions"])[0] == {"name": "logged", "version": 1}
    assert predicted("models:/logged/1") == ["first"]

    git(tmp_path, "clone", "-q", repository(registry, "logged"), tmp_path / "clone")
    logged_files = {entry.path: entry.file_size for entry in mlflow.artifacts.list_artifacts(logged.model_uri)}
    cloned = {path.name: path.stat().st_size for path in (tmp_path / "clone").iterdir() if path.name not in (".git", ".gitattributes")}
    assert cloned == logged_files
    record = json.loads(git(tmp_path / "clone", "tag", "-l", "--format=%(contents)", "v1").split("Sluice-Record: ")[1])
    assert record["run_id"] == run.info.run_id and record["source"] == version.source


def test_large_files_are_the_objects_that_the_artifacts_are(client, registry, tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"weight " * 50_000)
    with mlflow.start_run() as run:
        mlflow.log_artifact(tmp_path / "weights.bin", "model")
    objects = set(path for path in (registry.data / "objects").rglob("*") if path.is_file())
    client.create_registered_model("large")
    client.create_model_version("large", f"runs:/{run.info.run_id}/model", run.info.run_id)
    assert set(path for path in (registry.data / "objects").rglob("*") if path.is_file()) == objects
    assert "git-lfs" in git(repository(registry, "large"), "show", "v1:weights.bin")
    assert mlflow.artifacts.download_artifacts("models:/large/1", dst_path=tmp_path / "got")
    assert (tmp_path / "got" / "weights.bin").read_bytes() == (tmp_path / "weights.bin").read_bytes()
    status, body = registry.ask("GET", "/model-versions/get-artifact?path=weights.bin&name=large&version=1")
    assert status == 200 and body.startswith("weight ")


def test_load_by_version_alias_stage_and_latest(client):
    log("loaded", "one")
    log("loaded", "two")
    client.set_registered_model_alias("loaded", "champion", 1)
    client.transition_model_version_stage("loaded", "1", "production")
    assert predicted("models:/loaded/1") == ["one"]
    assert predicted("models:/loaded/2") == ["two"]
    assert predicted("models:/loaded@champion") == ["one"]
    assert predicted("models:/loaded/Production") == ["one"]
    assert predicted("models:/loaded/latest") == ["two"]


def test_register_model_of_a_run(client):
    with mlflow.start_run() as run:
        logged = mlflow.pyfunc.log_model(name="model", python_model=Answer("later"), pip_requirements=[])
    assert mlflow.register_model(f"runs:/{run.info.run_id}/model", "from-run").version == "1"
    assert mlflow.register_model(logged.model_uri, "from-run").version == "2"
    assert predicted("models:/from-run/1") == predicted("models:/from-run/2") == ["later"]
    assert client.get_model_version("from-run", "1").run_id == run.info.run_id


@pytest.mark.parametrize(("source", "run", "why"), [
    ("runs:/{other}/model", "{run}", "The run_id request parameter must identify the resource that contains the source."),
    ("runs:/{run}/model", None, "The run_id request parameter must identify the resource that contains the source."),
    ("mlflow-artifacts:/0/elsewhere", "{run}", "The run_id request parameter must identify the resource that contains the source."),
    ("models:/m-unknown", None, "The model_id request parameter must identify the resource that contains the source."),
    ("mlflow-artifacts:/1/../2", "{run}", "an absolute path must be provided without relative path references present"),
    ("/etc/passwd", None, "To use a local path as a model version source, the run_id request parameter has to be specified"),
    ("models://elsewhere/m/1", None, "Registered model sources must use the active model registry."),
])
def test_sources_that_are_refused(client, source, run, why):
    with mlflow.start_run() as one, mlflow.start_run(nested=True) as other:
        ids = {"run": one.info.run_id, "other": other.info.run_id}
    if not names(client.search_registered_models("name='sources'")):
        client.create_registered_model("sources")
    message = refused("INVALID_PARAMETER_VALUE", client.create_model_version, "sources", source.format(**ids),
                      run and run.format(**ids))
    assert why in message
    assert not client.search_model_versions("name='sources'")


def test_numbers_count_deleted_versions(client, registry):
    bare(client, "counted", 3)
    client.delete_model_version("counted", "3")
    assert client.create_model_version("counted", "s3://bucket/model").version == "4"
    assert numbers(client.search_model_versions("name='counted'")) == [4, 2, 1]
    refs = git(repository(registry, "counted"), "for-each-ref", "--format=%(refname)")
    assert "refs/deleted/v3" in refs and "refs/tags/v3" not in refs


def test_a_deleted_version_is_gone(client, registry):
    bare(client, "tombs", 2)
    client.set_registered_model_alias("tombs", "champion", 2)
    client.set_registered_model_alias("tombs", "other", 1)
    client.delete_model_version("tombs", "2")
    assert client.get_registered_model("tombs").aliases == {"other": "1"}
    for call in (client.get_model_version, client.get_model_version_download_uri, client.delete_model_version):
        assert refused("RESOURCE_DOES_NOT_EXIST", call, "tombs", "2") == "Model Version (name=tombs, version=2) not found"
    assert refused("INVALID_PARAMETER_VALUE", client.get_model_version_by_alias, "tombs", "champion") \
        == "Registered model alias champion not found."
    assert [version.version for version in client.get_latest_versions("tombs")] == ["1"]
    status, shown = registry.ask("GET", "/v1/models/tombs")
    assert status == 200 and [version["version"] for version in shown["versions"]] == [1]
    assert git(repository(registry, "tombs"), "log", "-1", "--format=%s", "main").strip() == "tombs v1"
    deleted = json.loads(git(repository(registry, "tombs"), "show", "refs/meta/registry:versions/2.json"))
    assert deleted["deleted"]["by"]


def test_a_deleted_model_starts_at_one_again(client, registry):
    bare(client, "phoenix", 2)
    client.delete_registered_model("phoenix")
    assert refused("RESOURCE_DOES_NOT_EXIST", client.get_registered_model, "phoenix") == "Registered Model with name=phoenix not found"
    assert refused("RESOURCE_DOES_NOT_EXIST", client.delete_registered_model, "phoenix")
    assert not client.search_model_versions("name='phoenix'")
    assert registry.ask("GET", "/v1/models/phoenix")[0] == 404
    assert bare(client, "phoenix")[0].version == "1"
    client.delete_registered_model("phoenix")
    assert len(list((registry.data / "models" / "default" / ".trash").glob("phoenix=*"))) == 2


def test_rename(client, registry):
    version = bare(client, "before", 1, tags={"a": "b"})[0]
    bare(client, "taken")
    client.set_registered_model_alias("before", "champion", 1)
    message = refused("RESOURCE_ALREADY_EXISTS", client.rename_registered_model, "before", "taken")
    assert message.startswith("Registered Model (name=taken) already exists.")
    client.rename_registered_model("before", "after")
    renamed = client.get_registered_model("after")
    assert renamed.name == "after" and renamed.last_updated_timestamp > version.last_updated_timestamp
    assert refused("RESOURCE_DOES_NOT_EXIST", client.get_registered_model, "before")
    kept = client.get_model_version("after", "1")
    assert kept.last_updated_timestamp == renamed.last_updated_timestamp
    assert (kept.creation_timestamp, kept.tags, kept.aliases) == (version.creation_timestamp, {"a": "b"}, ["champion"])
    assert names(client.search_registered_models("name IN ('before', 'after')")) == ["after"]
    assert numbers(client.search_model_versions("name='after'")) == [1]
    assert not client.search_model_versions("name='before'")
    assert operations(registry, "after")[0] | {"by": "", "at_ms": 0} == {"op": "rename", "from": "before", "to": "after", "by": "", "at_ms": 0}
    assert client.create_model_version("after", "s3://bucket/model").version == "2"


def test_what_moves_the_time_of_a_model(client):
    bare(client, "times")
    def updated():
        return client.get_registered_model("times").last_updated_timestamp

    before = updated()
    client.set_registered_model_tag("times", "k", "v")
    client.delete_registered_model_tag("times", "k")
    client.set_registered_model_alias("times", "champion", 1)
    client.delete_registered_model_alias("times", "champion")
    client.set_model_version_tag("times", "1", "k", "v")
    client.update_model_version("times", "1", "changed")
    assert updated() == before
    for change in (lambda: client.update_registered_model("times", "described"),
                   lambda: client.create_model_version("times", "s3://bucket/model"),
                   lambda: client.transition_model_version_stage("times", "1", "Staging"),
                   lambda: client.delete_model_version("times", "2")):
        last = updated()
        change()
        assert updated() > last


def test_what_moves_the_time_of_a_version(client):
    first = bare(client, "version-times", 2)[0]
    def updated(number="1"):
        return client.get_model_version("version-times", number).last_updated_timestamp

    assert updated() == first.creation_timestamp
    client.set_model_version_tag("version-times", "1", "k", "v")
    client.set_registered_model_alias("version-times", "a", 1)
    assert updated() == first.creation_timestamp
    described = client.update_model_version("version-times", "1", "text")
    assert described.description == "text" and updated() > first.creation_timestamp
    assert updated("2") < updated()
    assert numbers(client.search_model_versions("name='version-times'")) == [1, 2]


def test_stages(client, registry):
    bare(client, "staged", 3)
    assert client.transition_model_version_stage("staged", "1", "pRODUCTION").current_stage == "Production"
    client.transition_model_version_stage("staged", "2", "production", archive_existing_versions=True)
    assert [client.get_model_version("staged", str(n)).current_stage for n in (1, 2, 3)] == ["Archived", "Production", "None"]
    assert {v.current_stage: v.version for v in client.get_registered_model("staged").latest_versions} == {
        "Archived": "1", "Production": "2", "None": "3"}
    assert [v.version for v in client.get_latest_versions("staged", ["Production"])] == ["2"]
    assert "Invalid Model Version stage: nowhere. Value must be one of None, Staging, Production, Archived." in refused(
        "INVALID_PARAMETER_VALUE", client.transition_model_version_stage, "staged", "1", "nowhere")
    status, code, message = send(registry, "POST", "model-versions/transition-stage", name="staged", version="1", stage="Archived",
                                 archive_existing_versions=True)
    assert (status, code) == (500, "INTERNAL_ERROR") and "'Archived' is not an Active stage" in message
    assert refused("RESOURCE_DOES_NOT_EXIST", client.transition_model_version_stage, "staged", "9", "Staging")


@pytest.mark.parametrize("alias", ["champion", "Champion", "über-größe_2", "1", "a" * 255, "日本"])
def test_aliases(client, registry, alias):
    if not names(client.search_registered_models("name='aliased'")):
        bare(client, "aliased", 2)
    client.set_registered_model_alias("aliased", alias, 1)
    assert client.get_model_version_by_alias("aliased", alias).version == "1"
    client.set_registered_model_alias("aliased", alias, "2")
    found = client.get_model_version_by_alias("aliased", alias)
    assert found.version == "2" and alias in found.aliases
    assert operations(registry, "aliased")[0]["from"] == "v1"
    client.delete_registered_model_alias("aliased", alias)
    client.delete_registered_model_alias("aliased", alias)
    assert alias not in client.get_registered_model("aliased").aliases
    assert refused("INVALID_PARAMETER_VALUE", client.get_model_version_by_alias, "aliased", alias) \
        == f"Registered model alias {alias} not found."


def send(registry, method, route, **body):
    """What the client would refuse itself: (status, error code, message)."""
    status, answer = registry.ask(method, f"/api/2.0/mlflow/{route}", body, {"Content-Type": "application/json"})
    return status, answer.get("error_code"), answer.get("message")


@pytest.mark.parametrize(("alias", "why"), [
    ("latest", "'latest' alias name (case insensitive) is reserved."),
    ("LATEST", "'latest' alias name (case insensitive) is reserved."),
    ("v1", "Version alias name 'v1' is reserved."),
    ("V12", "Version alias name 'V12' is reserved."),
    ("a b", "Invalid alias name: 'a b'. Names may only contain alphanumerics, underscores (_), and dashes (-)."),
    ("a\n", "Invalid alias name: 'a\n'. Names may only contain alphanumerics, underscores (_), and dashes (-)."),
    ("a/b", "Invalid alias name: 'a/b'. Names may only contain alphanumerics, underscores (_), and dashes (-)."),
    ("a" * 256, "'Registered model alias name' exceeds the maximum length of 255 characters"),
])
def test_aliases_that_are_refused(client, registry, alias, why):
    if not names(client.search_registered_models("name='strict'")):
        bare(client, "strict")
    assert send(registry, "POST", "registered-models/alias", name="strict", alias=alias, version="1") == (
        400, "INVALID_PARAMETER_VALUE", why)


def test_an_alias_needs_its_version(client):
    bare(client, "aliases-need")
    assert refused("RESOURCE_DOES_NOT_EXIST", client.set_registered_model_alias, "aliases-need", "a", 7) \
        == "Model Version (name=aliases-need, version=7) not found"
    assert refused("RESOURCE_DOES_NOT_EXIST", client.get_model_version_by_alias, "aliases-no-model", "a") \
        == "Registered Model with name=aliases-no-model not found"


@pytest.mark.parametrize("name", ["with blanks in it", "größe & 'quotes' \"more\"", "日本語", "%41", "a?b#c", "name.git", "x" * 1000, "at@sign"])
def test_names(client, name):
    client.create_registered_model(name)
    client.create_model_version(name, "s3://bucket/model")
    assert client.get_registered_model(name).name == name
    assert client.get_model_version(name, "1").name == name
    assert name in names(client.search_registered_models(max_results=1000))
    message = refused("RESOURCE_ALREADY_EXISTS", client.create_registered_model, name)
    assert message == f"Registered Model (name={name}) already exists."
    client.rename_registered_model(name, "renamed " + name[:900])
    client.delete_registered_model("renamed " + name[:900])
    assert refused("RESOURCE_DOES_NOT_EXIST", client.get_registered_model, name)


@pytest.mark.parametrize(("name", "why"), [
    ("a/b", "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
    ("a:b", "Invalid model name 'a:b'. Names cannot contain '/' or ':'."),
    ("", "Missing value for required parameter 'name'."),
    ("  ", "Missing value for required parameter 'name'."),
    ("..", "Names may be treated as files in certain cases, and must not resolve to other names when treated as such."),
])
def test_names_that_are_refused(registry, name, why):
    status, code, message = send(registry, "POST", "registered-models/create", name=name)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE") and why in message


def test_tags_and_descriptions(client):
    client.create_registered_model("tagged", {"a": "1"}, "text")
    client.set_registered_model_tag("tagged", "b", "2")
    client.set_registered_model_tag("tagged", "a", "changed")
    client.delete_registered_model_tag("tagged", "not there")
    model = client.get_registered_model("tagged")
    assert (model.tags, model.description) == ({"a": "changed", "b": "2"}, "text")
    client.delete_registered_model_tag("tagged", "a")
    assert client.update_registered_model("tagged", "new").description == "new"
    assert client.get_registered_model("tagged").tags == {"b": "2"}

    client.create_model_version("tagged", "s3://bucket/model", tags={"x": "1"}, description="of the version", run_link="http://run")
    client.set_model_version_tag("tagged", "1", "y", "ü" * 5000)
    client.delete_model_version_tag("tagged", "1", "x")
    version = client.get_model_version("tagged", "1")
    assert (version.tags, version.description, version.run_link) == ({"y": "ü" * 5000}, "of the version", "http://run")
    assert refused("INVALID_PARAMETER_VALUE", client.set_model_version_tag, "tagged", "1", "a" * 251, "v") \
        == "'key' exceeds the maximum length of 250 characters"
    assert refused("INVALID_PARAMETER_VALUE", client.set_registered_model_tag, "tagged", "k", "v" * 100_001) \
        == "'value' exceeds the maximum length of 100000 characters"
    client.set_model_version_tag("tagged", "1", "long", "v" * 100_000)


def test_search_models(client):
    for name, tags in (("find-a", {"team": "red"}), ("find-b", {"team": "blue", "x": "1"}), ("Find-c", {})):
        client.create_registered_model(name, tags)

    def found(text, **more):
        return names(client.search_registered_models(text, **more))

    assert found("name = 'find-a'") == ["find-a"]
    assert found("name LIKE 'find%'") == ["find-a", "find-b"]
    assert found("name ILIKE 'find%'") == ["Find-c", "find-a", "find-b"]
    assert found("name LIKE 'find%' AND name != 'find-a'") == ["find-b"]
    assert found("name IN ('find-a', 'Find-c')") == ["Find-c", "find-a"]
    assert found("name LIKE 'find%' AND tags.team = 'blue' AND tags.x = '1'") == ["find-b"]
    assert found("name LIKE 'find%' AND tags.team != 'blue'") == ["find-a"]
    assert found("name ILIKE 'find%'", order_by=["name DESC"]) == ["find-b", "find-a", "Find-c"]
    assert found("name ILIKE 'find%'", order_by=["last_updated_timestamp DESC"]) == ["Find-c", "find-b", "find-a"]
    first = client.search_registered_models("name ILIKE 'find%'", max_results=2)
    assert (names(first), bool(first.token)) == (["Find-c", "find-a"], True)
    second = client.search_registered_models("name ILIKE 'find%'", max_results=2, page_token=first.token)
    assert (names(second), bool(second.token)) == (["find-b"], False)
    assert "Invalid attribute key 'bogus'" in refused("INVALID_PARAMETER_VALUE", client.search_registered_models, "bogus = '1'")
    assert refused("INVALID_PARAMETER_VALUE", client.search_registered_models, max_results=1001)
    assert refused("INVALID_PARAMETER_VALUE", client.search_registered_models, page_token="bogus")


def test_search_versions(client):
    with mlflow.start_run() as run:
        pass
    client.create_registered_model("seek-a")
    client.create_registered_model("seek-b")
    client.create_model_version("seek-a", "s3://bucket/one", run.info.run_id, tags={"k": "1"})
    client.create_model_version("seek-a", "s3://bucket/two", tags={"k": "2"})
    client.create_model_version("seek-b", "s3://bucket/two")

    def found(text, **more):
        return [(version.name, int(version.version)) for version in client.search_model_versions(text, **more)]

    assert found("name LIKE 'seek%'") == [("seek-b", 1), ("seek-a", 2), ("seek-a", 1)]
    assert found(f"run_id = '{run.info.run_id}'") == [("seek-a", 1)]
    assert found(f"run_id IN ('{run.info.run_id}')") == [("seek-a", 1)]
    assert found("source_path = 's3://bucket/two'", order_by=["name ASC"]) == [("seek-a", 2), ("seek-b", 1)]
    assert found("name = 'seek-a' AND version_number >= 2") == [("seek-a", 2)]
    assert found("name = 'seek-a' AND tags.k = '1'") == [("seek-a", 1)]
    assert found("name LIKE 'seek%'", order_by=["version_number ASC", "name DESC"]) == [("seek-b", 1), ("seek-a", 1), ("seek-a", 2)]
    page = client.search_model_versions("name LIKE 'seek%'", max_results=2)
    assert len(page) == 2 and page.token
    assert len(client.search_model_versions("name LIKE 'seek%'", max_results=2, page_token=page.token)) == 1
    client.set_registered_model_alias("seek-a", "champion", 1)
    assert all(not version.aliases for version in client.search_model_versions("name = 'seek-a'"))


def test_prompts(client, registry):
    first = mlflow.genai.register_prompt("greeting", "Hi {{name}}", commit_message="first", tags={"author": "me"})
    second = mlflow.genai.register_prompt("greeting", "Hello {{name}}")
    assert (first.version, second.version) == (1, 2)
    assert mlflow.genai.load_prompt("prompts:/greeting/1").template == "Hi {{name}}"
    mlflow.genai.set_prompt_alias("greeting", "best", 2)
    assert mlflow.genai.load_prompt("prompts:/greeting@best").format(name="you") == "Hello you"
    assert "greeting" in [prompt.name for prompt in mlflow.genai.search_prompts()]
    assert "greeting" not in names(client.search_registered_models(max_results=1000))
    assert not client.search_model_versions("name='greeting'")
    assert len(client.search_model_versions(f"name='greeting' AND tags.`{PROMPT_TAG}` = 'true'")) == 2
    assert "is already taken by a prompt" in send(registry, "POST", "registered-models/create", name="greeting")[2]
    prompt_version = {"name": "greeting", "tags": [{"key": PROMPT_TAG, "value": "true"}]}
    assert send(registry, "POST", "model-versions/create", source="s3://bucket", **prompt_version)[2] \
        == "Invalid prompt source: 's3://bucket'. Prompt sources must use an MLflow placeholder."
    mlflow.genai.delete_prompt_alias("greeting", "best")


def test_copy_model_version(client):
    run, _ = log("copied-from", "copied")
    client.set_model_version_tag("copied-from", "1", "k", "v")
    client.set_registered_model_alias("copied-from", "champion", 1)
    client.transition_model_version_stage("copied-from", "1", "Staging")
    copied = client.copy_model_version("models:/copied-from@champion", "copied-to")
    assert (copied.version, copied.source, copied.run_id) == ("1", "models:/copied-from/1", run.info.run_id)
    assert (copied.tags, copied.aliases, copied.current_stage) == ({"k": "v"}, [], "None")
    assert predicted("models:/copied-to/1") == ["copied"]
    assert client.get_model_version_download_uri("copied-to", "1") == client.get_model_version_download_uri("copied-from", "1")


def test_a_copy_has_the_same_tree(client, registry):
    log("tree-from")
    client.copy_model_version("models:/tree-from/1", "tree-to")
    trees = [git(repository(registry, name), "rev-parse", "v1^{tree}") for name in ("tree-from", "tree-to")]
    assert trees[0] == trees[1]


def test_unknown_models_and_versions(client):
    no_model = "Registered Model with name=nope not found"
    for call in (client.get_registered_model, client.delete_registered_model, client.get_latest_versions):
        assert refused("RESOURCE_DOES_NOT_EXIST", call, "nope") == no_model
    assert refused("RESOURCE_DOES_NOT_EXIST", client.update_registered_model, "nope", "text") == no_model
    assert refused("RESOURCE_DOES_NOT_EXIST", client.create_model_version, "nope", "s3://bucket") == no_model
    assert refused("RESOURCE_DOES_NOT_EXIST", client.get_model_version, "nope", "1") == "Model Version (name=nope, version=1) not found"
    assert refused("INVALID_PARAMETER_VALUE", client.get_model_version, "nope", "x") == "Parameter 'version' must be an integer, got 'x'."


def test_the_index_is_made_again(client, registry, tmp_path):
    """Deleted rows, and a repository that changed while nobody looked: all of the registry is there after a start."""
    log("indexed", "kept")
    client.set_registered_model_tag("indexed", "k", "v")
    bare(client, "indexed-too")
    client.delete_model_version("indexed-too", "1")
    shutil.copytree(registry.data, tmp_path / "data", symlinks=True, ignore=shutil.ignore_patterns("*.sock", "lock"))
    subprocess.run([shutil.which("python3"), "-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
                    "[c.execute(f'DELETE FROM {t}') for t in ('registered_models', 'registered_model_tags', 'registered_versions', "
                    "'registered_version_tags')]; c.commit()", tmp_path / "data" / "ledger.db"], check=True)
    everything = client.search_registered_models(max_results=1000)
    versions = client.search_model_versions(max_results=10_000)
    with sluice_program.serving(tmp_path / "data") as again:
        other = MlflowClient(again.url, again.url)
        assert list(map(dict, other.search_registered_models(max_results=1000))) == list(map(dict, everything))
        assert list(map(dict, other.search_model_versions(max_results=10_000))) == list(map(dict, versions))


def test_changes_are_recorded(client, registry):
    bare(client, "recorded")
    client.set_registered_model_alias("recorded", "champion", 1)
    status, log_of_changes = registry.ask("GET", "/v1/audit")
    assert status == 200
    text = json.dumps(log_of_changes)
    assert "model.register" in text and "recorded champion -> v1" in text


def test_a_model_of_a_job(main_job_copy, main_job_report, tmp_path):
    """A version that Sluice's own job registered: its card, its run, its files."""
    with sluice_program.serving(main_job_copy) as running:
        mlflow.set_tracking_uri(running.url)
        mlflow.set_registry_uri(running.url)
        client = MlflowClient(running.url, running.url)
        found = client.search_model_versions("name='stamps'")
        assert numbers(found) == [1]
        version = found[0]
        assert version.run_id == main_job_report["run"]
        assert version.description.startswith("# stamps\n") and "| accuracy |" in version.description
        assert 0 < float(version.tags["metrics.accuracy"]) <= 1
        assert client.get_model_version_by_alias("stamps", "champion").version == "1"
        got = pathlib.Path(mlflow.artifacts.download_artifacts("models:/stamps@champion", dst_path=tmp_path / "got"))
        git(tmp_path, "-c", "filter.lfs.smudge=", "-c", "filter.lfs.required=false", "clone", "-q",
            main_job_copy / "models" / "default" / "stamps.git", tmp_path / "clone")
        assert (got / "README.md").read_text() == (tmp_path / "clone" / "README.md").read_text()
        assert {path.name for path in (tmp_path / "clone").iterdir()} - {".git", ".gitattributes"} <= {path.name for path in got.iterdir()}
        assert "head.onnx" in [entry.path for entry in mlflow.artifacts.list_artifacts("models:/stamps/1")]
        answers = mlflow.pyfunc.load_model("models:/stamps@champion").predict(numpy.zeros((2, 1280), numpy.float32))
        assert {len(answer) for answer in answers.values()} == {2}
        for method in ("PUT", "DELETE"):
            status, answer = running.ask(method, "/api/2.0/mlflow-artifacts/artifacts/models/stamps/1/README.md", b"changed")
            assert status == 400 and "is the path of a version of a model, which never changes" in answer["message"]
        copied = client.copy_model_version("models:/stamps/1", "stamps-copy")
        assert copied.run_id == version.run_id
        client.update_model_version("stamps", "1", "described anew")
        assert client.get_model_version("stamps", "1").description == "described anew"
        client.rename_registered_model("stamps", "stamps two")
        again = pathlib.Path(mlflow.artifacts.download_artifacts("models:/stamps two/1", dst_path=tmp_path / "again"))
        assert (again / "README.md").exists()


def test_an_endpoint_whose_model_was_removed_says_so(main_job_copy, endpoint):
    with sluice_program.serving(main_job_copy) as running:
        client = MlflowClient(running.url, running.url)
        assert running.ask("GET", f"/v2/models/{endpoint}")[0] == 200
        client.delete_registered_model("stamps")
        status, answer = running.ask("GET", f"/v2/models/{endpoint}")
        assert status == 404 and "there is no model `stamps`" in json.dumps(answer)
        # Another model of that name has another version 1.
        client.create_registered_model("stamps")
        client.copy_model_version("models:/efficientnet-lite0/1", "stamps")
        status, answer = running.ask("GET", f"/v2/models/{endpoint}")
        assert status != 200
    with sluice_program.serving(main_job_copy) as running:
        assert running.ask("GET", f"/v2/models/{endpoint}")[0] != 200
