#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sluice/domain/runs/reasons.hpp"
#include "sluice/engine/event.hpp"
#include "sluice/ir/plan.hpp"
#include "sluice/ports/run_control.hpp"

namespace sluice::runs {

/// Whether the attempts at operations of this kind have logs.
inline bool has_log(std::string_view kind) { return kind == "process" || kind == "container"; }

/// What a run's journal says about one of its operations.
struct OperationReport {
  std::string path;
  std::string title;    ///< for people, of the plan; "": it has none
  std::string kind;     ///< "process", "container", "service", "call", "branch", "each", "raise", "block"
  std::string service;  ///< the service of a service task
  std::string state;    ///< "looking up", "running", "waiting to retry", "open", or how it ended
  std::string waits_for = {};  ///< while it waits for a slot: which; the journal does not say so
  std::optional<ports::Progress> progress =
      {};                  ///< while it runs and reports it; the journal does not say so
  std::string why;         ///< why the task ran or came from the cache, or why it ended as it did
  bool shortened = false;  ///< values were left out: the report had become too large
  bool cached = false;
  RunId made_in;        ///< if cached: the run whose task produced the outputs …
  std::string made_by;  ///< … and the path of that task
  std::optional<Digest> key;
  std::int64_t attempts = 0;
  std::optional<Digest> code;  ///< the code folder of a process
  Value call;                  ///< argv and env of a process, arguments (`with`) of a service
  Struct outputs;
  engine::Failure failure;
  Value environment;
  engine::Usage usage;  ///< of the latest attempt
  std::optional<Time> scheduled;
  std::optional<Time> ended;
};

/// What a person should read about the task besides: the notes of its failure, and "warning: TEXT" for each
/// text in its output `warnings`.
std::vector<std::string> remarks_of(const OperationReport& operation);

struct RunReport {
  engine::RunCreated created;
  std::optional<std::string> set_aside;  ///< why it was set aside, if it was; the journal does not say so
  std::optional<engine::RunEnded> result;
  std::vector<OperationReport> operations;  ///< in the order in which they started; at most some thousand
  std::uint64_t omitted = 0;                ///< number of further ones
  std::uint64_t length = 0;                 ///< number of events in the journal
};

/// Folds events into a report, one after the other; cheap enough to follow a run live. It holds the
/// operations that started first, and the first of those that failed later; of a run with millions, the
/// others are counted. Once it holds 64 MiB of values, later ones are left out. Not thread-safe.
class Reporter {
 public:
  /// `plan` may be null: the kinds of operations then stay unknown.
  explicit Reporter(std::shared_ptr<const ir::Plan> plan = nullptr) : plan_(std::move(plan)) {}
  /// Returns the operation that changed, null if none did; valid until the next call.
  const OperationReport* apply(const engine::Event& event);
  [[nodiscard]] const RunReport& report() const { return report_; }

 private:
  OperationReport& apply_to_operation(const engine::Event& event);
  OperationReport& at(const std::string& path);
  /// Why an operation was skipped or blocked.
  std::string reason(const engine::Ended& ended);
  [[nodiscard]] bool keeps(const engine::Event& event, const std::string& path) const;

  std::shared_ptr<const ir::Plan> plan_;
  RunReport report_;
  std::unordered_map<std::string, std::size_t> index_;
  Reasons reasons_;
  std::size_t bytes_ = 0;  ///< of the events that were kept, roughly
};

/// By path: what the journal does not say.
using TasksUnderWay = std::unordered_map<std::string, ports::TaskUnderWay>;
/// The entry of this operation; null if there is none, or if what the journal says about it is newer.
const ports::TaskUnderWay* find_under_way(const OperationReport& operation, const TasksUnderWay& under_way);

/// The operation with this path, from the plan alone; null if there is none.
const ir::Operation* operation_at(const ir::Plan& plan, const std::string& pipeline, std::string_view path);

/// Whether the operation's failure is its own, or that of what it yields from one of its regions, and not
/// that of an operation inside it.
bool failed_itself(const OperationReport& operation);

/// The kind of an operation, as in `OperationReport::kind`.
std::string kind_of(const ir::Operation& operation);

/// The JSON form that `sluice show --json` and the API return. Durations in seconds, digests in hexadecimal.
Value to_json(const RunReport& report);
Value to_json(const OperationReport& operation);

/// `{"tasks": [{"path", "waits_for", "progress"}, …]}`, as the stream of events has it.
Value to_json(const std::vector<ports::TaskUnderWay>& tasks);
/// The inverses; what is missing or malformed keeps its default.
TasksUnderWay under_way_from(const Value& json);
ports::Progress progress_from(const Value& json);

}  // namespace sluice::runs
