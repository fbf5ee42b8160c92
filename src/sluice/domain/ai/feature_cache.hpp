#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <unordered_map>
#include <utility>

#include "sluice/base/digest.hpp"

namespace sluice::ai {

/// The features of pictures that one base has embedded, by the digest of the picture's bytes, so that adding
/// ten pictures to a large folder costs ten. A folder with two files: `index`, for each row the picture's
/// digest and eight bytes of the row's SHA-256; and `rows`, f32. It may be deleted whenever no server is
/// running; a row that does not have its digest any more is not used. One that has grown to 4 GiB begins
/// anew. One thread at a time.
class FeatureCache {
 public:
  /// `folder` is made if it is missing; it belongs to one base, one version of the inference and one
  /// instruction set. Fails if it is in use already.
  static Result<FeatureCache> open(const std::filesystem::path& folder, std::size_t columns);

  /// Copies the row; false: there is none.
  bool find(const Digest& picture, std::span<float> row) const;
  /// Keeps the row, if there is space on the disk.
  void add(const Digest& picture, std::span<const float> row);

 private:
  /// Owns a file descriptor.
  class File {
   public:
    explicit File(int fd) : fd_(fd) {}
    File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    File& operator=(File&&) = delete;
    ~File();
    [[nodiscard]] int get() const { return fd_; }

   private:
    int fd_ = -1;
  };
  static Result<File> open_file(const std::filesystem::path& path);

  FeatureCache(File index, File rows, std::size_t columns)
      : index_(std::move(index)), rows_(std::move(rows)), columns_(columns) {}
  [[nodiscard]] std::int64_t row_bytes() const { return static_cast<std::int64_t>(columns_ * sizeof(float)); }
  Result<void> read_index();

  struct Place {
    std::int64_t row = 0;
    std::uint64_t check = 0;
  };
  File index_;
  File rows_;
  std::size_t columns_ = 0;
  std::int64_t count_ = 0;
  bool full_ = false;
  std::unordered_map<Digest, Place> places_;
};

}  // namespace sluice::ai
