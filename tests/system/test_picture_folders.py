"""Folders of pictures as people have them: with what systems and archives leave there, links, and files that cannot be read."""
import json
import shutil

import pytest
from sluice_program import report_of, sluice

PLAN = """
sluice: 1
pipelines:
  main:
    inputs: {pictures: {type: artifact, kind: directory}}
    outputs: {classes: "${split.classes}", count: "${features.count}"}
    graph:
      split: {service: dataset.split, with: {pictures: "${inputs.pictures}", learn: 3}}
      features: {service: image.embed, with: {pictures: "${inputs.pictures}"}}
      head: {service: head.learn, with: {features: "${features.features}", split: "${split.split}"}}
"""


@pytest.fixture
def plan_file(plan):
    return plan(PLAN)


@pytest.fixture
def folder(tmp_path, stamps):
    """Two classes of five pictures each."""
    made = tmp_path / "pictures"
    for label in ("bird", "fruit"):
        (made / label).mkdir(parents=True)
        for picture in sorted((stamps / label).glob("*.png"))[:5]:
            shutil.copy(picture, made / label)
    return made


def run(plan_file, folder, tmp_path):
    return sluice("run", plan_file, "--input", f"pictures={folder}", "--json", data=tmp_path / "data")


LEFTOVERS = {
    "of Windows": ["bird/Thumbs.db", "fruit/desktop.ini", "$RECYCLE.BIN/S-1-5/x"],
    "of macOS": [".DS_Store", "bird/.DS_Store", "bird/._a.png", ".Spotlight-V100/store"],
    "of archives": ["__MACOSX/bird/._a.png"],
    "of notebooks and editors": ["bird/.ipynb_checkpoints/a-checkpoint.png", "bird/a.png~", ".idea/workspace.xml", ".git/HEAD"],
    "that .sluiceignore names": ["bird/raw.cr2", "drafts/x.png", ".sluiceignore"],
}


def test_what_programs_leave_there_changes_nothing(plan_file, folder, tmp_path):
    assert report_of(run(plan_file, folder, tmp_path))["outputs"] == {"classes": ["bird", "fruit"], "count": 10}
    for name, files in LEFTOVERS.items():
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text("*.cr2\ndrafts/\n" if file == ".sluiceignore" else "x")
        report = report_of(run(plan_file, folder, tmp_path))
        assert report["status"] == "succeeded", (name, report)
        assert all(task["cached"] for task in report["tasks"]), name


def test_links_inside_the_folder_are_read_by_every_part(plan_file, folder, tmp_path):
    (folder / "bird").rename(folder / ".real")
    (folder / "bird").symlink_to(".real")
    (folder / "fruit" / "linked.png").symlink_to(f"../.real/{next((folder / '.real').iterdir()).name}")
    report = report_of(run(plan_file, folder, tmp_path))
    assert report["status"] == "succeeded", report
    assert report["outputs"] == {"classes": ["bird", "fruit"], "count": 11}


def spoil(folder):
    """Returns what the split says about it."""
    (folder / "fruit" / "notes.txt").write_text("x")
    (folder / "zeta").mkdir()
    return ["`fruit/notes.txt` is not a picture", "class `zeta` has no pictures"]


def test_all_bad_files_are_told_at_once(plan_file, folder, tmp_path):
    for name in "abc":
        (folder / "bird" / f"{name}.HEIC").write_text("no picture")
    check_told(plan_file, folder, tmp_path, "features", [f"bird/{name}.HEIC: cannot read picture" for name in "abc"])


def test_all_bad_files_that_a_task_wrote_are_told_at_once(plan, folder, tmp_path):
    copied = PLAN.replace("${inputs.pictures}", "${copy.pictures}") + """
      copy: {process: [cp, -r, "${inputs.pictures}/.", "${out.pictures}"], outputs: {pictures: {type: artifact, kind: directory}}}
"""
    check_told(plan(copied), folder, tmp_path, "split", spoil(folder))


def check_told(plan_file, folder, tmp_path, task, problems):
    """`run`, `show` and `logs` name each of them."""
    done = sluice("run", plan_file, "--input", f"pictures={folder}", data=tmp_path / "data")
    shown = sluice("show", "latest", data=tmp_path / "data")
    logs = sluice("logs", "latest", task, data=tmp_path / "data")
    for text in (done.stderr, shown.stdout, logs.stderr):
        for problem in problems:
            assert problem in text, text


def test_the_same_picture_in_two_classes_is_warned_of(plan_file, folder, tmp_path):
    picture = sorted((folder / "bird").iterdir())[0]
    shutil.copy(picture, folder / "fruit" / "copy.png")
    warning = f"warning: `bird/{picture.name}` and `fruit/copy.png` are the same picture in two classes"
    done = sluice("run", plan_file, "--input", f"pictures={folder}", data=tmp_path / "data")
    assert done.returncode == 0 and warning in done.stderr, done.stderr
    assert warning in sluice("show", "latest", data=tmp_path / "data").stdout


def test_what_cannot_be_divided_is_refused_before_there_is_a_run(plan_file, folder, tmp_path):
    problems = spoil(folder)
    (folder / "fruit" / "gone.png").symlink_to("missing.png")
    for picture in sorted((folder / "bird").iterdir())[2:]:
        picture.unlink()
    done = sluice("run", plan_file, "--input", f"pictures={folder}", data=tmp_path / "data")
    assert done.returncode == 2, done.stderr
    assert f"{plan_file.name}:8:7: service `dataset.split`: " in done.stderr, done.stderr
    for problem in (*problems, "`fruit/gone.png` is a symlink that leads nowhere", "class `bird` has 2 pictures; at least 3 are needed"):
        assert problem in done.stderr, done.stderr
    assert json.loads(sluice("runs", "--json", data=tmp_path / "data").stdout)["runs"] == []
