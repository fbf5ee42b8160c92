#include "sluice/net/guard.hpp"

#include <gmock/gmock.h>

namespace sluice::net {
namespace {

using ::testing::HasSubstr;

Guard guard(std::optional<std::string> token = {}) {
  return Guard(
      {.url = "http://127.0.0.1:8080", .allowed_hosts = {"Sluice.Example"}, .token = std::move(token)});
}

TEST(Guard, KnowsItsOwnNames) {
  for (const char* host : {"localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:9", "[::1]", "[::1]:9",
                           "[0::1]:9", "10.1.2.3:8080", "sluice.example:80", "SLUICE.example"})
    EXPECT_TRUE(guard().check_host(host, "10.1.2.3")) << host;
  EXPECT_TRUE(guard().check_host("[fe80::1]:8", "fe80:0::1"));
}

TEST(Guard, RefusesForeignHostsWithAHint) {
  for (const char* host : {"evil.example", "localhost.evil.example", "10.1.2.4", "", "[::2]", "[::1",
                           "localhost:80x", "127.0.0.1.evil", "[::1]x", "localhost:80@evil.example"})
    EXPECT_FALSE(guard().check_host(host, "10.1.2.3")) << host;
  const auto refused = guard().check_host("evil.example:80", "127.0.0.1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::permission_denied);
  EXPECT_EQ(refused.error().message,
            "host `evil.example` is not a name of this server; use http://127.0.0.1:8080, or start the "
            "server with `--allow-host evil.example`");
}

TEST(Guard, TakesRequestsOfItsOwnPages) {
  for (const auto& [origin, host] :
       std::vector<std::pair<const char*, const char*>>{{"", "127.0.0.1:8080"},
                                                        {"http://127.0.0.1:8080", "127.0.0.1:8080"},
                                                        {"http://LocalHost:8080", "localhost:8080"},
                                                        {"http://[::1]:8080", "[::1]:8080"},
                                                        {"http://sluice.example", "sluice.example"},
                                                        {"http://sluice.example", "sluice.example:80"},
                                                        {"https://sluice.example", "Sluice.Example:443"},
                                                        {"https://sluice.example", "sluice.example"}})
    for (const char* site : {"", "same-origin", "none"})
      EXPECT_TRUE(guard().check_page(host, {.origin = origin, .fetch_site = site}, true))
          << origin << " " << host;
}

TEST(Guard, RefusesRequestsOfOtherPages) {
  for (const char* origin :
       {"null", "http://localhost:3000", "http://localhost", "https://127.0.0.1", "http://127.0.0.1:80801",
        "http://127.0.0.1:8080.evil.example", "http://evil.example", "file://127.0.0.1:8080",
        "127.0.0.1:8080", "http://", "chrome-extension://127.0.0.1:8080", "http://127.0.0.1:8080/x",
        "http://x@127.0.0.1:8080"})
    for (const bool changes : {false, true})
      EXPECT_FALSE(guard().check_page("127.0.0.1:8080", {.origin = origin, .fetch_site = ""}, changes))
          << origin;
  for (const char* site : {"cross-site", "same-site", "SAME-ORIGIN", "x"}) {
    EXPECT_FALSE(guard().check_page("localhost", {.origin = "", .fetch_site = site}, true)) << site;
    EXPECT_FALSE(guard().check_page("localhost", {.origin = "http://localhost", .fetch_site = site}, true))
        << site;
    EXPECT_TRUE(guard().check_page("localhost", {.origin = "", .fetch_site = site}, false)) << "a link";
  }
  EXPECT_EQ(guard()
                .check_page("localhost", {.origin = "https://evil.example:8", .fetch_site = ""}, true)
                .error()
                .message,
            "requests from origin `https://evil.example:8` are not allowed; only pages of "
            "http://127.0.0.1:8080 itself may use this server");
  EXPECT_EQ(guard().check_page("localhost", {.origin = "", .fetch_site = "same-site"}, true).error().message,
            "requests from a page of another origin are not allowed; only pages of http://127.0.0.1:8080 "
            "itself may "
            "use this server");
}

TEST(Guard, RequiresTheToken) {
  EXPECT_EQ(guard().check_token("Bearer s3cret").error().code, Code::permission_denied) << "there is none";
  const auto locked = guard("s3cret");
  EXPECT_TRUE(locked.check_token("Bearer s3cret"));
  EXPECT_TRUE(locked.check_token("bearer  s3cret"));
  for (const char* header : {"Bearer s3cre", "Bearer s3cret ", "Bearer", "Bearer x"})
    EXPECT_THAT(locked.check_token(header).error().message,
                HasSubstr("invalid token; send `Authorization: Bearer TOKEN`"))
        << header;
  for (const char* header : {"", "Basic czNjcmV0", "s3cret"})
    EXPECT_EQ(locked.check_token(header).error().message,
              "this server requires a token; send `Authorization: Bearer TOKEN` with the content of its "
              "`--token-file`")
        << header;
  EXPECT_EQ(locked.check_token("").error().code, Code::unauthenticated);
}

}  // namespace
}  // namespace sluice::net
