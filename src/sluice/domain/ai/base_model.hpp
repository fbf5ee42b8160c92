#pragma once
#include <map>
#include <mutex>
#include <string>

#include "sluice/domain/ai/platform.hpp"
#include "sluice/ports/model_repository.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::ai {

/// One version of a base model: it embeds pictures, and heads are trained on its embeddings.
struct BaseModel {
  std::string repository;  ///< "efficientnet-lite0"
  std::string commit;
  Artifact files;       ///< in directory form
  std::string tap;      ///< the output that is the embedding, "features"
  Value preprocessing;  ///< the repository's preprocessing file, parsed
};

/// Finds base models by name. Thread-safe. Each commit is read once and cached (versions do not change).
/// The ports must outlive it.
class BaseModels {
 public:
  explicit BaseModels(ports::ModelRepository& repositories) : repositories_(repositories) {}
  /// Returns the champion of `name`, else its latest version. Code::not_found for an unknown name (the
  /// message lists the existing models), Code::failed_precondition for a model that cannot embed pictures.
  Result<BaseModel> find(const std::string& workspace, const std::string& name);

 private:
  ports::ModelRepository& repositories_;
  std::mutex mutex_;
  std::map<std::string, BaseModel> known_;  ///< by workspace, name and commit
};

/// {"repository", "commit", "digest", "tap"}: how a head names its base model, and features the model that
/// computed them.
Value reference_of(const BaseModel& base);

/// For cache keys: {"base": reference, "runtime", "instruction_set"}.
Value environment_of(const BaseModel& base, const Platform& platform);

/// The base model of a call that does not name one.
inline constexpr std::string_view default_base = "efficientnet-lite0";

}  // namespace sluice::ai
