#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"

namespace sluice::test {
namespace {

Result<int> missing() {
  return Fail(user_error(Code::not_found, "no such file").with_note("it was there yesterday"));
}

TEST(ResultAssertions, ShowTheErrorAndEvaluateTheirExpressionOnce) {
  int calls = 0;
  const auto failing = [&] {
    ++calls;
    return missing();
  };
  EXPECT_NONFATAL_FAILURE(EXPECT_OK(failing()),
                          "failing() failed: not_found: no such file\n  it was there yesterday");
  EXPECT_EQ(calls, 1);
  EXPECT_FATAL_FAILURE(ASSERT_OK(missing()) << "and more", "and more");
  EXPECT_OK(Result<void>());
}

TEST(ResultAssertions, UnwrapAValueOrEndTheTestWhereItIsUsed) {
  EXPECT_EQ(value_of(Result<int>(3)), 3);
  EXPECT_EQ(*value_of(Result<std::unique_ptr<int>>(std::make_unique<int>(4))), 4);
  try {
    value_of(missing());
    FAIL() << "an error has no value";
  } catch (const std::runtime_error& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("assertions_test.cpp:"), std::string::npos) << what;
    EXPECT_TRUE(what.ends_with(": not_found: no such file\n  it was there yesterday")) << what;
  }
}

TEST(ResultAssertions, TellTheMessageOfAnError) {
  EXPECT_EQ(message_of(missing()), "no such file");
  EXPECT_EQ(message_of(Result<int>(3)), "");
}

}  // namespace
}  // namespace sluice::test
