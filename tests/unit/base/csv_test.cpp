#include "sluice/base/csv.hpp"

#include <gtest/gtest.h>

namespace {

using sluice::csv_row;
using sluice::take_csv_row;

std::vector<std::string> read_back(const std::string& row) {
  std::string_view rest = row;
  const auto cells = take_csv_row(rest);
  EXPECT_TRUE(cells) << row;
  EXPECT_EQ(rest, "");
  return cells.value_or(std::vector<std::string>());
}

TEST(Csv, QuotesWhatWouldEndACell) {
  EXPECT_EQ(csv_row({"a", "", "b c"}), "a,,b c\n");
  EXPECT_EQ(csv_row({"a,b", "say \"hi\"", "two\nlines"}), "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\n");
}

TEST(Csv, NoCellBeginsLikeAFormula) {
  EXPECT_EQ(csv_row({"=1+1", "+1", "-1", "@a", "1-1"}), "'=1+1,'+1,'-1,'@a,1-1\n");
  EXPECT_EQ(csv_row({"=a,b"}), "\"'=a,b\"\n");
  EXPECT_EQ(csv_row({"＝1", "＠a", "\tx", "\rx"}), "'＝1,'＠a,'\tx,\"'\rx\"\n");
}

TEST(Csv, ReadingGivesBackWhatWasWritten) {
  for (const std::string cell :
       {"", "a", "=a", "'=a", "'a", "''", "a'", "-", "\"", "\"\"", ",", "a\r\nb", "\r", "\n", "\xff=", "\t"})
    EXPECT_EQ(read_back(csv_row({cell, "x", cell})), (std::vector<std::string>{cell, "x", cell})) << cell;
}

TEST(Csv, ARowThatIsCutOffIsNotTaken) {
  const std::string text = csv_row({"a", "b\nc"}) + csv_row({"d", "e"});
  for (std::size_t length = 0; length <= text.size(); ++length) {
    std::string_view rest = std::string_view(text).substr(0, length);
    std::size_t rows = 0;
    while (take_csv_row(rest)) ++rows;
    EXPECT_EQ(rows, length < 8 ? 0U : length < text.size() ? 1U : 2U) << length;
    EXPECT_EQ(rest.size(), length < 8 ? length : length < text.size() ? length - 8 : 0) << length;
  }
}

TEST(Csv, ReadsTheLineEndsOfSpreadsheets) {
  std::string_view rest = "a,b\r\nc\r,d\r\n";
  EXPECT_EQ(take_csv_row(rest), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(take_csv_row(rest), (std::vector<std::string>{"c\r", "d"}));
}

}  // namespace
