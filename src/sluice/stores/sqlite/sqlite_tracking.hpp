#pragma once
#include <memory>

#include "sluice/ports/ledger.hpp"
#include "sluice/ports/tracking.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// Experiments and tracked runs, in the ledger's file. Thread-safe.
class SqliteTracking final : public ports::Tracking {
 public:
  /// `durability`: of what a call has changed when it returns.
  SqliteTracking(std::shared_ptr<sqlite::LedgerFile> file, ports::Durability durability);
  ~SqliteTracking() override;
  [[nodiscard]] bool is_quick() const override;

  // tracked_experiments.cpp
  Result<ports::Experiment> create_experiment(const ports::NewExperiment& experiment) override;
  [[nodiscard]] Result<ports::Experiment> experiment(const std::string& workspace,
                                                     std::int64_t id) const override;
  [[nodiscard]] Result<std::optional<ports::Experiment>> experiment_named(
      const std::string& workspace, const std::string& name) const override;
  Result<void> change_experiment(const std::string& workspace, std::int64_t id,
                                 const ports::ExperimentChange& change) override;
  [[nodiscard]] Result<std::vector<ports::Experiment>> experiments(
      const std::string& workspace, const ports::Search& search) const override;

  // tracked_runs.cpp
  Result<void> create_run(const ports::NewTrackedRun& run) override;
  Result<std::vector<ports::ParameterConflict>> change_run(const std::string& workspace,
                                                           const std::string& id,
                                                           const ports::TrackedRunChange& change) override;
  Result<void> set_active(const std::string& workspace, const std::string& id, bool active, Time at) override;

  // tracked_run_queries.cpp
  [[nodiscard]] Result<ports::TrackedRun> run(const std::string& workspace,
                                              const std::string& id) const override;
  [[nodiscard]] Result<std::vector<std::string>> run_ids(const std::string& workspace,
                                                         const std::string& prefix,
                                                         std::size_t limit) const override;
  [[nodiscard]] Result<std::vector<ports::TrackedRun>> runs(const std::string& workspace,
                                                            const std::vector<std::int64_t>& experiments,
                                                            const ports::Search& search) const override;
  [[nodiscard]] Result<std::vector<ports::MetricPoint>> history(const std::string& workspace,
                                                                const std::string& run,
                                                                const std::string& key, std::size_t offset,
                                                                std::size_t limit) const override;
  [[nodiscard]] Result<std::vector<ports::MetricPoint>> chart(const std::string& workspace,
                                                              const std::string& run, const std::string& key,
                                                              Steps steps, std::size_t limit) const override;

 private:
  std::shared_ptr<sqlite::LedgerFile> file_;
  ports::Durability durability_;
};

}  // namespace sluice::stores
