#pragma once
#include <filesystem>
#include <memory>

#include "sluice/base/clock.hpp"
#include "sluice/ports/model_repository.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::stores {

/// Models as bare git repositories, `models/WORKSPACE/NAME.git`, their large files in the object store.
/// Thread-safe, and safe for several processes at once. Killed at any moment, it leaves a whole repository:
/// everything that one change moves, it moves with one rename.
class GitModelRepository final : public ports::ModelRepository {
 public:
  /// Makes `models` where it is missing. Store and clock outlive this.
  static Result<std::unique_ptr<GitModelRepository>> open(const std::filesystem::path& models,
                                                          ports::ObjectStore& store, const Clock& clock);
  ~GitModelRepository() override;

  /// The version of the library that reads and writes the repositories: "1.5.1". Fails with `unavailable`
  /// where it cannot be loaded; then every operation fails so.
  static Result<std::string> library_version();

  void warm_up() override;
  /// Where the content or the effect key has a version already, that one is answered; the alias is moved to
  /// it for equal content, and left where it is for an equal key (that call has moved it before).
  Result<ports::Registered> add_version(const ports::NewVersion& version) override;
  [[nodiscard]] Result<std::vector<std::string>> models(const std::string& workspace) const override;
  [[nodiscard]] Result<std::vector<ports::ModelVersion>> versions(const std::string& workspace,
                                                                  const std::string& model) const override;
  [[nodiscard]] Result<ports::ModelVersion> resolve(const std::string& workspace, const std::string& model,
                                                    const std::string& reference) const override;
  [[nodiscard]] Result<std::vector<ports::ModelFile>> files(
      const std::string& workspace, const ports::ModelVersion& version) const override;
  [[nodiscard]] Result<std::string> read(const std::string& workspace, const ports::ModelVersion& version,
                                         const std::string& path) const override;
  Result<Artifact> as_artifact(const std::string& workspace, const ports::ModelVersion& version) override;
  Result<void> set_alias(const std::string& workspace, const std::string& model, const std::string& alias,
                         std::int64_t version, const Principal& by, Time at) override;
  Result<void> take_in(const std::string& workspace, const std::string& model,
                       const std::filesystem::path& bare_repository) override;
  [[nodiscard]] std::filesystem::path path_of(const std::string& workspace,
                                              const std::string& model) const override;

 private:
  struct Impl;
  explicit GitModelRepository(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::stores
