#include "places.hpp"

#include <cstdlib>

namespace sluice::test {

std::filesystem::path source(std::string_view path) { return std::filesystem::path(PROJECT_FOLDER) / path; }

std::filesystem::path release_program(std::string_view name) {
  const char* folder = std::getenv("SLUICE_BIN");
  return (folder ? std::filesystem::path(folder) : source("build/bin")) / name;
}

std::filesystem::path sanitized_host() { return std::filesystem::path(BUILD_FOLDER) / "bin" / "sluice-host"; }

std::filesystem::path scripted_host() {
  return std::filesystem::path(BUILD_FOLDER) / "tests" / "programs" / "scripted_host";
}

}  // namespace sluice::test
