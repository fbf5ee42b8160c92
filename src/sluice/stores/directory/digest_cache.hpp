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

/// The metadata by which an unchanged file is recognized without reading it.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;

  static FileIdentity of(const struct stat& info);
  bool operator==(const FileIdentity&) const = default;
};

/// A cache of digests of files outside the store, so that an unchanged folder is not read again. Thread-safe;
/// several processes may share the file: each appends lines to it. It is in the cache folder: if it is
/// deleted, files are merely read again.
class DigestCache {
 public:
  explicit DigestCache(std::filesystem::path file) : file_(std::move(file)) {}

  [[nodiscard]] std::optional<Digest> find(const FileIdentity& identity);
  /// `began` is the clock's time before the file was read. A file that was modified less than two seconds
  /// before that is not remembered: another change within the resolution of timestamps would not be noticed.
  void remember(const FileIdentity& identity, const Digest& digest, Time began);
  /// Writes new entries to the file. A failure only costs time, so it is not reported.
  void save();

 private:
  struct Entry {
    FileIdentity identity;
    Digest digest;
  };
  void load_once();

  std::filesystem::path file_;
  std::mutex mutex_;
  bool loaded_ = false;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Entry> known_;  ///< by device and inode
  std::string unsaved_;
};

}  // namespace sluice::stores::directory
