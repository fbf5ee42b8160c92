#pragma once
#include <array>
#include <filesystem>
#include <mutex>

#include "sluice/base/value.hpp"
#include "sluice/stores/directory/object_files.hpp"

namespace sluice::stores::directory {

/// Read-only copies of objects under the cache: `trees/ab/DIGEST/tree`, `files/ab/DIGEST/file`, each with a
/// `manifest` beside it that says how every entry looked when it was made. Thread-safe, for many processes at
/// once: a copy is renamed into place with its manifest.
class Layouts {
 public:
  /// Makes `cache`, and removes what processes left in it a day ago that died while they made a copy. The
  /// objects outlive this.
  static Result<Layouts> open(std::filesystem::path cache, const ObjectFiles& objects, const Clock& clock);
  Layouts(Layouts&& other) noexcept : cache_(std::move(other.cache_)), objects_(other.objects_) {}

  Result<std::filesystem::path> lay_out(const Digest& digest, Form form);

 private:
  Layouts(std::filesystem::path cache, const ObjectFiles& objects)
      : cache_(std::move(cache)), objects_(objects) {}
  [[nodiscard]] Result<void> make(const Digest& digest, Form form,
                                  const std::filesystem::path& container) const;

  std::filesystem::path cache_;
  const ObjectFiles& objects_;
  std::array<std::mutex, 16> making_;  ///< by digest: threads that want the same copy wait for the first
};

}  // namespace sluice::stores::directory
