#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

namespace sluice::net {

/// An open file that is sent as a body. One thread at a time.
class SentFile {
 public:
  /// See `failed`.
  explicit SentFile(const std::filesystem::path& path);
  ~SentFile();
  SentFile(const SentFile&) = delete;
  SentFile& operator=(const SentFile&) = delete;

  /// It is no regular file that can be read.
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// As many bytes from `offset` as fit, or fewer; 0 at its end and where it cannot be read.
  std::size_t read(std::uint64_t offset, std::span<char> into);

 private:
  int descriptor_;
  std::uint64_t size_ = 0;
  bool failed_ = false;
};

}  // namespace sluice::net
