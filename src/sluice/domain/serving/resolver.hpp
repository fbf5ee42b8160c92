#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/ports/model_repository.hpp"

namespace sluice::serving {

/// Everything that a host needs to serve a version of a model. Versions are immutable, and so is this.
struct Resolved {
  ports::ModelVersion version;
  Artifact head;  ///< the version's own files
  Artifact base;  ///< the files of the base that it names, checked against the digest that it names
  std::vector<std::string> classes;
};

/// Finds the files and classes of model versions and caches them. Thread-safe.
class Resolver {
 public:
  explicit Resolver(ports::ModelRepository& models) : models_(models) {}

  /// `reference` is as for ModelRepository::resolve. Code::failed_precondition if the version cannot be
  /// served: it is not a head, its base is missing, or its base is not the one that it was trained on.
  Result<std::shared_ptr<const Resolved>> resolve(const std::string& workspace, const std::string& model,
                                                  const std::string& reference);
  /// The cached entry of a version; null if it has not been resolved yet. Does not access the repository.
  [[nodiscard]] std::shared_ptr<const Resolved> known(const std::string& workspace, const std::string& model,
                                                      std::int64_t number) const;
  /// The model was removed, renamed, or a version of it was removed: its numbers may mean others from now on.
  void forget(const std::string& workspace, const std::string& model);

 private:
  struct Key {
    std::string workspace;
    std::string model;
    std::int64_t number = 0;
    auto operator<=>(const Key&) const = default;
  };
  Result<Resolved> read(const std::string& workspace, ports::ModelVersion version);
  Result<Artifact> find_base(const std::string& workspace, const Value& reference, const std::string& where);

  ports::ModelRepository& models_;
  mutable std::mutex mutex_;
  std::map<Key, std::shared_ptr<const Resolved>> known_;
};

}  // namespace sluice::serving
