"""The demo: what `./dev demo` runs once everything is built."""
import json
import subprocess
import sys

import pytest
from sluice_program import BIN, ROOT, environment


def demo(*arguments):
    return subprocess.run([sys.executable, ROOT / "tools" / "demo.py", *map(str, arguments)], capture_output=True, text=True, timeout=300,
                          env=environment(SLUICE_BIN=BIN))


@pytest.fixture(scope="module")
def shown(stamps, tmp_path_factory):
    figures = tmp_path_factory.mktemp("demo") / "figures.json"
    done = demo("--json", figures, "--seeds", 3)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads(figures.read_text())


def test_its_figures_are_those_of_the_job(shown):
    _, figures = shown
    assert figures["classes"] == 10 and figures["learned_from"] == 50 and figures["held_out"] == 188
    assert figures["accuracy"] >= 0.75
    assert figures["rerun_cached_tasks"] == 4
    assert (figures["model"], figures["version"], figures["endpoint"]) == ("stamps", 1, "stamps")
    assert len(figures["commit"]) == 40
    assert figures["folder_to_first_answer_s"] > figures["rerun_s"] > 0


def test_other_splits_are_about_as_good(shown):
    _, figures = shown
    assert figures["seeds"]["count"] == 3
    assert 0.7 < figures["seeds"]["lowest"] <= figures["seeds"]["mean"] <= figures["seeds"]["highest"] < 1


def test_it_shows_the_model_and_what_to_try_next(shown):
    text, figures = shown
    for words in ("Confusion matrix", "Five held-out pictures", "stamps v1: 10 classes", "git log of", "What to try next", "curl -s --json",
                  figures["commit"][:7], f"accuracy {figures['accuracy']:.3f}"):
        assert words in text
    for line in text.split("Five held-out pictures")[1].split("\n\n")[0].splitlines()[1:]:
        assert line.split()[-1] in ("right", "wrong", "rejected")


def test_an_unwritable_data_folder_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    done = demo("--data", tmp_path / "file")
    assert done.returncode != 0
    assert str(tmp_path / "file") in done.stderr and "Traceback" not in done.stderr
