"""The mutants of a small source (tests/mutation/sample.cpp) are compiled behind a switch (tools/mutate)."""
import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.needs(cpu=1)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SAMPLE = ROOT / "tests" / "mutation" / "sample.cpp"
FLAGS = ["-std=c++23"]
FILE = "sample.cpp"


@pytest.fixture(scope="module")
def mutants():
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "tools" / "mutate" / "mutants.py")
    module = sys.modules["mutants"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(mutants, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugin")
    return mutants.find(FILE, SAMPLE, mutants.plugin(folder), FLAGS, folder)


def test_mutants_are_where_the_code_runs(found):
    assert {(mutant.function, mutant.original, mutant.mutated) for mutant in found} == {
        ("count_of", "0", "1"),
        ("count_of", "c == ' '", "c != ' '"),
        ("count_of", "continue;", ""),
        ("count_of", "other >= '0' && other <= '9'", "other >= '0' || other <= '9'"),
        ("count_of", "other >= '0'", "other > '0'"),
        ("count_of", "other >= '0'", "other < '0'"),
        ("count_of", "other <= '9'", "other < '9'"),
        ("count_of", "other <= '9'", "other > '9'"),
        ("count_of", "is_digit(c) || number > limit", "is_digit(c) && number > limit"),
        ("count_of", "is_digit(c)", "!(is_digit(c))"),
        ("count_of", "number > limit", "number >= limit"),
        ("count_of", "number > limit", "number <= limit"),
        ("count_of", "++count", "--count"),
        ("count_of", "std::max(count, number)", "std::min(count, number)"),
        ("count_of", "break;", ""),
        ("count_of", "count < number", "count <= number"),
        ("count_of", "count < number", "count >= number"),
        ("count_of", "return number + count;", ""),
        ("count_of", "number + count", "number - count"),
        ("count_of", "copy = text;", ""),
        ("count_of", "copy.empty()", "!(copy.empty())"),
        ("count_of", "1", "2"),
        ("main", "1", "2"),
        ("main", 'std::printf("%d\\n", sluice::count_of(argv[1], std::atoi(argv[2])));', ""),
    }


def test_each_mutant_is_behind_the_switch(mutants, found, tmp_path):
    numbered = dict(enumerate(found, 1))
    source = tmp_path / FILE
    source.write_bytes(mutants.MutatedSource(SAMPLE.read_bytes(), numbered).text)
    subprocess.run(["clang++-19", *FLAGS, "-w", source, "-o", tmp_path / "sample"], check=True)
    reached = tmp_path / "reached"

    def printed(number: int) -> str:
        environment = {**os.environ, "SLUICE_MUTANT": str(number), "SLUICE_MUTANTS_REACHED": str(reached)}
        return "".join(subprocess.run([tmp_path / "sample", *arguments], env=environment, capture_output=True, text=True, check=True).stdout
                       for arguments in (("1 20x", "1"), ("1x", "2"), ("x 09", "2"), ("x y z", "3"), ("", "0")))

    reached.write_bytes(bytes(len(numbered) + 1))
    expected = printed(0)
    assert expected == "3\n3\n2\n3\n-1\n"
    assert [str(mutant) for number, mutant in numbered.items() if not reached.read_bytes()[number]] == []
    survived = {(mutant.original, mutant.mutated) for number, mutant in numbered.items() if printed(number) == expected}
    assert survived == {("break;", "")}


def test_what_does_not_compile_is_blamed_on_a_mutant(mutants, found):
    number = next(number for number, mutant in enumerate(found, 1) if mutant.mutated == "count >= number")
    made = mutants.MutatedSource(SAMPLE.read_bytes(), dict(enumerate(found, 1)))
    before = made.text[:made.text.index(b"count >= number")]
    line = before.count(b"\n") + 1
    assert made.at(line, len(before) - before.rfind(b"\n")) == {number}


def test_a_sample_is_spread_over_files_and_replaces_what_does_not_compile(mutants, found):
    sites = {"a": [*found], "b": [*found[:5]]}
    assert mutants.shares({file: len(all) for file, all in sites.items()}, 6) == {"a": 5, "b": 1}
    sample = mutants.Sample({"a": found}, 5, seed=1)
    first = sample.mutants()
    assert first == mutants.Sample({"a": found}, 5, seed=1).mutants()
    assert first != mutants.Sample({"a": found}, 5, seed=2).mutants()
    sample.drop({first[0]})
    assert len(sample.mutants()) == 5 and first[0] not in sample.mutants() and set(first[1:]) < set(sample.mutants())


def test_an_equivalent_mutant_is_recognized_by_its_text_and_its_line(mutants, found):
    def matching(**more):
        entry = mutants.Equivalent(FILE, "count_of", "0", "1", "a reason", **more)
        return [mutant.line_text for mutant in found if entry.matches(mutant)]

    assert matching() == matching(within="count = 0") == ["  int count = 0;"]
    assert matching(within="other") == []


def test_every_equivalent_mutant_has_a_reason(mutants):
    listed = mutants.equivalents(ROOT / "tests" / "mutation" / "equivalent.toml")
    assert all(entry.reason for entry in listed)
    assert all((ROOT / "src" / "sluice" / entry.file).exists() for entry in listed)
