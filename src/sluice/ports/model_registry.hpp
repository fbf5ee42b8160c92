#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/tracking.hpp"

namespace sluice::ports {

/// The stage of a version that is in none.
inline constexpr std::string_view no_stage = "None";

/// A version as the registry knows it: what it was born with, and what changed since.
struct RegisteredVersion {
  std::string model;
  std::int64_t number = 0;
  std::string commit;  ///< 40 hexadecimal digits
  Time created{};
  Time updated{};
  std::string user;
  std::string description;
  std::string stage = std::string(no_stage);
  std::string source;   ///< where the content came from, in the words of whoever registered it
  std::string storage;  ///< where clients fetch it, since its birth; "": from its repository
  std::string run;
  std::string run_link;
  std::string logged_model;
  std::vector<KeyValue> tags;        ///< by key
  std::vector<std::string> aliases;  ///< that name this version
};

/// A model that has a repository, perhaps without any version.
struct RegisteredModel {
  std::string name;
  Time created{};
  Time updated{};
  std::string user;  ///< who made it; "": not known
  std::string description;
  std::vector<KeyValue> tags;                   ///< by key
  std::map<std::string, std::int64_t> aliases;  ///< and the version that each names
  std::vector<RegisteredVersion> newest;        ///< of each stage, by number; without their aliases
};

/// A model with all its versions, read in one go.
struct RegisteredContent {
  std::string workspace;
  /// Which state of the repository this is: another one has another mark.
  std::string mark;
  RegisteredModel model;
  std::vector<RegisteredVersion> versions;  ///< newest first
};

struct NewRegisteredModel {
  Principal principal;
  std::string name;
  std::string description;
  std::vector<KeyValue> tags;
  Time at{};
};

struct NewRegisteredVersion {
  Principal principal;
  std::string model;
  std::vector<TreeFile> files;  ///< in the object store
  /// Instead of files: the content of that version of that model.
  std::optional<std::pair<std::string, std::int64_t>> copy_of = {};
  std::string description;
  std::string source;
  std::string storage;
  std::string run;
  std::string run_link;
  std::string logged_model;
  std::vector<KeyValue> tags;
  Time at{};
  /// Greater than every number that was ever used: Code::already_exists else. nullopt: the next one.
  std::optional<std::int64_t> number = {};
};

/// What is set is changed, in one step.
struct RegisteredModelChange {
  std::optional<std::string> description = {};
  std::optional<KeyValue> tag = {};
  std::optional<std::string> removed_tag = {};
  std::optional<std::pair<std::string, std::int64_t>> alias = {};  ///< its name, and the version
  std::optional<std::string> removed_alias = {};
};
struct RegisteredVersionChange {
  std::optional<std::string> description = {};
  std::optional<KeyValue> tag = {};
  std::optional<std::string> removed_tag = {};
  std::optional<std::string> stage = {};
  /// What becomes of the other versions in that stage; nullopt: they stay in it.
  std::optional<std::string> stage_of_others = {};
};

/// A model of a workspace.
struct ModelPlace {
  std::string workspace;
  std::string model;
  auto operator<=>(const ModelPlace&) const = default;
};

/// The registry that the model repositories are: everything in it is in them, and what ModelRepository makes
/// is in it. Thread-safe; each change takes effect as a whole, or not at all. Code::not_found for a model or
/// a version that does not exist, or was removed.
class ModelRegistry {
 public:
  virtual ~ModelRegistry() = default;

  /// Code::already_exists.
  virtual Result<RegisteredModel> create_model(const NewRegisteredModel& model) = 0;
  [[nodiscard]] virtual Result<RegisteredModel> registered_model(const ModelPlace& place) const = 0;
  virtual Result<RegisteredModel> change_model(const ModelPlace& place, const RegisteredModelChange& change,
                                               const Principal& by, Time at) = 0;
  /// Code::already_exists if the name is taken.
  virtual Result<RegisteredModel> rename_model(const ModelPlace& place, const std::string& name,
                                               const Principal& by, Time at) = 0;
  /// Its repository is kept in a trash folder until it is purged.
  virtual Result<void> remove_model(const ModelPlace& place, const Principal& by, Time at) = 0;

  /// Adds the next version of a model that exists, also if another version has the same content.
  virtual Result<RegisteredVersion> register_version(const NewRegisteredVersion& version) = 0;
  [[nodiscard]] virtual Result<RegisteredVersion> registered_version(const ModelPlace& place,
                                                                     std::int64_t number) const = 0;
  /// nullopt: the model has no such alias.
  [[nodiscard]] virtual Result<std::optional<RegisteredVersion>> version_of_alias(
      const ModelPlace& place, const std::string& alias) const = 0;
  virtual Result<RegisteredVersion> change_version(const ModelPlace& place, std::int64_t number,
                                                   const RegisteredVersionChange& change, const Principal& by,
                                                   Time at) = 0;
  /// Its number is never used again, and its aliases vanish; its content is kept until it is purged.
  virtual Result<void> remove_version(const ModelPlace& place, std::int64_t number, const Principal& by,
                                      Time at) = 0;

  /// The mark of the model's present state; nullopt: there is no such model.
  [[nodiscard]] virtual Result<std::optional<std::string>> mark(const ModelPlace& place) const = 0;
  [[nodiscard]] virtual Result<RegisteredContent> content(const ModelPlace& place) const = 0;
  /// Every model of every workspace.
  [[nodiscard]] virtual Result<std::vector<ModelPlace>> places() const = 0;
  /// The models that this process changed since the last call.
  virtual std::vector<ModelPlace> take_changed() = 0;
};

/// A cache of the registry, for searches. Thread-safe.
class ModelIndex {
 public:
  virtual ~ModelIndex() = default;
  /// Which state of which model is in it.
  [[nodiscard]] virtual Result<std::map<ModelPlace, std::string>> marks() const = 0;
  /// Replaces what is in it of these models.
  virtual Result<void> put(const std::vector<RegisteredContent>& contents) = 0;
  virtual Result<void> remove(const ModelPlace& place) = 0;

  struct Query {
    Search search;
    bool prompts = false;  ///< false: what is tagged as a prompt is left out
  };
  [[nodiscard]] virtual Result<std::vector<RegisteredModel>> models(const std::string& workspace,
                                                                    const Query& query) const = 0;
  /// Without their aliases.
  [[nodiscard]] virtual Result<std::vector<RegisteredVersion>> versions(const std::string& workspace,
                                                                        const Query& query) const = 0;
};

}  // namespace sluice::ports
