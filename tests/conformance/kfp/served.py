"""A server for kfp's client, and what the tests of its API have in common."""
import contextlib
import os
import warnings

import clients
import sluice_program

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import kfp
    from kfp import dsl

import kfp_server_api
import waiting

ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")


def client_of(server, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kfp.Client(host=server.url, **options)


def client_behind_a_proxy(server, token):
    """Over loopback, a connection of this user is the owner's, unless a proxy forwards it."""
    client = client_of(server, existing_token=token)
    for part in vars(client).values():
        if hasattr(part, "api_client"):
            part.api_client.set_default_header("X-Forwarded-For", "10.1.2.3")
    return client


@contextlib.contextmanager
def serving(folder, *arguments):
    """A server on a data folder, whose components may be installed. Yields (server, client)."""
    # The client keeps its namespace in a file of its user.
    kfp.Client._LOCAL_KFP_CONTEXT = str(folder.parent / "context" / "context.json")
    with sluice_program.serving(folder, *arguments, env=os.environ | clients.uv_settings()) as server:
        yield server, client_of(server)


def refused(work, status, *words):
    """The client's call is refused with this status, and a message with these words."""
    try:
        work()
    except kfp_server_api.ApiException as error:
        assert error.status == status, (error.status, error.body)
        for word in words:
            assert word in error.body, error.body
        return error.body
    raise AssertionError("it was not refused")


def ended(client, run):
    """Waits until the run has ended; returns it."""
    return waiting.until(lambda: next((found for found in [client.get_run(run)] if found.state in ENDED), None), f"run {run} has ended")


@dsl.component(base_image="python:3.11")
def add(a: int, b: int) -> int:
    return a + b


@dsl.pipeline(name="two-additions", description="(x + 2) + 3")
def two_additions(x: int = 1):
    first = add(a=x, b=2)
    add(a=first.output, b=3).set_display_name("second addition")


@dsl.container_component
def shell(script: str):
    return dsl.ContainerSpec(image="python:3.11", command=["sh", "-c"], args=[script])


@dsl.pipeline(name="one-command")
def one_command(script: str = "true"):
    shell(script=script)


@dsl.container_component
def write(text: str, file: dsl.Output[dsl.Dataset]):
    return dsl.ContainerSpec(image="python:3.11", command=["sh", "-c", 'mkdir -p "$(dirname "$1")"; printf %s "$0" > "$1"'], args=[text, file.path])


@dsl.pipeline(name="one-file")
def one_file(text: str = "some text"):
    write(text=text)


@dsl.pipeline(name="for-a-platform")
def for_a_platform():
    from kfp import kubernetes
    kubernetes.use_field_path_as_env(shell(script="true"), "POD", "metadata.name")
