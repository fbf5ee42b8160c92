"""A server for MLflow's client, and what the tests of this folder have in common."""
import contextlib
import os

import mlflow
import sluice_program
from mlflow.tracking import MlflowClient


@contextlib.contextmanager
def serving(folder, *arguments, **options):
    """A server on a data folder; the client is told of it. Yields (server, client)."""
    with sluice_program.serving(folder, *arguments, **options) as server:
        os.environ |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_TRACKING_URI": server.url, "MLFLOW_DISABLE_TELEMETRY": "true",
                       # Otherwise it loads each model once more, in a process of its own, to list the packages that this imports.
                       "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "0"}
        mlflow.set_tracking_uri(server.url)
        mlflow.set_registry_uri(server.url)
        yield server, MlflowClient(tracking_uri=server.url, registry_uri=server.url)


def refused(work, code, *words):
    """The client's call is refused with this code, and a message with these words."""
    try:
        work()
    except mlflow.exceptions.MlflowException as error:
        assert error.error_code == code, (error.error_code, error.message)
        for word in words:
            assert word in error.message, error.message
        return error.message
    raise AssertionError("it was not refused")
