#include "sluice/domain/remote/allowed_urls.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"

namespace sluice::remote {
namespace {

bool allows(const std::string& pattern, std::string_view url) {
  return AllowedUrls::parse({pattern}, {})->check(*parse_remote_url(url)).has_value();
}

bool reaches(const std::string& pattern, std::string_view url, std::string_view address,
             const std::vector<std::string>& ranges = {}) {
  const auto allowed = AllowedUrls::parse({pattern}, ranges);
  return allowed->check_addresses(*parse_remote_url(url), {*IpAddress::parse(address)}).has_value();
}

TEST(AllowedUrls, AllowsNothingByItself) {
  const auto refused = AllowedUrls().check(*parse_remote_url("https://data.example.org/x?signature=1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::permission_denied);
  EXPECT_EQ(refused.error().message,
            "https://data.example.org is not allowed; whoever runs Sluice allows it with `--allow-url "
            "https://data.example.org`");
}

TEST(AllowedUrls, AllowsWhatIsNamed) {
  EXPECT_TRUE(allows("https://data.example.org", "https://data.example.org/x"));
  EXPECT_FALSE(allows("https://data.example.org", "http://data.example.org/x")) << "plain http is named";
  EXPECT_FALSE(allows("https://data.example.org", "https://data.example.org:8443/x"));
  EXPECT_FALSE(allows("https://data.example.org", "https://data.example.org.evil.example/x"));
  EXPECT_TRUE(allows("https://DATA.example.org.", "https://data.EXAMPLE.org/x"));
  EXPECT_TRUE(allows("http://127.0.0.1:9000", "http://127.0.0.1:9000/x"));
  EXPECT_TRUE(allows("http://[::1]:9000", "http://[::1]:9000/x"));

  EXPECT_TRUE(allows("https://*.example.org", "https://a.b.example.org/x"));
  EXPECT_FALSE(allows("https://*.example.org", "https://example.org/x"));
  EXPECT_FALSE(allows("https://*.example.org", "https://evilexample.org/x"));
  EXPECT_TRUE(allows("https://*", "https://example.org/x"));
  EXPECT_FALSE(allows("https://*", "http://example.org/x"));

  EXPECT_TRUE(allows("https://example.org/public", "https://example.org/public/x"));
  EXPECT_TRUE(allows("https://example.org/public", "https://example.org/public"));
  EXPECT_FALSE(allows("https://example.org/public", "https://example.org/publications/x"));
  EXPECT_FALSE(allows("https://example.org/public/", "https://example.org/public%2Fx"));

  EXPECT_TRUE(allows("s3://bucket", "s3://bucket/x"));
  EXPECT_TRUE(allows("s3://bucket/", "s3://bucket/x"));
  EXPECT_FALSE(allows("s3://bucket", "s3://bucket-2/x"));
  EXPECT_TRUE(allows("s3://bucket/folder", "s3://bucket/folder/x"));
  EXPECT_FALSE(allows("s3://bucket/folder", "s3://bucket/other"));
  const auto outside =
      AllowedUrls::parse({"https://example.org/a"}, {})->check(*parse_remote_url("https://example.org/b"));
  EXPECT_THAT(outside.error().message,
              testing::HasSubstr("outside of what --allow-url names of https://example.org"));
}

TEST(AllowedUrls, RefusesWrongEntries) {
  for (const char* pattern :
       {"", "example.org", "https://", "*", "https://**", "https://a.*.org", "https://*x.org", "s3://*",
        "s3://", "ftp://example.org", "https://example.org/?x", "https://u@example.org",
        "https://*.127.0.0.1", "https://example.org/a/../b"}) {
    const auto allowed = AllowedUrls::parse({pattern}, {});
    ASSERT_FALSE(allowed) << pattern;
    EXPECT_THAT(allowed.error().message, testing::HasSubstr("write https://HOST")) << pattern;
  }
  for (const char* range : {"", "10.0.0.0/33", "10.0.0/8", "x", "10.0.0.0/", "::/129"}) {
    const auto allowed = AllowedUrls::parse({}, {range});
    ASSERT_FALSE(allowed) << range;
    EXPECT_THAT(allowed.error().message, testing::HasSubstr("not an address or a range such as 10.0.0.0/8"));
  }
}

TEST(AllowedUrls, TakeAtMostAThousandEntries) {
  EXPECT_OK(AllowedUrls::parse(std::vector<std::string>(1000, "https://example.org"), {}));
  const auto many = AllowedUrls::parse(std::vector<std::string>(1001, "https://example.org"), {});
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().message, "--allow-url and --allow-address take at most 1000 entries each");
}

TEST(AllowedUrls, ReachesAddressesOfTheOwnNetworkOnlyIfTheyAreNamed) {
  for (const char* address : {"127.0.0.1",
                              "127.8.8.8",
                              "10.1.2.3",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "0.0.0.0",
                              "224.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::ffff:127.0.0.1",
                              "::ffff:a9fe:a9fe",
                              "64:ff9b::7f00:1",
                              "64:ff9b::a9fe:a9fe",
                              "64:ff9b:1::1",
                              "fe80::1",
                              "fd00::1",
                              "fc00::1",
                              "ff02::1",
                              "2002:7f00:1::",
                              "2002:a00:1::1",
                              "::127.0.0.1",
                              "2001::1",
                              "2001:db8::1",
                              "fec0::1",
                              "4000::1"})
    EXPECT_FALSE(reaches("https://*", "https://example.org/x", address)) << address;
  for (const char* address : {"93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:2800:21f::1",
                              "::ffff:93.184.215.14", "64:ff9b::5db8:d70e", "2002:5db8:d70e::1"})
    EXPECT_TRUE(reaches("https://*", "https://example.org/x", address)) << address;

  EXPECT_TRUE(reaches("http://127.0.0.1:9000", "http://127.0.0.1:9000/x", "127.0.0.1"));
  EXPECT_TRUE(reaches("http://127.0.0.1:9000", "http://127.0.0.1:9000/x", "::ffff:127.0.0.1")) << "the same";
  EXPECT_FALSE(reaches("http://127.0.0.1:9000", "http://127.0.0.1:9000/x", "127.0.0.2"));
  EXPECT_FALSE(reaches("http://127.0.0.1:9000", "http://127.0.0.1:9001/x", "127.0.0.1"))
      << "of that port only";
  EXPECT_TRUE(reaches("http://localhost:9000", "http://localhost:9000/x", "::1"));
  EXPECT_FALSE(reaches("http://localhost:9000", "http://localhost:9000/x", "10.0.0.1"));
  EXPECT_FALSE(reaches("https://data.example.org", "https://data.example.org/x", "127.0.0.1"))
      << "a name names no address";
  EXPECT_TRUE(reaches("https://data.example.org", "https://data.example.org/x", "10.1.2.3", {"10.0.0.0/8"}));
  EXPECT_TRUE(reaches("https://data.example.org", "https://data.example.org/x", "fd00::5", {"fd00::/8"}));
  EXPECT_FALSE(
      reaches("https://data.example.org", "https://data.example.org/x", "11.1.2.3", {"10.0.0.0/8"}) &&
      reaches("https://data.example.org", "https://data.example.org/x", "127.0.0.1", {"10.0.0.0/8"}));
}

TEST(AllowedUrls, RefusesAHostOneOfWhoseAddressesIsNotAllowed) {
  const auto allowed = *AllowedUrls::parse({"https://*"}, {});
  const auto refused =
      allowed.check_addresses(*parse_remote_url("https://example.org/x"),
                              {*IpAddress::parse("93.184.215.14"), *IpAddress::parse("::ffff:10.0.0.1")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "example.org has the private address 10.0.0.1, which is not allowed; whoever runs Sluice allows "
            "it with "
            "`--allow-address 10.0.0.1`");
}

}  // namespace
}  // namespace sluice::remote
