#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/digest.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/base/result.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ports/page.hpp"

namespace sluice::ports {

struct GroupedRun;  // ports/pipelines.hpp

/// When a schedule has runs.
struct ScheduleTiming {
  std::string cron = {};     ///< an expression; "": at intervals
  Milliseconds interval{0};  ///< 0: by `cron`
  std::string time_zone = "UTC";
  std::optional<Time> start = {};    ///< only instants after this one; intervals are counted from it
  std::optional<Time> end = {};      ///< no instant after this one
  bool catch_up = true;              ///< false: of instants that were missed, the latest alone has a run
  std::int64_t max_concurrency = 1;  ///< so many of its runs are under way at once
  bool operator==(const ScheduleTiming&) const = default;
};

/// What a schedule submits, the same at each instant.
struct ScheduledPlan {
  Digest text;           ///< an object: the plan as it was given
  std::string file;      ///< its name, for messages and for people
  std::string pipeline;  ///< "": the plan's entry
  Struct inputs;
  Struct code;
  bool cache = true;
  bool strict = false;
  Struct options = {};             ///< how the text is compiled, as domain/schedules writes it
  std::string instant_input = {};  ///< the input that is given the instant, in ISO 8601; "": none
};

/// What can be listed of a schedule.
struct ScheduleRow {
  ScheduleId id;
  Principal principal;
  std::string name;  ///< another one for each schedule of a workspace
  std::string file;  ///< ScheduledPlan::file
  ScheduleTiming timing;
  bool enabled = true;
  Time created{};
  std::optional<Time> last;  ///< the latest instant that has a run, or had one
  std::optional<Time> due;   ///< the next instant, perhaps of the past; nullopt: disabled, or there is none
  std::int64_t runs = 0;     ///< that it started
  std::string problem;       ///< why the run of `due` could not be started, the last time it was tried
};
struct Schedule {
  ScheduleRow row;
  ScheduledPlan plan;
  /// Its runs are put into a group like this one; null: into none.
  std::shared_ptr<const GroupedRun> group = nullptr;
};

/// A schedule starts a run: what changes in its row, in the transaction that creates the run.
struct ScheduleStep {
  ScheduleId schedule;
  Time instant{};           ///< of the run: later than that of any other of its runs
  std::optional<Time> due;  ///< the next one
};

/// The schedules. Thread-safe.
class Schedules {
 public:
  virtual ~Schedules() = default;
  static constexpr std::int64_t schedules_max = 100'000;  ///< in a workspace

  /// Synced. Code::already_exists if the workspace has one of this name; Code::exhausted if it has too many.
  virtual Result<void> add(const Schedule& schedule) = 0;
  /// Synced. False: there is none with this id.
  virtual Result<bool> remove(const ScheduleId& id) = 0;
  /// Synced. `due`: nullopt unless it is enabled. False: there is none with this id.
  virtual Result<bool> set_enabled(const ScheduleId& id, bool enabled, std::optional<Time> due, Time at) = 0;
  /// Why its run could not be started; "" is set by the start of a run.
  virtual Result<void> set_problem(const ScheduleId& id, const std::string& problem) = 0;

  [[nodiscard]] virtual Result<std::optional<Schedule>> find(const ScheduleId& id) const = 0;
  /// By its name or its id.
  [[nodiscard]] virtual Result<std::optional<Schedule>> find(const std::string& workspace,
                                                             const std::string& name) const = 0;
  /// By name.
  [[nodiscard]] virtual Result<std::vector<ScheduleRow>> list(const std::string& workspace,
                                                              const NamePage& page) const = 0;
  /// Every schedule that has a next instant. For a server, which keeps them in memory.
  virtual Result<void> each_due(const std::function<void(const ScheduleId&, Time due)>& take) const = 0;
  /// How many of its runs have not ended; runs that were set aside do not count.
  [[nodiscard]] virtual Result<std::int64_t> running(const ScheduleId& id) const = 0;
};

}  // namespace sluice::ports
