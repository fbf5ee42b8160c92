#include "sluice/net/guard.hpp"

#include <gmock/gmock.h>

#include "one_token.hpp"

namespace sluice::net {
namespace {

using ::testing::HasSubstr;

Guard guard(const ports::Callers* callers = nullptr) {
  return Guard({.url = "http://127.0.0.1:8080", .allowed_hosts = {"Sluice.Example"}, .callers = callers});
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

TEST(Guard, KnowsWhoseTokenItIs) {
  const OneToken callers("s3cret", ports::Role::run);
  const auto locked = guard(&callers);
  for (const char* header : {"Bearer s3cret", "bearer  s3cret"}) {
    const auto caller = locked.caller_of(header, false);
    ASSERT_TRUE(caller) << header;
    EXPECT_EQ(caller->principal.name, "ann");
    EXPECT_EQ(caller->role, ports::Role::run);
  }
  for (const char* header : {"Bearer s3cre", "Bearer s3cret ", "Bearer x"})
    EXPECT_EQ(locked.caller_of(header, false).error().message,
              "the token is not valid, or has expired; send `Authorization: Bearer TOKEN` with one that "
              "`sluice token add` made")
        << header;
  for (const char* header : {"", "Basic czNjcmV0", "s3cret", "Bearer"})
    EXPECT_EQ(locked.caller_of(header, false).error().message,
              "this server requires a token; send `Authorization: Bearer TOKEN` with one that `sluice token "
              "add` made")
        << header;
  EXPECT_EQ(locked.caller_of("", false).error().code, Code::unauthenticated);
}

TEST(Guard, LetsNobodyInButTheOwnerWhereThereIsNoToken) {
  const NoToken none;
  for (const auto& alone : {guard(), guard(&none)}) {
    EXPECT_EQ(alone.caller_of("Bearer s3cret", false).error().code, Code::permission_denied);
    EXPECT_EQ(alone.caller_of("Bearer s3cret", true)->principal.name, "owner");
  }
}

TEST(Guard, TakesTheOwnerForWhoseTokenTheySend) {
  const OneToken callers("s3cret", ports::Role::read);
  EXPECT_EQ(guard(&callers).caller_of("Bearer s3cret", true)->role, ports::Role::read);
  EXPECT_EQ(guard(&callers).caller_of("Bearer other", true)->role, ports::Role::admin);
  EXPECT_EQ(guard(&callers).caller_of("", true)->role, ports::Role::admin);
}

}  // namespace
}  // namespace sluice::net
