#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

namespace sluice::net {

/// An open file that is sent as a body. Used by one thread at a time.
class SentFile {
 public:
  /// Opens the file; check `failed` afterwards.
  explicit SentFile(const std::filesystem::path& path);
  ~SentFile();
  SentFile(const SentFile&) = delete;
  SentFile& operator=(const SentFile&) = delete;

  /// True if the path is not a readable regular file. What a link leads to is not sent.
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Reads at most `into.size()` bytes from `offset`; returns 0 at the end of the file or on an error.
  std::size_t read(std::uint64_t offset, std::span<char> into);

 private:
  int descriptor_;
  std::uint64_t size_ = 0;
  bool failed_ = false;
};

}  // namespace sluice::net
