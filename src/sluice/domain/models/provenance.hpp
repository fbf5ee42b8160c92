#pragma once
// Provenance of model versions. Public to other domain modules: a run's facts come from domain/runs.
#include <string>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/base/value.hpp"

namespace sluice::models {

/// The source of a run's facts: its journal. Thread-safe.
class RunFacts {
 public:
  virtual ~RunFacts() = default;
  /// The facts of the run up to now:
  ///   {"plan_name", "plan_digest", "inputs": {…} in tagged form, "started": ISO 8601,
  ///    "tasks": [{"path", "kind": "process" | "service", "service"?, "key": hex, "code"?: hex,
  ///               "inputs": tagged (a service's arguments, or a process's argv and env), "outputs": tagged,
  ///               "environment", "started", "ended": ISO 8601, "cached_from"?: {"run", "path"}}, …], those
  ///               that have succeeded}
  /// Code::not_found for an unknown run.
  [[nodiscard]] virtual Result<Value> facts(const RunId& run) const = 0;
};

/// An artifact and the path of names that leads to it.
struct NamedArtifact {
  std::string name;
  Artifact artifact;
};
/// All artifacts in a value, in its order; names are paths of fields and indexes: "pictures",
/// "folds[2].model".
std::vector<NamedArtifact> artifacts_in(const Value& value, const std::string& name = {});

/// A file of the version and its digest.
struct Subject {
  std::string path;
  Digest digest;
};

struct ProvenanceInput {
  RunId run;
  Value facts;  ///< from RunFacts
  std::vector<Subject> subjects;
  Value base;                   ///< {"repository", "commit", "digest"}, or null
  std::string program_version;  ///< of Sluice
  Time finished{};
};

/// Builds provenance.json: an in-toto Statement v1 whose predicate is SLSA Provenance v1. It records the
/// plan's digest, the run, every input's digest, the digests of code, the base's commit, environments, seeds
/// and instruction sets.
Result<Value> provenance_statement(const ProvenanceInput& input);

}  // namespace sluice::models
