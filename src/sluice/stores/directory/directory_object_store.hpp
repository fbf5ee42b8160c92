#pragma once
#include <filesystem>
#include <memory>

#include "sluice/base/clock.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/storage.hpp"

namespace sluice::stores {
namespace directory {
class ObjectFiles;
}

/// The object store as files: `objects/ab/cd/<whole digest>`, read-only, each written to a temporary file and
/// renamed. Thread-safe, and safe for several processes at once. Under `cache/` (which may be deleted while
/// no process uses it): materialized copies, and cached digests of outside files.
class DirectoryObjectStore final : public ports::ObjectStore, public ports::ObjectStorage {
 public:
  /// Creates both folders if they are missing. The clock must outlive the store.
  static Result<std::unique_ptr<DirectoryObjectStore>> open(const std::filesystem::path& objects,
                                                            const std::filesystem::path& cache,
                                                            const Clock& clock);
  ~DirectoryObjectStore() override;

  /// Asked before bytes are written: refuses to store so many more. Set before other threads use the store.
  void set_admission(std::function<Result<void>(std::int64_t bytes)> admit);

  /// The objects' files, for other parts of this module.
  [[nodiscard]] const directory::ObjectFiles& files() const;

  Result<ports::Stored> put(std::string_view bytes) override;
  Result<std::unique_ptr<ports::NewObject>> begin() override;
  Result<ports::Stored> put_file(const std::filesystem::path& file,
                                 const Digest* expected = nullptr) override;
  Result<ports::Stored> take_file(const std::filesystem::path& file,
                                  const std::optional<Digest>& known = std::nullopt) override;
  Result<ports::Stored> put_directory(const std::filesystem::path& folder,
                                      const ports::Selection& selection = {}) override;
  Result<ports::Stored> put_tree(const std::vector<ports::TreeFile>& files) override;
  [[nodiscard]] Result<ports::Listing> list(const Artifact& directory) const override;
  Result<void> make_durable(const std::vector<Digest>& digests) override;
  [[nodiscard]] bool has(const Digest& digest) const override;
  [[nodiscard]] Result<std::string> get(const Digest& digest,
                                        std::size_t bytes_max = std::size_t{64} << 20) const override;
  Result<std::filesystem::path> materialize(const Artifact& artifact) override;
  Result<void> copy_out(const Artifact& artifact, const std::filesystem::path& destination) const override;
  [[nodiscard]] std::filesystem::path path_of(const Digest& digest) const override;
  [[nodiscard]] Result<std::vector<Digest>> closure(const Artifact& artifact) const override;

  Result<std::unique_ptr<ports::ObjectSweep>> begin_sweep(Time limit) override;
  [[nodiscard]] std::optional<Time> oldest_unfinished() const override;
  Result<void> each_object(const std::function<Result<void>(const ports::ObjectInfo&)>& take) const override;
  [[nodiscard]] std::optional<Parts> parts_of(const Digest& digest) const override;
  [[nodiscard]] Result<std::vector<Digest>> messages_of(
      const std::vector<ports::TreeFile>& files) const override;
  [[nodiscard]] Result<void> verify(const Digest& digest) const override;

 private:
  struct Impl;
  explicit DirectoryObjectStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::stores
