#pragma once
#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include <sys/stat.h>

#include "sluice/base/clock.hpp"
#include "sluice/base/digest.hpp"
#include "sluice/os/files.hpp"
#include "sluice/ports/storage.hpp"

namespace sluice::stores::directory {

/// When objects were last said to be there: the times of their files. It is the one place where a sweep that
/// removes an object, and somebody who is told that it is there, meet: each waits for the other. Thread-safe.
class Renewals {
 public:
  explicit Renewals(const Clock& clock) : clock_(clock) {}

  /// The object's file was seen with this status, and somebody is about to be told that it is there. False:
  /// it is about to be removed, or gone.
  bool renew(const std::filesystem::path& file, const Digest& digest, const struct stat& status);
  /// The same for one whose bytes were sent again: it is kept even if it was condemned. False: it is gone.
  bool store_again(const std::filesystem::path& file, const Digest& digest);
  /// Renames a new file to the object's path; returns errno.
  int move(const std::filesystem::path& from, const std::filesystem::path& file);

  void begin(Time limit);
  void end();
  std::vector<Digest> take_renewed();
  bool condemn(const std::vector<Digest>& digests);
  Result<bool> remove(const std::filesystem::path& file);

 private:
  [[nodiscard]] bool touch(const std::filesystem::path& file, const Digest& digest);

  const Clock& clock_;
  std::mutex mutex_;
  bool sweeping_ = false;
  Time limit_{};
  std::vector<Digest> condemned_;  ///< sorted
  std::vector<Digest> renewed_;
};

/// When the file was modified.
Time modified_at(const struct stat& status);

/// Takes the lock that a sweep holds alone, and that backups hold together; never waits. `what` is said of
/// the other: Code::failed_precondition.
Result<os::UniqueFd> lock_objects(const std::filesystem::path& objects, bool alone);

}  // namespace sluice::stores::directory
