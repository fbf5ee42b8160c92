#pragma once
#include <map>
#include <mutex>
#include <string>

#include "sluice/domain/ai/platform.hpp"
#include "sluice/ports/model_repository.hpp"
#include "sluice/ports/object_store.hpp"

namespace sluice::ai {

/// One version of the model that embeds pictures, under every head.
struct BaseModel {
  std::string repository;  ///< "efficientnet-lite0"
  std::string commit;
  Artifact files;       ///< a directory
  std::string tap;      ///< the output that is the embedding, "features"
  Value preprocessing;  ///< as its repository has it
};

/// Base models by name. Thread-safe; what belongs to a commit is read once and kept (versions do not change).
/// The ports outlive it.
class BaseModels {
 public:
  explicit BaseModels(ports::ModelRepository& repositories) : repositories_(repositories) {}
  /// The champion of `name`, else its latest version. Code::not_found for an unknown name (the message lists
  /// those that are there), Code::failed_precondition for a model that embeds no pictures.
  Result<BaseModel> find(const std::string& workspace, const std::string& name);

 private:
  ports::ModelRepository& repositories_;
  std::mutex mutex_;
  std::map<std::string, BaseModel> known_;  ///< by workspace, name and commit
};

/// {"repository", "commit", "digest", "tap"}: how a head names what it stands on, and features what they were
/// made by.
Value reference_of(const BaseModel& base);

/// For cache keys: {"base": reference, "runtime", "instruction_set"}.
Value environment_of(const BaseModel& base, const Platform& platform);

/// The model's name where a call names none.
inline constexpr std::string_view default_base = "efficientnet-lite0";

}  // namespace sluice::ai
