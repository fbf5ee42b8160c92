#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/random.hpp"
#include "sluice/ports/artifacts.hpp"
#include "sluice/ports/tracking.hpp"

namespace sluice::tracking {

/// The experiment that is always there, and its number.
inline constexpr std::string_view default_experiment = "Default";
/// The tag that has the name of a run.
inline constexpr std::string_view run_name_tag = "mlflow.runName";
/// Each experiment is below its number.
using ports::artifact_root;

/// The use cases of tracking: experiments, and what clients log about their runs, by the rules that clients
/// of MLflow know (rules.hpp). Thread-safe. The ports must outlive it.
class Experiments {
 public:
  Experiments(ports::Tracking& store, const Clock& clock, Random& random)
      : store_(store), clock_(clock), random_(random) {}

  /// Creates the default experiment if it is missing.
  Result<void> prepare(const Principal& principal);

  Result<ports::Experiment> create(const Principal& principal, const std::string& name,
                                   const std::string& artifact_location, std::vector<ports::KeyValue> tags);
  /// Code::failed_precondition for a removed one; with another name, Code::already_exists if it is taken.
  Result<void> rename(const Principal& principal, std::int64_t id, const std::string& name);
  Result<void> set_active(const Principal& principal, std::int64_t id, bool active);
  Result<void> set_tag(const Principal& principal, std::int64_t id, const ports::KeyValue& tag);
  Result<void> remove_tag(const Principal& principal, std::int64_t id, const std::string& key);

  struct NewRun {
    std::int64_t experiment = 0;
    std::string user;
    std::string name;  ///< "": that of its tag, or an invented one
    std::int64_t started_ms = 0;
    std::vector<ports::KeyValue> tags;
  };
  /// A run as it is created, checked and with an id, a name and a place for its files; nothing is stored.
  Result<ports::TrackedRun> new_run(const Principal& principal, NewRun run);
  Result<ports::TrackedRun> create_run(const Principal& principal, NewRun run);
  Result<ports::TrackedRun> update_run(const Principal& principal, const std::string& id,
                                       std::optional<ports::TrackedStatus> status,
                                       std::optional<std::int64_t> ended_ms, std::optional<std::string> name);
  Result<void> set_run_active(const Principal& principal, const std::string& id, bool active);

  Result<void> log_metric(const Principal& principal, const std::string& run, ports::Metric metric);
  Result<void> log_parameter(const Principal& principal, const std::string& run, ports::KeyValue parameter);
  Result<void> set_run_tag(const Principal& principal, const std::string& run, ports::KeyValue tag);
  Result<void> remove_run_tag(const Principal& principal, const std::string& run, const std::string& key);
  /// All or nothing.
  Result<void> log_batch(const Principal& principal, const std::string& run, ports::TrackedRunChange change);
  Result<void> log_uses(const Principal& principal, const std::string& run,
                        const ports::TrackedRunChange& change);

  /// The id of the run that a person means: by its id, or by how that begins. Code::invalid_argument if
  /// several begin so.
  [[nodiscard]] Result<std::string> find_run(const Principal& principal, const std::string& named) const;

  /// The queries, which have no rules of their own.
  [[nodiscard]] const ports::Tracking& store() const { return store_; }

 private:
  Result<void> check_active(const Principal& principal, std::int64_t id) const;

  ports::Tracking& store_;
  const Clock& clock_;
  Random& random_;
};

/// Where the files of a run with this id are, for clients.
std::string artifacts_of_run(const ports::Experiment& experiment, const std::string& run);
/// 32 hexadecimal digits.
std::string new_run_id(Random& random);
/// "quiet-heron-417"
std::string invented_name(Random& random);

}  // namespace sluice::tracking
