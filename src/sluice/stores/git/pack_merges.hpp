#pragma once
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "sluice/base/result.hpp"
#include "sluice/stores/git/bare_repository.hpp"

namespace sluice::stores::git {

/// Merges the small packs of a repository (`Objects::merge_small_packs`) if it has more than `packs_max`.
/// Others read and change the repository meanwhile: its lock is taken only to put the new pack in the place
/// of the old ones. A process that dies at any moment leaves a whole repository. Does nothing if there is no
/// repository, or with Wait::no, if another one merges its packs. Code::cancelled after `stop`.
Result<void> merge_packs(const std::filesystem::path& repository, std::size_t packs_max, MergeLock::Wait wait,
                         const std::stop_token& stop);

/// Keeps the packs of repositories few: each change adds one, and whoever looks for an object looks through
/// all. Merges are done by one thread of its own, which the first one starts. Thread-safe; several processes
/// may do this for the same repositories.
class PackMerges {
 public:
  /// More packs are merged soon.
  static constexpr std::size_t packs_max = 10;
  /// More packs are merged at once, by the thread that has made the last one. So they are bounded also where
  /// commands that end soon make all of them, and where the thread cannot keep up.
  static constexpr std::size_t packs_limit = 4 * packs_max;

  PackMerges() = default;
  /// Waits for a short merge, and for a moment when no other process changes the repository; ends a long
  /// merge, and drops the others: the next change of their repositories wants them again.
  ~PackMerges();
  PackMerges(const PackMerges&) = delete;
  PackMerges& operator=(const PackMerges&) = delete;

  /// The repository has been changed. Called without its lock. Does not fail: what cannot be merged now is
  /// logged, and tried again after the next change.
  void changed(const std::filesystem::path& repository);
  /// Waits until no merge is wanted or under way: for tests.
  void wait();

 private:
  void want(const std::filesystem::path& repository);
  void work(const std::stop_token& stop);

  std::mutex mutex_;  ///< guards the members below
  std::condition_variable_any changed_;
  std::deque<std::filesystem::path> wanted_;  ///< none of them twice
  std::optional<std::filesystem::path> under_way_;
  std::jthread thread_;
};

}  // namespace sluice::stores::git
