#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "sluice/ports/moving.hpp"

namespace sluice::stores {

/// The records in a folder that MLflow keeps (`mlruns/`, "file store"): a folder for each experiment and each
/// run, a file for each value. Files that are damaged are passed over, and told of.
class MlflowFolder final : public ports::TrackingSource {
 public:
  /// Code::failed_precondition for a folder that is not one.
  static Result<std::unique_ptr<MlflowFolder>> open(const std::filesystem::path& folder);

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
  [[nodiscard]] std::vector<ports::Unmoved> damaged() const override { return damaged_; }
  Result<std::vector<std::string>> others() override;

 private:
  explicit MlflowFolder(std::filesystem::path folder) : root_(std::move(folder)) {}
  [[nodiscard]] std::filesystem::path folder_of(std::int64_t experiment) const;
  void pass_over(const std::filesystem::path& path, const Error& why);
  void pass_over(const std::filesystem::path& path, std::string why);
  std::vector<ports::KeyValue> pairs_in(const std::filesystem::path& folder);
  void read_uses(const std::filesystem::path& experiment, ports::TrackedRun& run);
  std::optional<ports::RegisteredVersion> read_version(const std::filesystem::path& folder,
                                                       const std::string& model);
  /// Of each line of a metric's file, its words.
  Result<void> lines_of(const std::filesystem::path& file,
                        const ports::Take<const std::vector<std::string_view>&>& take);

  std::filesystem::path root_;
  std::vector<ports::Unmoved> damaged_;
};

}  // namespace sluice::stores
