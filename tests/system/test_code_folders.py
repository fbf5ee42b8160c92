"""Folders of code as people have them: in git work trees, with what Python, editors and build tools leave there."""
import subprocess

import pytest
from sluice_program import report_of, sluice

PLAN = """
sluice: 1
pipelines:
  main:
    outputs: {text: "${say.text}"}
    graph:
      say:
        process: [/bin/sh, say.sh, "${out.text}"]
        code: .
        outputs: {text: {type: string, form: text}}
"""
SCRIPT = "ls -A > listed; tr '\\n' ' ' < listed > \"$1\"\n"


@pytest.fixture
def plan_file(plan):
    return plan(PLAN, say__sh=SCRIPT)


def run(plan_file, tmp_path):
    done = sluice("run", plan_file, "--json", data=tmp_path / "data")
    return report_of(done), done.stderr


def git(*arguments, cwd):
    subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True)


def test_what_programs_leave_there_is_not_code(plan_file, tmp_path):
    (tmp_path / ".sluiceignore").write_text("data/\n")
    first, _ = run(plan_file, tmp_path)
    for name in ("__pycache__/say.cpython-311.pyc", ".venv/bin/python", ".say.sh.swp", ".git/HEAD", ".DS_Store", ".idea/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / ".#say.sh").symlink_to("somebody@host.1234:1700000000")
    again, _ = run(plan_file, tmp_path)
    assert [task["cached"] for task in again["tasks"]] == [True]
    assert again["outputs"] == first["outputs"]


def test_what_git_ignores_is_not_code_and_the_run_says_so(plan_file, tmp_path):
    git("init", "-q", cwd=tmp_path)
    (tmp_path / ".gitignore").write_text("data/\n*.log\n")
    (tmp_path / "a.log").write_text("1")
    (tmp_path / "kept.log").write_text("1")
    (tmp_path / ".sluiceignore").write_text("!kept.log\n")
    report, told = run(plan_file, tmp_path)
    assert report["outputs"]["text"].split() == [".gitignore", "kept.log", "listed", "plan.yaml", "say.sh"]
    assert "`code: .`: without 2 files and folders that git ignores; `!PATTERN` in .sluiceignore keeps them" in told
    (tmp_path / "a.log").write_text("2")
    assert run(plan_file, tmp_path)[0]["tasks"][0]["cached"]


def test_a_program_that_the_arguments_name_is_code_although_git_ignores_it(plan, tmp_path):
    file = plan(PLAN.replace("say.sh", "build/say.sh"))
    git("init", "-q", cwd=tmp_path)
    (tmp_path / ".gitignore").write_text("data/\nbuild/\n")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "say.sh").write_text(SCRIPT.replace("ls -A", "ls -A build"))
    (tmp_path / "build" / "say.o").write_text("x")
    report, _ = run(file, tmp_path)
    assert report["outputs"]["text"].split() == ["say.sh"]
