#include "sluice/app/terminal/cells.hpp"

#include <gtest/gtest.h>

namespace sluice::app {
namespace {

TEST(Cells, NoTextCanControlTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\nc\td\x7f"), "a?[2Jb?c?d?");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "?2J")
      << "the eight-bit form of the same";
  EXPECT_EQ(printable_lines("a\x1b[2Jb\nc\td\re\x7f"), "a?[2Jb\nc\td?e?");
  EXPECT_EQ(printable("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(printable("Vögel 鳥"), "Vögel 鳥");
}

TEST(Cells, AreNeverFewerThanATerminalUses) {
  EXPECT_EQ(cells_of(""), 0U);
  EXPECT_EQ(cells_of("Vögel"), 5U);
  EXPECT_EQ(cells_of("鳥"), 2U);
  EXPECT_EQ(cells_of("🐦"), 2U);
  EXPECT_EQ(cells_of("a…"), 2U);
}

TEST(Cells, TextIsTruncatedBetweenCharacters) {
  EXPECT_EQ(cut("hello", 5), "hello");
  EXPECT_EQ(cut("hello", 4), "hel…");
  EXPECT_EQ(cut("鳥鳥鳥", 4), "鳥…");
  EXPECT_EQ(cut("鳥鳥", 2), "…");
  EXPECT_EQ(cut("hello", 0), "");
  EXPECT_EQ(padded("ö", 3), "ö  ");
  EXPECT_EQ(padded("hello", 3), "hello");
}

}  // namespace
}  // namespace sluice::app
