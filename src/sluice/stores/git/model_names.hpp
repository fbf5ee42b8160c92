#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sluice/os/folder_watch.hpp"
#include "sluice/ports/page.hpp"

namespace sluice::stores::git {

/// The names of the models in one folder of repositories, kept in memory. The folder is the truth: it is
/// watched, and where it cannot be watched, it is listed each time. Thread-safe.
class ModelNames {
 public:
  /// The name of the model whose repository has this long file name (see `encode_name`); nullopt if it is
  /// none.
  using LongName = std::function<Result<std::optional<std::string>>(const std::string& file)>;

  ModelNames(std::filesystem::path folder, LongName long_name)
      : folder_(std::move(folder)), long_name_(std::move(long_name)) {}

  Result<std::vector<std::string>> page(const ports::NamePage& page);

 private:
  Result<void> update();
  Result<void> list_folder();
  Result<void> look_again(const std::string& file);
  [[nodiscard]] Result<std::optional<std::string>> name_of(const std::string& file) const;

  const std::filesystem::path folder_;
  const LongName long_name_;
  std::mutex mutex_;  ///< guards the members below
  std::optional<os::FolderWatch> watch_;
  std::vector<std::string> names_;                 ///< sorted by bytes
  std::map<std::string, std::string> long_names_;  ///< by their files
};

}  // namespace sluice::stores::git
