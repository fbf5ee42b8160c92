#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/ports/model_repository.hpp"

namespace sluice::serving {

/// All that a host needs to answer with a version of a model. Versions never change, so it never does.
struct Resolved {
  ports::ModelVersion version;
  Artifact head;  ///< the version's own files
  Artifact base;  ///< those of the base that it names, checked against the digest that it names
  std::vector<std::string> classes;
};

/// Finds what versions consist of, and remembers it. Thread-safe.
class Resolver {
 public:
  explicit Resolver(ports::ModelRepository& models) : models_(models) {}

  /// `reference` as ModelRepository::resolve takes it. Code::failed_precondition where the version cannot be
  /// served: it is no head, or its base is not here, or is another one than it was made on.
  Result<std::shared_ptr<const Resolved>> resolve(const std::string& workspace, const std::string& model,
                                                  const std::string& reference);
  /// What is remembered of a version, without looking: null where nothing is.
  [[nodiscard]] std::shared_ptr<const Resolved> known(const std::string& workspace, const std::string& model,
                                                      std::int64_t number) const;

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
