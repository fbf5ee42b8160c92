"""`sluice predict` with what people have: folders, any number of pictures, bad ones among them, and a table of answers."""
import contextlib
import csv
import json
import os
import pathlib
import shutil
import signal

import pytest
from sluice_program import serving, sluice, start
from terminal import Terminal
from waiting import until

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def rows_of(table):
    with open(table, newline="") as file:
        return list(csv.DictReader(file))


def requests_of(server, endpoint):
    return next(one["requests"] for one in server.ask("GET", "/v1/endpoints")[1]["endpoints"] if one["endpoint"] == endpoint)


@pytest.fixture
def folder(tmp_path, stamps):
    """A folder as people have it, of nine pictures."""
    made = tmp_path / "pictures"
    (made / "bird").mkdir(parents=True)
    for i, picture in enumerate(sorted((stamps / "bird").glob("*.png"))[:6]):
        shutil.copy(picture, made / "bird" / f"{i}.png")
    shutil.copy(made / "bird" / "0.png", made / "no extension")
    (made / "other").symlink_to("bird/1.png")
    for leftover in ("Thumbs.db", ".DS_Store", "__MACOSX/._0.png", "bird/.hidden.png", "drafts/0.png"):
        (made / leftover).parent.mkdir(exist_ok=True)
        shutil.copy(made / "bird" / "0.png", made / leftover)
    (made / ".sluiceignore").write_text("drafts/\n")
    (made / "notes.txt").write_text("not a picture\n")
    (made / "=1+1,\"a\nb\".png").write_bytes((made / "bird" / "2.png").read_bytes())
    return made


PICTURES = ["=1+1,\"a\nb\".png", "bird/0.png", "bird/1.png", "bird/2.png", "bird/3.png", "bird/4.png", "bird/5.png", "no extension", "other"]


def answers_of(finished):
    return [json.loads(line) for line in finished.stdout.splitlines()]


def test_a_folder_stands_for_its_pictures(main_job, server, endpoint, folder):
    done = sluice("predict", endpoint, folder, "--json", data=main_job[0])
    assert done.returncode == 0, done.stderr
    answers = answers_of(done)
    assert [answer["file"] for answer in answers] == [str(folder / name) for name in PICTURES]
    assert all(answer["label"] and answer["probability"] == max(answer["probabilities"].values()) for answer in answers)
    assert "passed over 1 file: no picture by content or name" in done.stderr
    assert answers[1]["probabilities"] == answers[7]["probabilities"], "the same picture under another name"


def test_one_unreadable_file_does_not_keep_the_others_from_their_answers(main_job, server, endpoint, folder):
    (folder / "bird" / "1.png").write_bytes(b"not a picture")
    (folder / "bird" / "3.png").write_bytes((folder / "bird" / "3.png").read_bytes()[:60])
    (folder / "gone.png").symlink_to("nowhere")
    (folder / "outside.png").symlink_to("/etc/hostname")
    done = sluice("predict", endpoint, folder, folder / "missing.png", data=main_job[0])
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 6, "the name with a line break is printed on one line"
    for words in ("bird/1.png: cannot read picture", "bird/3.png: cannot read picture", "gone.png: a symlink that leads nowhere in this folder",
                  "outside.png: a symlink to /etc/hostname, which may lie outside",
                  "cannot open " + str(folder / "missing.png")):
        assert words in done.stderr, done.stderr
    problems = [answer for answer in answers_of(sluice("predict", endpoint, folder, "--json", data=main_job[0])) if "error" in answer]
    assert [pathlib.Path(problem["file"]).name for problem in problems] == ["outside.png", "gone.png", "1.png", "3.png"]


def test_more_pictures_than_a_request_takes_are_asked_in_parts(main_job, server, endpoint, folder):
    before = requests_of(server, endpoint)
    done = sluice("predict", endpoint, *[folder / "bird" / f"{i % 6}.png" for i in range(300)], data=main_job[0])
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 300 and lines[:6] * 50 == lines
    assert requests_of(server, endpoint) - before == 5


def test_the_table_of_answers_is_safe_in_a_spreadsheet(main_job, server, endpoint, folder, tmp_path):
    for name in ("+a.png", "-b.png", "@c.png", "＝d.png", "\te.png", "'f.png"):
        shutil.copy(folder / "bird" / "0.png", folder / name)
    (folder / "bad.png").write_text("no picture")
    table = tmp_path / "results.csv"
    done = sluice("predict", endpoint, ".", "--out", table, data=main_job[0], cwd=folder)
    assert done.returncode == 2
    assert done.stdout == f"{table}: 15 predictions, 1 file without one\n"
    sluice("predict", endpoint, "--data", main_job[0], "--out", tmp_path / "other.csv", "--", *sorted(os.listdir(folder)), cwd=folder)
    rows = rows_of(tmp_path / "other.csv")
    assert list(rows[0]) == ["file", "label", "probability", "rejected", "error", "endpoint", "version"]
    for row in rows:
        assert not any(cell.startswith(FORMULA) for cell in row.values()), row
    files = {row["file"] for row in rows}
    assert {"'+a.png", "'-b.png", "'@c.png", "'＝d.png", "'\te.png", "''f.png", "'=1+1,\"a\nb\".png"} <= files
    [bad] = [row for row in rows if row["file"] == "bad.png"]
    assert "cannot read picture" in bad["error"] and bad["label"] == ""


