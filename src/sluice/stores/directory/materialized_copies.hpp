#pragma once
#include <array>
#include <filesystem>
#include <mutex>

#include "sluice/base/value.hpp"
#include "sluice/stores/directory/object_files.hpp"

namespace sluice::stores::directory {

/// Read-only copies of objects under the cache: `trees/ab/DIGEST/tree`, `files/ab/DIGEST/file`, each with a
/// `manifest` beside it that records the metadata of every entry when it was created. Thread-safe, and safe
/// for many processes at once: a copy is renamed into place with its manifest.
class MaterializedCopies {
 public:
  /// Creates `cache`, and removes unfinished copies that dead processes left in it more than a day ago. The
  /// objects must outlive this.
  static Result<MaterializedCopies> open(std::filesystem::path cache, const ObjectFiles& objects,
                                         const Clock& clock);
  MaterializedCopies(MaterializedCopies&& other) noexcept
      : cache_(std::move(other.cache_)), objects_(other.objects_) {}

  Result<std::filesystem::path> materialize(const Digest& digest, Form form);

 private:
  MaterializedCopies(std::filesystem::path cache, const ObjectFiles& objects)
      : cache_(std::move(cache)), objects_(objects) {}
  [[nodiscard]] Result<void> write_copy(const Digest& digest, Form form,
                                        const std::filesystem::path& container) const;

  std::filesystem::path cache_;
  const ObjectFiles& objects_;
  std::array<std::mutex, 16> creating_;  ///< by digest: threads that want the same copy wait for the first
};

}  // namespace sluice::stores::directory
