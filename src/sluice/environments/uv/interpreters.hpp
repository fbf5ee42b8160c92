#pragma once
// Private to this module: the Python interpreters of this machine.
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::environments {

struct Interpreter {
  std::filesystem::path program;
  std::string version;  ///< "3.11.2"
};

/// Finds interpreters along a path, and asks each for its version once, as long as its file appears
/// unchanged. Thread-safe.
class Interpreters {
 public:
  explicit Interpreters(std::vector<std::filesystem::path> folders) : folders_(std::move(folders)) {}

  /// The one whose minor version is nearest to the wanted one ("3.11"; "": what `python3` names), the newer
  /// one of two that are equally near. Code::not_found if there is none.
  Result<Interpreter> nearest(const std::string& wanted);
  /// The one of exactly this version, "3.11.2". Code::not_found: it was replaced, or removed.
  Result<Interpreter> exactly(const std::string& version);

 private:
  [[nodiscard]] std::vector<std::filesystem::path> programs(const std::string& name) const;
  Result<std::string> version_of(const std::filesystem::path& program);

  const std::vector<std::filesystem::path> folders_;
  std::mutex mutex_;
  std::map<std::string, std::string> versions_;  ///< by path and what changes with the file
};

}  // namespace sluice::environments
