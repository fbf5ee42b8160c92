#pragma once
#include "sluice/domain/tracking/artifact_files.hpp"
#include "sluice/ports/model_repository.hpp"
#include "sluice/ports/moving.hpp"

namespace sluice::tracking {

/// The platform's own records and artifacts, as where what goes elsewhere comes from. The ports must outlive
/// it.
class KeptTracking final : public ports::TrackingSource, public ports::ArtifactSource {
 public:
  KeptTracking(const ports::Tracking& runs, const ports::LoggedModels& models,
               const ports::ModelRegistry& registry, const ports::ModelRepository& repositories,
               const ports::Traces& traces, const ArtifactFiles& files, Principal principal)
      : runs_(runs),
        models_(models),
        registry_(registry),
        repositories_(repositories),
        traces_(traces),
        files_(files),
        principal_(std::move(principal)) {}

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
  Result<std::vector<std::string>> others() override { return std::vector<std::string>(); }

  Result<void> list(const std::string& uri, const ports::Take<const File&>& take) override;
  Result<void> read(const std::string& uri, const std::string& path,
                    const ports::Take<std::string_view>& take) override;
  Result<bool> is_still(const std::string& uri, const File& file, const ports::ArtifactFile& moved) override;

 private:
  Result<void> read_object(const ports::ArtifactFile& file, const ports::Take<std::string_view>& take) const;
  Result<void> list_folder(const std::string& root, const std::string& folder,
                           const ports::Take<const File&>& take);

  const ports::Tracking& runs_;
  const ports::LoggedModels& models_;
  const ports::ModelRegistry& registry_;
  const ports::ModelRepository& repositories_;
  const ports::Traces& traces_;
  const ArtifactFiles& files_;
  Principal principal_;
};

}  // namespace sluice::tracking
