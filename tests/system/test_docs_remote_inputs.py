"""docs/remote-inputs.md: its examples run, with a server of this machine in the place of data.example.org."""
import json
import re
import shlex
import subprocess

import pytest
from elsewhere import certificate_for, elsewhere
from sluice_program import BIN, ROOT, environment, report_of, sluice
from test_docs_plans import lines_of, read_page
from test_on_end import FAILS

PAGE = ROOT / "docs" / "remote-inputs.md"


def blocks():
    return [(fence, content) for section in read_page(PAGE) for fence, content in section.blocks]


def commands():
    for fence, content in blocks():
        if fence == "sh":
            yield from (shlex.split(line) for line in content.splitlines() if line.startswith("sluice "))


@pytest.fixture
def folder(tmp_path):
    for fence, content in blocks():
        if " " in fence:
            (tmp_path / fence.partition(" ")[2]).write_text(content)
    (tmp_path / "scores.csv").write_text("1\n2\n3\n")
    (tmp_path / "token.txt").write_text("s3cret\n")
    return tmp_path


def test_its_runs_run(folder):
    certificate = certificate_for(folder, "DNS:localhost")
    shown = next(content for fence, content in blocks() if fence == "text")
    with elsewhere(certificate) as server:
        server.files |= {"/scores.csv": b"1\n2\n3\n", "/private.csv": b"1\n2\n3\n"}
        subprocess.run([BIN / "sluice", "secrets", "set", "hub", "token", "--data", folder / "data"], input="s3cret", text=True, check=True, env=environment())
        runs = [words[1:] for words in commands() if words[1] == "run"]
        assert len(runs) == 3
        for words in runs:
            words = [word.replace("https://data.example.org", server.origin("localhost")) for word in words]
            done = subprocess.run([BIN / "sluice", *words, "--json", "--data", folder / "data"], cwd=folder, capture_output=True, text=True, timeout=120,
                                  env=environment(SSL_CERT_FILE=certificate[0]))
            lines = [line.removesuffix(", cached") for line in lines_of(report_of(done))]  # they have the same content
            assert lines == shown.splitlines(), done.stderr
        assert [request[2].get("authorization") for request in server.requests] == [None, "Bearer s3cret"]
    assert (folder / "ended.txt").read_text().endswith(" succeeded \n")


def test_every_option_exists(folder):
    options = {option for words in commands() for option in words if option.startswith("--")} | set(re.findall(r"`(--[a-z-]+)", PAGE.read_text()))
    known = sluice("run", "--help").stdout + sluice("up", "--help").stdout
    assert len(options) >= 6 and not [option for option in options if option not in known]


def test_every_pattern_that_is_listed_is_one(folder):
    patterns = [word for line in PAGE.read_text().splitlines() if line.startswith("| `") for word in re.findall(r"`((?:https?|s3)://[^`]+)`", line.split("|")[1])]
    patterns = [pattern for pattern in patterns if pattern != "https://" and "BUCKET" not in pattern]
    assert len(patterns) >= 6
    done = sluice("run", "scores.yaml", "--input", "data=scores.csv", *(word for pattern in patterns for word in ("--allow-url", pattern)), data=folder / "data", cwd=folder)
    assert done.returncode == 0, done.stderr


def test_the_message_has_the_fields_that_are_shown(folder):
    (example,) = (json.loads(content) for fence, content in blocks() if fence == "json")
    (folder / "scores.yaml").write_text(FAILS)
    with elsewhere() as server:
        server.files["/"] = b""
        sluice("run", "scores.yaml", "--on-end", server.origin() + "/", data=folder / "data", cwd=folder)
        told = json.loads(server.requests[0][3])
    assert told.keys() == example.keys() and told["first_failure"].keys() == example["first_failure"].keys()
    assert told["first_failure"]["message"].startswith("exit status")
