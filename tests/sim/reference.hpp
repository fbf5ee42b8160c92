#pragma once
#include <map>

#include "history.hpp"
#include "sluice/ir/dependencies.hpp"
#include "sluice/ir/plan.hpp"

namespace sluice::sim {

/// The reference interpreter of plans: slow, without events or state, and as close to the text of the
/// documentation of plans as possible. It computes by recursion over the plan how each operation, each
/// iteration and the run itself must have ended, with which outputs and error, and compares that with what
/// the engine reported. It also compares what was evaluated when an operation began: arguments, items,
/// inputs, the arm of a branch.
///
/// What a plan does not determine is taken from the history:
/// - how each attempt ended, whether it was timed out, and the outputs of a cache hit;
/// - the order in which operations began and ended. It determines what an operation finds available that does
///   not wait for all of its upstream (`any_…`), and what was running when something stopped its region;
/// - that and when the run was cancelled, or exceeded a limit;
/// - that a task can never have its resources;
/// - the time at which a retry was decided, for `within`.
/// Given these, one outcome is allowed. In particular, an operation that had not begun when its region was
/// stopped must be cancelled, and only an operation whose region was stopped may be.
///
/// Not checked: when an attempt is retried or timed out; in which order ready operations begin, and that
/// those with `any_…` begin as early as they can; whether the cache should have had a result (see Oracles);
/// the maximum number of operations in a run, which no random plan reaches. Trusted: `ir`, which finds what
/// an operation reads and checks the types of inputs and outputs, and the evaluation of expressions by
/// `syntax`.
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
