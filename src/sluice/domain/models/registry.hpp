#pragma once
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "sluice/ports/artifacts.hpp"
#include "sluice/ports/logged_models.hpp"
#include "sluice/ports/model_registry.hpp"
#include "sluice/ports/model_repository.hpp"

namespace sluice::models {

/// The use cases of the model registry, by the rules and in the words that clients of MLflow know: a view of
/// the model repositories. Thread-safe. The ports must outlive it.
class Registry {
 public:
  struct Ports {
    ports::ModelRegistry& registry;
    const ports::ModelRepository& repositories;
    ports::ModelIndex& index;
    ports::LoggedModels& logged_models;
    const ports::Tracking& runs;
    const ports::ArtifactPaths& artifacts;
    const ports::ObjectStore& objects;
    const Clock& clock;
    /// Called after a model or a version was removed, or a model renamed: what its name and its numbers
    /// meant.
    std::function<void(const ports::ModelPlace& place)> removed = nullptr;
  };
  explicit Registry(const Ports& ports) : ports_(ports) {}

  /// Begins to bring the index up to date, on a thread of its own: for a server, whose first search would do
  /// it else. Called once.
  void begin_index();

  Result<ports::RegisteredModel> create(const Principal& by, const std::string& name,
                                        const std::string& description, std::vector<ports::KeyValue> tags);
  [[nodiscard]] Result<ports::RegisteredModel> model(const Principal& by, const std::string& name) const;
  Result<ports::RegisteredModel> describe(const Principal& by, const std::string& name,
                                          const std::string& description);
  Result<ports::RegisteredModel> rename(const Principal& by, const std::string& name,
                                        const std::string& new_name);
  Result<void> remove(const Principal& by, const std::string& name);
  Result<void> set_tag(const Principal& by, const std::string& name, const ports::KeyValue& tag);
  Result<void> remove_tag(const Principal& by, const std::string& name, const std::string& key);
  Result<void> set_alias(const Principal& by, const std::string& name, const std::string& alias,
                         const std::string& version);
  Result<void> remove_alias(const Principal& by, const std::string& name, const std::string& alias);
  [[nodiscard]] Result<ports::RegisteredVersion> version_of_alias(const Principal& by,
                                                                  const std::string& name,
                                                                  const std::string& alias) const;
  /// The newest version of each of these stages; of none: of each that there is.
  [[nodiscard]] Result<std::vector<ports::RegisteredVersion>> newest(
      const Principal& by, const std::string& name, const std::vector<std::string>& stages) const;

  struct NewVersion {
    std::string model;
    std::string source;
    std::optional<std::string> run;
    std::optional<std::string> logged_model;
    std::string run_link;
    std::string description;
    std::vector<ports::KeyValue> tags;
  };
  Result<ports::RegisteredVersion> create_version(const Principal& by, NewVersion version);
  /// `version` is a number, as a text.
  [[nodiscard]] Result<ports::RegisteredVersion> version(const Principal& by, const std::string& name,
                                                         const std::string& version) const;
  Result<ports::RegisteredVersion> describe_version(const Principal& by, const std::string& name,
                                                    const std::string& version,
                                                    const std::string& description);
  Result<ports::RegisteredVersion> set_stage(const Principal& by, const std::string& name,
                                             const std::string& version, const std::string& stage,
                                             bool archive_others);
  Result<void> remove_version(const Principal& by, const std::string& name, const std::string& version);
  Result<void> set_version_tag(const Principal& by, const std::string& name, const std::string& version,
                               const ports::KeyValue& tag);
  Result<void> remove_version_tag(const Principal& by, const std::string& name, const std::string& version,
                                  const std::string& key);

  /// Prompts, which are models with a tag, are left out unless a condition asks for them.
  [[nodiscard]] Result<std::vector<ports::RegisteredModel>> search(const Principal& by,
                                                                   ports::Search search) const;
  [[nodiscard]] Result<std::vector<ports::RegisteredVersion>> search_versions(const Principal& by,
                                                                              ports::Search search) const;

  /// Where clients fetch the version's files.
  static std::string address_of(const ports::RegisteredVersion& version);
  /// The version that a path of artifacts leads into, of a version that is fetched from its repository, and
  /// the path in it; nullopt: it is another path.
  struct Inside {
    ports::RegisteredVersion version;
    std::string path;
  };
  [[nodiscard]] Result<std::optional<Inside>> inside(const Principal& by, std::string_view path) const;
  /// Whether a path of artifacts is one that only a version may have: "models/NAME/N/…".
  static bool is_inside(std::string_view path);
  /// A file of a version: in the object store, or as bytes.
  struct File {
    std::string path;
    Digest digest;
    std::filesystem::path object;  ///< "": it is `bytes`
    std::string bytes;
  };
  [[nodiscard]] Result<File> file(const Principal& by, const ports::RegisteredVersion& version,
                                  std::string_view path) const;
  [[nodiscard]] Result<std::vector<ports::ArtifactEntry>> list(const Principal& by,
                                                               const ports::RegisteredVersion& version,
                                                               std::string_view folder) const;

 private:
  struct Resolved;
  Result<Resolved> resolve(const Principal& by, const NewVersion& version) const;
  Result<Resolved> resolve_registered(const Principal& by, const NewVersion& version) const;
  Result<Resolved> resolve_logged(const Principal& by, const NewVersion& version) const;
  Result<Resolved> resolve_run(const Principal& by, const NewVersion& version) const;
  [[nodiscard]] Result<std::vector<ports::TreeFile>> files_below(const Principal& by,
                                                                 const std::string& storage) const;
  Result<void> note_in_logged_model(const Principal& by, const ports::RegisteredVersion& version);
  /// Compares the index with the repositories, however they were changed while nobody looked.
  Result<void> compare_index() const;
  /// Until there is nothing to do, or somebody asks to stop. Searches wait for it.
  Result<void> update_index(const std::stop_token& stop = {}) const;
  void tell_removed(const Principal& by, const std::string& name) const;

  Ports ports_;
  mutable std::mutex indexing_;
  mutable bool compared_ = false;              ///< guarded by `indexing_`
  mutable std::set<ports::ModelPlace> stale_;  ///< guarded by `indexing_`: changed, and not in the index yet
  std::jthread begun_;                         ///< the last member: it ends before the others do
};

}  // namespace sluice::models
