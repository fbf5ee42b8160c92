#include "sluice/net/head.hpp"

#include <gmock/gmock.h>

namespace sluice::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string head_of(const ports::Response& response) {
  return response_head(response, {.length = 0}, true, Time());
}

TEST(ResponseHead, GivesWhatPeopleMadeNoOrigin) {
  const auto head = head_of({.content_type = "text/html"});
  EXPECT_THAT(head, HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nContent-Security-Policy: sandbox\r\n"));
  EXPECT_THAT(head_of({.status = 204}), Not(HasSubstr("Content-Security-Policy")));
}

TEST(ResponseHead, LeavesAPolicyOfTheResponse) {
  const auto head = head_of({.headers = {{"content-Security-Policy", "default-src 'self'"},
                                         {"X-Content-Type-Options", "something else"}}});
  EXPECT_THAT(head, HasSubstr("\r\ncontent-Security-Policy: default-src 'self'\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("sandbox")));
  EXPECT_THAT(head, Not(HasSubstr("something else")));
}

TEST(ResponseHead, NoHeaderIsInjected) {
  const auto head = head_of({.headers = {{"X-Name", "a\r\nX-Other: b"}, {"X Bad", "c"}, {"", "d"}}});
  EXPECT_THAT(head, Not(HasSubstr("\r\nX-Other")));
  EXPECT_THAT(head, Not(HasSubstr("X Bad")));
}

}  // namespace
}  // namespace sluice::net
