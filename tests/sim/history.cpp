#include "history.hpp"

namespace sluice::sim {
namespace {

class Recorder {
 public:
  Recorder(History& history, Moment moment) : history_(history), moment_(moment) {}

  void operator()(const engine::RunCreated& event) { history_.created = event; }
  void operator()(const engine::Claimed&) {}
  void operator()(const engine::RegionStarted& event) {
    auto& operation = at(event.path);
    operation.began = moment_;
    operation.started = event;
  }
  void operator()(const engine::IterationStarted& event) {
    at(event.path).iterations[event.index].began = moment_;
  }
  void operator()(const engine::IterationEnded& event) {
    auto& iteration = at(event.path).iterations[event.index];
    iteration.ended = moment_;
    iteration.ending = {.status = event.status, .outputs = event.outputs, .failure = event.failure};
  }
  void operator()(const engine::TaskReady& event) {
    auto& operation = at(event.path);
    operation.began = moment_;
    operation.ready = event;
  }
  void operator()(const engine::CacheHit& event) {
    auto& operation = at(event.path);
    operation.found = moment_;
    operation.cached = event.outputs;
  }
  void operator()(const engine::Scheduled& event) {
    at(event.path).attempts.push_back({.scheduled = moment_, .scheduled_at = event.at});
  }
  void operator()(const engine::AttemptEnded& event) {
    auto& attempt = at(event.path).attempts.back();
    attempt.ended = moment_;
    attempt.outcome = event.outcome;
  }
  void operator()(const engine::RetryAt& event) { at(event.path).attempts.back().retry = event; }
  void operator()(const engine::TimedOut& event) { at(event.path).attempts.back().timed_out = true; }
  void operator()(const engine::Stopping& event) {
    if (!event.path.empty()) return;  // follows from the plan, and from what failed before
    history_.stopping = event;
    history_.stopped = moment_;
  }
  void operator()(const engine::Ended& event) {
    auto& operation = at(event.path);
    operation.ended = moment_;
    operation.ended_at = event.at;
    operation.ending = {.status = event.status, .outputs = event.outputs, .failure = event.failure};
  }
  void operator()(const engine::RunEnded& event) {
    history_.ended = moment_;
    history_.ending = {.status = event.status, .outputs = event.outputs, .failure = event.failure};
  }

 private:
  OperationHistory& at(const std::string& path) { return history_.operations[path]; }

  History& history_;
  Moment moment_;
};

}  // namespace

void History::add(Moment moment, const engine::Event& event) { std::visit(Recorder(*this, moment), event); }

}  // namespace sluice::sim
