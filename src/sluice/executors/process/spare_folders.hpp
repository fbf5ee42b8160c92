#pragma once
// Private to this module: reuses the folders of attempts.
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::executors {

/// Sandboxes whose attempts left nothing in them. Creating and removing four folders takes a file system
/// longer than a short task; renaming one is cheap. Thread-safe. They last as long as the process: the next
/// one removes everything that begins with `prefix`.
class SpareFolders {
 public:
  static constexpr std::string_view prefix = "spare-";
  /// The file in a sandbox that may become its log: creating one costs as much as a folder.
  static constexpr std::string_view log = "log";

  /// `work` holds the spare sandboxes, beside those in use.
  explicit SpareFolders(std::filesystem::path work) : work_(std::move(work)) {}

  /// Moves a sandbox with empty `cwd`, `tmp` and `home`, and perhaps an empty `log`, to `root`. False: there
  /// is no spare one.
  bool take(const std::filesystem::path& root);
  /// Moves `root` to the spare ones if it is such a sandbox. False: it is not, or enough are kept.
  bool keep(const std::filesystem::path& root);

 private:
  [[nodiscard]] std::filesystem::path path_of(std::uint64_t number) const;

  const std::filesystem::path work_;
  std::mutex mutex_;
  std::vector<std::uint64_t> free_;
  std::uint64_t made_ = 0;
};

}  // namespace sluice::executors
