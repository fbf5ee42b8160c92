"""The plug-in that limits what clang-tidy visits (tools/tidy) loses no finding: tests/tidy/ contains one of each check."""
import importlib.util
import pathlib
import re
import subprocess

import pytest

pytestmark = pytest.mark.needs(cpu=1)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PLANTED = ROOT / "tests" / "tidy" / "planted.cpp"
# Checks for which no finding can be planted: they look for features that this compiler, language or platform does not have.
CANNOT_BE_PLANTED = {
    "bugprone-dynamic-static-initializers": "only with -fno-threadsafe-statics",
    "bugprone-no-escape": "blocks of Objective-C",
    "bugprone-signal-handler": "not in C++17 and later",
    "bugprone-stringview-nullptr": "C++23 rejects it",
}
FINDING = re.compile(r"^\S+/(planted\S*:\d+:\d+: (?:warning|error): .*?)\[([^\]]*)\]$", re.MULTILINE)


@pytest.fixture(scope="module")
def tidy():
    spec = importlib.util.spec_from_file_location("tidy", ROOT / "tools" / "tidy" / "tidy.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def findings(*options: str) -> dict[str, set[str]]:
    """What clang-tidy finds in the planted files: message and place → checks."""
    done = subprocess.run(["clang-tidy-19", "--quiet", "--header-filter=planted", *options, str(PLANTED), "--", "-std=c++23"],
                          cwd=ROOT, capture_output=True, text=True)
    assert "error: " not in done.stderr, done.stderr
    found = {}
    for text, checks in FINDING.findall(done.stdout):
        found.setdefault(text, set()).update(set(checks.split(",")) - {"-warnings-as-errors"})
    return found


def test_the_plug_in_loses_no_finding_of_any_check(tidy):
    plugin = tidy.plugin(tidy.cache_folder(), tidy.output_of(tidy.TOOL, "--version"))
    stock = findings()
    assert findings(f"--load={plugin}") == stock

    enabled = set(subprocess.run(["clang-tidy-19", "--list-checks"], cwd=ROOT, capture_output=True, text=True).stdout.split()[2:])
    found = set().union(*stock.values())
    assert not [check for check in found if check.startswith("clang-diagnostic")], "the planted files do not compile"
    assert sorted(enabled - found - set(CANNOT_BE_PLANTED)) == []
    assert sorted(set(CANNOT_BE_PLANTED) & found) == [], "can be planted after all"


def test_every_source_and_header_is_parsed_by_itself_without_the_precompiled_header(tidy):
    commands = tidy.commands()
    files = {str(path.relative_to(ROOT)) for kind in ("cpp", "hpp") for path in (ROOT / "src").rglob(f"*.{kind}")}
    assert set(commands) == files
    assert not [path for path, command in commands.items() if "-include-pch" in command or command[-1] != str(ROOT / path)]
