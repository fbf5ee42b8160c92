"""What people change in MLflow's own interface, by clicks and keys in a real browser: the client reads it back.

Runs in the environment tests/clients/mlflow.in. Screenshots are left in build/screenshots/mlflow.
"""
import mlflow
import pages
import pytest
import waiting
from mlflow.entities import ViewType

pytestmark = pytest.mark.needs(cpu=1)
MENU = "Open header dropdown menu"
IN_DIALOG = "[role=dialog] button"
KEY_INPUT = "[role=dialog] input[role=combobox]"


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    with pages.serving(tmp_path_factory.mktemp("edits") / "data") as (server, client), pages.opened(tmp_path_factory.mktemp("browser"), server) as shown:
        # Otherwise the list of models begins with a dialog about its new look.
        shown("models", "#/models", "Try it now")
        shown.browser.click("Close", IN_DIALOG)
        yield shown, client


@pytest.fixture
def shown(started, request):
    yield started[0]
    started[0].browser.screenshot(pages.SCREENSHOTS / f"{request.node.name}.png")


@pytest.fixture
def client(started):
    return started[1]


@pytest.fixture
def experiment(client, request):
    return client.create_experiment(request.node.name, tags={"mlflow.experimentKind": "custom_model_development"})


@pytest.fixture
def run(client, experiment):
    return client.create_run(experiment, run_name="before", tags={"team": "blue"}).info.run_id


@pytest.fixture
def model(client, run, request):
    """A registered model with two versions."""
    client.log_text(run, "artifact_path: model\nflavors: {}\n", "model/MLmodel")
    name = request.node.name.removeprefix("test_")
    client.create_registered_model(name)
    for _ in range(2):
        client.create_model_version(name, f"runs:/{run}/model", run)
    return name


def becomes(read, expected):
    """The interface sends it, and the client reads it."""
    try:
        waiting.until(lambda: read() == expected, f"{expected!r} is read")
    except AssertionError:
        assert read() == expected


def opens(chromium, button, words, tries=5):
    """Clicks until a dialog with these words is there: a page that still loads makes its parts anew, and forgets a click."""
    for attempt in range(1, tries + 1):
        chromium.click(button)
        try:
            return chromium.shows(words, limit=10)
        except AssertionError:
            if attempt == tries:
                raise


def open_run(shown, experiment, run):
    shown("run-to-edit", f"#/experiments/{experiment}/runs/{run}", "before", "Metrics")


def open_runs(shown, experiment, *words):
    shown("runs-to-edit", f"#/experiments/{experiment}/runs?compareRunsMode=TABLE", *words)


def add_tag(chromium, key, value):
    chromium.click(None, KEY_INPUT)
    chromium.type(key)
    chromium.press("Enter")
    chromium.click("Type a value")
    chromium.type(value)
    chromium.click("Add tag")
    chromium.shows(f"{key}\n: {value}")
    chromium.click("Save tags")


# Experiments

def test_an_experiment_is_created(shown, client):
    shown("experiments-to-edit", "#/experiments", "Default")
    shown.browser.click("Create")
    shown.browser.click("Input an experiment name")
    shown.browser.type("made by hand ~ ü")
    shown.browser.click("Create", IN_DIALOG)
    becomes(lambda: client.get_experiment_by_name("made by hand ~ ü") is None, False)


def test_the_name_and_the_description_of_an_experiment(shown, client, experiment, run):
    open_runs(shown, experiment, "before")
    shown.browser.click(MENU)
    shown.browser.click("Edit experiment")
    shown.browser.click("Enter experiment name")
    shown.browser.type("renamed by hand")
    shown.browser.click(None, "[role=dialog] textarea")
    shown.browser.type("What it is *for*.")
    shown.browser.click("Save", IN_DIALOG)
    becomes(lambda: client.get_experiment(experiment).name, "renamed by hand")
    becomes(lambda: client.get_experiment(experiment).tags.get("mlflow.note.content"), "What it is *for*.")


def test_tags_of_an_experiment(shown, client, experiment):
    shown("experiments-to-edit", "#/experiments", client.get_experiment(experiment).name)
    shown.browser.click("Search experiments")
    shown.browser.type(client.get_experiment(experiment).name)
    shown.browser.press("Enter")
    waiting.until(lambda: "Default" not in shown.browser.text(), "only its own row is shown")
    shown.browser.click("Edit tags")
    add_tag(shown.browser, "by", "hand")
    becomes(lambda: client.get_experiment(experiment).tags.get("by"), "hand")


