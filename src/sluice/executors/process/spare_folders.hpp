#pragma once
// This room's own: folders for attempts, used again.
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::executors {

/// Worlds whose attempt left nothing in them. Making and removing four folders costs a file system more than
/// a short task takes; renaming one is cheap. Thread-safe. Lasts as long as the process: the next one removes
/// what begins with `prefix`.
class SpareFolders {
 public:
  static constexpr std::string_view prefix = "spare-";
  /// The file in a world that may become its log: making one costs as much as a folder.
  static constexpr std::string_view log = "log";

  /// `work` holds the spare ones, beside those in use.
  explicit SpareFolders(std::filesystem::path work) : work_(std::move(work)) {}

  /// A world with empty `cwd`, `tmp` and `home`, and perhaps an empty `log`, is at `root` now. False: there
  /// is none to spare.
  bool take(const std::filesystem::path& root);
  /// Takes `root` away if it is just such a world. False: it is not, or enough are kept.
  bool keep(const std::filesystem::path& root);

 private:
  [[nodiscard]] std::filesystem::path path_of(std::uint64_t number) const;

  const std::filesystem::path work_;
  std::mutex mutex_;
  std::vector<std::uint64_t> free_;
  std::uint64_t made_ = 0;
};

}  // namespace sluice::executors
