"""docs/plans.md agrees with the programs: its examples end as shown, it is complete, and citations of it name its headings."""
import dataclasses
import json
import re
import shlex

import pytest
from sluice_program import ROOT, copy_data, report_of, sluice

PAGE = ROOT / "docs" / "plans.md"
HEADING = re.compile(r"^(#+) (.*)")


@dataclasses.dataclass
class Section:
    """A heading of the page, and the fenced blocks until the next one, each with the info string of its fence."""

    level: int
    title: str
    text: str = ""
    blocks: list[tuple[str, str]] = dataclasses.field(default_factory=list)


def read_page(page=PAGE):
    sections, fence, block = [], None, []
    for line in page.read_text().splitlines():
        if fence is not None and line == "```":
            sections[-1].blocks.append((fence, "".join(f"{one}\n" for one in block)))
            fence = None
        elif fence is not None:
            block.append(line)
        elif line.startswith("```"):
            fence, block = line.removeprefix("```"), []
        elif heading := HEADING.match(line):
            sections.append(Section(len(heading[1]), heading[2]))
        else:
            sections[-1].text += line + "\n"
    assert fence is None, "the last block is not closed"
    return sections


def first_example(page, folder):
    """Writes the files of a page's first example to the folder; returns the arguments of `sluice`, and the lines that show how it ends."""
    shown = {}
    for fence, content in read_page(page)[0].blocks:
        language, _, name = fence.partition(" ")
        if name:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(content)
        else:
            shown[language] = content
    program, *arguments = shlex.split(shown["sh"])
    assert program == "sluice"
    return arguments, shown["text"].splitlines()


@dataclasses.dataclass
class Example:
    """A plan of the page: the files beside it, the commands, and the lines that show how it ends."""

    title: str
    files: dict[str, str]
    plan: str
    commands: list[str]
    expected: list[str]


def examples_of(section):
    """[FILE-BLOCK…] PLAN [COMMANDS] LINES, any number of times; a file's block has its name after the language."""
    examples, files, plan, commands = [], {}, None, ["sluice run plan.yaml"]
    for fence, content in section.blocks:
        language, _, name = fence.partition(" ")
        if name:
            files[name] = content
        elif language == "yaml":
            assert plan is None, f"{section.title}: a plan has no lines that show how it ends"
            plan = content
        elif language == "sh" and plan is not None:
            commands = content.splitlines()
        else:
            assert language == "text" and plan is not None, f"{section.title}: a block of `{fence}` is not expected here"
            examples.append(Example(section.title, files, plan, commands, content.splitlines()))
            files, plan, commands = {}, None, ["sluice run plan.yaml"]
    assert plan is None and not files, f"{section.title}: the last plan has no lines that show how it ends"
    return examples


SECTIONS = read_page()
EXAMPLES = [example for section in SECTIONS for example in examples_of(section)]


def value_line(value):
    if isinstance(value, dict) and "$artifact" in value:
        return f"a {value['$artifact']['form']} of kind {value['$artifact']['kind']}"
    return json.dumps(value, ensure_ascii=False)


def operation_line(task):
    line = f"{task['path']} {task['status']}"
    if task["cached"]:
        line += ", cached"
    if task["attempts"] > 1:
        line += f" after {task['attempts']} attempts"
    if failure := task.get("failure"):
        line += "" if failure["kind"] == task["status"] else f", {failure['kind']}"
        line += f": {failure['message']}" if failure["source"] == task["path"] else f" at {failure['source']}"
    return line


def lines_of(report):
    """A run in the format of the page."""
    lines = [operation_line(task) for task in report["tasks"]]
    run = f"run {report['status']}"
    if source := report.get("failed_at"):
        run += f" at {source}"
    elif "message" in report:
        run += f": {report['message']}"
    return [*lines, run, *(f"{name} = {value_line(value)}" for name, value in report.get("outputs", {}).items())]


def spaced(lines):
    return sorted(" ".join(line.split()) for line in lines)


