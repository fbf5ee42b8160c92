"""`sluice data`: labeled pictures and texts, in versions; as inputs of runs; which models saw a picture."""
import json
import os
import shutil
import subprocess

import pytest
from sluice_program import BIN, ROOT, environment, report_of, serving


class Folder:
    """A data folder, and a folder of pictures: two labels of three."""

    def __init__(self, root, stamps):
        self.root, self.data, self.pictures = root, root / "data", root / "pets"
        self.birds = sorted((stamps / "bird").iterdir())
        for label, pictures in (("cat", self.birds[:3]), ("dog", self.birds[3:6])):
            (self.pictures / label).mkdir(parents=True)
            for number, picture in enumerate(pictures):
                shutil.copy(picture, self.pictures / label / f"{number}.png")

    def sluice(self, *arguments, where=None, code=0):
        where = where or ("--data", self.data)
        done = subprocess.run([BIN / "sluice", *map(str, (*arguments, *where))], capture_output=True, text=True, timeout=120, cwd=self.root, env=environment())
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *arguments, **more):
        return json.loads(self.sluice(*arguments, "--json", **more).stdout)


@pytest.fixture
def folder(tmp_path, stamps):
    return Folder(tmp_path, stamps)


def test_versions_are_kept_compared_and_removed(folder):
    first = folder.json("data", "add", "pets", folder.pictures)
    assert (first["version"], first["new"], first["kind"], first["examples"], first["labels"]) == (1, True, "pictures", 6, 2)
    assert not folder.json("data", "add", "pets", folder.pictures)["new"]
    shutil.move(folder.pictures / "cat/0.png", folder.pictures / "dog/moved.png")
    (folder.pictures / "cat/1.png").unlink()
    shutil.copy(folder.birds[7], folder.pictures / "cat/new.png")
    assert folder.json("data", "add", "pets", folder.pictures)["version"] == 2
    found = folder.json("data", "diff", "pets@1", "pets@2")
    assert (found["added"], found["removed"], found["relabelled"]) == (1, 1, 1)
    assert {(one["change"], one["path"], *one["labels"], *one.get("earlier", [])) for one in found["changes"]} == {
        ("added", "cat/new.png", "cat"), ("removed", "cat/1.png", "cat"), ("relabelled", "dog/moved.png", "dog", "cat")}
    page = folder.json("data", "diff", "pets@1", "--limit", 2)
    assert len(page["changes"]) == 2 and len(folder.json("data", "diff", "pets@1", "--after", page["next"])["changes"]) == 1
    assert folder.json("data", "show", "pets@1")["examples_of"] == {"cat": 3, "dog": 3}
    assert [one["version"] for one in folder.json("data", "list", "pets")["versions"]] == [2, 1]
    assert [one["dataset"] for one in folder.json("data")["datasets"]] == ["pets"]
    assert "has several versions; name one: `pets@2`" in folder.sluice("data", "rm", "pets", code=2).stderr
    folder.sluice("data", "rm", "pets@1")
    assert "data set `pets` has no version 1; the newest is 2" in folder.sluice("data", "show", "pets@1", code=2).stderr


def test_tables_of_files_and_of_texts(folder):
    (folder.root / "pets.csv").write_text("file,label\npets/cat/0.png,cat\npets/dog/0.png,dog;wet\n")
    assert folder.json("data", "add", "two", "pets.csv")["examples"] == 2
    assert folder.json("data", "show", "two")["examples_of"] == {"cat": 1, "dog": 1, "wet": 1}
    (folder.root / "reviews.csv").write_text('text,label\n"Good, really",good\nAwful,bad\n')
    assert folder.json("data", "add", "reviews", "reviews.csv")["kind"] == "texts"
    (folder.root / "pets.csv").write_text("file,label\npets/cat/9.png,cat\n../secret.png,cat\npets/dog/0.png,dog\n")
    refused = folder.sluice("data", "add", "two", "pets.csv", code=2).stderr
    assert "pets.csv:2: there is no file `pets/cat/9.png` below ." in refused and "pets.csv:3: there is no file `../secret.png`" in refused
    (folder.root / "boxes.csv").write_text("filename,xmin,ymin,xmax,ymax,class\na.png,1,2,3,4,cat\n")
    assert "only whole pictures are taught here" in folder.sluice("data", "add", "boxes", "boxes.csv", code=2).stderr
    (folder.pictures / "cat/notes.doc").write_text("x")
    assert "`cat/notes.doc` is neither a picture nor a text" in folder.sluice("data", "add", "pets", folder.pictures, code=2).stderr
    assert "there is no file or folder" in folder.sluice("data", "add", "pets", "nowhere", code=2).stderr


PLAN = """
sluice: 1
pipelines:
  main:
    inputs: {pictures: {type: artifact, kind: directory}}
    outputs: {count: "${count.n}"}
    graph:
      count:
        process: [sh, -c, 'find -L "$1" -name "*.png" | wc -l > "$2"', sh, "${inputs.pictures}", "${out.n}"]
        outputs: {n: {type: integer}}
"""


@pytest.mark.parametrize("served", [False, True])
def test_a_version_is_an_input(folder, served):
    (folder.root / "plan.yaml").write_text(PLAN)

    def use(where=None):
        folder.json("data", "add", "pets", folder.pictures, where=where)
        (folder.pictures / "cat/0.png").unlink()
        folder.json("data", "add", "pets", folder.pictures, where=where)
        for version, count in ((1, 6), (2, 5)):
            report = report_of(folder.sluice("run", "plan.yaml", "--input", f"pictures=pets@{version}", "--json", where=where))
            assert report["outputs"]["count"] == count
            assert report["inputs"]["pictures"]["$artifact"]["name"] == f"pets@{version}"
        assert "data set `pets` has no version 3" in folder.sluice("run", "plan.yaml", "--input", "pictures=pets@3", where=where, code=2).stderr

    if not served:
        use()
        return
    with serving(folder.data) as server:
        use(("--server", server.url, "--data", folder.root / "elsewhere"))


def test_which_models_saw_a_picture(folder, stamps):
    folder.json("data", "add", "stamps", stamps)
    folder.sluice("run", ROOT / "examples/stamps/sluice.yaml", "--input", "pictures=stamps@1", "--input", "name=first")
    seen = folder.json("data", "seen", folder.birds[0])["models"]
    assert [(one["model"], one["version"], one["input"], one["path"]) for one in seen] == [("first", 1, "pictures", f"bird/{folder.birds[0].name}")]
    (folder.root / "other.png").write_bytes(folder.birds[0].read_bytes() + b"x")
    assert folder.json("data", "seen", "other.png")["models"] == []


def test_what_a_version_holds_is_never_swept(folder):
    folder.json("data", "add", "pets", folder.pictures)
    old = 2 * 3600
    for file in (folder.data / "objects").rglob("*"):
        if file.is_file():
            stat = file.stat()
            os.utime(file, (stat.st_atime - old, stat.st_mtime - old))
    folder.sluice("gc")
    assert "no problem found" in folder.sluice("fsck").stdout
    assert folder.json("data", "show", "pets")["examples_of"] == {"cat": 3, "dog": 3}
    folder.sluice("data", "rm", "pets@1")
    assert folder.json("gc")["removed"]["objects"]["things"] > 6
