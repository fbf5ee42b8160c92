#include "sluice/domain/remote/s3_object.hpp"

#include <gtest/gtest.h>

namespace sluice::remote {
namespace {

std::string url_of(std::string_view object, const S3Access& access) {
  return s3_url(*parse_remote_url(object), access).shown();
}

TEST(S3Object, HasAUrlAtAwsOrAtAnEndpoint) {
  EXPECT_EQ(url_of("s3://bucket/a b", {.region = "eu-central-1"}),
            "https://bucket.s3.eu-central-1.amazonaws.com/a%20b");
  EXPECT_EQ(url_of("s3://my.bucket/a", {}), "https://s3.us-east-1.amazonaws.com/my.bucket/a")
      << "no certificate has two labels";
  EXPECT_EQ(url_of("s3://bucket/a", {.endpoint = *parse_remote_url("http://127.0.0.1:9000")}),
            "http://127.0.0.1:9000/bucket/a");
  EXPECT_EQ(url_of("s3://bucket/a", {.endpoint = *parse_remote_url("https://example.org/s3/")}),
            "https://example.org/s3/bucket/a");
}

TEST(S3Object, IsAskedForWithASignatureIfThereAreKeys) {
  const auto url = *parse_remote_url("https://bucket.s3.us-east-1.amazonaws.com/a");
  EXPECT_TRUE(s3_headers(url, {}, Time{}).empty());
  const auto headers =
      s3_headers(url, {.keys = AwsKeys{.id = "id", .secret = "key", .session_token = "session"}}, Time{});
  ASSERT_EQ(headers.size(), 4U);
  EXPECT_EQ(headers[0].first, "x-amz-content-sha256");
  EXPECT_EQ(headers[2], (std::pair<std::string, std::string>("x-amz-security-token", "session")));
  EXPECT_NE(
      headers[3].second.find("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"),
      std::string::npos);
}

TEST(S3Object, KnowsRegionsAndErrorCodes) {
  EXPECT_TRUE(is_region("eu-central-1"));
  for (const char* text : {"", "evil.example/", "a.b", "EU", "-a", "a@b"})
    EXPECT_FALSE(is_region(text)) << text;
  EXPECT_EQ(s3_error_code("<?xml?><Error><Code>NoSuchKey</Code><Message>…"), "NoSuchKey");
  for (const char* body : {"", "<Code>", "<Code></Code>", "<Code>a b</Code>", "<Code>\x1b[31m</Code>"})
    EXPECT_EQ(s3_error_code(body), "") << body;
}

}  // namespace
}  // namespace sluice::remote
