"""The examples of docs/serving.md are run as they are written, one after the other, and respond as shown."""
import re
import shutil
import subprocess

import pytest
import sluice_program
from sluice_program import ROOT

PAGE = (ROOT / "docs" / "serving.md").read_text()
EXAMPLES = re.findall(r"^```sh\n(.*?)^```\n```text\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(stamps, tmp_path_factory):
    """The files of the examples: pictures that the endpoint has not learned from."""
    made = tmp_path_factory.mktemp("serving")
    for kind in ("bird", "fish"):
        shutil.copy(sorted((stamps / kind).glob("*.png"))[-1], made / f"{kind}.png")
    return made


def test_each_example_has_a_response():
    assert len(EXAMPLES) == PAGE.count("```sh") == PAGE.count("```text") > 0


def test_the_examples_respond_as_shown(server, endpoint, folder):
    assert endpoint == "stamps"
    for commands, expected in EXAMPLES:
        script = commands.replace("http://127.0.0.1:8080", server.url).replace("curl ", "curl -sS ")
        done = subprocess.run(["bash", "-euc", script], cwd=folder, capture_output=True, text=True, timeout=120, env=sluice_program.environment())
        assert done.returncode == 0, done.stderr
        pattern = ".*".join(re.escape(part) for part in expected.split("…"))
        assert re.fullmatch(pattern, done.stdout, re.DOTALL), f"{commands}\n{done.stdout}"
