#pragma once
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>

#include "sluice/ports/model_registry.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::stores {

class GitModelRepository;
namespace git {
class Registry;
}

/// The registry that a folder of model repositories is: what changed since a version's birth is in
/// refs/meta/registry, removed versions are in refs/deleted, removed models in a trash folder. Thread-safe,
/// and safe for several processes at once. A process that is killed at any moment leaves a consistent
/// registry.
class GitModelRegistry final : public ports::ModelRegistry {
 public:
  /// Finishes renames that were interrupted. `repositories` and the store must outlive this.
  static Result<std::unique_ptr<GitModelRegistry>> open(GitModelRepository& repositories,
                                                        ports::ObjectStore& store);

  Result<ports::RegisteredModel> create_model(const ports::NewRegisteredModel& model) override;
  [[nodiscard]] Result<ports::RegisteredModel> registered_model(
      const ports::ModelPlace& place) const override;
  Result<ports::RegisteredModel> change_model(const ports::ModelPlace& place,
                                              const ports::RegisteredModelChange& change, const Principal& by,
                                              Time at) override;
  Result<ports::RegisteredModel> rename_model(const ports::ModelPlace& place, const std::string& name,
                                              const Principal& by, Time at) override;
  Result<void> remove_model(const ports::ModelPlace& place, const Principal& by, Time at) override;
  Result<ports::RegisteredVersion> register_version(const ports::NewRegisteredVersion& version) override;
  [[nodiscard]] Result<ports::RegisteredVersion> registered_version(const ports::ModelPlace& place,
                                                                    std::int64_t number) const override;
  [[nodiscard]] Result<std::optional<ports::RegisteredVersion>> version_of_alias(
      const ports::ModelPlace& place, const std::string& alias) const override;
  Result<ports::RegisteredVersion> change_version(const ports::ModelPlace& place, std::int64_t number,
                                                  const ports::RegisteredVersionChange& change,
                                                  const Principal& by, Time at) override;
  Result<void> remove_version(const ports::ModelPlace& place, std::int64_t number, const Principal& by,
                              Time at) override;
  [[nodiscard]] Result<std::optional<std::string>> mark(const ports::ModelPlace& place) const override;
  [[nodiscard]] Result<ports::RegisteredContent> content(const ports::ModelPlace& place) const override;
  [[nodiscard]] Result<std::vector<ports::ModelPlace>> places() const override;
  std::vector<ports::ModelPlace> take_changed() override;

 private:
  GitModelRegistry(GitModelRepository& repositories, ports::ObjectStore& store)
      : repositories_(repositories), store_(store) {}
  [[nodiscard]] std::filesystem::path path_of(const ports::ModelPlace& place) const;
  [[nodiscard]] Result<git::Registry> read(const ports::ModelPlace& place) const;
  /// `work(registry)` with the repository's lock held, and then the commit.
  template <typename Work>
  Result<git::Registry> change(const ports::ModelPlace& place, const Principal& by, Time at, Work work);
  void note(const ports::ModelPlace& place);

  GitModelRepository& repositories_;
  ports::ObjectStore& store_;
  std::mutex changing_;
  std::set<ports::ModelPlace> changed_;
};

}  // namespace sluice::stores
