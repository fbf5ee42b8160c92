#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/digest.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/base/result.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ports/schedules.hpp"
#include "sluice/ports/search.hpp"

// Plans that are kept under names, and groups of runs.

namespace sluice::ports {

/// A part of a list. Its conditions are of attributes; all of them fit. Texts that are no ids and no states
/// are compared, and ordered, without regard to the case of ASCII letters.
struct ListQuery {
  std::vector<SearchCondition> conditions = {};
  SearchOrder order = {.field = SearchField::attribute, .key = "created_at", .ascending = true};
  std::size_t limit = 100;
  /// Where an entry stands in the order.
  struct Position {
    std::variant<std::int64_t, std::string> value;  ///< of what is ordered by
    std::string id;
  };
  std::optional<Position> after = {};  ///< only what follows
};

/// At most `ListQuery::limit` entries.
template <typename Entry>
struct ListPage {
  static constexpr std::int64_t counted_max = 10'000;
  std::vector<Entry> entries;
  std::int64_t total = 0;                   ///< of all pages; no more than `counted_max` are counted
  std::optional<ListQuery::Position> next;  ///< of the last entry, if more follow
};

/// A name under which versions of a plan are kept.
struct NamedPipeline {
  std::string id;
  Principal principal;
  std::string name;  ///< the only one in its workspace
  std::string display_name;
  std::string description;
  Struct tags;
  Time created{};
};

struct PipelineVersion {
  std::string id;
  std::string pipeline;
  Principal principal;
  std::string name;  ///< the only one of its pipeline
  std::string display_name;
  std::string description;
  std::string source_url;  ///< of its code, for people
  Struct tags;
  Digest text;       ///< the object that holds the plan's text, in any dialect
  std::string file;  ///< its name, for messages
  Time created{};
};

/// What is set is changed.
struct PipelineChange {
  std::optional<std::string> display_name = {};
  std::optional<Struct> tags = {};
};

/// The named pipelines. Thread-safe. Attributes of conditions: `id`, `name`, `display_name`, `description`,
/// `created_at`; of versions, `pipeline` too.
class NamedPipelines {
 public:
  virtual ~NamedPipelines() = default;
  /// Both, or nothing; without a version if `version` is null. Code::already_exists if the workspace has a
  /// pipeline of this name.
  virtual Result<void> add_pipeline(const NamedPipeline& pipeline, const PipelineVersion* version) = 0;
  /// Code::already_exists if the pipeline has a version of this name.
  virtual Result<void> add_version(const PipelineVersion& version) = 0;
  [[nodiscard]] virtual Result<std::optional<NamedPipeline>> pipeline(const std::string& workspace,
                                                                      const std::string& id) const = 0;
  [[nodiscard]] virtual Result<std::optional<NamedPipeline>> pipeline_named(
      const std::string& workspace, const std::string& name) const = 0;
  [[nodiscard]] virtual Result<std::optional<PipelineVersion>> version(const std::string& workspace,
                                                                       const std::string& id) const = 0;
  /// The one that was added last.
  [[nodiscard]] virtual Result<std::optional<PipelineVersion>> newest_version(
      const std::string& workspace, const std::string& pipeline) const = 0;
  [[nodiscard]] virtual Result<ListPage<NamedPipeline>> pipelines(const std::string& workspace,
                                                                  const ListQuery& query) const = 0;
  [[nodiscard]] virtual Result<ListPage<PipelineVersion>> versions(const std::string& workspace,
                                                                   const std::string& pipeline,
                                                                   const ListQuery& query) const = 0;
  /// False: there is none.
  virtual Result<bool> change_pipeline(const std::string& workspace, const std::string& id,
                                       const PipelineChange& change) = 0;
  virtual Result<bool> change_version(const std::string& workspace, const std::string& id,
                                      const PipelineChange& change) = 0;
  /// With its versions. False: there is none.
  virtual Result<bool> remove_pipeline(const std::string& workspace, const std::string& id) = 0;
  virtual Result<bool> remove_version(const std::string& workspace, const std::string& id) = 0;
};

/// Runs that belong together.
struct RunGroup {
  std::string id;
  Principal principal;
  std::string name;  ///< the only one in its workspace
  std::string description;
  bool archived = false;
  Time created{};
  std::optional<Time> last_run = {};  ///< when the newest run of it was created
};

/// A run that its submitter put into a group. It may have several runs of the engine, one after the other:
/// each but the first retries the one before it.
struct GroupedRun {
  std::string id;  ///< of the first run
  RunId run;       ///< the latest run
  Principal principal;
  std::string group;
  std::string display_name;
  std::string description;
  std::string service_account;
  std::string pipeline;  ///< the pipeline and the version that it was made of; "": of a text
  std::string version;
  Digest text;       ///< the object that holds the plan's text
  std::string file;  ///< its name, for messages
  std::string root;  ///< where its submitter wanted artifacts
  Struct parameters;
  bool archived = false;
  Time created{};
  std::optional<Time> cancelled = {};  ///< when its end was asked for
  List earlier = {};                   ///< what became of the earlier runs, as who retried it has written
  // Of the latest run.
  std::string status = "running";  ///< as in RunRow
  Time started{};
  std::optional<Time> ended = {};
  std::string message = {};
  std::string schedule = {};  ///< that started the first run; "": none did
};

/// A schedule whose runs are put into a group.
struct RecurringRun {
  std::string id;  ///< the schedule's
  ScheduleRow schedule;
  GroupedRun run;  ///< what its runs have in common
  Time updated{};
};

/// Those schedules; ports::Schedules adds, changes and removes them. Thread-safe. Attributes: `id`,
/// `display_name`, `description`, `created_at`, `updated_at`, `group`, `pipeline`, `version`,
/// `service_account`, `enabled`.
class RecurringRuns {
 public:
  virtual ~RecurringRuns() = default;
  [[nodiscard]] virtual Result<std::optional<RecurringRun>> recurring_run(const std::string& workspace,
                                                                          const std::string& id) const = 0;
  /// `group`: only of this one; "": of all.
  [[nodiscard]] virtual Result<ListPage<RecurringRun>> recurring_runs(const std::string& workspace,
                                                                      const std::string& group,
                                                                      const ListQuery& query) const = 0;
};

/// A run is put into its group by the transaction that creates it.
struct GroupStep {
  GroupedRun run;
  RunId from = {};  ///< "": it is new there; else it retries the run of this id
};

/// Groups of runs. Thread-safe. Attributes of groups: `id`, `name`, `description`, `created_at`,
/// `last_run_created_at`, `archived`; of runs: `id`, `display_name`, `description`, `created_at`,
/// `finished_at` (0: it has not ended), `archived`, `group`, `pipeline`, `version`, `service_account`,
/// `state`: a status as in RunRow, or "cancelling".
class RunGroups {
 public:
  virtual ~RunGroups() = default;
  /// Code::already_exists if the workspace has one of this name.
  virtual Result<void> add_group(const RunGroup& group) = 0;
  [[nodiscard]] virtual Result<std::optional<RunGroup>> group(const std::string& workspace,
                                                              const std::string& id) const = 0;
  [[nodiscard]] virtual Result<std::optional<RunGroup>> group_named(const std::string& workspace,
                                                                    const std::string& name) const = 0;
  [[nodiscard]] virtual Result<ListPage<RunGroup>> groups(const std::string& workspace,
                                                          const ListQuery& query) const = 0;
  /// With all its runs if it is archived; they stay archived when it is not any more. False: there is none.
  virtual Result<bool> archive_group(const std::string& workspace, const std::string& id, bool archived) = 0;
  /// Its runs stay. False: there is none.
  virtual Result<bool> remove_group(const std::string& workspace, const std::string& id) = 0;

  [[nodiscard]] virtual Result<std::optional<GroupedRun>> run(const std::string& workspace,
                                                              const std::string& id) const = 0;
  /// `group`: only of this one, which must be of the workspace; "": of all.
  [[nodiscard]] virtual Result<ListPage<GroupedRun>> runs(const std::string& workspace,
                                                          const std::string& group,
                                                          const ListQuery& query) const = 0;
  virtual Result<bool> archive_run(const std::string& workspace, const std::string& id, bool archived) = 0;
  virtual Result<bool> note_cancellation(const std::string& workspace, const std::string& id, Time at) = 0;
  /// The run itself stays. False: there is none.
  virtual Result<bool> remove_run(const std::string& workspace, const std::string& id) = 0;
};

}  // namespace sluice::ports
