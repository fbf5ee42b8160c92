#pragma once
// Decides what follows from an input, event by event, until nothing more does. Private to the engine.
#include <deque>

#include "sluice/engine/run.hpp"
#include "sluice/engine/scope.hpp"
#include "sluice/engine/state.hpp"

namespace sluice::engine {

class Decider {
 public:
  Decider(RunState& run, Time now) : run_(run), now_(now) {}

  void begin();
  void on(const LookedUp& input);
  void on(const AttemptFinished& input);
  void on(const TimerFired& input);
  void on(const CancelRun& input);

  /// Decides until nothing more follows, and returns the events and commands.
  Decision finish();

 private:
  // decide.cpp: the main loop, cancellation
  void emit(Event event);
  void end(OperationState& operation, Status status, Struct outputs, Failure failure);
  void fail(OperationState& operation, Failure failure) {
    end(operation, Status::failed, {}, std::move(failure));
  }
  void consider_downstream(OperationState& operation);
  void stop_region(RegionState& region, const std::string& reason);
  void stop_operation(OperationState& operation, const std::string& reason);
  [[nodiscard]] bool is_stopping(const OperationState& operation) const;

  // scheduling.cpp: when an operation begins, and with what
  enum class Readiness { not_yet, fire, skip, block };
  [[nodiscard]] static Readiness readiness(const OperationState& operation);
  void consider(OperationState& operation);
  bool condition_holds(OperationState& operation);
  void begin_operation(OperationState& operation);
  void begin_task(OperationState& operation);
  void begin_call(OperationState& operation, const ir::PipelineCall& call);
  void begin_branch(OperationState& operation, const ir::Branch& branch);
  void begin_each(OperationState& operation, const ir::Each& each);
  void raise(OperationState& operation, const ir::Raise& raise);
  std::optional<Struct> named_values(OperationState& operation, const std::vector<ir::Named>& named);
  std::optional<List> arguments(OperationState& operation, const std::vector<ir::ExpressionPtr>& argv);
  bool stopped_by_absence(OperationState& operation, const syntax::Expression& expression);
  std::optional<syntax::Maybe> value_of(OperationState& operation, const syntax::Expression& expression);

  // attempts.cpp: attempts, retries, time
  void schedule(OperationState& operation, std::optional<Digest> key);
  /// Ends or retries the task, after an attempt has ended or a look-up had a hit.
  void finish(OperationState& operation);
  bool retry(OperationState& operation, const Failure& failure);
  void complete(OperationState& operation, Struct outputs);

  // regions.cpp: when a region ends, and with what
  void start_region(RegionState& region);
  void start_iterations(OperationState& operation);
  void region_ended(RegionState& region);
  void each_ended(OperationState& operation);

  RunState& run_;
  Time now_;
  Decision out_;
  std::deque<OperationState*> to_consider_;
  std::deque<RegionState*> ended_regions_;
};

}  // namespace sluice::engine
