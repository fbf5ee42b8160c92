#include "sluice/base/leftovers.hpp"

#include <string>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Leftovers, AreWhatProgramsLeaveBesidePeoplesFiles) {
  for (const auto* name : {".DS_Store",
                           "._a.png",
                           "__MACOSX",
                           "Icon\r",
                           ".Spotlight-V100",
                           "Thumbs.db",
                           "THUMBS.DB",
                           "desktop.ini",
                           "Desktop.ini",
                           "ehthumbs.db",
                           "$RECYCLE.BIN",
                           "System Volume Information",
                           ".directory",
                           ".Trash-1000",
                           ".nfs000000000123",
                           ".fuse_hidden0001",
                           "@eaDir",
                           "lost+found",
                           ".git",
                           ".svn",
                           ".hg",
                           "__pycache__",
                           "a.cpython-311.pyc",
                           ".venv",
                           ".pytest_cache",
                           ".ipynb_checkpoints",
                           ".idea",
                           ".vscode",
                           "a.png~",
                           "#a.py#",
                           ".#a.py",
                           ".a.py.swp",
                           ".a.py.swo",
                           ".train.swp",
                           "~$report.docx",
                           ".~lock.a.ods#",
                           "Picasa.ini",
                           ".sluiceignore"})
    EXPECT_TRUE(is_leftover(name)) << name;
}

TEST(Leftovers, AreNoFilesOfPeople) {
  for (const auto* name :
       {"a.png",      "thumbs", "thumbs.png", "desktop",     "git",  ".gitignore", ".env",  ".hidden.png",
        "~",          "#",      "##a",        "#1 bird.png", "a#",   "_.png",      "..png", ".a.svg",
        ".sw",        "a.swp",  ".swap",      "venv",        "icon", "MACOSX",     "pyc",   ".nfs",
        "bird~1.png", ""})
    EXPECT_FALSE(is_leftover(name)) << name;
}

}  // namespace
}  // namespace sluice
