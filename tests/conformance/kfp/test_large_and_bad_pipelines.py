"""Pipelines that are large, which is fine, and those that are wrong: through the command and through the client, which say what and where."""
import copy
import json
import re
import resource
import subprocess

import packages
import pytest
import recording
import served
import yaml
from sluice_program import BIN, ROOT, environment
from test_bad_requests import BOMB, FORM, form

pytestmark = pytest.mark.needs(cpu=1)
MIB = 1 << 20
MEMORY_MB = {"compile": 256, "run": 1024, "schedule": 256}  # a run has threads, whose stacks count
GOLDEN = ROOT / "tests" / "golden" / "kubeflow"
BAD = sorted(path.stem for path in GOLDEN.glob("bad_*.case"))


@pytest.fixture(scope="module")
def kubeflow(tmp_path_factory):
    with served.serving(tmp_path_factory.mktemp("pipelines") / "data") as both:
        yield both


@pytest.fixture
def client(kubeflow):
    return kubeflow[1]


def sluice(folder, *arguments, memory_mb=None):
    def limit():
        resource.setrlimit(resource.RLIMIT_DATA, (memory_mb * MIB, memory_mb * MIB))
    return subprocess.run([BIN / "sluice", *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=300, env=environment(),
                          preexec_fn=limit if memory_mb else None)


def sections(name):
    parts = re.split(r"^--- (\w+)\n", (GOLDEN / f"{name}.case").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_pipeline(kubeflow, tmp_path, name):
    """All problems at once, each with its place."""
    server, client = kubeflow
    case = sections(name)
    (tmp_path / "pipeline.yaml").write_text(case["input"])
    compiled = sluice(tmp_path, "compile", "pipeline.yaml")
    assert compiled.returncode == 2 and compiled.stdout == ""
    assert compiled.stderr.removeprefix("sluice: ") == case["problems"]
    run = sluice(tmp_path, "run", "pipeline.yaml", "--data", tmp_path / "data")
    assert run.returncode == 2 and case["problems"].splitlines()[0] in run.stderr
    status, answer = server.ask("POST", "/apis/v2beta1/pipelines/upload?name=wrong", form(case["input"].encode()), FORM)
    assert status == 400 and answer["message"].splitlines()[0] == case["problems"].splitlines()[0], answer


WRONG_SPECS = {"bad_component": "is of the component `comp-ad`, which is not there", "bad_component_cycle": "contains itself",
               "bad_task_cycle": "cycle: `", "bad_executor": "needs the executor `exec-add`, which is not there",
               "bad_types": "`a` of task `one` should be NUMBER_INTEGER, not STRING"}


@pytest.mark.parametrize("name", WRONG_SPECS)
def test_a_wrong_specification(client, tmp_path, name):
    """As the client sends a run, in JSON."""
    file = tmp_path / "pipeline.yaml"
    file.write_text(sections(name)["input"])
    message = json.loads(served.refused(lambda: client.create_run_from_pipeline_package(str(file), run_name="wrong"), 400))["message"]
    assert re.match(r"wrong:1:\d+: ", message) and WRONG_SPECS[name] in message, message


BOMBS = {
    "aliases": ("pipelineInfo: {name: x}\nroot: {}\n" + BOMB, "pipeline.yaml:"),
    "nested": ("pipelineInfo: {name: x}\nroot: " + "[" * 100_000, "pipeline.yaml:"),
    "documents": ("pipelineInfo: {name: x}\nroot: {}\n" + "---\n{}\n" * 100_000, "another document starts here; a file must hold at most 2"),
    "a zip bomb": (packages.zipped({"pipeline.yaml": bytes(100 * MIB)}), "unpacks to more than"),
    "a bomb of aliases in a zip": (packages.zipped({"pipeline.yaml": "pipelineInfo: {name: x}\nroot: {}\n" + BOMB}), "pipeline.yaml/pipeline.yaml:"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb(tmp_path, name):
    content, words = BOMBS[name]
    content = content.encode() if isinstance(content, str) else content
    (tmp_path / "pipeline.yaml").write_bytes(content)
    for command in (("compile",), ("run", "--data", tmp_path / "data"), ("schedule", "--every", "1h", "--data", tmp_path / "data")):
        done = sluice(tmp_path, command[0], "pipeline.yaml", *command[1:], memory_mb=MEMORY_MB[command[0]])
        assert done.returncode == 2 and words in done.stderr and len(done.stderr) < 20_000, (command, done.returncode, done.stderr[:1000])


def sixty_tasks(size):
    """Each with a component of its own, whose source is large; together they have this size."""
    spec = yaml.safe_load("\n".join(recording.recorded("kubeflow")["chain_of_two"]["compiled"]))
    [component] = [name for name in spec["components"] if name == "comp-add"]
    made = {"components": {}, "executors": {}, "tasks": {}}
    for i in range(60):
        made["components"][f"comp-add-{i}"] = dict(copy.deepcopy(spec["components"][component]), executorLabel=f"exec-add-{i}")
        executor = copy.deepcopy(spec["deploymentSpec"]["executors"]["exec-add"])
        executor["container"]["command"][-1] += "\n" + f"# {i}" * (size // 60 // 4)
        made["executors"][f"exec-add-{i}"] = executor
        made["tasks"][f"add-{i}"] = {"componentRef": {"name": f"comp-add-{i}"}, "taskInfo": {"name": f"add-{i}"}, "cachingOptions": {"enableCache": True},
                                     "inputs": {"parameters": {"a": {"runtimeValue": {"constant": i}}}}}
    spec["components"], spec["deploymentSpec"]["executors"], spec["root"]["dag"]["tasks"] = made["components"], made["executors"], made["tasks"]
    del spec["root"]["dag"]["outputs"], spec["root"]["outputDefinitions"]
    return yaml.safe_dump(spec, width=1_000_000)


def test_sixty_tasks_of_two_megabytes(client, tmp_path):
    text = sixty_tasks(int(1.9 * MIB))
    assert 1.8 * MIB < len(text) < 2.1 * MIB, len(text) / MIB
    file = tmp_path / "pipeline.yaml"
    file.write_text(text)
    run = client.create_run_from_pipeline_package(str(file)).run_id
    done = served.ended(client, run)
    assert done.state == "SUCCEEDED" and len(done.run_details.task_details) == 60, done.error
    pipeline = client.upload_pipeline(str(file), "large").pipeline_id
    [version] = client.list_pipeline_versions(pipeline).pipeline_versions
    assert len(json.dumps(client.get_pipeline_version(pipeline, version.pipeline_version_id).pipeline_spec)) > 1.8 * MIB


def test_five_thousand_tasks(client, tmp_path):
    """Of the same work, so that all but the first come from the cache."""
    tasks = {f"t-{i}": {"componentRef": {"name": "comp-t"}, "taskInfo": {"name": f"t-{i}"}, "cachingOptions": {"enableCache": True}} for i in range(5_000)}
    for name in tasks.keys() - {"t-0"}:
        tasks[name]["dependentTasks"] = ["t-0"]
    spec = {"pipelineInfo": {"name": "many"}, "schemaVersion": "2.1.0", "sdkVersion": "kfp-2.17.0", "components": {"comp-t": {"executorLabel": "exec-t"}},
            "deploymentSpec": {"executors": {"exec-t": {"container": {"image": "python:3.11", "command": ["true"]}}}}, "root": {"dag": {"tasks": tasks}}}
    file = tmp_path / "pipeline.yaml"
    file.write_text(yaml.safe_dump(spec))
    done = sluice(tmp_path, "compile", file)
    assert done.returncode == 0 and "t-4999:" in done.stdout, done.stderr
    run = client.create_run_from_pipeline_package(str(file)).run_id
    details = served.ended(client, run)
    assert details.state == "SUCCEEDED" and len(details.run_details.task_details) == 5_000, details.error
