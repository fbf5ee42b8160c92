#pragma once
#include <map>

#include "history.hpp"
#include "sluice/ir/dependencies.hpp"
#include "sluice/ir/plan.hpp"

namespace sluice::sim {

/// A second implementation of docs/plans.md: slow, and as close to its text as possible. It computes by
/// recursion over the plan how each operation, each iteration and the run itself must have ended, and with
/// which outputs and error, and compares that with what the engine reported. It also compares what was
/// evaluated at the start of an operation: arguments, items, inputs, the arm of a branch.
///
/// What the plan does not determine is taken from the history, and nothing else:
/// - how each attempt ended, whether it was timed out, and the outputs of a cache hit;
/// - the order in which operations began and ended. It determines what an operation that does not wait for
/// all
///   of its upstream (`any_…`) finds available, and what was already running when something stopped its
///   region;
/// - that and when the run was cancelled, or exceeded a limit;
/// - that a task can never have its resources;
/// - the time at which a retry was decided (for `within`).
/// Given these, exactly one outcome is allowed. In particular, an operation must be cancelled if it had not
/// begun when its region was stopped, and may be cancelled only if its region was stopped.
///
/// Not checked: when an attempt is retried or timed out, in which order ready operations begin, whether the
/// cache should have had a result (see Oracles), limits of
/// the number of operations in a run (no random plan reaches them). `ir` is trusted: which operation reads
/// which, the types of inputs. So are the expressions of `syntax`.
class Reference {
 public:
  /// Both outlive the reference.
  Reference(const ir::Plan& plan, const History& history) : plan_(plan), history_(history) {}

  /// For a run that has ended. Throws a Violation.
  void check();

 private:
  struct Frame;
  class Names;
  class OperationCheck;

  [[nodiscard]] Frame body_of(const ir::Pipeline& pipeline, const std::string& path, Struct inputs,
                              Moment stopped) const;
  const ir::Dependencies& dependencies_of(const ir::Region& region);
  Ending end_of_region(Frame& frame, Moment end);

  const ir::Plan& plan_;
  const History& history_;
  std::map<const ir::Region*, ir::Dependencies> dependencies_;
  std::size_t checked_ = 0;  ///< operations
};

}  // namespace sluice::sim
