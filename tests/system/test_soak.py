"""A short `./dev soak`: kills at random, with a fresh seed that is printed."""
import subprocess
import sys

import pytest
from sluice_program import BIN, ROOT, environment


@pytest.mark.parametrize("minutes", ["0.3", pytest.param("10", marks=pytest.mark.long)])
def test_random_kills_lose_nothing_do_nothing_twice_and_leave_nothing(minutes):
    done = subprocess.run([sys.executable, ROOT / "tools" / "soak.py", minutes], capture_output=True, text=True, timeout=800 + 60 * float(minutes),
                          env=environment(SLUICE_BIN=BIN))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost, nothing twice, nothing left" in done.stdout
