"""What `sluice compile` and `sluice run` do with pipelines of the unmodified kfp besides running them (test_pipelines.py)."""
import json
import os
import subprocess
import sys

import clients
import packages
import pytest
import recording
import yaml
from kfp import compiler, dsl, kubernetes
from sluice_program import BIN

pytestmark = pytest.mark.needs(cpu=1)


@dsl.component(base_image="python:3.11")
def word(text: str) -> str:
    import os
    return text + os.environ.get("TOKEN", "")


@dsl.pipeline(name="words")
def words(text: str = "hello") -> str:
    return word(text=text).output


def sluice(folder, *arguments, input=None, **variables):
    environment = os.environ | clients.uv_settings() | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"} | variables
    return subprocess.run([BIN / "sluice", *map(str, arguments), "--data", folder / "data"], cwd=folder, capture_output=True, text=True, timeout=300,
                          env=environment, input=input)


def outputs(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["outputs"]


def compiled(folder, pipeline, name="pipeline.yaml"):
    compiler.Compiler().compile(pipeline, str(folder / name))
    return folder / name


def test_a_pipeline_in_json(tmp_path):
    [spec] = yaml.safe_load_all(compiled(tmp_path, words).read_text())
    (tmp_path / "pipeline.json").write_text(json.dumps(spec))
    assert outputs(sluice(tmp_path, "run", "pipeline.json", "--json", "--input", "text=you")) == {"Output": "you"}


@pytest.mark.parametrize("name", ["words.zip", "words.tar.gz"])
def test_a_package(tmp_path, name):
    content = compiled(tmp_path, words).read_bytes()
    made = packages.zipped({"pipeline.yaml": content}) if name.endswith(".zip") else packages.targz(packages.member("pipeline.yaml", content))
    (tmp_path / name).write_bytes(made)
    assert "word:" in sluice(tmp_path, "compile", name).stdout
    assert outputs(sluice(tmp_path, "run", name, "--json", "--input", "text=you")) == {"Output": "you"}
    scheduled = sluice(tmp_path, "schedule", name, "--every", "1h", "--name", "hourly")
    assert scheduled.returncode == 0 and "schedule hourly" in scheduled.stdout, scheduled.stderr
    (tmp_path / name).write_bytes(made[:-60])
    refused = sluice(tmp_path, "run", name)
    assert refused.returncode == 2 and refused.stderr.startswith(f"sluice: {name}: ") and "the package" in refused.stderr, refused.stderr


PYTHON_FILE = """
from kfp import dsl

@dsl.component(base_image="python:3.11")
def word(text: str) -> str:
    return text

@dsl.pipeline
def one(text: str = "one") -> str:
    return word(text=text).output
"""


def test_a_python_file(tmp_path):
    (tmp_path / "words.py").write_text(PYTHON_FILE)
    assert outputs(sluice(tmp_path, "run", "words.py", "--json")) == {"Output": "one"}


def test_a_python_file_of_several_pipelines(tmp_path):
    (tmp_path / "words.py").write_text(PYTHON_FILE + PYTHON_FILE.replace("def one", "def two").replace('"one"', '"two"'))
    done = sluice(tmp_path, "run", "words.py")
    assert done.returncode == 2 and "--pipeline" in done.stderr
    assert outputs(sluice(tmp_path, "run", "words.py", "--json", "--pipeline", "two")) == {"Output": "two"}


def test_a_python_file_that_cannot_be_compiled(tmp_path):
    (tmp_path / "words.py").write_text("raise ValueError('not today')")
    done = sluice(tmp_path, "compile", "words.py")
    assert done.returncode == 2 and "not today" in done.stderr


def test_images_are_chosen(tmp_path):
    file = compiled(tmp_path, words)
    assert "image: python:3.11" in sluice(tmp_path, "compile", file, "--images", "container").stdout
    file.write_text(file.read_text().replace("image: python:3.11", "image: ghcr.io/team/words:1"))
    assert "image: ghcr.io/team/words:1" in sluice(tmp_path, "compile", file).stdout
    assert outputs(sluice(tmp_path, "run", file, "--json", "--image", "ghcr.io/team/*=python")) == {"Output": "hello"}
    wrong = sluice(tmp_path, "run", file, "--image", "ghcr.io/team/*=java")
    assert wrong.returncode == 2 and "can be only `python`" in wrong.stderr


def test_the_dialect_is_chosen(tmp_path):
    file = compiled(tmp_path, words)
    done = sluice(tmp_path, "compile", file, "--dialect", "sluice")
    assert done.returncode == 2 and "a plan should have `sluice: 1`" in done.stderr
    assert sluice(tmp_path, "compile", file, "--dialect", "kubeflow").returncode == 0


def of_an_earlier_kfp(folder, version):
    """What it wrote for `def f(a: int) -> int`, which returns what it is given."""
    spec = yaml.safe_load(compiled(folder, words).read_text())
    spec["sdkVersion"] = f"kfp-{version}"
    [executor] = spec["deploymentSpec"]["executors"].values()
    executor["container"]["command"] = recording.recorded("kubeflow_commands")[version]["plain"]
    executor["container"]["args"] = [{"word": "f"}.get(word, word) for word in executor["container"]["args"]]
    text = yaml.safe_dump(spec).replace("STRING", "NUMBER_INTEGER").replace("defaultValue: hello", "defaultValue: 5.0").replace("text", "a")
    (folder / "earlier.yaml").write_text(text)
    return folder / "earlier.yaml"


@pytest.mark.parametrize("version", ["2.0.1", "2.7.0"])
def test_pipelines_of_earlier_releases(tmp_path, version):
    """They have no wheels: it has to be allowed to build them."""
    file = of_an_earlier_kfp(tmp_path, version)
    refused = sluice(tmp_path, "run", file)
    assert refused.returncode == 2 and f"kfp=={version} has no usable wheels" in refused.stderr, refused.stderr
    assert "packages are built from sources with SLUICE_ALLOW_REQUIREMENTS=sources in the environment of the server" in refused.stderr
    assert outputs(sluice(tmp_path, "run", file, "--json", "--input", "a=7", SLUICE_ALLOW_REQUIREMENTS="sources")) == {"Output": 7}


@dsl.pipeline(name="with-a-secret")
def with_a_secret() -> str:
    said = word(text="token ")
    kubernetes.use_secret_as_env(said, secret_name="hub", secret_key_to_env={"token": "TOKEN"})
    kubernetes.add_node_selector(said, "disk", "ssd")
    return said.output


def test_secrets_and_what_only_kubernetes_has(tmp_path):
    file = compiled(tmp_path, with_a_secret)
    missing = sluice(tmp_path, "run", file)
    assert missing.returncode == 2 and "there is no secret `hub.token`" in missing.stderr
    assert sluice(tmp_path, "secrets", "set", "hub", "token", input="s3cr3t").returncode == 0
    done = sluice(tmp_path, "run", file, "--json")
    assert outputs(done) == {"Output": "token s3cr3t"}
    assert "warning: `nodeSelector` of executor `exec-word` is for Kubernetes" in done.stderr
    strict = sluice(tmp_path, "run", file, "--strict")
    assert strict.returncode == 2 and "which `--strict` refuses" in strict.stderr
