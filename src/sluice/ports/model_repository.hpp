#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ports/page.hpp"

namespace sluice::ports {

struct ModelVersion {
  std::string model;
  std::int64_t number = 0;
  std::string commit;  ///< 40 hexadecimal digits
  Time created{};
  std::string user;
  std::string run;  ///< "" : pushed manually
  std::string description;
  std::vector<std::string> aliases;  ///< that name this version
};

/// A model: a page of its versions, and what is known of all of them.
struct ModelVersions {
  std::size_t total = 0;
  std::map<std::string, std::int64_t> aliases;  ///< and the version that each names
  std::vector<ModelVersion> page;
};

/// What a new version consists of.
struct NewVersion {
  std::string model;
  Principal principal;
  std::filesystem::path content;  ///< a folder: README.md, model.json, provenance.json, *.onnx, …
  std::string description;        ///< the tag's message
  std::string run_id;
  std::string source;      ///< where the content came from, for the record
  std::string effect_key;  ///< stored in the tag; the same key returns the same version
  Time at{};               ///< not set: now
  /// Files that are ignored when "unchanged" is decided: provenance differs from run to run.
  std::vector<std::string> incidental = {"provenance.json"};
  std::string alias = "champion";  ///< moved to the new version; "" : none
};

struct Registered {
  ModelVersion version;
  bool created = false;  ///< false: that content (or this effect key) already had a version
};

struct ModelFile {
  std::string path;
  std::int64_t size = 0;
  Digest digest;  ///< SHA-256 of the bytes, also of a git-lfs file
};

/// Models as git repositories. Thread-safe; changes of one repository wait for each other across processes.
/// Names that a file system or git would reject are encoded, never rejected.
class ModelRepository {
 public:
  virtual ~ModelRepository() = default;
  /// Performs the one-time work of the first use in advance. For servers, before a request waits for it.
  virtual void warm_up() = 0;
  /// Synced before it returns. Creates the repository if it does not exist.
  virtual Result<Registered> add_version(const NewVersion& version) = 0;
  /// Names of models. Costs what the page holds, however many models there are.
  [[nodiscard]] virtual Result<std::vector<std::string>> models(const std::string& workspace,
                                                                const NamePage& page) const = 0;
  /// Reads only the versions on the page.
  [[nodiscard]] virtual Result<ModelVersions> versions(const std::string& workspace, const std::string& model,
                                                       const VersionPage& page) const = 0;
  /// The numbers of all versions, newest first. Reads none of them.
  [[nodiscard]] virtual Result<std::vector<std::int64_t>> numbers(const std::string& workspace,
                                                                  const std::string& model) const = 0;
  /// The version that this commit is; nullopt if the model has none.
  [[nodiscard]] virtual Result<std::optional<ModelVersion>> find_commit(const std::string& workspace,
                                                                        const std::string& model,
                                                                        const std::string& commit) const = 0;
  /// `reference`: "3", "v3", an alias, "latest", or "" (champion, else latest).
  [[nodiscard]] virtual Result<ModelVersion> resolve(const std::string& workspace, const std::string& model,
                                                     const std::string& reference) const = 0;
  [[nodiscard]] virtual Result<std::vector<ModelFile>> files(const std::string& workspace,
                                                             const ModelVersion& version) const = 0;
  [[nodiscard]] virtual Result<std::string> read(const std::string& workspace, const ModelVersion& version,
                                                 const std::string& path) const = 0;
  /// The version's files as an artifact (kind "model", a directory) whose objects are in the object store.
  virtual Result<Artifact> as_artifact(const std::string& workspace, const ModelVersion& version) = 0;
  virtual Result<void> set_alias(const std::string& workspace, const std::string& model,
                                 const std::string& alias, std::int64_t version, const Principal& by,
                                 Time at) = 0;
  /// Imports a bare repository with its lfs objects (a built-in model); does nothing if the model exists, or
  /// was removed.
  virtual Result<void> import_repository(const std::string& workspace, const std::string& model,
                                         const std::filesystem::path& bare_repository) = 0;
  [[nodiscard]] virtual std::filesystem::path path_of(const std::string& workspace,
                                                      const std::string& model) const = 0;
};

}  // namespace sluice::ports
