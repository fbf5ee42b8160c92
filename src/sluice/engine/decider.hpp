#pragma once
// Decides what follows from an input, event by event, until nothing more does. Private to the engine.
#include "sluice/engine/run.hpp"
#include "sluice/engine/scope.hpp"
#include "sluice/engine/state.hpp"

namespace sluice::engine {

class Decider {
 public:
  /// Both outlive the decider.
  Decider(RunState& run, Agenda& agenda, Time now);

  void on(LookedUp input);
  void on(Admitted input);
  void on(Rejected input);
  void on(AttemptFinished input);
  void on(TimerFired input);
  void on(CancelRun input);
  void on(LimitExceeded input);

  /// Decides until nothing more follows or the budget of a decision is spent, and returns the events and
  /// commands.
  Decision finish();

 private:
  // decide.cpp: the main loop, cancellation
  void fill_agenda(RegionState& region);
  /// `of`: the operation whose path the event has; null: the run itself.
  void emit(OperationState* of, Event event);
  [[nodiscard]] bool is_budget_spent() const;
  void end(OperationState& operation, Status status, Struct outputs, Failure failure);
  void fail(OperationState& operation, Failure failure) {
    end(operation, Status::failed, {}, std::move(failure));
  }
  void consider_downstream(OperationState& operation);
  void consider_all(RegionState& region);
  void stop_operation(OperationState& operation);
  [[nodiscard]] bool is_stopping(const OperationState& operation) const;
  [[nodiscard]] std::string stop_reason(const OperationState& operation) const;

  // scheduling.cpp: when an operation begins, and with what
  enum class Readiness { not_yet, fire, skip, block };
  [[nodiscard]] static Readiness readiness(const OperationState& operation);
  void consider(OperationState& operation);
  void consider_waiting(OperationState& operation);
  /// False, and the operation has failed, if the run may not have that many more operations.
  bool may_start(OperationState& operation, const ir::Region& region);
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
  /// `path`: the operation's.
  void schedule(OperationState& operation, std::string path, std::optional<Digest> key,
                std::vector<std::int64_t> gpus);
  /// Ends or retries the task, after an attempt has ended or a look-up had a hit.
  void finish(OperationState& operation);
  bool retry(OperationState& operation, const Failure& failure);
  void complete(OperationState& operation, Struct outputs);

  // regions.cpp: when a region ends, and with what
  void start_region(RegionState& region);
  void start_iterations(OperationState& operation, bool is_its_turn = false);
  bool start_waiting_iterations();
  void region_ended(RegionState& region);
  void each_ended(OperationState& operation);

  RunState& run_;
  Agenda& agenda_;
  Time now_;
  Decision out_;
  std::size_t bytes_ = 0;  ///< of the events in out_, roughly
};

}  // namespace sluice::engine
