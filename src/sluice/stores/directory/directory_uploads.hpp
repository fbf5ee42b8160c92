#pragma once
#include <memory>

#include "sluice/base/clock.hpp"
#include "sluice/base/random.hpp"
#include "sluice/ports/uploads.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"

namespace sluice::stores {

/// Uploads as files in one folder of the object store, `objects/uploads`: `ID` holds the bytes that have
/// arrived, `ID.json` what they are a part of. Bytes are hashed as they are written; only what arrived before
/// this process began is read once more. Those of numbered parts (numbered_parts.hpp) have no `ID.json`. For
/// one process at a time, which holds the data folder. Thread-safe.
class DirectoryUploads final : public ports::Uploads {
 public:
  struct Options {
    std::size_t count_max = 64;
    std::int64_t parts_max = 10'000;                 ///< of one upload of numbered parts
    std::int64_t bytes_max = std::int64_t{1} << 40;  ///< of all uploads under way, when they are complete
    Milliseconds kept = std::chrono::hours(24);      ///< after the last part
  };

  /// Removes what is left of uploads that are too old, or had not begun or ended completely. The store, whose
  /// objects they become, clock and random must outlive this.
  static Result<std::unique_ptr<DirectoryUploads>> open(const DirectoryObjectStore& store, const Clock& clock,
                                                        Random& random, Options options);
  static Result<std::unique_ptr<DirectoryUploads>> open(const DirectoryObjectStore& store, const Clock& clock,
                                                        Random& random) {
    return open(store, clock, random, Options());
  }
  ~DirectoryUploads() override;

  Result<ports::Upload> begin(const Principal& principal, std::int64_t size,
                              const std::optional<Digest>& digest) override;
  [[nodiscard]] Result<ports::Upload> find(const Principal& principal, const std::string& id) const override;
  Result<Received> append(const Principal& principal, const std::string& id, std::int64_t offset,
                          std::string_view bytes) override;
  Result<std::string> begin_parts(const Principal& principal, std::int64_t parts) override;
  Result<void> put_part(const Principal& principal, const std::string& id, std::int64_t number,
                        const std::filesystem::path& file) override;
  Result<ports::Stored> complete(const Principal& principal, const std::string& id) override;
  Result<void> cancel(const Principal& principal, const std::string& id) override;

 private:
  struct Impl;
  explicit DirectoryUploads(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::stores
