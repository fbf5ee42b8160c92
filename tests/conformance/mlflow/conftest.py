import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tracked  # noqa: E402


@pytest.fixture(scope="module")
def tracking(tmp_path_factory):
    """(server, client): a server with an empty data folder, for the tests of a file."""
    with tracked.serving(tmp_path_factory.mktemp("tracking") / "data") as both:
        yield both


@pytest.fixture
def client(tracking):
    return tracking[1]


@pytest.fixture
def experiment(client, request):
    return client.create_experiment(request.node.name)
