#include "sluice/domain/datasets/label_table.hpp"

#include <gmock/gmock.h>

#include "result_assertions.hpp"

namespace sluice::datasets {
namespace {

using test::error_of;
using test::value_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(LabelTable, HasOneExampleARowAndItsLabels) {
  const auto read = value_of(read_label_table("file,label\na.png,cat\n\"b,1.png\",dog; cat;dog\n", "t.csv"));
  ASSERT_EQ(read.rows.size(), 2U);
  EXPECT_TRUE(read.names_files);
  EXPECT_EQ(read.rows[0].line, 2U);
  EXPECT_EQ(read.rows[1].example, "b,1.png");
  EXPECT_THAT(read.rows[1].labels, ElementsAre("cat", "dog"));
}

TEST(LabelTable, NeedsNeitherAHeadingNorALastLineEnd) {
  const auto read =
      value_of(read_label_table("\xef\xbb\xbfIt was fine,good\r\n\r\n\"Two\nlines\",bad", "t.csv"));
  ASSERT_EQ(read.rows.size(), 2U);
  EXPECT_FALSE(read.names_files);
  EXPECT_EQ(read.rows[1].line, 3U);
  EXPECT_EQ(read.rows[1].example, "Two\nlines");
  EXPECT_TRUE(value_of(read_label_table("a.jpg,cat\n", "t.csv")).names_files);
}

TEST(LabelTable, NamesEveryRowThatIsWrong) {
  const auto error = error_of(read_label_table("text,label\na\n,x\nb,\nc,d,e\nf,\xff\ng,ok\n", "t.csv"));
  EXPECT_EQ(
      error.message,
      "t.csv:2: there are 1 columns, but two are needed: the example, and its labels with `;` between them");
  EXPECT_THAT(
      error.notes,
      ElementsAre("t.csv:3: the first column is empty; it names a file, or is a text",
                  "t.csv:4: the second column is empty; give the example a label, or leave the row out",
                  "t.csv:5: there are 3 columns, but two are needed: the example, and its labels with `;` "
                  "between them",
                  "t.csv:6: this is not UTF-8; convert the file"));
}

TEST(LabelTable, WithoutRowsOrWithAnOpenQuotationMarkIsRefused) {
  EXPECT_EQ(error_of(read_label_table("file,label\n", "t.csv")).message,
            "t.csv: there is no row with an example and a label");
  EXPECT_EQ(error_of(read_label_table("a,b\n\"c,d\n", "t.csv")).message,
            "t.csv:2: a quotation mark is not closed");
}

TEST(LabelTable, WithBoxesIsRefusedWithWhatToDo) {
  EXPECT_EQ(
      error_of(read_label_table("filename,xmin,ymin,xmax,ymax,class\na.png,1,2,3,4,cat\n", "t.csv")).message,
      "t.csv: it has boxes, and only whole pictures are taught here; keep the columns of the file and the "
      "label, one "
      "row for each picture");
}

TEST(LabelTable, IsBounded) {
  std::string text;
  for (std::size_t i = 0; i <= examples_max; ++i) text += "a,b\n";
  EXPECT_EQ(error_of(read_label_table(text, "t.csv")).code, Code::too_large);
}

}  // namespace
}  // namespace sluice::datasets
