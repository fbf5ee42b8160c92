#include <cerrno>

#include <gtest/gtest.h>

#include "sluice/base/result.hpp"

namespace sluice {
namespace {

TEST(Errors, HaveOneNameAndOneStatusEach) {
  for (int i = 0; i <= static_cast<int>(Code::internal); ++i) {
    const auto code = static_cast<Code>(i);
    EXPECT_EQ(code_named(name(code)), code) << name(code);
    EXPECT_GE(http_status(code), 400);
  }
  EXPECT_EQ(http_status(Code::not_found), 404);
  EXPECT_EQ(http_status(Code::unavailable), 503);
  EXPECT_EQ(code_named("a code of a later version"), Code::internal);
}

TEST(Errors, OfTheSystemCarryItsWordsAndBlameTheEnvironment) {
  const auto error = system_error("open x.txt", ENOENT);
  EXPECT_EQ(error.message, "cannot open x.txt: No such file or directory");
  EXPECT_EQ(error.code, Code::not_found);
  EXPECT_EQ(error.blame, Blame::environment);
  EXPECT_EQ(system_error("write", ENOSPC).code, Code::disk_full);
  EXPECT_EQ(system_error("open", EMFILE).code, Code::exhausted);
  EXPECT_EQ(system_error("read", EIO).code, Code::unavailable);
}

TEST(Errors, GetAPrefixAndNotes) {
  const auto error =
      user_error(Code::not_found, "no such file").at("input `x`").with_note("it was there yesterday");
  EXPECT_EQ(error.message, "input `x`: no such file");
  EXPECT_EQ(error.notes, std::vector<std::string>{"it was there yesterday"});
  EXPECT_EQ(error.blame, Blame::user);
}

TEST(Errors, OfInvalidArgumentsNameThePlace) {
  const auto error = invalid_argument("model.json", "`classes` must be a list of names");
  EXPECT_EQ(error.message, "model.json: `classes` must be a list of names");
  EXPECT_EQ(error.code, Code::invalid_argument);
  EXPECT_EQ(error.blame, Blame::user);
}

Result<int> half(int number) {
  if (number % 2 != 0) return Fail(user_error(Code::invalid_argument, std::to_string(number) + " is odd"));
  return number / 2;
}

Result<int> quarter(int number) {
  SLUICE_TRY(once, half(number));
  SLUICE_DO(half(once));
  return once / 2;
}

TEST(Errors, ArePropagatedByTry) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(7).error().message, "7 is odd");
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
}

TEST(Checks, EndTheProcessAndSayWhatFailed) {
  EXPECT_DEATH(SLUICE_CHECK(1 + 1 == 3), "error_test.cpp:[0-9]+: check failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace sluice
