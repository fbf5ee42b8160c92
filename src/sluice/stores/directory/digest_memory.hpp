#pragma once
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include <sys/stat.h>

#include "sluice/base/clock.hpp"
#include "sluice/base/digest.hpp"

namespace sluice::stores::directory {

/// What tells, without reading it, that a file is still the one it was.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;

  static FileIdentity of(const struct stat& info);
  bool operator==(const FileIdentity&) const = default;
};

/// Digests of files outside the store, so that an unchanged folder is not read again. Thread-safe; several
/// processes may share the file: each adds lines to its end. It lives in the cache: without it, files are
/// merely read again.
class DigestMemory {
 public:
  explicit DigestMemory(std::filesystem::path file) : file_(std::move(file)) {}

  [[nodiscard]] std::optional<Digest> find(const FileIdentity& identity);
  /// `began` is the clock's time before the file was read. A file that had been touched within two seconds of
  /// it is not remembered: another change in the same tick would leave no trace.
  void remember(const FileIdentity& identity, const Digest& digest, Time began);
  /// Writes what is new. A failure costs speed only, so it is not reported.
  void save();

 private:
  struct Known {
    FileIdentity identity;
    Digest digest;
  };
  void load_once();

  std::filesystem::path file_;
  std::mutex mutex_;
  bool loaded_ = false;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Known> known_;  ///< by device and inode
  std::string unsaved_;
};

}  // namespace sluice::stores::directory
