"""The commands that each minor version of kfp writes for a component that is a Python function; tests/unit/kubeflow/commands_test.cpp says what
Sluice makes of each. Their releases come from the package index, by uv; the last one that was tried is that of tests/clients/kfp.lock."""
import json
import subprocess
import tempfile
from pathlib import Path

import clients

CLIENT = "kfp"
VERSIONS = ["2.0.1", "2.1.3", "2.2.0", "2.3.0", "2.4.0", "2.5.0", "2.6.0", "2.7.0", "2.8.0", "2.9.0", "2.10.1", "2.11.0", "2.12.2", "2.13.0", "2.14.6", "2.15.2",
            "2.16.1", "2.17.0"]
COMPILE = """
import inspect, json, pathlib, sys, tempfile, warnings
warnings.simplefilter("ignore")
import yaml
from kfp import compiler, dsl

options = set(inspect.signature(dsl.component).parameters)
made = {}

def f(a: int) -> int:
    return a

def one(name, **given):
    if not options >= set(given):
        return
    component = dsl.component(base_image="python:3.11", **given)(f)
    @dsl.pipeline(name="p")
    def pipeline():
        component(a=1)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(pipeline, str(file))
        spec = next(yaml.safe_load_all(file.read_text()))
    made[name] = spec["deploymentSpec"]["executors"]["exec-f"]["container"]["command"]

one("plain")
one("packages", packages_to_install=["six==1.16.0", "iniconfig"])
one("indexes", packages_to_install=["six"], pip_index_urls=["https://a.example/simple", "https://b.example/simple"])
one("trusted_hosts", packages_to_install=["six"], pip_index_urls=["https://a.example/simple"], pip_trusted_hosts=["a.example"])
one("own_environment", packages_to_install=["six"], use_venv=True)
one("kfp_of_the_user", packages_to_install=["kfp==2.5.0", "six"])
one("without_kfp", install_kfp_package=False)
json.dump(made, sys.stdout)
"""


def answers(python):
    found = {}
    with tempfile.TemporaryDirectory() as made:
        file = Path(made) / "compile_commands.py"  # kfp reads the source of the function
        file.write_text(COMPILE)
        for version in VERSIONS:
            folder = Path(made) / version
            clients.quietly([clients.uv_program(), "venv", "--quiet", "--python", python.resolve(), folder], clients.uv_settings())
            clients.quietly([clients.uv_program(), "pip", "install", "--quiet", "--python", folder / "bin/python", f"kfp=={version}",
                             "setuptools<81"],  # it has pkg_resources, which old releases import
                            clients.uv_settings())
            done = subprocess.run([folder / "bin/python", file], check=True, capture_output=True, text=True)
            found[version] = json.loads(done.stdout)
    return found
