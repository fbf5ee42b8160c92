#include "sluice/domain/remote/remote_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "one_folder.hpp"
#include "sluice/domain/remote/post.hpp"

namespace sluice::remote {
namespace {

using testing::HasSubstr;

Result<RemoteFiles::Fetched> fetch(RemoteFiles files, const std::string& url, const std::string& secret = {},
                                   const std::string& workspace = "default") {
  return files.fetch({.workspace = workspace, .url = url, .secret = secret}, [](auto...) {}, {});
}

TEST(RemoteFiles, RemembersWhatItFetchedForWhomAndFromWhere) {
  OneFolder one;
  const auto files = one.files({"https://example.org"});
  one.elsewhere.answers["https://example.org/a?key=1"] = [](const auto& request) {
    const bool same = header_in(request, "if-none-match") == "\"v1\"";
    return ports::Response{
        .status = same ? 304 : 200, .headers = {{"etag", "\"v1\""}}, .body = same ? "" : "bytes"};
  };
  const auto first = fetch(files, "https://example.org/a?key=1");
  ASSERT_OK(first);
  EXPECT_TRUE(first->is_new);
  EXPECT_EQ(first->artifact.name, "a");
  EXPECT_EQ(first->from, "https://example.org/a");
  const auto again = fetch(files, "https://example.org/a?key=1");
  ASSERT_OK(again);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(again->artifact, first->artifact);
  one.set("hub.token", "t0ken");
  EXPECT_TRUE(fetch(files, "https://example.org/a?key=1", "hub")->is_new)
      << "another secret may see another file";
  EXPECT_TRUE(fetch(files, "https://example.org/a?key=1", "", "other")->is_new) << "another workspace";
  EXPECT_EQ(header_in(one.elsewhere.asked.back(), "if-none-match"), "");
}

TEST(RemoteFiles, AsksAgainIfTheObjectWentWhileItAsked) {
  OneFolder one;
  const auto files = one.files({"https://example.org"});
  int answers = 0;
  one.elsewhere.answers["https://example.org/a"] = [&](const auto& request) {
    ++answers;
    if (header_in(request, "if-none-match").empty())
      return ports::Response{.headers = {{"etag", "\"v1\""}}, .body = "bytes"};
    EXPECT_OK(os::remove_tree(one.objects->path_of(Digest::of("bytes"))));
    return ports::Response{.status = 304};
  };
  ASSERT_OK(fetch(files, "https://example.org/a"));
  const auto again = fetch(files, "https://example.org/a");
  ASSERT_OK(again);
  EXPECT_TRUE(again->is_new);
  EXPECT_EQ(answers, 3);
  EXPECT_TRUE(one.objects->has(Digest::of("bytes")));
}

TEST(RemoteFiles, RemembersNoWeakOrOddTags) {
  OneFolder one;
  const auto files = one.files({"https://example.org"});
  for (const char* tag : {"W/\"v1\"", "v1", "", "\"a\x01\"", "\""}) {
    one.elsewhere.answers["https://example.org/a"] = sends("bytes", {{"etag", tag}});
    ASSERT_OK(fetch(files, "https://example.org/a"));
    ASSERT_OK(fetch(files, "https://example.org/a"));
    EXPECT_EQ(header_in(one.elsewhere.asked.back(), "if-none-match"), "") << tag;
  }
}

TEST(RemoteFiles, SendsASecretToItsOwnHostOnly) {
  OneFolder one;
  one.set("hub.authorization", "Basic YTpi");
  const auto files = one.files({"https://example.org", "https://other.example"});
  one.elsewhere.answers["https://example.org/a"] = sends("", {{"location", "https://other.example/b"}}, 307);
  one.elsewhere.answers["https://other.example/b"] = sends("", {{"location", "https://example.org/c"}}, 302);
  one.elsewhere.answers["https://example.org/c"] = sends("bytes");
  ASSERT_OK(fetch(files, "https://example.org/a", "hub"));
  ASSERT_EQ(one.elsewhere.asked.size(), 3U);
  EXPECT_EQ(header_in(one.elsewhere.asked[0], "authorization"), "Basic YTpi");
  EXPECT_EQ(header_in(one.elsewhere.asked[1], "authorization"), "");
  EXPECT_EQ(header_in(one.elsewhere.asked[2], "authorization"), "Basic YTpi");
}

TEST(RemoteFiles, ChecksTheAddressesOfEveryRedirect) {
  OneFolder one;
  const auto files = one.files({"https://*"});
  one.elsewhere.answers["https://example.org/a?signature=1"] =
      sends("", {{"location", "https://inside.example/b"}}, 302);
  one.elsewhere.answers["https://inside.example/b"] = sends("secrets");
  one.elsewhere.addresses["inside.example"] = "169.254.169.254";
  const auto refused = fetch(files, "https://example.org/a?signature=1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::permission_denied);
  EXPECT_THAT(refused.error().message,
              HasSubstr("inside.example has the link-local address 169.254.169.254"));
  EXPECT_EQ(refused.error().message.find("signature"), std::string::npos);
}

TEST(RemoteFiles, FetchesFromS3InTheRegionOfTheBucket) {
  OneFolder one;
  one.set("aws.access_key_id", "AKID");
  one.set("aws.secret_access_key", "s3cret-key");
  const auto files = one.files({"s3://bucket"});
  one.elsewhere.answers["https://bucket.s3.us-east-1.amazonaws.com/a"] =
      sends("<Error>", {{"x-amz-bucket-region", "eu-west-1"}}, 301);
  one.elsewhere.answers["https://bucket.s3.eu-west-1.amazonaws.com/a"] =
      sends("bytes", {{"x-amz-bucket-region", "eu-west-1"}});
  const auto fetched = fetch(files, "s3://bucket/a", "aws");
  ASSERT_OK(fetched);
  EXPECT_EQ(fetched->from, "s3://bucket/a");
  EXPECT_THAT(header_in(one.elsewhere.asked[1], "authorization"), HasSubstr("/eu-west-1/s3/aws4_request"));
  EXPECT_EQ(header_in(one.elsewhere.asked[1], "authorization").find("s3cret-key"), std::string::npos);

  one.elsewhere.answers["https://bucket.s3.eu-west-1.amazonaws.com/a"] =
      sends("", {{"x-amz-bucket-region", "ap-south-1"}}, 301);
  EXPECT_THAT(fetch(files, "s3://bucket/a", "aws").error().message, HasSubstr("status 301")) << "moves once";
  one.elsewhere.answers["https://bucket.s3.us-east-1.amazonaws.com/a"] =
      sends("", {{"x-amz-bucket-region", "evil.example/"}}, 301);
  EXPECT_FALSE(fetch(files, "s3://bucket/a", "aws"));
  EXPECT_EQ(one.elsewhere.asked.back().host, "bucket.s3.us-east-1.amazonaws.com");
  one.elsewhere.asked.clear();
  EXPECT_THAT(fetch(files, "s3://bucket/missing").error().message,
              HasSubstr("no such file (status 404 NoSuchKey)"));
  EXPECT_EQ(header_in(one.elsewhere.asked.back(), "authorization"), "")
      << "without a secret, it is not signed";
}

TEST(RemoteFiles, AnEndpointIsAllowedByItself) {
  OneFolder one;
  one.set("own.endpoint", "https://storage.example.org");
  EXPECT_THAT(fetch(one.files({"s3://bucket"}), "s3://bucket/a", "own").error().message,
              HasSubstr("https://storage.example.org is not allowed"));
  EXPECT_THAT(fetch(one.files({"https://storage.example.org"}), "s3://bucket/a", "own").error().message,
              HasSubstr("s3://bucket is not allowed"));
  one.elsewhere.answers["https://storage.example.org/bucket/a"] = sends("bytes");
  ASSERT_OK(fetch(one.files({"s3://bucket", "https://storage.example.org/bucket"}), "s3://bucket/a", "own"));
}

TEST(RemoteFiles, SaysWhatASecretLacks) {
  OneFolder one;
  one.set("aws.secret_access_key", "x");
  const auto files = one.files({"s3://bucket"});
  EXPECT_EQ(fetch(files, "s3://bucket/a", "aws").error().message,
            "the secret `aws` has no key `access_key_id`; set it from standard input: `sluice secrets set "
            "aws access_key_id`");
  one.set("half.access_key_id", "x");
  EXPECT_THAT(fetch(files, "s3://bucket/a", "half").error().message,
              HasSubstr("has no key `secret_access_key`"));
  one.set("place.region", "Mars/1");
  EXPECT_THAT(fetch(files, "s3://bucket/a", "place").error().message,
              HasSubstr("`place.region` is not the name of a region"));
  one.set("end.endpoint", "s3://x/y");
  EXPECT_THAT(fetch(files, "s3://bucket/a", "end").error().message,
              HasSubstr("`end.endpoint` is not the URL of a server"));
  EXPECT_TRUE(one.elsewhere.asked.empty());
}

TEST(RemoteFiles, LimitsTheSizeBeforeAndWhileItArrives) {
  OneFolder one;
  const auto files = one.files({"https://example.org"}, {.bytes_max = 4});
  one.elsewhere.answers["https://example.org/a"] = sends("12345");
  EXPECT_EQ(fetch(files, "https://example.org/a").error().code, Code::too_large);
  one.elsewhere.answers["https://example.org/a"] = sends("1", {{"content-length", "5"}});
  EXPECT_EQ(fetch(files, "https://example.org/a").error().code, Code::too_large);
  one.elsewhere.answers["https://example.org/a"] = sends("1234");
  EXPECT_OK(fetch(files, "https://example.org/a"));
  one.objects->set_admission([](std::int64_t bytes) -> Result<void> {
    return bytes > 0 ? Result<void>(Fail(environment_error(Code::exhausted, "no room"))) : Result<void>();
  });
  one.elsewhere.answers["https://example.org/b"] = sends("567");
  EXPECT_EQ(fetch(files, "https://example.org/b").error().message, "https://example.org/b: no room");
}

TEST(RemoteFiles, LimitsTheTimeOfAllRequestsTogether) {
  OneFolder one;
  const auto late =
      fetch(one.files({"https://example.org"}, {.time_max = Milliseconds(0)}), "https://example.org/a");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::deadline_exceeded);
  EXPECT_EQ(late.error().message, "https://example.org/a: not fetched within 0 s");
  EXPECT_TRUE(one.elsewhere.asked.empty());
}

TEST(Post, TellsTheOriginOnly) {
  Elsewhere elsewhere;
  const auto url = *parse_remote_url("http://127.0.0.1/hooks/secret");
  elsewhere.addresses["127.0.0.1"] = "127.0.0.1";
  elsewhere.answers["http://127.0.0.1/hooks/secret"] = sends("", {}, 503);
  const auto busy = post(elsewhere, {}, url, "{}", {});
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, Code::unavailable);
  EXPECT_EQ(busy.error().message, "http://127.0.0.1 responded with status 503");
  elsewhere.answers["http://127.0.0.1/hooks/secret"] = sends("", {{"location", "http://10.0.0.1/"}}, 302);
  EXPECT_EQ(post(elsewhere, {}, url, "{}", {}).error().message, "http://127.0.0.1 responded with status 302");
  elsewhere.answers["http://127.0.0.1/hooks/secret"] = sends("ok");
  EXPECT_OK(post(elsewhere, {}, url, "{}", {}));
  EXPECT_EQ(elsewhere.asked.back().body, "{}");

  const auto named = *parse_remote_url("https://hooks.example/x");
  elsewhere.addresses["hooks.example"] = "10.0.0.1";
  EXPECT_THAT(post(elsewhere, {}, named, "{}", {}).error().message, HasSubstr("private address 10.0.0.1"))
      << "a name names no address";
  elsewhere.answers["https://hooks.example/x"] = sends("ok");
  EXPECT_OK(post(elsewhere, *AllowedUrls::parse({}, {"10.0.0.0/8"}), named, "{}", {}));
}

}  // namespace
}  // namespace sluice::remote
