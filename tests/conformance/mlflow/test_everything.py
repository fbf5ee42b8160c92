"""Everything that MLflow's client can do (everything.py): what it returns from this server is what it returned from MLflow's (`./dev record mlflow`)."""
import pytest
import recording
import tracked
from everything import answers

OTHERWISE = {
    "rename_to_taken": "MLflow's answer is the text of a failed statement of SQL",
    "rename_deleted_experiment": "MLflow's server fails (500)",
    "search_8": "the keys are the same, in a fixed order",
    "search_11": "the comparators are the same, in a fixed order",
    "search_13": "one clause, where MLflow sees two",
    "bad_page_token": "what is not base64 is refused as such",
    "too_many_results": "the message says what is allowed",
}
THEIRS = recording.recorded("mlflow")["client"]


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    with tracked.serving(tmp_path_factory.mktemp("everything") / "data") as (server, _):
        return answers(server.url)


@pytest.mark.parametrize("step", THEIRS)
def test_the_client_returns_what_it_returns_from_mlflow(ours, step):
    if step in OTHERWISE:
        assert set(ours[step]) == {"error_code", "message"} and ours[step]["message"], OTHERWISE[step]
        return
    assert ours[step] == THEIRS[step]


def test_every_step_was_recorded(ours):
    assert set(ours) == set(THEIRS)
