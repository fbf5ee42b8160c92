#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sluice/os/files.hpp"

namespace sluice::os {

/// Notices which names in a folder change, whoever changes them. Used by one thread at a time.
class FolderWatch {
 public:
  /// Watches from now on: list the folder after this. Code::not_found if there is no such folder;
  /// Code::exhausted if the system has no watch left.
  static Result<FolderWatch> begin(const std::filesystem::path& folder);

  /// The names that were created, removed or renamed since the last call, each at least once; a name says
  /// nothing about what is there now. nullopt: changes may be missing, or the folder itself was moved or
  /// removed; begin again, and list it. Never blocks.
  std::optional<std::vector<std::string>> changes();

 private:
  explicit FolderWatch(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace sluice::os
