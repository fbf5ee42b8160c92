#include "sluice/ir/path.hpp"

#include <gtest/gtest.h>

namespace sluice::ir {
namespace {

/// "name visit inner" of each segment; ends with "?" where there is none.
std::string segments_of(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const auto segment = take_segment(path);
    if (!segment) return out + "?";
    out += segment->decoded_name().value_or("?");
    if (segment->visit > 1) out += "#" + std::to_string(segment->visit);
    append_inner(out, segment->inner, segment->index);
    out += ' ';
  }
  return out;
}

TEST(Path, HasSegmentsOfNamesVisitsAndRegions) {
  EXPECT_EQ(segments_of("fit"), "fit ");
  EXPECT_EQ(segments_of("folds[3]/train/fit%2Fall{0}/one"), "folds[3] train fit/all{0} one ");
  EXPECT_EQ(segments_of("get#2"), "get#2 ");
  EXPECT_EQ(segments_of("get#12[0]/again!1/x"), "get#12[0] again!1 x ");
  EXPECT_EQ(segments_of("a#2{1}/b"), "a#2{1} b ");
}

TEST(Path, IsReadableForPeople) {
  for (const auto& [path, readable] :
       {std::pair("folds[3]/train/fit", "folds[3]/train/fit"), std::pair("for-loop%201", "for-loop 1"),
        std::pair("b%C3%BCro/%7Bx%7D%2Fy{0}/%25", "büro/%7Bx%7D%2Fy{0}/%25"),
        std::pair("a%0Ab%1B", "a%0Ab%1B"), std::pair("%FF", "%FF"), std::pair("%zz%2", "%zz%2"),
        std::pair("", "")}) {
    EXPECT_EQ(readable_path(path), readable);
    EXPECT_EQ(path_of_readable(readable), path);
    EXPECT_EQ(path_of_readable(path), path);
  }
}

TEST(Path, OfWhichEachHasOneSpelling) {
  for (const auto* wrong :
       {"/a",    "#2",      "[0]",    "a#",    "a#1",   "a#0",   "a#02", "a#-2",
        "a#2#3", "a[",      "a[]",    "a[-1]", "a[00]", "a[1",   "a[1}", "a{1]",
        "a{1}x", "a[1][2]", "a[1]#2", "a!",    "a!0",   "a!1!2", "a!01", "a[99999999999999999999]"})
    EXPECT_EQ(segments_of(wrong), "?") << wrong;
  EXPECT_EQ(segments_of("a//b"), "a ?");
  EXPECT_EQ(segments_of("%zz"), "? ");
}

TEST(Path, OfTheOperationThatContainsAnother) {
  EXPECT_EQ(parent_path("fit"), "");
  EXPECT_EQ(parent_path("train/fit"), "train");
  EXPECT_EQ(parent_path("folds[3]/train{0}/fit"), "folds[3]/train");
  EXPECT_EQ(parent_path("get#2[1]/fit"), "get#2");
  EXPECT_EQ(parent_path("get#2/fit"), "get#2");
  EXPECT_EQ(parent_path("again!2/fit"), "again");
}

}  // namespace
}  // namespace sluice::ir
