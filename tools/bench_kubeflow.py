"""Pipelines of Kubeflow for the benchmarks, in the environment of the client `kfp`: compiles them, and runs them as kfp does without a server.

    bench_kubeflow.py compile FOLDER     writes chain.yaml, fan.yaml and many.yaml
    bench_kubeflow.py local FOLDER       prints, as JSON, the seconds that kfp's local runner takes for a component
    bench_kubeflow.py fork               prints the seconds of a fork that runs a component in an interpreter that has imported kfp
"""
import json
import os
import pathlib
import sys
import tempfile
import time
import warnings

IN_FORKS = sys.argv[1] == "fork"
if IN_FORKS:  # what a component imports of kfp is less than what a compiler does
    os.environ["_KFP_RUNTIME"] = "true"
    from kfp.dsl import executor_main
else:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from kfp import compiler, dsl, local

LENGTH = 20
MANY = 1000
IMAGE = "python:3.11"


def step(x: int) -> int:
    return x + 1


def component(**options):
    return dsl.component(step, base_image=IMAGE, **options)


def chain(one, length=LENGTH):
    @dsl.pipeline(name="chain")
    def made(x: int = 0) -> int:
        for _ in range(length):
            x = one(x=x).output
        return x
    return made


def fan(one, width=LENGTH):
    @dsl.pipeline(name="fan")
    def made(x: int = 0):
        for _ in range(width):
            one(x=x)
    return made


def write(folder):
    for name, pipeline in (("chain", chain(component())), ("fan", fan(component())), ("many", fan(component(), MANY))):
        compiler.Compiler().compile(pipeline, str(folder / f"{name}.yaml"))


def seconds(pipeline):
    start = time.perf_counter()
    pipeline()
    return (time.perf_counter() - start) / LENGTH


def run_locally(folder):
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(folder / "local"), raise_on_error=True)
    bare, installing = component(install_kfp_package=False), component()
    return {"chain": seconds(chain(bare)), "fan": seconds(fan(bare)), "chain, pip": seconds(chain(installing)), "fan, pip": seconds(fan(installing))}


def fork():
    source = "\nimport kfp\nfrom kfp import dsl\nfrom kfp.dsl import *\nfrom typing import *\n\ndef step(x: int) -> int:\n    return x + 1\n"
    times = []
    with tempfile.TemporaryDirectory() as folder:
        module = pathlib.Path(folder, "ephemeral_component.py")
        module.write_text(source)
        told = {"inputs": {"parameterValues": {"x": 1}},
                "outputs": {"parameters": {"Output": {"outputFile": f"{folder}/Output"}}, "outputFile": f"{folder}/executor_output.json"}}
        for _ in range(LENGTH):
            start = time.perf_counter()
            child = os.fork()
            if child == 0:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                sys.argv = ["", "--component_module_path", str(module), "--executor_input", json.dumps(told), "--function_to_execute", "step"]
                executor_main.executor_main()
                os._exit(0)
            _, status = os.waitpid(child, 0)
            assert status == 0
            times.append(time.perf_counter() - start)
    return sorted(times)[LENGTH // 2]


if __name__ == "__main__":
    if sys.argv[1] == "compile":
        write(pathlib.Path(sys.argv[2]))
    elif not IN_FORKS:
        found = run_locally(pathlib.Path(sys.argv[2]))
        print("\n" + json.dumps(found))
    else:
        print(fork())
