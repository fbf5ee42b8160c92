"""docs/containers.md: its first example runs as it is, with an image of that name that is made here; what it names is in the programs."""
import re
import subprocess

from podman import Podman
from sluice_program import BIN, ROOT, report_of
from test_docs_plans import first_example, lines_of

PAGE = ROOT / "docs" / "containers.md"
ENGINE = (ROOT / "src/sluice/executors/container/container_engine.cpp").read_text()


def test_the_first_example_runs_as_it_is(tmp_path):
    arguments, expected = first_example(PAGE, tmp_path)
    (image,) = re.findall(r"image: (\S+)", (tmp_path / "plan.yaml").read_text())
    podman = Podman()
    try:
        podman.make_image(image)
        done = subprocess.run([BIN / "sluice", *arguments, "--json", "--data", tmp_path / "data"], cwd=tmp_path, capture_output=True, text=True,
                              timeout=120, env=podman.settings())
        assert lines_of(report_of(done)) == expected, done.stderr
        assert podman.containers() == []
    finally:
        podman.close()


def test_the_variables_that_it_names_are_read():
    text = PAGE.read_text()
    named = set(re.findall(r"`(SLUICE_CONTAINER_[A-Z_]+)`", text))
    assert named == set(re.findall(r'"(SLUICE_CONTAINER_[A-Z_]+)"', ENGINE))
    passed_on = set(re.findall(r'"([A-Z]+_?)"', ENGINE))
    assert {"PATH", "HOME"} | {f"{prefix}_" for prefix in re.findall(r"`([A-Z]+)_…`", text)} <= passed_on


def test_the_messages_that_it_explains_exist():
    sources = ENGINE + (ROOT / "src/sluice/executors/process/process_executor.cpp").read_text()
    sources = re.sub(r'"\s*\n\s*"', "", sources)
    rows = re.findall(r"^\| `(.*?)` \|", PAGE.read_text(), re.M)
    told = [row for row in rows if not row.startswith("SLUICE_")]
    assert len(told) >= 7
    for row in told:
        if row.startswith("short-name"):
            continue  # podman's own
        pieces = [piece.strip() for piece in row.replace("podman", "").split("…")]
        assert all(piece in sources for piece in pieces if piece), row
