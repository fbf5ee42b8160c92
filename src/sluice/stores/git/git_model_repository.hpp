#pragma once
#include <filesystem>
#include <functional>
#include <memory>

#include "sluice/base/clock.hpp"
#include "sluice/ports/model_registry.hpp"
#include "sluice/ports/model_repository.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/storage.hpp"

namespace sluice::stores {

namespace git {
class TagCache;
}

/// Model repositories as bare git repositories, `models/WORKSPACE/NAME.git`, their large files in the object
/// store. Thread-safe, and safe for several processes at once. A process that is killed at any moment leaves
/// a consistent repository: each change takes effect with one rename. Packs are merged outside of changes
/// (pack_merges.hpp), mostly by a thread of its own.
class GitModelRepository final : public ports::ModelRepository, public ports::ModelStorage {
 public:
  /// Creates `models` if it is missing. Store and clock must outlive this.
  static Result<std::unique_ptr<GitModelRepository>> open(const std::filesystem::path& models,
                                                          ports::ObjectStore& store, const Clock& clock);
  ~GitModelRepository() override;

  /// The version of the library that reads and writes the repositories: "1.5.1". Fails with `unavailable`
  /// if it cannot be loaded; then every operation fails so.
  static Result<std::string> library_version();

  /// Called after each change of a model. Set before other threads use this object.
  using Changed = std::function<void(const ports::ModelPlace& place)>;
  void when_changed(Changed changed);

  void warm_up() override;
  /// If a version with this content or effect key exists, returns that one; the alias is moved to it for
  /// equal content, and not moved for an equal key (the earlier call has moved it).
  Result<ports::Registered> add_version(const ports::NewVersion& version) override;
  [[nodiscard]] Result<std::vector<std::string>> models(const std::string& workspace,
                                                        const ports::NamePage& page) const override;
  [[nodiscard]] Result<ports::ModelVersions> versions(const std::string& workspace, const std::string& model,
                                                      const ports::VersionPage& page) const override;
  [[nodiscard]] Result<std::vector<std::int64_t>> numbers(const std::string& workspace,
                                                          const std::string& model) const override;
  [[nodiscard]] Result<std::optional<ports::ModelVersion>> find_commit(
      const std::string& workspace, const std::string& model, const std::string& commit) const override;
  [[nodiscard]] Result<ports::ModelVersion> resolve(const std::string& workspace, const std::string& model,
                                                    const std::string& reference) const override;
  [[nodiscard]] Result<std::vector<ports::ModelFile>> files(
      const std::string& workspace, const ports::ModelVersion& version) const override;
  [[nodiscard]] Result<std::string> read(const std::string& workspace, const ports::ModelVersion& version,
                                         const std::string& path) const override;
  Result<Artifact> as_artifact(const std::string& workspace, const ports::ModelVersion& version) override;
  Result<void> set_alias(const std::string& workspace, const std::string& model, const std::string& alias,
                         std::int64_t version, const Principal& by, Time at) override;
  Result<void> import_repository(const std::string& workspace, const std::string& model,
                                 const std::filesystem::path& bare_repository) override;
  [[nodiscard]] std::filesystem::path path_of(const std::string& workspace,
                                              const std::string& model) const override;

  Result<void> each_removed(const std::function<Result<void>(const Removed&)>& take) const override;
  Result<void> purge(const std::vector<std::string>& places, Time at) override;
  Result<void> each_version(const std::unordered_set<std::string>& purged,
                            const std::function<Result<void>(const VersionContent&)>& take) const override;
  Result<void> verify(
      const std::function<void(const std::string& model, const std::string& why)>& report) const override;

  // Of the repositories, for what else reads and changes them.
  [[nodiscard]] const std::filesystem::path& folder() const;
  [[nodiscard]] std::filesystem::path objects_folder() const;
  [[nodiscard]] git::TagCache& tags() const;
  /// Called after each change of a repository, without its lock.
  void keep_packs_few(const std::filesystem::path& repository);

 private:
  struct Impl;
  explicit GitModelRepository(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::stores
