"""Compiles the pipelines of pipelines.py and combinations.py, and runs those that kfp's local runner can run: `compile_pipelines.py FOLDER`.

Writes FOLDER/NAME.yaml, and FOLDER/local.json: {NAME: outputs of the local runner}."""
import functools
import gzip
import json
import os
import pathlib
import sys
import tempfile

# What is embedded holds times: always the same ones, so that a recording can be compared.
gzip.compress = functools.partial(gzip.compress, mtime=0)
EMBEDDED = pathlib.Path(__file__).parent / "embedded"
for path in [*EMBEDDED.iterdir(), EMBEDDED]:
    os.utime(path, (0, 0))

import combinations  # noqa: E402, F401: more cases
import pipelines  # noqa: E402
from kfp import compiler, local  # noqa: E402


def main(folder):
    for name, one in pipelines.CASES.items():
        compiler.Compiler().compile(one.pipeline, str(folder / f"{name}.yaml"))
    given = {}
    for name, one in pipelines.CASES.items():
        if not one.local:
            continue
        with tempfile.TemporaryDirectory() as root:
            local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=root)
            try:
                done = one.pipeline(**one.arguments)
            except Exception:  # it refuses what the back end runs, or fails in it
                continue
            given[name] = {key: value for key, value in done.outputs.items() if not hasattr(value, "uri")}
    (folder / "local.json").write_text(json.dumps(given, indent=1))


main(pathlib.Path(sys.argv[1]))
