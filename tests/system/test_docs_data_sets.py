"""The examples of docs/data-sets.md are run as they are written, one after the other, and print what is shown."""
import os
import re
import shutil
import subprocess

import sluice_program
from sluice_program import BIN, ROOT

PAGE = (ROOT / "docs" / "data-sets.md").read_text()
EXAMPLES = re.findall(r"^```sh\n(.*?)^```\n```text\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
PLAN = """
sluice: 1
pipelines:
  main:
    inputs: {pictures: {type: artifact, kind: directory}}
    graph: {look: {process: [test, -d, "${inputs.pictures}"]}}
"""


def test_the_examples_print_what_is_shown(plan, tmp_path, stamps):
    assert len(EXAMPLES) == PAGE.count("```sh") == PAGE.count("```text") == 3
    plan(PLAN)
    birds = sorted((stamps / "bird").iterdir())
    folder = tmp_path / "photographs"
    for label, first in (("oak", 0), ("elm", 3)):
        (folder / label).mkdir(parents=True)
        for i in range(3):
            shutil.copy(birds[first + i], folder / label / f"{i + 1}.png")
    env = sluice_program.environment(SLUICE_DATA=tmp_path / "data") | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    for number, (commands, expected) in enumerate(EXAMPLES):
        if number == 1:  # what a person does between the two
            shutil.move(folder / "oak/3.png", folder / "elm/moved.png")
            (folder / "oak/2.png").unlink()
            shutil.copy(birds[6], folder / "oak/4.png")
        done = subprocess.run(["bash", "-euc", commands], cwd=tmp_path, capture_output=True, text=True, timeout=120, env=env)
        assert done.returncode == 0, done.stderr
        pattern = ".*".join(re.escape(part) for part in expected.split("…"))
        assert re.fullmatch(pattern, done.stdout.rstrip("\n"), re.DOTALL), f"{commands}\n{done.stdout}"
