#include "sluice/domain/tracking/page_token.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/words.hpp"

namespace sluice::tracking {
namespace {

TEST(PageToken, HasTheBytesOfMLflow) {
  EXPECT_EQ(token_of(1), "eyJvZmZzZXQiOiAxfQ==");
  EXPECT_EQ(token_of(1000), "eyJvZmZzZXQiOiAxMDAwfQ==");
}

TEST(PageToken, NamesAnOffset) {
  EXPECT_EQ(test::value_of(offset_of("")), 0);
  EXPECT_EQ(test::value_of(offset_of(token_of(250))), 250);
  EXPECT_EQ(test::value_of(offset_of(base64_encode(R"({"offset": "7"})"))), 7);
  EXPECT_EQ(test::value_of(offset_of(base64_encode(R"({"experiment_ids": ["1"], "offset": 7})"))), 7);
}

TEST(PageToken, RefusesInTheWordsOfMLflow) {
  const auto message = [](std::string_view json) {
    return test::error_of(offset_of(base64_encode(json))).message;
  };
  EXPECT_EQ(test::error_of(offset_of("bogus")).message, "Invalid page token, could not base64-decode");
  EXPECT_EQ(message("no json"), "Invalid page token, decoded value=no json");
  EXPECT_EQ(message("\xff"), "Invalid page token, decoded value=\ufffd");
  EXPECT_EQ(message("{}"), "Invalid page token, parsed value={}");
  EXPECT_EQ(message("[1]"), "Invalid page token, parsed value=[1]");
  EXPECT_EQ(message(R"({"offset": 0})"), R"(Invalid page token, parsed value={"offset":0})");
  EXPECT_EQ(message(R"({"offset": -1})"), R"(Invalid page token, parsed value={"offset":-1})");
  EXPECT_EQ(message(R"({"offset": ""})"), R"(Invalid page token, parsed value={"offset":""})");
  EXPECT_EQ(message(R"({"offset": "x"})"), "Invalid page token, not stringable x");
  EXPECT_EQ(test::error_of(offset_of(std::string(300000, 'A'))).message,
            "Invalid page token, longer than 262144 bytes");
}

}  // namespace
}  // namespace sluice::tracking
