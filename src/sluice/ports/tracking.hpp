#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/base/result.hpp"
#include "sluice/ports/search.hpp"

namespace sluice::ports {

/// A tag, or a parameter.
struct KeyValue {
  std::string key;
  std::string value;
  bool operator==(const KeyValue&) const = default;
};

struct Experiment {
  std::int64_t id = 0;
  std::string name;
  std::string artifact_location;
  bool active = true;
  Time created{};
  Time updated{};
  std::vector<KeyValue> tags;  ///< by key
};

struct NewExperiment {
  Principal principal;
  std::string name;
  std::string artifact_location;  ///< "": `artifact_root` and the id
  std::string artifact_root;
  std::vector<KeyValue> tags;
  Time at{};
};

/// What is set is changed, in one transaction.
struct ExperimentChange {
  std::optional<std::string> name = {};
  std::optional<bool> active = {};  ///< of its runs too
  std::optional<KeyValue> tag = {};
  std::optional<std::string> removed_tag = {};
  Time at{};
};

/// One value of a metric. Times and steps are the client's.
struct MetricPoint {
  std::int64_t step = 0;
  std::int64_t at_ms = 0;
  double value = 0;
};

struct Metric {
  std::string key;
  MetricPoint point;
};

/// A use of a dataset by a run.
struct DatasetInput {
  std::string name;
  std::string digest;
  std::string source_type;
  std::string source;
  std::string schema;
  std::string profile;
  std::vector<KeyValue> tags;
};

/// A logged model that a run used or made.
struct ModelUse {
  std::string model;
  std::int64_t step = 0;
};

enum class TrackedStatus { running, scheduled, finished, failed, killed };
/// Their names, for clients and in what is stored.
inline constexpr auto tracked_status_names =
    std::to_array<std::pair<TrackedStatus, std::string_view>>({{TrackedStatus::running, "RUNNING"},
                                                               {TrackedStatus::scheduled, "SCHEDULED"},
                                                               {TrackedStatus::finished, "FINISHED"},
                                                               {TrackedStatus::failed, "FAILED"},
                                                               {TrackedStatus::killed, "KILLED"}});
constexpr std::string_view name(TrackedStatus status) {
  for (const auto& [known, name] : tracked_status_names)
    if (known == status) return name;
  return {};
}
constexpr std::optional<TrackedStatus> tracked_status_named(std::string_view name) {
  for (const auto& [status, known] : tracked_status_names)
    if (known == name) return status;
  return std::nullopt;
}

/// What a client logged about one execution: its own record, beside the runs of the engine.
struct TrackedRun {
  std::string id;  ///< unique among all workspaces
  std::int64_t experiment = 0;
  std::string name;
  std::string user;
  TrackedStatus status = TrackedStatus::running;
  std::int64_t started_ms = 0;
  std::optional<std::int64_t> ended_ms;
  std::string artifact_uri;
  bool active = true;
  std::vector<Metric> metrics;         ///< the newest point of each, by key
  std::vector<KeyValue> parameters;    ///< by key
  std::vector<KeyValue> tags;          ///< by key
  std::vector<DatasetInput> datasets;  ///< in the order in which they were logged
  std::vector<ModelUse> model_inputs;
  std::vector<ModelUse> model_outputs;
};

struct NewTrackedRun {
  Principal principal;
  TrackedRun run;  ///< without metrics
};

/// What is set is changed, in one transaction.
struct TrackedRunChange {
  std::optional<TrackedStatus> status = {};
  std::optional<std::int64_t> ended_ms = {};
  std::optional<std::string> name = {};
  std::vector<Metric> metrics = {};  ///< added to their histories
  std::vector<KeyValue> parameters = {};
  std::vector<KeyValue> tags = {};
  std::optional<std::string> removed_tag = {};
  std::vector<DatasetInput> datasets = {};
  std::vector<ModelUse> model_inputs = {};
  std::vector<ModelUse> model_outputs = {};
};

/// A parameter that has another value already.
struct ParameterConflict {
  std::string key;
  std::string stored;
  std::string sent;
};

/// Which entries, in which order. All conditions have to fit.
struct Search {
  std::vector<SearchCondition> conditions = {};
  std::vector<SearchOrder> order = {};  ///< complete, or pages may overlap; none: any order
  Lifecycle lifecycle = Lifecycle::active;
  std::size_t offset = 0;
  std::size_t limit = 100;
};

/// Experiments and what clients log about their runs. Thread-safe. A call that returns an error has changed
/// nothing. Code::not_found for what is not in the workspace.
class Tracking {
 public:
  virtual ~Tracking() = default;
  /// Whether a small change would not have to wait for the disk now.
  [[nodiscard]] virtual bool is_quick() const = 0;

  /// Code::already_exists if there is one of that name, also a removed one.
  virtual Result<Experiment> create_experiment(const NewExperiment& experiment) = 0;
  [[nodiscard]] virtual Result<Experiment> experiment(const std::string& workspace,
                                                      std::int64_t id) const = 0;
  [[nodiscard]] virtual Result<std::optional<Experiment>> experiment_named(const std::string& workspace,
                                                                           const std::string& name) const = 0;
  /// Code::already_exists if the name is taken; Code::not_found also for a removed tag that was not there.
  virtual Result<void> change_experiment(const std::string& workspace, std::int64_t id,
                                         const ExperimentChange& change) = 0;
  [[nodiscard]] virtual Result<std::vector<Experiment>> experiments(const std::string& workspace,
                                                                    const Search& search) const = 0;

  /// Code::failed_precondition if the experiment was removed.
  virtual Result<void> create_run(const NewTrackedRun& run) = 0;
  [[nodiscard]] virtual Result<TrackedRun> run(const std::string& workspace, const std::string& id) const = 0;
  /// The ids that begin so, in order, also of removed runs.
  [[nodiscard]] virtual Result<std::vector<std::string>> run_ids(const std::string& workspace,
                                                                 const std::string& prefix,
                                                                 std::size_t limit) const = 0;
  /// Returns the parameters that have another value already: if there are any, nothing was changed.
  /// Code::failed_precondition if the run was removed.
  virtual Result<std::vector<ParameterConflict>> change_run(const std::string& workspace,
                                                            const std::string& id,
                                                            const TrackedRunChange& change) = 0;
  /// Removes a run, or restores it.
  virtual Result<void> set_active(const std::string& workspace, const std::string& id, bool active,
                                  Time at) = 0;
  [[nodiscard]] virtual Result<std::vector<TrackedRun>> runs(const std::string& workspace,
                                                             const std::vector<std::int64_t>& experiments,
                                                             const Search& search) const = 0;

  /// The values of a metric, by time, step and value, each once.
  [[nodiscard]] virtual Result<std::vector<MetricPoint>> history(const std::string& workspace,
                                                                 const std::string& run,
                                                                 const std::string& key, std::size_t offset,
                                                                 std::size_t limit) const = 0;
  struct Steps {
    std::int64_t first = INT64_MIN;
    std::int64_t last = INT64_MAX;
  };
  /// About `limit` of the values within these steps, evenly chosen, with the first and the last, by step. Of
  /// a long history, those that were set aside for this are looked at, not each.
  [[nodiscard]] virtual Result<std::vector<MetricPoint>> chart(const std::string& workspace,
                                                               const std::string& run, const std::string& key,
                                                               Steps steps, std::size_t limit) const = 0;
};

}  // namespace sluice::ports
