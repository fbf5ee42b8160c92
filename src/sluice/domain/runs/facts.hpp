#pragma once
#include "sluice/domain/models/provenance.hpp"
#include "sluice/domain/runs/runs.hpp"

namespace sluice::runs {

/// A run's facts, from its journal, for the provenance of the models that it creates. Thread-safe; `runs`
/// must outlive it.
class JournalFacts final : public models::RunFacts {
 public:
  explicit JournalFacts(const Runs& runs) : runs_(runs) {}
  [[nodiscard]] Result<Value> facts(const RunId& run) const override;

 private:
  const Runs& runs_;
};

}  // namespace sluice::runs
