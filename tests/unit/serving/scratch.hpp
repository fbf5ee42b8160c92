#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::serving {

/// A temporary folder that is removed at the end of the test.
struct Scratch {
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-serving-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Scratch() {
    std::error_code ignored;  // materialized copies are read-only
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path, ignored))
      if (entry.is_directory())
        std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all, ignored);
    std::filesystem::remove_all(path, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::filesystem::path path;

  void file(const std::filesystem::path& name, const std::string& text) const {
    std::filesystem::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text;
  }
};

}  // namespace sluice::serving
