#pragma once
#include <filesystem>
#include <memory>

#include "sluice/ports/moving.hpp"

namespace sluice::stores {

/// Fills an empty SQLite file that MLflow has made (`mlflow db upgrade`), in one transaction: without
/// `finish`, it stays empty.
class MlflowDatabaseTarget final : public ports::TrackingTarget,
                                   public ports::RegistryTarget,
                                   public ports::TraceTarget {
 public:
  /// The version of the schema that is written, as MLflow names it, and the version of MLflow that has it.
  static constexpr const char* schema = "dc11669786a5";
  static constexpr const char* program = "MLflow 3.17";

  /// `at`: when what is removed was removed. Code::failed_precondition for a file of another schema, and for
  /// one that has runs or registered models.
  static Result<std::unique_ptr<MlflowDatabaseTarget>> open(const std::filesystem::path& file, Time at);
  ~MlflowDatabaseTarget() override;

  Result<PutExperiment> put_experiment(const ports::Experiment& experiment) override;
  Result<ports::Lack> put_run(const ports::TrackedRun& run,
                              const std::vector<ports::MetricHistory>& histories) override;
  Result<ports::Lack> put_model(const ports::LoggedModel& model) override;
  Result<ports::Lack> lack_of(const ports::TrackedRun& run,
                              const std::vector<ports::MetricHistory>& histories) override;
  Result<ports::Lack> lack_of(const ports::LoggedModel& model) override;
  Result<std::string> files_of_run(const std::string& id) override;
  Result<std::string> files_of_model(const std::string& id) override;
  Result<void> finish() override;

  Result<ports::Lack> put(
      const ports::RegisteredContent& model,
      const std::function<Result<ports::VersionFiles>(const ports::RegisteredVersion&)>& files,
      const std::function<void(ports::Unmoved)>& unmoved) override;
  Result<ports::Lack> lack_of(const ports::RegisteredContent& model) override;

  Result<ports::Lack> put(const ports::Trace& trace, const std::vector<ports::TraceSpan>& spans,
                          const std::vector<std::string>& runs) override;
  Result<ports::Lack> lack_of(const ports::Trace& trace, const std::vector<ports::TraceSpan>& spans) override;

 private:
  struct Impl;
  explicit MlflowDatabaseTarget(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::stores
