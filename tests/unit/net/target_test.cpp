#include "sluice/net/target.hpp"

#include <gmock/gmock.h>

#include "sluice/net/listen.hpp"

namespace sluice::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(Target, SegmentsAreDecodedAfterSplitting) {
  const auto target = parse_target("/v2/models/a%2Fb/%C3%A4?x=1+2&y=%26&flag&&z=");
  ASSERT_TRUE(target);
  EXPECT_THAT(target->segments, ElementsAre("v2", "models", "a/b", "ä"));
  EXPECT_EQ(target->path, "/v2/models/a/b/ä");
  EXPECT_THAT(target->query, ElementsAre(Pair("x", "1 2"), Pair("y", "&"), Pair("flag", ""), Pair("z", "")));
  EXPECT_EQ(target->authority, "");
}

TEST(Target, OneTrailingSlashDoesNotCount) {
  EXPECT_THAT(parse_target("/v2/")->segments, ElementsAre("v2"));
  EXPECT_THAT(parse_target("/v2//")->segments, ElementsAre("v2", ""));
  EXPECT_THAT(parse_target("/")->segments, ElementsAre());
}

TEST(Target, WholeUrlNamesItsHost) {
  const auto target = parse_target("http://localhost:81/a?b=c");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->authority, "localhost:81");
  EXPECT_THAT(target->segments, ElementsAre("a"));
  EXPECT_THAT(parse_target("http://localhost")->segments, ElementsAre());
}

TEST(Target, RefusesInvalidTargets) {
  EXPECT_THAT(parse_target("/a%00b").error().message,
              HasSubstr("the path of the request target contains a NUL byte (%00)"));
  EXPECT_THAT(parse_target("/a?x=%00").error().message,
              HasSubstr("the query of the request target contains a NUL byte"));
  EXPECT_THAT(parse_target("/%ff").error().message, HasSubstr("is not UTF-8 once decoded; percent-encode"));
  EXPECT_THAT(parse_target("/100%").error().message, HasSubstr("write a literal `%` as %25"));
  EXPECT_THAT(parse_target("/a#b").error().message, HasSubstr("write it as %23"));
  EXPECT_THAT(parse_target("*").error().message, HasSubstr("does not begin with `/`"));
  EXPECT_THAT(parse_target("http:///a").error().message, HasSubstr("has no host"));
  EXPECT_THAT(parse_target("http://localhost@evil.example/").error().message, HasSubstr("has no host"));
}

TEST(Target, ThatIsRefusedHasSegmentsBeforeWhatIsWrong) {
  EXPECT_THAT(leading_segments("/v2/models/%ff/x"), ElementsAre("v2", "models"));
  EXPECT_THAT(leading_segments("/v2/a%20b?x=%00"), ElementsAre("v2", "a b"));
  EXPECT_THAT(leading_segments("/%00"), ElementsAre());
  EXPECT_THAT(leading_segments("*"), ElementsAre());
  EXPECT_THAT(leading_segments(""), ElementsAre());
}

TEST(Listen, ReadsAddresses) {
  EXPECT_EQ(print(*parse_listen("127.0.0.1:0")), "127.0.0.1:0");
  EXPECT_EQ(print(*parse_listen("localhost:80")), "127.0.0.1:80");
  EXPECT_EQ(print(*parse_listen("[::1]:8080")), "[::1]:8080");
  EXPECT_TRUE(parse_listen("127.8.8.8:1")->loopback);
  EXPECT_TRUE(parse_listen("[0:0::1]:1")->loopback);
  EXPECT_FALSE(parse_listen("0.0.0.0:1")->loopback);
  EXPECT_FALSE(parse_listen("[::]:1")->loopback);
  EXPECT_FALSE(parse_listen("10.0.0.1:1")->loopback);
}

TEST(Listen, KnowsAnAddressThatOthersReach) {
  EXPECT_EQ(own_address("10.0.0.1"), "10.0.0.1");
  for (const std::string all : {"0.0.0.0", "::"})
    if (const auto found = own_address(all); !found.empty()) {
      EXPECT_FALSE(parse_listen((found.contains(':') ? "[" + found + "]" : found) + ":1")->loopback) << found;
      EXPECT_EQ(found.contains(':'), all == "::") << found;
    }
}

TEST(Listen, RefusesInvalidAddresses) {
  for (const char* text : {"", "8080", ":8080", "localhost", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
                           "::1:80", "[::1]", "[127.0.0.1]:80", "example.com:80", "127.0.0.1:80 "})
    EXPECT_THAT(parse_listen(text).error().message,
                HasSubstr("is not an address to listen on; write it as 127.0.0.1:8080 or [::1]:8080"))
        << text;
}

TEST(Listen, BeyondLoopbackNeedsATokenAndTls) {
  const auto loopback = *parse_listen("127.0.0.1:80");
  const auto all = *parse_listen("0.0.0.0:80");
  EXPECT_TRUE(check_exposure(loopback, {}));
  EXPECT_TRUE(check_exposure(all, {.has_token = true, .has_tls = true}));
  EXPECT_TRUE(check_exposure(all, {.has_token = true, .allow_plain = true}));
  EXPECT_EQ(
      check_exposure(all, {.has_tls = true}).error().message,
      "listening on 0.0.0.0:80 exposes the server to other machines, and anyone who can connect could run "
      "programs here; make a token first, `sluice token add NAME --role run`, or listen on 127.0.0.1");
  EXPECT_EQ(check_exposure(all, {.has_token = true}).error().message,
            "listening on 0.0.0.0:80 without TLS would send tokens and data in the clear; pass `--tls-cert "
            "FILE --tls-key FILE`, or `--insecure` if the network between is yours alone");
}

}  // namespace
}  // namespace sluice::net
