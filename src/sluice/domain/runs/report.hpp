#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "sluice/engine/event.hpp"
#include "sluice/ir/plan.hpp"

namespace sluice::runs {

/// What a run's journal tells about one of its operations.
struct OperationReport {
  std::string path;
  std::string kind;     ///< "process", "service", "call", "branch", "each", "raise", "block"
  std::string service;  ///< of a service task
  std::string state;    ///< "looking up", "running", "waiting to retry", "open", or how it ended
  std::string why;      ///< why a task ran, or was not run again; why it ended as it did
  bool cached = false;
  RunId made_in;        ///< cached: the run whose task made the outputs …
  std::string made_by;  ///< … and the task's path
  std::optional<Digest> key;
  std::int64_t attempts = 0;
  std::optional<Digest> code;  ///< of a process
  Value call;                  ///< argv and env, or with
  Struct outputs;
  engine::Failure failure;
  Value environment;
  engine::Usage usage;  ///< of the newest attempt
  std::optional<Time> scheduled;
  std::optional<Time> ended;
};

struct RunReport {
  engine::RunCreated created;
  std::optional<engine::RunEnded> result;
  std::vector<OperationReport> operations;  ///< in the order in which they began
  std::uint64_t length = 0;                 ///< of the journal
};

/// Folds events, one after the other; cheap enough to follow a run live. Not thread-safe.
class Reporter {
 public:
  /// `plan` may be null: kinds of operations that never began stay unknown.
  explicit Reporter(std::shared_ptr<const ir::Plan> plan = nullptr) : plan_(std::move(plan)) {}
  /// Answers the operation that changed, if one did; valid until the next call.
  const OperationReport* apply(const engine::Event& event);
  [[nodiscard]] const RunReport& report() const { return report_; }

 private:
  OperationReport& at(const std::string& path);

  std::shared_ptr<const ir::Plan> plan_;
  RunReport report_;
  std::unordered_map<std::string, std::size_t> index_;
};

/// The operation with this path, from the plan alone; null where there is none.
const ir::Operation* operation_at(const ir::Plan& plan, const std::string& pipeline, std::string_view path);

/// What `OperationReport::kind` says of it.
std::string kind_of(const ir::Operation& operation);

/// As `sluice show --json` and the API give it. Times in seconds, digests in hexadecimal.
Value to_json(const RunReport& report);
Value to_json(const OperationReport& operation);

}  // namespace sluice::runs