@pytest.fixture(scope="module")
def empty_data(tmp_path_factory):
    """Copied for each example, because creating a new one syncs the disk many times."""
    data = tmp_path_factory.mktemp("empty") / "data"
    assert sluice("runs", data=data).returncode == 0
    return data


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_an_example_ends_as_the_page_says(example, tmp_path, empty_data):
    data = copy_data(empty_data, tmp_path / "data")
    for name, content in example.files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "plan.yaml").write_text(example.plan)
    lines = []
    for command in example.commands:
        program, verb, *arguments = shlex.split(command)
        assert program == "sluice" and verb in ("run", "compile"), command
        if verb == "compile":
            done = sluice(verb, *arguments, cwd=tmp_path)
            assert done.returncode == 2, f"`{command}` is not refused"
            lines += done.stderr.splitlines()
            continue
        done = sluice(verb, *arguments, "--json", data=data, cwd=tmp_path)
        report = report_of(done)
        assert done.returncode == (0 if report["status"] == "succeeded" else 1), done.stderr
        lines += lines_of(report)
    assert spaced(lines) == spaced(example.expected)


def test_each_heading_has_an_example():
    """Except headings that only contain others."""
    titles = [section.title for section in SECTIONS]
    assert len(set(titles)) == len(titles), "two headings are the same, so that citations are ambiguous"
    for section, following in zip(SECTIONS, [*SECTIONS[1:], SECTIONS[0]]):
        if following.level <= section.level:
            assert examples_of(section), f"`{section.title}` has no example"


def test_links_lead_to_headings():
    anchors = {re.sub(r"[^a-z0-9 -]", "", section.title.lower()).replace(" ", "-") for section in SECTIONS}
    links = re.findall(r"\]\(#([^)]+)\)", PAGE.read_text())
    assert links and set(links) <= anchors


def sources(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".cpp", ".hpp"):
                yield path, path.read_text()


def test_every_key_of_a_plan_is_in_the_page():
    """A plan that is printed and read again is the same plan, so the printer writes every key of the language."""
    printer = (ROOT / "src" / "sluice" / "ir" / "print.cpp").read_text()
    keys = set(re.findall(r'(?:\badd|\badd_named)\("(\w+)"', printer))
    assert {"process", "after", "with", "yield", "tolerate"} <= keys, "this test no longer finds the keys"
    shown = set(re.findall(r"`(\w+)(?::[^`]*)?`", PAGE.read_text()))
    assert keys - shown == set()


ERROR_FUNCTIONS = re.compile(r"\b(\w+)\(std::string kind\b")


def kinds_in_the_code():
    """The kinds in `kind = "…"`, and those passed to a function that creates an error and whose first parameter is `kind`."""
    found = list(sources("src/sluice/syntax", "src/sluice/engine", "src/sluice/driver", "src/sluice/executors"))
    declared = {function for path, text in found if path.suffix == ".hpp" for function in ERROR_FUNCTIONS.findall(text)}
    kinds = set()
    for _, text in found:
        kinds |= set(re.findall(r'(?<!\w)kind = "(\w+)"', text))
        for function in declared | set(ERROR_FUNCTIONS.findall(text)):
            kinds |= set(re.findall(rf'\b{function}\(\s*"(\w+)"', text))
    return kinds


def test_every_kind_of_error_is_in_the_page_and_no_other():
    found = kinds_in_the_code()
    assert {"exit", "output", "raise", "key", "service"} <= found, "this test no longer finds the kinds"
    section = next(section for section in SECTIONS if section.title == "Kinds of error")
    rows = [row.split("|")[1] for row in section.text.splitlines() if row.startswith("| `")]
    assert {kind for row in rows for kind in re.findall(r"`(\w+)`", row)} == found
    [example] = examples_of(section)
    unseen = sorted(kind for kind in found if not any(re.match(rf"\S+ (failed, )?{kind}(:| at) ", line) for line in example.expected))
    assert f"All but {', '.join(f'`{kind}`' for kind in unseen[:-1])} and `{unseen[-1]}` are shown here" in section.text


def test_citations_name_headings():
    titles = [section.title for section in SECTIONS]
    cited = set()
    for path, text in sources("src", "tests"):
        # A comment of several lines is one text.
        text = re.sub(r"\n\s*///?<?[ \t]*", " ", text)
        where = path.relative_to(ROOT)
        assert not re.search(r"(?i)\brules? \d", text), f"{where} cites a rule by number; docs/plans.md has headings"
        for rest in re.findall(r"docs/plans\.md(.{0,80})", text):
            found = [title for title in titles if re.match(rf", {re.escape(title)}(?!\w)", rest)]
            assert found, f"{where} cites docs/plans.md{rest[:40]}…, which is not one of its headings"
            cited |= set(found)
    assert {"Absent values", "Retries"} <= cited