def test_a_table_is_continued_where_it_was_cut_off(main_job, server, endpoint, folder, tmp_path):
    table = tmp_path / "results.csv"
    (folder / "bird" / "4.png").write_text("no picture yet")
    assert sluice("predict", endpoint, folder, "--out", table, data=main_job[0]).returncode == 2
    whole = rows_of(table)
    table.write_text(table.read_text()[:-10])
    shutil.copy(folder / "bird" / "5.png", folder / "bird" / "4.png")
    shutil.copy(folder / "bird" / "5.png", folder / "new.png")
    before = requests_of(server, endpoint)
    done = sluice("predict", endpoint, folder, "--out", table, data=main_job[0])
    assert done.returncode == 0 and done.stdout == f"{table}: 10 predictions\n"
    rows = rows_of(table)
    assert sorted(row["file"].lstrip("'") for row in rows) == sorted(str(folder / name) for name in [*PICTURES, "new.png"])
    assert [row for row in rows if row in whole] == [row for row in whole[:-1] if not row["error"]] + whole[-1:]
    assert requests_of(server, endpoint) - before == 1
    sluice("predict", endpoint, folder, "--out", table, data=main_job[0])
    assert rows_of(table) == rows and requests_of(server, endpoint) - before == 1, "nothing is asked again"


def test_a_killed_command_leaves_answers_that_count(main_job, server, endpoint, folder, tmp_path):
    table = tmp_path / "results.csv"
    for i in range(400):
        shutil.copy(folder / "bird" / f"{i % 6}.png", folder / f"{i:03}.png")
    running = start("predict", endpoint, folder, "--out", table, data=main_job[0])
    until(lambda: table.exists() and table.read_text().count("\n") > 100, "there are answers")
    running.send_signal(signal.SIGKILL)
    running.communicate()
    kept = table.read_text()
    assert kept.count("\n") < 400
    before = requests_of(server, endpoint)
    assert sluice("predict", endpoint, folder, "--out", table, data=main_job[0]).returncode == 0
    assert table.read_text().startswith(kept[: kept.rindex("\n") + 1])
    assert len({row["file"] for row in rows_of(table)}) == len(rows_of(table)) == 409
    assert requests_of(server, endpoint) - before <= 5


def test_a_file_that_is_no_table_of_answers_is_kept(main_job, server, endpoint, folder, tmp_path):
    other = tmp_path / "prices.csv"
    other.write_text("name,price\napple,3\n")
    done = sluice("predict", endpoint, folder, "--out", other, data=main_job[0])
    assert done.returncode == 2 and "was not written by `sluice predict --out`; name another file" in done.stderr
    assert other.read_text() == "name,price\napple,3\n"
    done = sluice("predict", endpoint, folder, "--out", tmp_path / "no" / "such" / "folder.csv", data=main_job[0])
    assert done.returncode == 2 and "No such file or directory" in done.stderr


def test_a_folder_without_pictures_is_said(main_job, server, endpoint, tmp_path):
    (tmp_path / "empty").mkdir()
    done = sluice("predict", endpoint, tmp_path / "empty", data=main_job[0])
    assert done.returncode == 2 and f"there is no picture in {tmp_path / 'empty'}" in done.stderr


def test_it_also_works_without_a_server(main_job_copy, folder):
    done = sluice("predict", "stamps", folder, data=main_job_copy)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == len(PICTURES), done.stderr


def test_on_a_terminal_it_says_how_far_it_is(main_job_copy, folder, tmp_path):
    for i in range(200):
        shutil.copy(folder / "bird" / f"{i % 6}.png", folder / f"{i:03}.png")
    table = tmp_path / "results.csv"
    with serving(main_job_copy):
        with contextlib.closing(Terminal("predict", "stamps", folder, "--out", table, data=main_job_copy, width=200)) as terminal:
            terminal.shows("64 of 209 pictures, 30 %")
            assert terminal.end() == 0
    assert terminal.screen.text() == f"passed over 1 file: no picture by content or name\n{table}: 209 predictions"
    assert not terminal.screen.unknown