def test_an_experiment_is_deleted(shown, client, experiment, run):
    open_runs(shown, experiment, "before")
    shown.browser.click(MENU)
    shown.browser.click("Delete")
    shown.browser.click("Delete", IN_DIALOG)
    becomes(lambda: client.get_experiment(experiment).lifecycle_stage, "deleted")
    assert [found.experiment_id for found in client.search_experiments(view_type=ViewType.DELETED_ONLY)] == [experiment]


# Runs

def test_a_run_is_renamed(shown, client, experiment, run):
    open_run(shown, experiment, run)
    shown.browser.click(MENU)
    shown.browser.click("Rename")
    shown.browser.click("Input a run name")
    shown.browser.type("renamed by hand")
    shown.browser.click("Save", IN_DIALOG)
    becomes(lambda: client.get_run(run).info.run_name, "renamed by hand")
    assert client.get_run(run).data.tags["mlflow.runName"] == "renamed by hand"
    shown.browser.shows("renamed by hand")


def test_the_description_of_a_run(shown, client, experiment, run):
    open_run(shown, experiment, run)
    shown.browser.click("Edit description")
    shown.browser.click(None, "textarea")
    shown.browser.type("What it was *for*.")
    shown.browser.click("Save")
    becomes(lambda: client.get_run(run).data.tags.get("mlflow.note.content"), "What it was *for*.")
    shown.browser.shows("What it was for.")


def test_tags_of_a_run(shown, client, experiment, run):
    open_run(shown, experiment, run)
    shown.browser.click("Edit tags")
    add_tag(shown.browser, "by", "hand")
    becomes(lambda: {key: value for key, value in client.get_run(run).data.tags.items() if not key.startswith("mlflow.")}, {"team": "blue", "by": "hand"})
    shown.browser.shows("by", "hand")


def test_a_run_is_deleted_on_its_page(shown, client, experiment, run):
    open_run(shown, experiment, run)
    shown.browser.click(MENU)
    shown.browser.click("Delete")
    shown.browser.click("Delete selected", IN_DIALOG)
    becomes(lambda: client.get_run(run).info.lifecycle_stage, "deleted")


def test_runs_are_deleted_and_restored_in_the_table(shown, client, experiment, run):
    other = client.create_run(experiment, run_name="other").info.run_id
    open_runs(shown, experiment, "before", "other")
    shown.browser.click("Select all runs")
    shown.browser.click("Delete")
    shown.browser.click("Delete selected", IN_DIALOG)
    becomes(lambda: {client.get_run(one).info.lifecycle_stage for one in (run, other)}, {"deleted"})
    shown.browser.click("State, selected option: Active")
    shown.browser.click("Deleted")
    shown.browser.shows("before", "other")
    shown.browser.click("Select all runs")
    shown.browser.click("Restore")
    shown.browser.click("Restore", IN_DIALOG)
    becomes(lambda: {client.get_run(one).info.lifecycle_stage for one in (run, other)}, {"active"})


# Models

def test_a_model_is_created(shown, client):
    shown("models-to-edit", "#/models", "Registered Models")
    shown.browser.click("Create Model")
    shown.browser.click(None, "[role=dialog] input")
    shown.browser.type("made by hand")
    shown.browser.click("Create", IN_DIALOG)
    becomes(lambda: [found.name for found in client.search_registered_models("name = 'made by hand'")], ["made by hand"])


def test_a_version_is_registered_from_a_run(shown, client, experiment, run):
    client.log_text(run, "artifact_path: model\nflavors: {}\n", "model/MLmodel")
    client.create_registered_model("from a run")
    shown("artifacts-to-register", f"#/experiments/{experiment}/runs/{run}/artifacts/model", "MLmodel", "Register model")
    shown.browser.click("Register model")
    shown.browser.click(None, KEY_INPUT)
    shown.browser.type("from a run")
    shown.browser.press("Enter")
    shown.browser.click("Register", IN_DIALOG)
    becomes(lambda: [(found.version, found.run_id) for found in client.search_model_versions("name = 'from a run'")], [("1", run)])


