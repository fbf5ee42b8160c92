"""A short `./dev soak`: kills at random, with a fresh seed that is printed."""
import subprocess
import sys

from sluice_program import BIN, ROOT, environment


def test_some_seconds_of_random_kills_lose_nothing_do_nothing_twice_and_leave_nothing():
    done = subprocess.run([sys.executable, ROOT / "tools" / "soak.py", "0.3"], capture_output=True, text=True, timeout=800, env=environment(SLUICE_BIN=BIN))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost, nothing twice, nothing left" in done.stdout
