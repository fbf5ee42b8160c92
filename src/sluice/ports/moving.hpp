#pragma once
// What was tracked, on its way from one program to another. Each interface is used by one thread.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/ports/artifacts.hpp"
#include "sluice/ports/logged_models.hpp"
#include "sluice/ports/model_registry.hpp"
#include "sluice/ports/traces.hpp"
#include "sluice/ports/tracking.hpp"

namespace sluice::ports {

/// Is passed one thing after the other. An error ends it, and is returned to whoever began.
template <typename Thing>
using Take = std::function<Result<void>(Thing)>;

/// A metric's values, or some of them.
struct MetricHistory {
  std::string key;
  std::vector<MetricPoint> points;
};
/// The most points in one of them.
inline constexpr std::size_t history_points_max = 200'000;

/// A thing that cannot be moved.
struct Unmoved {
  std::string what;
  std::string why;
};

/// A trace with all that belongs to it.
struct WholeTrace {
  Trace trace;
  /// What is said of it as MLflow's protocol has it, in JSON, besides the tags and metadata of `trace`; null:
  /// it is `trace`.
  Value written = {};
  /// Contents of spans. None: they are in the file `traces.json` at the address that its tag has, if there
  /// are any.
  std::vector<std::string> spans = {};
  std::vector<std::string> runs = {};  ///< that it was linked to
};

/// Where records come from. Numbers of experiments are those of the source.
class TrackingSource {
 public:
  virtual ~TrackingSource() = default;
  /// All of them, also removed ones; likewise below.
  virtual Result<void> experiments(const Take<const Experiment&>& take) = 0;
  /// Perhaps without their metrics.
  virtual Result<void> runs(const Experiment& experiment, const Take<const TrackedRun&>& take) = 0;
  /// Of all metrics of the run; a long one in several pieces, one after the other.
  virtual Result<void> histories(const TrackedRun& run, const Take<MetricHistory>& take) = 0;
  virtual Result<void> models(const Experiment& experiment, const Take<const LoggedModel&>& take) = 0;
  virtual Result<void> traces(const Experiment& experiment, const Take<const WholeTrace&>& take) = 0;
  /// Each with all its versions. What they say of `storage` is where this source has their files.
  virtual Result<void> registered(const Take<const RegisteredContent&>& take) = 0;
  /// What was damaged, and passed over, so far.
  [[nodiscard]] virtual std::vector<Unmoved> damaged() const { return {}; }
  /// What it also holds, and no interface here can take: "12 registered models".
  virtual Result<std::vector<std::string>> others() = 0;
};

/// Where the files of runs and of logged models come from.
class ArtifactSource {
 public:
  struct File {
    std::string path;  ///< below the folder: names with "/" between them
    std::int64_t size = 0;
  };
  virtual ~ArtifactSource() = default;
  /// False: files are not wanted.
  [[nodiscard]] virtual bool gives_files() const { return true; }
  /// All that is below the folder at this address, as the source's records have it; nothing if nothing was
  /// ever stored there. Code::failed_precondition if it cannot be reached from here.
  virtual Result<void> list(const std::string& uri, const Take<const File&>& take) = 0;
  virtual Result<void> read(const std::string& uri, const std::string& path,
                            const Take<std::string_view>& take) = 0;
  /// Whether a file that was moved before is the same still, as far as is known without moving it again.
  virtual Result<bool> is_still(const std::string& uri, const File& file, const ArtifactFile& moved) = 0;
};

/// How much a target lacks of a record, or lacked.
struct Lack {
  bool all = false;     ///< it has no such record
  bool fields = false;  ///< some are different: those of the source count
  std::int64_t parameters = 0;
  std::int64_t tags = 0;
  std::int64_t points = 0;  ///< of models: values of metrics
  std::int64_t uses = 0;    ///< of datasets, and of models
  std::int64_t versions = 0;
  std::int64_t aliases = 0;
  std::int64_t spans = 0;
  std::int64_t assessments = 0;
  [[nodiscard]] bool any() const {
    return all || fields || parameters > 0 || tags > 0 || points > 0 || uses > 0 || versions > 0 ||
           aliases > 0 || spans > 0 || assessments > 0;
  }
};

/// Where records go. They are put as they are, with their ids, times and lifecycles; what is there stays.
/// An id that is taken elsewhere is Code::already_exists.
class TrackingTarget {
 public:
  struct PutExperiment {
    std::int64_t id = 0;  ///< the target's number
    Lack lacked;
  };
  virtual ~TrackingTarget() = default;
  /// Puts it into that of the same name, if there is one.
  virtual Result<PutExperiment> put_experiment(const Experiment& experiment) = 0;
  /// Puts the run, and those of the points that it does not have. `run.experiment`: the target's number.
  virtual Result<Lack> put_run(const TrackedRun& run, const std::vector<MetricHistory>& histories) = 0;
  virtual Result<Lack> put_model(const LoggedModel& model) = 0;
  /// What is not there, by reading it.
  virtual Result<Lack> lack_of(const TrackedRun& run, const std::vector<MetricHistory>& histories) = 0;
  virtual Result<Lack> lack_of(const LoggedModel& model) = 0;
  /// Where it has the files of a run, or of a logged model; "": it has no such one.
  virtual Result<std::string> files_of_run(const std::string& id) = 0;
  virtual Result<std::string> files_of_model(const std::string& id) = 0;
  /// Called once, as the last call, when all is there.
  virtual Result<void> finish() { return {}; }
};

/// Where traces go. Their metadata count as tags. `trace.experiment`: the target's number.
class TraceTarget {
 public:
  virtual ~TraceTarget() = default;
  virtual Result<Lack> put(const Trace& trace, const std::vector<TraceSpan>& spans,
                           const std::vector<std::string>& runs) = 0;
  /// What is not there, by reading it.
  virtual Result<Lack> lack_of(const Trace& trace, const std::vector<TraceSpan>& spans) = 0;
};

/// The content of a version.
struct VersionFiles {
  std::vector<TreeFile> files;
  std::string storage;  ///< where clients find it, if the target does not keep it in its registry
};

/// Where registered models go. Versions keep their numbers.
class RegistryTarget {
 public:
  virtual ~RegistryTarget() = default;
  /// `files` is asked for the content of a version that is not there. `unmoved` gets what is there in another
  /// way.
  virtual Result<Lack> put(const RegisteredContent& model,
                           const std::function<Result<VersionFiles>(const RegisteredVersion&)>& files,
                           const std::function<void(Unmoved)>& unmoved) = 0;
  /// What is not there, by reading it; without what cannot be.
  virtual Result<Lack> lack_of(const RegisteredContent& model) = 0;
};

/// Where files go. Paths begin with the number of an experiment.
class ArtifactTarget {
 public:
  virtual ~ArtifactTarget() = default;
  /// The address of a folder, for records.
  [[nodiscard]] virtual std::string uri_of(const std::string& folder) const = 0;
  virtual Result<std::optional<ArtifactFile>> find(const std::string& path) = 0;
  /// All files below the folder with this address, by their paths in it; or the file that it is.
  virtual Result<std::vector<ArtifactFile>> files_at(const std::string& uri) = 0;
  /// Stores what `fill` passes on; nothing of it if that fails.
  virtual Result<ArtifactFile> put(
      const std::string& path, const std::function<Result<void>(const Take<std::string_view>&)>& fill) = 0;
  /// The same for the content of a version, which may need no path of its own.
  virtual Result<ArtifactFile> put_content(
      const std::string& path, const std::function<Result<void>(const Take<std::string_view>&)>& fill) = 0;
};

}  // namespace sluice::ports
