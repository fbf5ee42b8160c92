#include "sluice/app/mlflow_interface.hpp"

#include <cstdlib>
#include <memory>
#include <set>

#include <fmt/format.h>

#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return value != nullptr ? value : "";
}

bool is_interface(const fs::path& folder) { return os::exists(folder / "index.html"); }

/// In the packages of an environment or an installation, such as /usr/local.
fs::path below(const fs::path& root) {
  const auto libraries = os::list_directory(root / "lib");
  if (!libraries) return {};
  for (const auto& entry : *libraries) {
    if (!entry.name.starts_with("python3")) continue;
    for (const auto* packages : {"site-packages", "dist-packages"}) {
      auto folder = root / "lib" / entry.name / packages / "mlflow" / "server" / "js" / "build";
      if (is_interface(folder)) return folder;
    }
  }
  return {};
}

}  // namespace

Result<fs::path> find_mlflow_interface(const std::string& given) {
  if (!given.empty()) {
    if (is_interface(given)) return fs::path(given);
    return Fail(user_error(
        Code::not_found,
        fmt::format("--mlflow-ui `{}`: there is no index.html; name the folder `server/js/build` of "
                    "the Python package `mlflow`",
                    given)));
  }
  if (const auto environment = variable("VIRTUAL_ENV"); !environment.empty())
    if (auto found = below(environment); !found.empty()) return found;
  const auto path = variable("PATH");
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find(':', begin), path.size());
    const fs::path folder = path.substr(begin, end - begin);
    begin = end + 1;
    if (folder.empty() || !os::exists(folder / "mlflow")) continue;
    std::error_code failed;
    for (const auto& program : {folder / "mlflow", fs::canonical(folder / "mlflow", failed)})
      if (auto found = below(program.parent_path().parent_path()); !found.empty()) return found;
  }
  return fs::path();
}

std::function<fs::path(const std::string&)> interface_files(const fs::path& folder) {
  const auto files = std::make_shared<std::set<std::string>>();
  if (!folder.empty())
    for (const auto& file : os::files_below(folder).value_or(std::vector<fs::path>()))
      files->insert(file.string());
  return [files, folder](const std::string& path) {
    std::error_code failed;  // an installer may have linked them
    return files->contains(path) ? fs::canonical(folder / path, failed) : fs::path();
  };
}

}  // namespace sluice::app
