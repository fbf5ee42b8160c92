#pragma once
#include <memory>

#include "sluice/ports/ledger.hpp"
#include "sluice/ports/moving.hpp"

namespace sluice::stores {
namespace sqlite {
class LedgerFile;
}

/// Puts records of another program's tracking into the ledger's file.
class SqliteTrackingTarget final : public ports::TrackingTarget {
 public:
  /// `at`: when what is removed was removed, where that is not known.
  SqliteTrackingTarget(std::shared_ptr<sqlite::LedgerFile> file, Principal principal, Time at);
  ~SqliteTrackingTarget() override;

  Result<PutExperiment> put_experiment(const ports::Experiment& experiment) override;
  Result<ports::Lack> put_run(const ports::TrackedRun& run,
                              const std::vector<ports::MetricHistory>& histories) override;
  Result<ports::Lack> put_model(const ports::LoggedModel& model) override;
  Result<ports::Lack> lack_of(const ports::TrackedRun& run,
                              const std::vector<ports::MetricHistory>& histories) override;
  Result<ports::Lack> lack_of(const ports::LoggedModel& model) override;
  Result<std::string> files_of_run(const std::string& id) override;
  Result<std::string> files_of_model(const std::string& id) override;

 private:
  std::shared_ptr<sqlite::LedgerFile> file_;
  Principal principal_;
  Time at_;
};

}  // namespace sluice::stores
