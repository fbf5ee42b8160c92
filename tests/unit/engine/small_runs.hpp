#pragma once
// Runs of small plans, for tests of single decisions.
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "scripted_run.hpp"
#include "sluice/base/json.hpp"
#include "sluice/ir/parse.hpp"

namespace sluice::engine {

inline std::shared_ptr<const ir::Plan> plan_of(const std::string& pipelines) {
  auto lowered = test::value_of(ir::parse_plan("sluice: 1\npipelines:\n" + pipelines, "plan.yaml"));
  EXPECT_TRUE(lowered.problems.empty()) << syntax::render("plan.yaml", lowered.problems);
  return std::make_shared<const ir::Plan>(std::move(lowered.plan));
}

/// What became of each operation of a run, "failed exit: …", by its path; and of the run, by the empty path.
class Ran {
 public:
  /// `graph` is that of the pipeline `main`, or a whole text of pipelines.
  explicit Ran(const std::string& graph, const std::string& script = "{}") {
    const auto pipelines = graph.starts_with("  main:") ? graph : "  main:\n    graph:\n" + graph;
    test::ScriptedRun run(plan_of(pipelines), {}, test::value_of(parse_json(script, "script")));
    run.go();
    EXPECT_TRUE(run.run().ended());
    for (const auto& batch : run.batches())
      for (const auto& text : batch) add(test::value_of(decode(text)));
  }

  std::map<std::string, std::string> ends;
  std::map<std::string, std::int64_t> attempts;  ///< by path
  std::map<std::string, std::string> calls;      ///< by path: what the task is called with, as JSON
  std::vector<std::int64_t> retries;             ///< when each was due
  std::vector<std::string> order;                ///< the paths of attempts as they were started

 private:
  void add(const Event& event) {
    if (const auto* scheduled = std::get_if<Scheduled>(&event)) {
      attempts[scheduled->path] = scheduled->number;
      order.push_back(scheduled->path);
    }
    if (const auto* ready = std::get_if<TaskReady>(&event)) calls[ready->path] = to_json(ready->call);
    if (const auto* retry = std::get_if<RetryAt>(&event))
      retries.push_back(retry->due.time_since_epoch().count());
    if (const auto* end = std::get_if<Ended>(&event)) add(end->path, end->status, end->failure);
    if (const auto* end = std::get_if<RunEnded>(&event)) add("", end->status, end->failure);
  }
  void add(const std::string& path, Status status, const Failure& failure) {
    EXPECT_FALSE(ends.contains(path)) << path << " ended twice";
    ends[path] = name(status);
    if (!failure.kind.empty()) ends[path] += " " + failure.kind + ": " + failure.message;
  }
};

/// A run whose tasks are admitted at once, and end when the test says so.
class Live {
 public:
  explicit Live(const std::string& pipelines, const Limits& limits = {})
      : run(plan_of(pipelines), RunCreated{.pipeline = "main", .cache = false}, services_, limits) {
    take(run.proceed({}));
  }

  void end(const std::string& path, Outcome::Status status = Outcome::Status::succeeded) {
    const auto number = running.at(path);
    running.erase(path);
    take(run.decide(
        AttemptFinished{.path = path,
                        .number = number,
                        .outcome = {.status = status, .failure = {.kind = "exit", .message = "bad"}}},
        {}));
  }
  void cancel() { take(run.decide(CancelRun{.reason = "no longer wanted"}, {})); }
  /// The paths of the tasks that run.
  [[nodiscard]] std::vector<std::string> paths() const {
    std::vector<std::string> out;
    for (const auto& [path, number] : running) out.push_back(path);
    return out;
  }

 private:
  void take(Decision decision) {
    EXPECT_FALSE(decision.more);
    for (const auto& event : decision.events)
      if (const auto* end = std::get_if<Ended>(&event)) ends[end->path] = end->status;
    for (const auto& command : decision.commands) {
      if (const auto* start = std::get_if<StartAttempt>(&command))
        running.emplace(start->path, start->number);
      if (const auto* admit = std::get_if<Admit>(&command))
        take(run.decide(Admitted{.path = admit->path, .number = admit->number}, {}));
    }
  }

  const ir::Signatures services_;

 public:
  std::map<std::string, std::int64_t> running;  ///< path → number of the attempt
  std::map<std::string, Status> ends;
  Run run;
};

}  // namespace sluice::engine
