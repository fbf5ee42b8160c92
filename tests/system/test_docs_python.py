"""docs/python.md: its first example runs as it is, with pandas from the index of this machine; the settings that it names are passed on."""
import os
import re
import subprocess
import sys

from sluice_program import BIN, ROOT, environment, report_of
from test_docs_plans import first_example, lines_of

sys.path.insert(0, str(ROOT / "tools"))
import clients  # noqa: E402

PAGE = ROOT / "docs" / "python.md"
PASSED_ON = set(re.findall(r'"((?:UV|SSL|HTTPS|HTTP|ALL|NO)_[A-Z_]+)"', (ROOT / "src/sluice/environments/uv/uv_environments.cpp").read_text()))


def test_the_first_example_runs_as_it_is(tmp_path):
    arguments, expected = first_example(PAGE, tmp_path)
    settings = {name: value for name, value in os.environ.items() if name in PASSED_ON} | clients.uv_settings()
    done = subprocess.run([BIN / "sluice", *arguments, "--json", "--data", tmp_path / "data"], cwd=tmp_path, capture_output=True, text=True,
                          timeout=600, env=environment(**settings))
    assert lines_of(report_of(done)) == expected, done.stderr


def test_every_setting_that_is_named_is_passed_on():
    named = set(re.findall(r"`((?:UV|SSL|HTTPS|NO)_[A-Z_]+)`", PAGE.read_text()))
    assert named and named <= PASSED_ON
