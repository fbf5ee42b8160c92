"""`sluice get` fetches the outputs of a run, also from a server on another machine."""
import hashlib
import json

import pytest
from sluice_program import serving, sluice

PLAN = """
sluice: 1
pipelines:
  main:
    outputs: {folder: "${make.folder}", text: "${make.text}", number: "${make.number}"}
    graph:
      make:
        process: [sh, -c, 'mkdir -p "$1/sub" && echo a > "$1/a" && ln -s ../a "$1/sub/link" && echo run > "$1/run" && chmod +x "$1/run" && echo hi > "$2" && echo 7 > "$3" && echo bytes > "$4"',
                  sh, "${out.folder}", "${out.text}", "${out.number}", "${out.file}"]
        outputs: {folder: {type: artifact, kind: directory}, text: {type: string, form: text}, number: {type: integer}, file: {type: artifact, kind: table}}
"""


@pytest.fixture
def data(tmp_path, plan):
    assert sluice("run", plan(PLAN), data=tmp_path / "data").returncode == 0
    return tmp_path / "data"


def check_folder(folder):
    assert (folder / "a").read_text() == "a\n" and (folder / "sub" / "link").read_text() == "a\n"
    assert (folder / "run").stat().st_mode & 0o100 and not (folder / "a").stat().st_mode & 0o100


def test_values_are_printed_and_artifacts_are_written(data, tmp_path):
    assert sluice("get", "latest", "text", data=data).stdout == "hi\n"
    assert sluice("get", "latest", "number", data=data).stdout == "7\n"
    assert sluice("get", "latest", "text", "--json", data=data).stdout == '"hi\\n"\n'
    here = tmp_path / "here"
    here.mkdir()
    done = sluice("get", "latest", "folder", data=data, cwd=here)
    assert done.returncode == 0 and done.stdout == "folder  6 B\n", done.stderr
    check_folder(here / "folder")
    done = sluice("get", "latest", "make.file", "--out", here / "table", "--json", data=data)
    assert json.loads(done.stdout) == {"path": str(here / "table"), "digest": hashlib.sha256(b"bytes\n").hexdigest(), "size": 6}
    assert (here / "table").read_text() == "bytes\n"
    (here / "folder" / "a").write_text("changed: it is a copy")
    assert sluice("get", "latest", "folder", "--out", here / "again", data=data).returncode == 0
    check_folder(here / "again")


def test_nothing_is_overwritten_and_names_are_checked(data, tmp_path):
    (tmp_path / "folder").write_text("mine")
    done = sluice("get", "latest", "folder", data=data, cwd=tmp_path)
    assert done.returncode == 2 and "folder: already exists; name another path with --out, or remove it" in done.stderr
    assert (tmp_path / "folder").read_text() == "mine"
    done = sluice("get", "latest", "floder", data=data)
    assert done.returncode == 2 and "has no output `floder`; did you mean `folder`?" in done.stderr
    assert "see `sluice show latest`" in sluice("get", "latest", "other", data=data).stderr
    assert sluice("get", "nobody", "folder", data=data).returncode == 2


def test_what_ran_on_another_machine_is_fetched(data, tmp_path):
    with serving(data) as server:
        for output, place in ("folder", "one"), ("make.file", "two"):
            done = sluice("get", "latest", output, "--out", tmp_path / place, "--server", server.url, data=tmp_path / "mine")
            assert done.returncode == 0, done.stderr
        check_folder(tmp_path / "one")
        assert (tmp_path / "two").read_text() == "bytes\n"
        assert not list((tmp_path / "mine" / "cache").glob("fetched-*"))
        digest = hashlib.sha256(b"bytes\n").hexdigest()
        assert server.ask("GET", f"/v1/objects/{digest}") == (200, "bytes\n")
        assert server.ask("GET", f"/v1/objects/{digest}", headers={"Range": "bytes=2-", "If-Range": f'"{digest}"'}) == (206, "tes\n")
        for path, status in (f"/v1/objects/{'0' * 64}", 404), ("/v1/objects/x", 400), (f"/v1/objects/{digest}/parts", 400), (f"/v1/objects/{'0' * 64}/parts", 404):
            assert server.ask("GET", path)[0] == status, path


def test_bytes_that_were_changed_on_the_way_are_refused(data, tmp_path):
    digest = hashlib.sha256(b"bytes\n").hexdigest()
    stored = data / "objects" / digest[:2] / digest[2:4] / digest
    stored.chmod(0o644)
    stored.write_text("bytez\n")
    with serving(data) as server:
        done = sluice("get", "latest", "make.file", "--out", tmp_path / "two", "--server", server.url, data=tmp_path / "mine")
    assert done.returncode == 2 and f"digest mismatch: expected {digest}" in done.stderr, done.stderr
    assert not (tmp_path / "two").exists()


MANY = """
sluice: 1
pipelines:
  main:
    inputs: {files: {type: artifact, kind: directory}}
    outputs: {copy: "${copy.folder}"}
    graph:
      copy: {process: [cp, -r, "${inputs.files}", "${out.folder}"], outputs: {folder: {type: artifact, kind: directory}}}
"""


def test_a_folder_of_20_000_files_is_sent_and_fetched(tmp_path, plan):
    files = tmp_path / "files"
    files.mkdir()
    for i in range(20_000):
        (files / f"{i}.txt").write_text(f"file {i}\n")
    with serving(tmp_path / "server") as server:
        done = sluice("run", plan(MANY), "--input", f"files={files}", "--server", server.url, "--json", data=tmp_path / "mine", limit=300)
        assert done.returncode == 0, done.stderr
        done = sluice("get", json.loads(done.stdout)["run"], "copy", "--out", tmp_path / "back", "--server", server.url, data=tmp_path / "other", limit=300)
        assert done.returncode == 0, done.stderr
    fetched = sorted(path.name for path in (tmp_path / "back").iterdir())
    assert fetched == sorted(path.name for path in files.iterdir())
    assert (tmp_path / "back" / "19999.txt").read_text() == "file 19999\n"
