#include "sluice/net/router.hpp"

#include <gmock/gmock.h>

#include "sluice/net/target.hpp"

namespace sluice::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ports::Route route(std::string method, std::string pattern) {
  return {.method = std::move(method),
          .pattern = std::move(pattern),
          .handler = [](ports::Request, ports::Responder) {}};
}

ports::Protocol protocol(std::string name, std::vector<ports::Route> routes) {
  return {.name = name, .routes = std::move(routes), .error = [name](const Error& error) {
            return ports::Response{.status = 418, .body = name + " says " + error.message};
          }};
}

Router router() {
  std::vector<ports::Protocol> protocols;
  protocols.push_back(protocol(
      "oip", {route("GET", "/v2"), route("GET", "/v2/models/{}"), route("GET", "/v2/models/{}/versions/{}"),
              route("POST", "/v2/models/{}/infer"), route("GET", "/v2/models/stats")}));
  protocols.push_back(protocol(
      "native", {route("GET", "/api/runs"), route("POST", "/api/runs"), route("HEAD", "/api/objects/{}"),
                 route("GET", "/api/objects/{}"), route("PUT", "/api/runs/{}")}));
  return std::move(*Router::make(std::move(protocols)));
}

Router::Match find(const Router& router, std::string_view method, std::string_view target) {
  return router.find(method, parse_target(target)->segments);
}

TEST(Router, FindsBySegments) {
  const auto router = net::router();
  const auto match = find(router, "GET", "/v2/models/a%2Fb/versions/3");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->pattern, "/v2/models/{}/versions/{}");
  EXPECT_THAT(match.params, ElementsAre("a/b", "3"));
  EXPECT_EQ(find(router, "GET", "/v2").route->pattern, "/v2");
}

TEST(Router, LiteralSegmentsTakePrecedence) {
  const auto router = net::router();
  EXPECT_EQ(find(router, "GET", "/v2/models/stats").route->pattern, "/v2/models/stats");
  const auto back = find(router, "POST", "/v2/models/stats/infer");
  EXPECT_EQ(back.route->pattern, "/v2/models/{}/infer");
  EXPECT_THAT(back.params, ElementsAre("stats"));
}

TEST(Router, NeverMatchesAnEmptySegment) {
  const auto router = net::router();
  EXPECT_EQ(find(router, "GET", "/v2/models//").route, nullptr);
  EXPECT_EQ(find(router, "GET", "/v2//models/x").route, nullptr);
}

TEST(Router, HeadIsGetWithoutABody) {
  const auto router = net::router();
  EXPECT_EQ(find(router, "HEAD", "/v2").route->method, "GET");
  EXPECT_EQ(find(router, "HEAD", "/api/objects/x").route->method, "HEAD");
}

TEST(Router, ListsTheAllowedMethodsOfAPath) {
  const auto match = find(router(), "DELETE", "/api/runs");
  EXPECT_EQ(match.route, nullptr);
  EXPECT_THAT(match.allowed, ElementsAre("GET", "POST"));
  EXPECT_THAT(find(router(), "DELETE", "/nowhere").allowed, ElementsAre());
}

TEST(Router, ErrorsAreWrittenByTheNearestProtocol) {
  const auto router = net::router();
  const Error error = user_error(Code::not_found, "gone");
  EXPECT_EQ(router.error(parse_target("/v2/nothing")->segments, error).body, "oip says gone");
  EXPECT_EQ(router.error(parse_target("/api/objects/x/y")->segments, error).body, "native says gone");
  const auto plain = router.error(parse_target("/else")->segments, error);
  EXPECT_EQ(plain.body, R"({"error":"gone"})");
  EXPECT_EQ(plain.status, 404);
}

TEST(Router, RefusesTheSameRouteTwice) {
  std::vector<ports::Protocol> protocols;
  protocols.push_back(protocol("a", {route("GET", "/x/{}")}));
  protocols.push_back(protocol("b", {route("GET", "/x/{}")}));
  const auto router = Router::make(std::move(protocols));
  ASSERT_FALSE(router);
  EXPECT_EQ(router.error().message, "route `GET /x/{}` of protocol `b` is defined twice");
  std::vector<ports::Protocol> broken;
  broken.push_back(protocol("c", {route("GET", "x")}));
  EXPECT_THAT(Router::make(std::move(broken)).error().message, HasSubstr("does not begin with `/`"));
}

}  // namespace
}  // namespace sluice::net
