#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "sluice/ports/moving.hpp"

namespace sluice::stores {

/// The records in a SQLite file that MLflow keeps (2.9 or later), which a server of MLflow may be using: it
/// is never changed, and locked for a moment at a time.
class MlflowDatabase final : public ports::TrackingSource {
 public:
  /// Code::failed_precondition for a file that is not one.
  static Result<std::unique_ptr<MlflowDatabase>> open(const std::filesystem::path& file);
  ~MlflowDatabase() override;

  Result<void> experiments(const ports::Take<const ports::Experiment&>& take) override;
  Result<void> runs(const ports::Experiment& experiment,
                    const ports::Take<const ports::TrackedRun&>& take) override;
  Result<void> histories(const ports::TrackedRun& run,
                         const ports::Take<ports::MetricHistory>& take) override;
  Result<void> models(const ports::Experiment& experiment,
                      const ports::Take<const ports::LoggedModel&>& take) override;
  Result<void> traces(const ports::Experiment& experiment,
                      const ports::Take<const ports::WholeTrace&>& take) override;
  Result<void> registered(const ports::Take<const ports::RegisteredContent&>& take) override;
  Result<std::vector<std::string>> others() override;

 private:
  struct Impl;
  explicit MlflowDatabase(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::stores
