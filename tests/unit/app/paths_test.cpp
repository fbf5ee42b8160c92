#include "sluice/app/paths.hpp"

#include <set>

#include <gtest/gtest.h>

#include "sluice/app/platform.hpp"
#include "sluice/base/log.hpp"
#include "sluice/net/router.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

ports::Protocol protocol(const std::string& name, const std::string& pattern) {
  ports::Protocol made{.name = name, .routes = {}, .error = {}};
  made.routes.push_back({.method = "GET", .pattern = pattern, .handler = [](ports::Request, const auto&) {}});
  return made;
}

std::string problem(const std::string& name, const std::string& pattern) {
  const auto checked = check_paths({protocol(name, pattern)});
  return checked ? "" : checked.error().message;
}

/// A path that the pattern matches.
std::vector<std::string> segments_of(std::string_view pattern) {
  std::vector<std::string> segments;
  if (pattern == "/") return segments;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const auto segment = pattern.substr(0, pattern.find('/'));
    segments.emplace_back(segment == "{}" || segment == "{*}" ? "something" : segment);
    pattern.remove_prefix(segment.size());
  }
  return segments;
}

TEST(Paths, EachPrefixIsInTheTableOnceAndWellFormed) {
  std::set<std::string_view> seen;
  for (const auto& owner : path_owners()) {
    EXPECT_TRUE(seen.insert(owner.prefix).second) << owner.prefix;
    EXPECT_TRUE(owner.prefix.starts_with('/')) << owner.prefix;
    EXPECT_TRUE(owner.prefix == "/" || !owner.prefix.ends_with('/')) << owner.prefix;
    EXPECT_EQ(owner_of(owner.prefix), owner.protocol) << owner.prefix;
  }
}

TEST(Paths, BelongToTheLongestPrefixOfWholeSegments) {
  EXPECT_EQ(owner_of("/v1/runs/{}"), "native");
  EXPECT_EQ(owner_of("/v1"), "native");
  EXPECT_EQ(owner_of("/v1/traces"), "mlflow");
  EXPECT_EQ(owner_of("/v1/images:annotate"), "google");
  EXPECT_EQ(owner_of("/v1/images"), "native");
  EXPECT_EQ(owner_of("/v1beta"), "console");
  EXPECT_EQ(owner_of("/"), "console");
  EXPECT_EQ(owner_of("/api/2.0/mlflow-artifacts/artifacts/{}"), "mlflow");
  EXPECT_EQ(owner_of("/{}"), "console");
}

TEST(Paths, ARouteOfAnothersIsRefused) {
  EXPECT_EQ(problem("native", "/v1/runs"), "");
  EXPECT_EQ(problem("native", "/v1/traces"),
            "route `GET /v1/traces` of protocol `native` belongs to protocol `mlflow`; see path_owners in "
            "app/paths.cpp");
  EXPECT_EQ(problem("mlflow", "/v1/runs"),
            "route `GET /v1/runs` of protocol `mlflow` belongs to protocol `native`; see path_owners in "
            "app/paths.cpp");
  EXPECT_EQ(
      problem("unheard of", "/anywhere"),
      "route `GET /anywhere` of protocol `unheard of` belongs to protocol `console`; see path_owners in "
      "app/paths.cpp");
}

// The routes that the server registers, and what its router finds for them.
TEST(Paths, EveryRouteOfTheServerIsItsOwnersAndIsFound) {
  log::set_level(log::Level::off);
  const auto folder = os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-app-");
  ASSERT_TRUE(folder) << folder.error().message;
  const auto platform = Platform::open({.data = {folder->path() / "data"}, .holder = "test"});
  ASSERT_TRUE(platform) << platform.error().message;
  const auto protocols = (*platform)->protocols();
  ASSERT_GE(protocols.size(), 2U);
  const auto router = net::Router::make((*platform)->protocols());
  ASSERT_TRUE(router) << router.error().message;
  for (const auto& one : protocols) {
    EXPECT_FALSE(one.routes.empty()) << one.name;
    for (const auto& route : one.routes) {
      EXPECT_EQ(owner_of(route.pattern), one.name) << route.method << " " << route.pattern;
      const auto match = router->find(route.method, segments_of(route.pattern));
      ASSERT_NE(match.route, nullptr) << route.method << " " << route.pattern;
      EXPECT_EQ(match.route->pattern, route.pattern) << route.method;
    }
  }
}

}  // namespace
}  // namespace sluice::app
