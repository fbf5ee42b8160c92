#include "sluice/domain/remote/remote_url.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"

namespace sluice::remote {
namespace {

TEST(RemoteUrl, HasAnOriginAPathAndAQuery) {
  const auto url = parse_remote_url("HTTPS://Data.Example.org:8443/a%20b/c.csv?X-Amz-Signature=secret");
  ASSERT_OK(url);
  EXPECT_EQ(url->host, "data.example.org");
  EXPECT_EQ(url->origin(), "https://data.example.org:8443");
  EXPECT_EQ(url->shown(), "https://data.example.org:8443/a%20b/c.csv") << "without the signature";
  EXPECT_EQ(url->query, "?X-Amz-Signature=secret");
  EXPECT_EQ(url->file_name(), "c.csv");
  EXPECT_EQ(parse_remote_url("https://example.org")->path, "/");
  EXPECT_EQ(parse_remote_url("https://example.org?x")->path, "/");
  EXPECT_EQ(parse_remote_url("https://example.org.:443/x")->origin(), "https://example.org") << "one host";
  EXPECT_EQ(parse_remote_url("http://[::1]:80/x")->origin(), "http://[::1]");
  EXPECT_EQ(parse_remote_url("s3://bucket/a b%/c.csv")->path, "/a%20b%25/c.csv") << "a key is not encoded";
}

TEST(RemoteUrl, RefusesWhatIsNotOneOrIsDangerous) {
  const std::pair<const char*, const char*> cases[] = {
      {"ftp://example.org/x", "not a URL with https, http or s3"},
      {"https://ann:secret@example.org/x", "user name or a password"},
      {"https://example.org/x#y", "fragment"},
      {"https:///x", "no valid host"},
      {"https://exa mple.org/x", "no valid host"},
      {"https://.example.org/x", "no valid host"},
      {"https://a..b/x", "no valid host"},
      {"https://a../x", "no valid host"},
      {"https://example.org:/x", "no number after"},
      {"https://example.org:0/x", "from 1 to 65535"},
      {"https://example.org:65536/x", "from 1 to 65535"},
      {"https://[::1/x", "no closing bracket"},
      {"https://[127.0.0.1]/x", "no address of IPv6"},
      {"https://[::1]x/y", "between its host and its port"},
      {"https://example.org/a/../b", "a segment `.` or `..`"},
      {"https://example.org/a/%2e%2E/b", "a segment `.` or `..`"},
      {"https://example.org/a%2f..%2fb", "a segment `.` or `..`"},
      {"https://example.org/a%5c..%5cb", "a segment `.` or `..`"},
      {"https://example.org/a b", "not allowed in one"},
      {"https://example.org/a\r\nHost:x", "not allowed in one"},
      {"https://example.org/%zz", "two hexadecimal digits"},
      {"https://example.org/%00", "NUL byte"},
      {"https://example.org/x?a b", "the query"},
      {"https://example.org/x?%f", "two hexadecimal digits"},
      {"s3://bucket", "names no object"},
      {"s3://bucket/", "names no object"},
      {"s3:///key", "names no bucket"},
      {"s3://buc@ket/key", "names no bucket"},
      {"s3://bucket/../other/key", "a segment `.` or `..`"},
      {"s3://bucket/\xff", "not UTF-8"},
  };
  for (const auto& [text, why] : cases) {
    const auto url = parse_remote_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_THAT(url.error().message, testing::HasSubstr(why)) << text;
    EXPECT_EQ(url.error().message.find("secret@"), std::string::npos);
  }
  EXPECT_FALSE(parse_remote_url("https://example.org/" + std::string(9000, 'x')));
}

TEST(RemoteUrl, NamesAFileSafely) {
  const auto name = [](std::string_view url) { return parse_remote_url(url)->file_name(); };
  EXPECT_EQ(name("https://example.org/"), "file");
  EXPECT_EQ(name("https://example.org/a/b/"), "b");
  EXPECT_EQ(name("https://example.org/a%2Fb.csv"), "b.csv");
  EXPECT_EQ(name("https://example.org/a%0A%1b%5b31mb"), "a[31mb") << "no control characters";
  EXPECT_EQ(name("https://example.org/%ff"), "\xef\xbf\xbd") << "valid UTF-8";
  EXPECT_EQ(name("https://example.org/" + std::string(1000, 'x')).size(), 200U);
  EXPECT_EQ(name("s3://bucket/folder/ä.csv"), "ä.csv");
}

TEST(RemoteUrl, FollowsReferences) {
  const auto base = *parse_remote_url("https://example.org/a/b/c?old");
  const std::pair<const char*, const char*> cases[] = {
      {"d?new", "https://example.org/a/b/d?new"},
      {"/d", "https://example.org/d"},
      {"../d", "https://example.org/a/d"},
      {"../../../../d", "https://example.org/d"},
      {"?x", "https://example.org/a/b/c?x"},
      {"//other.example/d", "https://other.example/d"},
      {"http://other.example", "http://other.example/"},
      {"./", "https://example.org/a/b/"},
      {"d#fragment", "https://example.org/a/b/d"},
      {"", "https://example.org/a/b/c?old"},
      {"..", "https://example.org/a/"},
  };
  for (const auto& [reference, expected] : cases) {
    const auto url = resolve_reference(base, reference);
    ASSERT_OK(url) << reference;
    EXPECT_EQ(url->shown() + url->query, expected) << reference;
  }
  for (const char* reference : {"file:///etc/passwd", "javascript:x", "//user@other.example/", "/%2e%2e/x"})
    EXPECT_FALSE(resolve_reference(base, reference)) << reference;
}

TEST(RemoteUrl, IsToldFromAPath) {
  for (const char* url : {"https://x", "HTTP://x", "s3://x"}) EXPECT_TRUE(is_remote_url(url)) << url;
  for (const char* path : {"data.csv", "https", "https:/x", "./s3://x", ""})
    EXPECT_FALSE(is_remote_url(path)) << path;
}

}  // namespace
}  // namespace sluice::remote
