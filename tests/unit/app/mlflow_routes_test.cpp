// Checks the tables of docs/mlflow.md, "Routes": they list what the server has.
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>

#include "places.hpp"
#include "sluice/app/platform.hpp"
#include "sluice/base/log.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

using testing::IsEmpty;
using Routes = std::set<std::string>;  ///< "GET /api/2.0/mlflow/runs/get"

/// The texts between backticks.
std::vector<std::string> codes(const std::string& text) {
  static const std::regex code("`([^`]*)`");
  std::vector<std::string> out;
  for (std::sregex_iterator found(text.begin(), text.end(), code), end; found != end; ++found)
    out.push_back((*found)[1]);
  return out;
}

/// `code` is "METHOD… PATH", "METHOD…", or, of routes with all methods, "PATH".
void add(const std::string& below, const std::string& code, Routes& routes) {
  static const std::set<std::string> all{"GET", "POST", "PUT", "PATCH", "DELETE"};
  std::set<std::string> methods;
  std::istringstream words(code);
  std::string path;
  while (words >> path && all.contains(path)) methods.insert(std::exchange(path, ""));
  const auto trees =
      below == "/" ? std::vector<std::string>{""} : std::vector<std::string>{"/api/", "/ajax-api/"};
  for (const auto& method : methods.empty() ? all : methods)
    for (const auto& tree : trees)
      for (const std::string_view above : {"", "/mlflow"}) {
        auto route = method + " ";
        route.append(above).append(tree).append(below).append(path);
        EXPECT_TRUE(routes.insert(route).second) << route << " is listed twice";
      }
}

Routes listed() {
  std::ifstream file(test::source("docs/mlflow.md"));
  Routes routes;
  bool is_section = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "## Routes") is_section = true;
    if (!is_section || !line.starts_with("| `")) continue;
    const auto middle = line.find('|', 1);
    for (const auto& below : codes(line.substr(0, middle)))
      for (const auto& code : codes(line.substr(middle))) add(below, code, routes);
  }
  return routes;
}

Routes without(const Routes& all, const Routes& some) {
  Routes rest;
  std::ranges::set_difference(all, some, std::inserter(rest, rest.end()));
  return rest;
}

TEST(MlflowRoutes, AreThoseThatAreDocumented) {
  log::set_level(log::Level::off);
  const auto folder = os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-app-");
  ASSERT_TRUE(folder) << folder.error().message;
  const auto platform = Platform::open({.data = {folder->path() / "data"}, .holder = "test"});
  ASSERT_TRUE(platform) << platform.error().message;
  Routes served;
  for (const auto& protocol : (*platform)->protocols())
    if (protocol.name == "mlflow")
      for (const auto& route : protocol.routes) served.insert(route.method + " " + route.pattern);
  EXPECT_EQ(served.erase("GET /mlflow"), 1U) << "the page of the interface";
  const auto documented = listed();
  EXPECT_THAT(without(served, documented), IsEmpty());
  EXPECT_THAT(without(documented, served), IsEmpty());
}

}  // namespace
}  // namespace sluice::app
