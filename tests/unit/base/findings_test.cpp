#include "sluice/base/findings.hpp"

#include <gtest/gtest.h>

namespace {

using sluice::Code;
using sluice::Findings;

TEST(Findings, OneIsAnErrorWithoutNotes) {
  Findings findings;
  EXPECT_TRUE(findings.empty());
  findings.add("a.png is no picture");
  const auto error = std::move(findings).error(Code::too_large);
  EXPECT_EQ(error.code, Code::too_large);
  EXPECT_EQ(error.blame, sluice::Blame::user);
  EXPECT_EQ(error.message, "a.png is no picture");
  EXPECT_TRUE(error.notes.empty());
}

TEST(Findings, TheOthersAreNotesAndThoseThatAreNotKeptAreCounted) {
  Findings findings;
  for (std::size_t i = 0; i < Findings::kept_max; ++i) findings.add(std::to_string(i));
  auto list = Findings(findings).list();
  EXPECT_EQ(list.size(), Findings::kept_max);
  EXPECT_EQ(list.back(), "99");
  findings.add("one more");
  findings.add_more(5);
  const auto error = std::move(findings).error(Code::invalid_argument);
  EXPECT_EQ(error.message, "0");
  EXPECT_EQ(error.notes.size(), Findings::kept_max);
  EXPECT_EQ(error.notes.back(), "and 6 more");
}

}  // namespace
