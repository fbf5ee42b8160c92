#pragma once
// All repositories of a folder of models.
#include <filesystem>
#include <functional>
#include <string>

#include "sluice/base/result.hpp"

namespace sluice::stores::git {

class TagCache;

/// Calls `take` with each repository, relative to `models`, and the model's name.
Result<void> each_repository(const std::filesystem::path& models,
                             const std::function<Result<void>(const std::filesystem::path& repository,
                                                              const std::string& name)>& take);

/// The same of models that were removed and not purged yet; `name` says so.
Result<void> each_removed_repository(const std::filesystem::path& models,
                                     const std::function<Result<void>(const std::filesystem::path& repository,
                                                                      const std::string& name)>& take);

/// Copies every repository to the new folder `to`, each as it is between two changes; those of removed models
/// too, which are not counted.
Result<std::int64_t> copy_repositories(const std::filesystem::path& models, const std::filesystem::path& to);

/// Reads everything in a repository; `report` gets what is damaged, and why.
Result<void> verify_repository(
    const std::filesystem::path& repository, const std::string& name, TagCache& tags,
    const std::function<void(const std::string& what, const std::string& why)>& report);

}  // namespace sluice::stores::git
