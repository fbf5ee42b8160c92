"""The examples of docs/schedules.md are run as they are written, one after the other, and print what is shown."""
import os
import re
import subprocess

import sluice_program
from sluice_program import BIN, ROOT, serving

PAGE = (ROOT / "docs" / "schedules.md").read_text()
EXAMPLES = re.findall(r"^```sh\n(.*?)^```\n```text\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_examples_print_what_is_shown(plan, tmp_path):
    assert len(EXAMPLES) == PAGE.count("```sh") == PAGE.count("```text") > 0
    plan("sluice: 1\npipelines: {main: {graph: {}}}\n")
    data = tmp_path / "data"
    env = sluice_program.environment(SLUICE_DATA=data) | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    with serving(data):
        for commands, expected in EXAMPLES:
            done = subprocess.run(["bash", "-euc", commands], cwd=tmp_path, capture_output=True, text=True, timeout=120, env=env)
            assert done.returncode == 0, done.stderr
            pattern = ".*".join(re.escape(part) for part in expected.split("…"))
            assert re.fullmatch(pattern, done.stdout.rstrip("\n"), re.DOTALL), f"{commands}\n{done.stdout}"
