#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>

#include "sluice/base/digest.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::stores::directory {

/// The parts of one file, numbered from 1, that arrive in any order. Those that follow each other from the
/// first one are in `file`, and hashed; each of the others waits in a file beside it, `file`.NUMBER. Used by
/// one thread at a time, except for `bytes`.
class NumberedParts {
 public:
  NumberedParts(std::filesystem::path file, std::int64_t count) : file_(std::move(file)), count_(count) {}

  /// Takes the bytes of `part`. The same part again changes nothing. Code::invalid_argument for a number that
  /// there is not, Code::conflict if other bytes have arrived as this part. After any other error, all
  /// further calls fail.
  Result<void> put(std::int64_t number, const std::filesystem::path& part);
  /// All of them are in `file`. Code::failed_precondition while some are missing.
  Result<ports::Stored> finish();
  /// How many bytes have arrived. Thread-safe.
  [[nodiscard]] std::int64_t bytes() const { return bytes_; }
  /// Removes the files of parts that wait; `file` stays.
  void remove_waiting() const;

 private:
  [[nodiscard]] std::filesystem::path waiting(std::int64_t number) const;
  Result<void> add(std::int64_t number, const std::filesystem::path& part);
  Result<Digest> append(const std::filesystem::path& part);

  std::filesystem::path file_;
  std::int64_t count_;
  std::int64_t next_ = 1;  ///< the first that is not in `file_`
  std::map<std::int64_t, Digest> arrived_;
  Hasher hasher_;
  std::int64_t size_ = 0;  ///< of `file_`
  std::atomic<std::int64_t> bytes_{0};
  bool failed_ = false;
};

}  // namespace sluice::stores::directory
