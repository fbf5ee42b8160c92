"""The routes of MLflow's server, as the package of its client declares them: methods, paths, and what a request consists of."""
import collections
import importlib

from google.protobuf.descriptor import FieldDescriptor
from mlflow.protos import databricks_pb2

FILES = ("service_pb2", "model_registry_pb2", "mlflow_artifacts_pb2", "webhooks_pb2")
Route = collections.namedtuple("Route", "method path request")  # path: "2.0/mlflow/runs/create", "{}" for a name, "{*}" for a path


def path_of(endpoint):
    names = endpoint.path.strip("/").replace("<path:artifact_path>", "{*}").split("/")
    return "/".join([f"{endpoint.since.major}.0", *("{}" if name.startswith("{") and name != "{*}" else name for name in names)])


def declared():
    """All of them, each once."""
    for file in FILES:
        for service in importlib.import_module(f"mlflow.protos.{file}").DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                for endpoint in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                    yield Route(endpoint.method, path_of(endpoint), method.input_type)


def example(message, known, depth=4):
    """A request with all its fields; those whose names are in `known` have these values."""
    return {field.name: [value] if field.is_repeated and not is_map(field) else value
            for field in message.fields if depth and (value := example_value(field, known, depth)) is not None}


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def example_value(field, known, depth):
    if field.name in known:
        return known[field.name]
    if is_map(field):
        return {"key": "value"}
    if field.message_type is not None:
        well_known = {"google.protobuf.Timestamp": "2026-01-01T00:00:00Z", "google.protobuf.Duration": "1s", "google.protobuf.Value": 1}
        return well_known.get(field.message_type.full_name) or example(field.message_type, known, depth - 1)
    if field.enum_type is not None:
        return field.enum_type.values[-1].name
    kinds = {FieldDescriptor.CPPTYPE_BOOL: True, FieldDescriptor.CPPTYPE_STRING: "text", FieldDescriptor.CPPTYPE_DOUBLE: 0.5, FieldDescriptor.CPPTYPE_FLOAT: 0.5}
    return kinds.get(field.cpp_type, 1)


def places(value, above=()):
    """The places of all values in a request, each as a tuple of keys and indices."""
    if above:
        yield above
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*above, key))


def replaced(value, place, new):
    """A copy with another value at that place."""
    if not place:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = replaced(copy[place[0]], place[1:], new)
    return copy
