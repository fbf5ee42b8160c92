"""tools/check_filesystem.py finds the calls that can throw, and no others."""
import sys

import pytest
from sluice_program import ROOT

sys.path.insert(0, str(ROOT / "tools"))
from check_filesystem import complaints_about  # noqa: E402

THROWING = [
    "std::filesystem::permissions(path, std::filesystem::perms(0755));",
    "const auto size = fs::file_size(folder / name);",
    "if (!fs::exists(file)) return;",
    "fs::exists(fs::absolute(root, failed));",
    "fs::rename(from,\n           to);",
    "for (const auto& entry : fs::directory_iterator(folder, failed)) use(entry);",
    "fs::directory_iterator at(folder, failed);\nat++;",
    "fs::recursive_directory_iterator at(folder);",
    "fs::directory_entry entry{path};",
    "void use(const fs::directory_entry& entry) { entry.is_directory(); }",
    "using std::filesystem::exists;",
]
HARMLESS = [
    "fs::remove_all(path, failed);",
    "fs::create_directories((folder / file).parent_path(), failed);",
    "for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) use(at->is_directory(failed));",
    "const auto status = fs::status(path, failed);\nif (fs::exists(status)) use(fs::is_directory(status));",
    "return fs::exists(fs::symlink_status(path, failed));",
    "os::exists(path); fs::path made(text); made.parent_path();",
    "// fs::remove(path);\n/* fs::remove(path); */ use(\"fs::remove(path)\", '\"');",
    "std::vector<fs::directory_entry> entries;",
]


@pytest.mark.parametrize("call", THROWING)
def test_a_throwing_call_is_found(call):
    assert complaints_about("std::error_code failed;\n" + call), call


@pytest.mark.parametrize("call", HARMLESS)
def test_a_harmless_call_is_not(call):
    assert complaints_about("std::error_code failed;\n" + call) == []


def test_the_line_is_named():
    assert complaints_about('// "\n\nfs::remove(path);\n') == [(3, "remove")]