def test_the_description_of_a_model(shown, client, model):
    shown("model-to-edit", f"#/models/{model}", model, "Version 2")
    shown.browser.click("Edit")
    shown.browser.click(None, "textarea")
    shown.browser.type("what it is for")
    shown.browser.click("Save")
    becomes(lambda: client.get_registered_model(model).description, "what it is for")


def test_an_alias(shown, client, model):
    shown("version-to-edit", f"#/models/{model}/versions/1", "Version 1")
    opens(shown.browser, "Add", "Save aliases")
    shown.browser.click(None, KEY_INPUT)
    shown.browser.type("champion")
    shown.browser.press("Enter")
    shown.browser.click("Save aliases")
    becomes(lambda: client.get_registered_model(model).aliases, {"champion": "1"})
    shown.browser.shows("champion")


def test_tags_of_a_version(shown, client, model):
    shown("version-to-edit", f"#/models/{model}", "Version 2")
    shown.browser.click("Add", "button[data-component-id*=keyvaluetags]")
    add_tag(shown.browser, "by", "hand")
    becomes(lambda: client.get_model_version(model, "1").tags, {"by": "hand"})


def test_the_description_of_a_version(shown, client, model):
    shown("version-to-edit", f"#/models/{model}/versions/1", "Version 1")
    shown.browser.click("Edit")
    shown.browser.click(None, "textarea")
    shown.browser.type("the first one")
    shown.browser.click("Save")
    becomes(lambda: client.get_model_version(model, "1").description, "the first one")


def test_a_version_is_deleted(shown, client, model):
    shown("version-to-edit", f"#/models/{model}/versions/1", "Version 1")
    shown.browser.click(MENU)
    shown.browser.click("Delete")
    shown.browser.click("Delete", IN_DIALOG)
    becomes(lambda: [found.version for found in client.search_model_versions(f"name = '{model}'")], ["2"])


def test_a_model_is_deleted(shown, client, model):
    shown("model-to-edit", f"#/models/{model}", model, "Version 2")
    shown.browser.click(MENU)
    shown.browser.click("Delete")
    shown.browser.click("Delete", IN_DIALOG)
    becomes(lambda: [found.name for found in client.search_registered_models(f"name = '{model}'")], [])


# Prompts and traces

def test_a_prompt_is_created(shown, client):
    shown("prompts-to-edit", "#/prompts", "create a prompt manually")
    shown.browser.click(None, "[data-testid=create-prompt-empty-state-button]")
    shown.browser.click(None, "[data-component-id='mlflow.prompts.create.name']")
    shown.browser.type("greeting")
    shown.browser.click(None, "[role=dialog] textarea")
    shown.browser.type("Hi {{name}}")
    shown.browser.click("Create", IN_DIALOG)
    becomes(lambda: [found.name for found in mlflow.genai.search_prompts("name = 'greeting'")], ["greeting"])
    becomes(lambda: [found.version for found in client.search_model_versions("name = 'greeting' AND tags.`mlflow.prompt.is_prompt` = 'true'")], ["1"])
    assert mlflow.genai.load_prompt("prompts:/greeting/1").template == "Hi {{name}}"


@pytest.fixture
def trace(client, experiment):
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_span("chain") as span:
        span.set_inputs({"question": "why"})
    mlflow.flush_trace_async_logging()
    return span.trace_id


def test_a_trace_is_assessed(shown, client, experiment, trace):
    shown("trace-to-edit", f"#/experiments/{experiment}/traces?selectedEvaluationId={trace}", "why", "Assess")
    shown.browser.click("Assess trace")
    shown.browser.click(None, "textarea[data-component-id*=assessment-notes]")
    shown.browser.type("because it is")
    shown.browser.click(None, "button[data-component-id*=assessment-notes-save]")
    becomes(lambda: [found.value for found in client.get_trace(trace).info.assessments], ["because it is"])


def test_a_trace_is_deleted(shown, client, experiment, trace):
    shown("traces-to-edit", f"#/experiments/{experiment}/traces", "why")
    shown.browser.click(f"Select trace {trace}")
    shown.browser.click("Actions for selected traces")
    shown.browser.click("Delete", "[role=menuitem]")
    shown.browser.click("Delete", IN_DIALOG)
    becomes(lambda: len(client.search_traces(locations=[experiment])), 0)


def test_no_page_threw(started):
    started[0].check()
