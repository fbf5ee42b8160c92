"""The scripts of the stamps example: what they measure, draw, assemble and refuse."""
import json
import subprocess
import sys
import xml.etree.ElementTree

import pytest
from sluice_program import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import stamps as stamps_tool  # noqa: E402

EXAMPLE = ROOT / "examples" / "stamps"
SYSTEM_PYTHON = "/usr/bin/python3"


def evaluate(folder, predictions):
    (folder / "predictions.json").write_text(predictions if isinstance(predictions, str) else json.dumps(predictions))
    return subprocess.run(
        [SYSTEM_PYTHON, "-B", EXAMPLE / "evaluate.py", *(folder / name for name in ("predictions.json", "accuracy", "metrics", "report"))],
        capture_output=True,
        text=True,
    )


def row(label, predicted, confidence, rejected=False, classes=("bird", "fish")):
    probabilities = [confidence if name == predicted else 1 - confidence for name in classes]
    return {"path": f"{label}/x.png", "label": label, "predicted": predicted, "probabilities": probabilities, "rejected": rejected}


def test_it_measures(tmp_path):
    rows = [row("bird", "bird", 0.95)] * 8 + [row("bird", "fish", 0.85, rejected=True)] * 2
    done = evaluate(tmp_path, {"classes": ["bird", "fish"], "predictions": rows})
    assert done.returncode == 0, done.stderr
    assert done.stdout == "accuracy 0.800 (0.490 to 0.943, 95 %), 10 pictures\n"
    assert json.loads((tmp_path / "accuracy").read_text()) == 0.8
    metrics = json.loads((tmp_path / "metrics").read_text())
    assert (metrics["accuracy_low"], metrics["accuracy_high"]) == (0.490162, 0.943318)  # Wilson
    assert metrics["calibration_error"] == pytest.approx(0.8 * 0.05 + 0.2 * 0.85)
    assert metrics["by_class"]["bird"] == {"precision": 1.0, "recall": 0.8, "pictures": 10}
    assert metrics["by_class"]["fish"] == {"precision": 0.0, "recall": None, "pictures": 0}
    assert metrics["confusion"] == {"classes": ["bird", "fish"], "counts": [[8, 2], [0, 0]]}
    assert (metrics["rejected_of_right"], metrics["rejected_of_wrong"], metrics["accuracy_of_answered"]) == (0.0, 1.0, 1.0)


def test_it_reports(tmp_path):
    classes = ["bird", "<fish & co>"]
    rows = [row("bird", "bird", 0.9, classes=classes), row("<fish & co>", "bird", 0.7, classes=classes)]
    assert evaluate(tmp_path, {"classes": classes, "predictions": rows}).returncode == 0
    report = tmp_path / "report"
    assert sorted(path.name for path in report.iterdir()) == ["confusion.json", "confusion.svg", "metrics.json"]
    assert (report / "confusion.json").read_text() == (
        '{\n  "classes": ["bird", "<fish & co>"],\n  "counts": [\n    [1, 0],\n    [1, 0]\n  ]\n}\n'
    )
    drawn = xml.etree.ElementTree.parse(report / "confusion.svg")
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "Accuracy 50.0 %" in texts
    assert texts.count("<fish & co>") == 2


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        ('{"classes": ["bird"], "predictions": []}', "no picture was held out, so there is nothing to measure"),
        ('{"classes": ["bird"]}', "not the predictions of head.learn (KeyError('predictions'))"),
        ("{", "not the predictions of head.learn (JSONDecodeError("),
        (json.dumps({"classes": ["bird", "fish", "ant"], "predictions": [row("bird", "fish", 0.9)]}), "each picture needs 3 probabilities, one a class"),
    ],
)
def test_it_refuses(tmp_path, predictions, message):
    done = evaluate(tmp_path, predictions)
    assert done.returncode == 1
    assert done.stderr.startswith(f"evaluate: {tmp_path}/predictions.json: {message}")
    assert not (tmp_path / "accuracy").exists()


def test_stamps_are_assembled_once_and_repaired(tmp_path):
    source, target = tmp_path / "stamps", tmp_path / "out"
    for folder in stamps_tool.CLASSES.values():
        for name in ("a.png", "deep/b.png", "cartoon/c.png", "a.svg"):
            file = source / folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)
    assert stamps_tool.assemble(target, source) == (20, 10)
    assert sorted(path.name for path in (target / "bird").iterdir()) == ["a.png", "b.png"]
    made = (target / "bird" / "a.png").stat()
    stamps_tool.assemble(target, source)
    assert (target / "bird" / "a.png").stat() == made, "a complete folder is not changed"
    (target / "bird" / "a.png").unlink()
    (target / "bird" / "stray.png").write_text("")
    stamps_tool.assemble(target, source)
    assert sorted(path.name for path in (target / "bird").iterdir()) == ["a.png", "b.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "stamps"], "no temporary files are left"


def test_stamps_say_which_package_is_missing(tmp_path):
    with pytest.raises(stamps_tool.MissingPackage, match="is not there; install it with `apt-get install tuxpaint-stamps-default`"):
        stamps_tool.assemble(tmp_path / "out", tmp_path / "nowhere")
