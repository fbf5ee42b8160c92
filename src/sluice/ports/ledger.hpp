#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ports/page.hpp"
#include "sluice/ports/schedules.hpp"

namespace sluice::ports {

struct GroupStep;  // ports/pipelines.hpp

/// The status of a run that servers leave alone, since it ended two of them in a row. Its journal does not
/// say so.
inline constexpr std::string_view set_aside = "set_aside";

/// The summary of a run: a projection of its journal, written in the same transaction, that can be rebuilt.
struct RunRow {
  RunId id;
  Principal principal;
  std::string name;  ///< for people: the plan's file
  Digest plan;
  std::string status;  ///< "running", "succeeded", "failed", "cancelled"; or `set_aside`
  Time created{};
  std::optional<Time> ended;
  std::string message;       ///< why it failed, or was set aside
  ScheduleId schedule = {};  ///< that started it; "": none did
  bool operator==(const RunRow&) const = default;
};

/// A finished task's outputs under its cache key. The newest entry wins.
struct CacheEntry {
  Digest key;
  std::string workspace = "default";
  Value outputs;  ///< in tagged form
  RunId run;
  std::string path;
  Time at{};
};

/// A part of an appended event that many journals have in common, such as the plan of a run: the inside of a
/// JSON string, by its place in the event's text. A ledger may store it once; `read` returns the whole event.
struct SharedPart {
  std::size_t event = 0;  ///< index in Append::events
  std::size_t offset = 0;
  std::size_t length = 0;
};

/// A cache entry was used.
struct CacheUse {
  Digest key;
  Time at{};
};

/// Events of one run to be appended together with what follows from them.
struct Append {
  RunId run;
  Principal principal;
  std::uint64_t expected_next =
      0;  ///< number of the first of these events; the journal must be exactly that long
  std::vector<std::string> events;  ///< JSON texts
  std::optional<RunRow> row;        ///< the projection afterwards; nullopt: it is unchanged
  std::vector<CacheEntry> cache;
  std::vector<CacheUse> used = {};  ///< entries of the run's workspace
  std::optional<SharedPart> shared = {};
  /// The schedule that starts this run. Code::conflict if it was removed or disabled, or has had a run of
  /// this instant or a later one.
  std::optional<ScheduleStep> step = {};
  /// The group that this run is put into. Code::conflict if another run retries the same one.
  std::shared_ptr<const GroupStep> group = nullptr;
};

enum class Durability {
  process,  ///< survives the death of any process
  power,    ///< synced to the disk before the call returns
};

/// The stored events of all runs, which are the authoritative record. Thread-safe.
class Journal {
 public:
  virtual ~Journal() = default;
  /// All in one transaction, or nothing. Code::conflict if a journal is longer or shorter than expected.
  virtual Result<void> append(const std::vector<Append>& batch, Durability durability) = 0;
  /// The number of the run's events; 0 if there is no such run.
  [[nodiscard]] virtual Result<std::uint64_t> length(const RunId& run) const = 0;
  /// The events from number `from` on, no more than `limit`.
  [[nodiscard]] virtual Result<std::vector<std::string>> read(const RunId& run, std::uint64_t from = 0,
                                                              std::size_t limit = SIZE_MAX) const = 0;
};

struct RunFilter {
  std::string workspace = "default";  ///< "" : all of them
  std::optional<std::string> status;
  std::optional<std::string> id_prefix;
  std::optional<ScheduleId> schedule = {};  ///< those that it started; without a prefix
  std::size_t limit = 100;
  /// Where a run stands among all, newest first.
  struct Position {
    Time created{};
    RunId id;
  };
  std::optional<Position> after = {};  ///< only what follows; of one workspace, and without a prefix
};

/// Queries over runs and cache entries. Thread-safe.
class RunIndex {
 public:
  virtual ~RunIndex() = default;
  /// Newest first; with a prefix, by id, which is the order of their times too.
  [[nodiscard]] virtual Result<std::vector<RunRow>> runs(const RunFilter& filter) const = 0;
  [[nodiscard]] virtual Result<std::optional<CacheEntry>> cached(const std::string& workspace,
                                                                 const Digest& key) const = 0;
};

/// An endpoint: a name under which a version of a model is served.
struct Deployment {
  std::string endpoint;
  Principal principal;
  std::string model;
  std::int64_t version = 0;
  std::string commit;
  Time at{};
  std::string effect_key;  ///< of the call that made it; the same call returns the same result
};

/// The endpoints. Thread-safe.
class Deployments {
 public:
  virtual ~Deployments() = default;
  /// Synced. Replaces the endpoint's deployment.
  virtual Result<void> put(const Deployment& deployment) = 0;
  /// Synced. False: the endpoint did not exist.
  virtual Result<bool> remove(const std::string& workspace, const std::string& endpoint) = 0;
  /// By the names of the endpoints.
  [[nodiscard]] virtual Result<std::vector<Deployment>> list(const std::string& workspace,
                                                             const NamePage& page) const = 0;
  /// Those of all workspaces. For a server, which keeps them in memory.
  [[nodiscard]] virtual Result<std::vector<Deployment>> all() const = 0;
  [[nodiscard]] virtual Result<std::optional<Deployment>> find(const std::string& workspace,
                                                               const std::string& endpoint) const = 0;
};

}  // namespace sluice::ports
