#include "reference.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/inputs.hpp"
#include "sluice/ir/path.hpp"
#include "sluice/ir/resources.hpp"
#include "sluice/ir/types.hpp"
#include "sluice/ir/verify.hpp"
#include "violation.hpp"

namespace sluice::sim {

using engine::Failure;
using engine::Status;
using syntax::Evaluated;
using syntax::Maybe;
using OnFailure = ir::Each::OnFailure;
using Variables = std::vector<std::pair<std::string, Value>>;
using AttemptStatus = engine::Outcome::Status;

namespace {

/// An operation ends before its work has begun: thrown by whatever finds that out.
struct EndsEarly {
  Ending ending;
};

void require(bool holds, const std::string& path, const std::string& what) {
  if (!holds)
    throw Violation(fmt::format("the reference says of {}: {}", path.empty() ? "the run" : path, what));
}

bool bad(Status status) { return status == Status::failed || status == Status::blocked; }

Ending failed(const std::string& source, std::string kind, std::string message, Value payload = {}) {
  return {.status = Status::failed,
          .outputs = {},
          .failure = {.kind = std::move(kind),
                      .message = std::move(message),
                      .payload = std::move(payload),
                      .source = source}};
}
Ending failed(const std::string& source, const syntax::Raised& raised) {
  return failed(source, raised.kind, raised.message, raised.payload);
}
Ending cancelled(const std::string& source, std::string message) {
  auto ending = failed(source, "cancelled", std::move(message));
  ending.status = Status::cancelled;
  return ending;
}

/// What `error(x)` gives.
Value error_value(const Failure& failure) {
  Struct error;
  error.set("kind", failure.kind);
  error.set("message", failure.message);
  error.set("payload", failure.payload);
  error.set("source", failure.source);
  if (failure.exit_code) error.set("exit_code", *failure.exit_code);
  if (failure.signal) error.set("signal", *failure.signal);
  return error;
}

std::string describe(const Ending& ending) {
  constexpr std::size_t length_max = 500;
  return fmt::format("{} outputs={} error={}", engine::name(ending.status),
                     to_json(to_tagged(ending.outputs)), to_json(to_tagged(error_value(ending.failure))))
      .substr(0, length_max);
}

void compare(const std::string& path, const Ending& expected, const Ending& reported) {
  require(expected.status == reported.status && expected.outputs == reported.outputs &&
              expected.failure == reported.failure,
          path,
          fmt::format("it ends {}, but the engine reported {}", describe(expected), describe(reported)));
}

/// docs/plans.md, Concurrent failures: one failure is that of the region, several become one, which has the
/// first hundred as payload, and the first three in its message.
Failure combined(const std::vector<Failure>& failures, std::size_t of, const std::string& source) {
  if (failures.size() == 1) return failures.front();
  List all;
  std::vector<std::string> texts;
  for (const auto& failure : failures) {
    if (all.size() < 100) all.push_back(error_value(failure));
    if (texts.size() < 3) texts.push_back(ir::readable_path(failure.source) + ": " + failure.message);
  }
  if (failures.size() > 3) texts.emplace_back("…");
  return {.kind = "branches",
          .message = fmt::format("{} of {} failed: {}", failures.size(), of, fmt::join(texts, "; ")),
          .payload = std::move(all),
          .source = source};
}

std::vector<ir::Output> outputs_of(const std::vector<ir::Named>& yield) {
  std::vector<ir::Output> outputs;
  for (const auto& [name, value] : yield) outputs.push_back({.name = name, .at = {}, .value = value});
  return outputs;
}

/// docs/plans.md, Retries.
double pause_before(const ir::Retry& policy, std::int64_t retries) {
  const auto pause =
      static_cast<double>(policy.backoff_ms) * std::pow(policy.factor, static_cast<double>(retries));
  return policy.backoff_max_ms ? std::min(pause, static_cast<double>(*policy.backoff_max_ms)) : pause;
}

}  // namespace

/// One execution of a region.
struct Reference::Frame {
  const ir::Region& region;
  const Frame* outer;   ///< null: this is the body of a pipeline, and sees nothing outside
  std::string path;     ///< "folds[3]"; "": the body of the run
  std::string source;   ///< of the failures that are its own: the operation that it belongs to
  Variables variables;  ///< `inputs` and `run`, or those of an each
  std::vector<ir::Output> outputs;
  Moment stopped;  ///< from then on, nothing begins in it
  struct Ended {
    Ending ending;
    Moment at;
  };
  std::map<std::string_view, Ended> ended = {};  ///< by name of the operation

  [[nodiscard]] std::string path_of(const ir::Operation& operation) const {
    const auto name = percent_encode(operation.name);
    return path.empty() ? name : path + "/" + name;
  }
  /// How the operation had ended at that moment; null: it had not.
  [[nodiscard]] const Ending* find(std::string_view name, Moment moment) const {
    const auto found = ended.find(name);
    return found != ended.end() && found->second.at < moment ? &found->second.ending : nullptr;
  }
};

/// The names that an expression in the region can read, with their values at one moment.
class Reference::Names final : public syntax::Scope {
 public:
  Names(const Frame& frame, Moment moment, Variables extra = {})
      : frame_(frame), moment_(moment), extra_(std::move(extra)) {}

  [[nodiscard]] Evaluated lookup(std::string_view name) const override {
    const auto found = resolve(name);
    if (found.variable) return *found.variable;
    if (!found.frame) return Maybe{};
    const auto* ending = found.frame->find(name, moment_);
    return ending && ending->status == Status::succeeded ? Maybe(ending->outputs) : Maybe{};
  }
  [[nodiscard]] Evaluated status_of(std::string_view name) const override {
    const auto* ending = ending_of(name);
    return ending ? Maybe(engine::name(ending->status)) : Maybe{};
  }
  [[nodiscard]] Evaluated error_of(std::string_view name) const override {
    const auto* ending = ending_of(name);
    return ending && !ending->failure.kind.empty() ? Maybe(error_value(ending->failure)) : Maybe{};
  }
  [[nodiscard]] bool holds_outputs(std::string_view name) const override {
    return !resolve(name).variable || name == "inputs" || name == "self";
  }

  [[nodiscard]] bool is_operation(std::string_view name) const { return resolve(name).frame != nullptr; }
  /// Null: it has not ended, or is no operation.
  [[nodiscard]] const Ending* ending_of(std::string_view name) const {
    const auto* frame = resolve(name).frame;
    return frame ? frame->find(name, moment_) : nullptr;
  }

 private:
  struct Found {
    const Value* variable = nullptr;
    const Frame* frame = nullptr;  ///< the one that has an operation of this name
  };
  [[nodiscard]] Found resolve(std::string_view name) const {
    for (const auto& [key, value] : extra_)
      if (key == name) return {.variable = &value};
    for (const auto* frame = &frame_; frame; frame = frame->outer) {
      for (const auto& [key, value] : frame->variables)
        if (key == name) return {.variable = &value};
      if (std::ranges::find(frame->region.operations, name, &ir::Operation::name) !=
          frame->region.operations.end())
        return {.frame = frame};
    }
    return {};
  }

  const Frame& frame_;
  Moment moment_;
  Variables extra_;
};

/// One operation of a region.
class Reference::OperationCheck {
 public:
  OperationCheck(Reference& reference, Frame& frame, const ir::Operation& operation)
      : reference_(reference),
        frame_(frame),
        operation_(operation),
        path_(frame.path_of(operation)),
        history_(reference.history_.operations.at(path_)),
        decided_(std::min(history_.began, history_.ended)) {}

  Ending ending() {
    try {
      begin();
      if (const auto* raise = std::get_if<ir::Raise>(&operation_.what)) return end_of(*raise);
      if (const auto* call = std::get_if<ir::PipelineCall>(&operation_.what)) return end_of(*call);
      if (const auto* branch = std::get_if<ir::Branch>(&operation_.what)) return end_of(*branch);
      if (const auto* each = std::get_if<ir::Each>(&operation_.what)) return end_of(*each);
      if (const auto* block = std::get_if<ir::Block>(&operation_.what)) return end_of(*block);
      return end_of_task();
    } catch (EndsEarly& early) {
      check(history_.began == never, "it does not begin, but ends early: " + describe(early.ending));
      return std::move(early.ending);
    }
  }

 private:
  void check(bool holds, const std::string& what) const { require(holds, path_, what); }
  [[noreturn]] static void end_early(Status status) { throw EndsEarly{{.status = status}}; }

  /// What happens before the work itself: cancellation, the trigger, the condition.
  void begin() {
    if (frame_.stopped < decided_) throw EndsEarly{cancelled(path_, "cancelled before it began")};
    check_trigger();
    if (frame_.region.limit) static_cast<void>(value_of(*frame_.region.limit));  // it may raise an error
    if (!operation_.condition) return;
    const auto value = value_of(*operation_.condition, {{"upstream", upstream()}});
    if (!value) end_early(Status::skipped);
    const auto* holds = value->if_boolean();
    if (!holds)
      throw EndsEarly{
          failed(path_, "type", fmt::format("`if` must be true or false, not {}", kind_name(value->kind())))};
    if (!*holds) end_early(Status::skipped);
  }

  /// docs/plans.md, Triggers.
  void check_trigger() {
    bool all_ended = true;
    bool one_succeeded = false;
    bool one_failed = false;
    bool operand_failed = false;
    bool operand_skipped = false;
    bool after_skipped = false;
    const auto& upstream = upstream_of();
    for (const auto& need : upstream) {
      const auto* ending = frame_.find(frame_.region.operations[need.operation].name, decided_);
      if (!ending) {
        all_ended = false;
        continue;
      }
      const bool skipped = ending->status == Status::skipped;
      const bool succeeded = ending->status == Status::succeeded;
      const bool failed = !skipped && !succeeded;
      one_succeeded |= succeeded;
      one_failed |= failed;
      operand_failed |= failed && need.operand;
      operand_skipped |= skipped && need.operand;
      after_skipped |= skipped && need.after;
    }
    const auto trigger = operation_.trigger;
    if (trigger == ir::Trigger::any_succeeded && one_succeeded) return;
    if (trigger == ir::Trigger::any_failed && one_failed) return;
    check(all_ended, "it was decided before what it waits for had ended");
    switch (trigger) {
      case ir::Trigger::succeeded:
        if (one_failed) end_early(Status::blocked);
        if (operand_skipped || after_skipped) end_early(Status::skipped);
        return;
      case ir::Trigger::none_failed:
        if (one_failed) end_early(Status::blocked);
        if (operand_skipped) end_early(Status::skipped);
        return;
      case ir::Trigger::completed:
        if (operand_failed) end_early(Status::blocked);
        if (operand_skipped) end_early(Status::skipped);
        return;
      case ir::Trigger::any_succeeded:
        if (upstream.empty()) return;
        end_early(one_failed ? Status::blocked : Status::skipped);
      case ir::Trigger::any_failed: end_early(Status::skipped);
    }
  }

  const std::vector<ir::Dependencies::Upstream>& upstream_of() {
    const auto index = static_cast<std::size_t>(&operation_ - frame_.region.operations.data());
    return reference_.dependencies_of(frame_.region).upstream[index];
  }
  Value upstream() {
    Struct upstream;
    upstream.set("failed", std::ranges::any_of(upstream_of(), [&](const auto& need) {
                   const auto* ending = frame_.find(frame_.region.operations[need.operation].name, decided_);
                   return ending && bad(ending->status);
                 }));
    return upstream;
  }

  Maybe value_of(const syntax::Expression& expression, Variables extra = {}) {
    auto value = syntax::evaluate(expression, Names(frame_, decided_, std::move(extra)));
    if (!value) throw EndsEarly{failed(path_, value.error())};
    return std::move(*value);
  }

  /// docs/plans.md, Absent values: the absence of what is read from an operation stops the reader. What is
  /// absent because an optional input was not given is left out.
  Maybe operand(const syntax::Expression& expression) {
    auto value = value_of(expression);
    if (value) return value;
    const Names names(frame_, decided_);
    bool reads_operation = false;
    bool producer_failed = false;
    syntax::visit_references(expression, [&](std::string_view name, const auto&, syntax::Location) {
      const auto* ending = names.ending_of(name);
      reads_operation |= names.is_operation(name);
      producer_failed |= ending && bad(ending->status);
    });
    if (reads_operation) end_early(producer_failed ? Status::blocked : Status::skipped);
    return value;
  }

  Struct named(const std::vector<ir::Named>& expressions) {
    Struct values;
    for (const auto& [name, expression] : expressions)
      if (auto value = operand(*expression)) values.set(name, std::move(*value));
    return values;
  }

  /// Like everything that fails before it has begun.
  [[noreturn]] Ending end_of(const ir::Raise& raise) {
    const auto payload = operand(*raise.value).value_or(Value{});
    const auto* text = payload.if_string();
    throw EndsEarly{failed(path_, "raise", text ? *text : to_json(payload), payload)};
  }

  Ending end_of(const ir::Block& block) {
    return end_of_region({.region = *block.region,
                          .outer = &frame_,
                          .path = path_,
                          .source = path_,
                          .variables = {},
                          .outputs = outputs_of(operation_.yield),
                          .stopped = frame_.stopped});
  }

  Ending end_of(const ir::PipelineCall& call) {
    const auto& callee = *reference_.plan_.find(call.pipeline);
    auto inputs = ir::bind_inputs(callee, named(call.with), false);
    if (!inputs) throw EndsEarly{failed(path_, "type", inputs.error().message)};
    check(history_.started.inputs == *inputs, "it has other inputs: " + to_json(to_tagged(*inputs)));
    return end_of_region(reference_.body_of(callee, path_, std::move(*inputs), frame_.stopped));
  }

  Ending end_of(const ir::Branch& branch) {
    for (std::size_t i = 0; i < branch.arms.size(); ++i) {
      const auto& arm = branch.arms[i];
      if (arm.when) {
        const auto value = value_of(*arm.when);
        const auto* holds = value ? value->if_boolean() : nullptr;
        if (value && !holds)
          throw EndsEarly{failed(
              path_, "type", fmt::format("`when` must be true or false, not {}", kind_name(value->kind())))};
        if (!value || !*holds) continue;
      }
      check(history_.started.arm == static_cast<std::int64_t>(i), fmt::format("it takes arm {}", i));
      return end_of_region({.region = *arm.region,
                            .outer = &frame_,
                            .path = fmt::format("{}{{{}}}", path_, i),
                            .source = path_,
                            .variables = {},
                            .outputs = outputs_of(arm.region->yield),
                            .stopped = frame_.stopped});
    }
    end_early(Status::succeeded);
  }

  Ending end_of_region(Frame frame) {
    check(history_.began != never, "it should have begun");
    return reference_.end_of_region(frame, history_.ended);
  }

  Ending end_of(const ir::Each& each) {
    const auto value = operand(*each.items);
    const auto* items = value ? value->if_list() : nullptr;
    if (!items)
      throw EndsEarly{failed(
          path_, "type",
          fmt::format("`each` needs a list, not {}", value ? kind_name(value->kind()) : "an absent value"))};
    constexpr std::size_t items_max = 1'000'000;
    if (items->size() > items_max)
      throw EndsEarly{failed(path_, "limit",
                             fmt::format("`each` takes at most {} items, and this list has {}; group several "
                                         "values into each item",
                                         items_max, items->size()))};
    if (each.limit) {
      const auto limit = operand(*each.limit);
      if (!limit || !limit->if_integer() || *limit->if_integer() < 1)
        throw EndsEarly{failed(path_, "value", "`limit` must be an integer of at least 1")};
      check(history_.started.limit == *limit->if_integer(), "it has another limit: " + to_json(*limit));
    }
    check(history_.began != never, "it should have begun");
    check(history_.started.items == *items, "it has other items: " + to_json(to_tagged(*items)));
    return end_of_iterations(each, *items);
  }

  Ending end_of_iterations(const ir::Each& each, const List& items) {
    const auto& iterations = history_.iterations;
    std::vector<std::pair<Moment, std::int64_t>> order;  // that in which they ended
    for (const auto& [index, iteration] : iterations) {
      check(index < std::ssize(items) && iteration.began != never && iteration.ended < history_.ended,
            fmt::format("iteration {} is not one of its items, or did not end", index));
      order.emplace_back(iteration.ended, index);
    }
    std::ranges::sort(order);

    auto stopped = frame_.stopped;
    std::map<std::int64_t, Ending> endings;
    for (const auto& [at, index] : order) {
      check(iterations.at(index).began < stopped,
            fmt::format("iteration {} begins although it was stopped", index));
      Variables variables{{each.as, items[static_cast<std::size_t>(index)]}};
      if (!each.index.empty()) variables.emplace_back(each.index, index);
      const auto path = fmt::format("{}[{}]", path_, index);
      Frame frame{.region = *each.region,
                  .outer = &frame_,
                  .path = path,
                  .source = path_,
                  .variables = std::move(variables),
                  .outputs = outputs_of(operation_.yield),
                  .stopped = stopped};
      auto ending = reference_.end_of_region(frame, at);
      compare(path, ending, iterations.at(index).ending);
      if (bad(ending.status) && each.on_failure == OnFailure::stop) stopped = std::min(stopped, at);
      endings.emplace(index, std::move(ending));
    }
    check(iterations.size() == items.size() || stopped < history_.ended,
          "not all of its iterations were started");
    return collected(each, items.size(), endings);
  }

  /// docs/plans.md, Each and Concurrent failures.
  Ending collected(const ir::Each& each, std::size_t items,
                   const std::map<std::int64_t, Ending>& endings) const {
    std::vector<Failure> failures;
    bool stopped = endings.size() < items;
    for (const auto& [index, ending] : endings) {
      if (bad(ending.status)) failures.push_back(ending.failure);
      stopped |= ending.status == Status::cancelled;
    }
    const auto tolerated = std::max(each.tolerate.value_or(0), static_cast<std::int64_t>(items) *
                                                                   each.tolerate_percent.value_or(0) / 100);
    if (std::ssize(failures) > tolerated)
      return {.status = Status::failed, .outputs = {}, .failure = combined(failures, items, path_)};
    // Stopped by its own tolerated failures, it succeeds; from outside, it was cancelled.
    if (stopped && (failures.empty() || each.on_failure == OnFailure::finish))
      return cancelled(path_, "cancelled");
    Ending all;
    for (const auto& [name, expression] : operation_.yield) {
      List list;
      for (const auto& [index, ending] : endings)
        if (const auto* value = ending.outputs.find(name)) list.push_back(*value);
      all.outputs.set(name, std::move(list));
    }
    return all;
  }

  List arguments(const std::vector<ir::ExpressionPtr>& expressions) {
    List values;
    for (const auto& expression : expressions) {
      const auto value = operand(*expression);
      if (!value) continue;
      if (const auto* list = value->if_list())
        values.insert(values.end(), list->begin(), list->end());
      else
        values.push_back(*value);
    }
    return values;
  }

  /// The arguments as they were evaluated, in the form of the event.
  Struct call_of_task() {
    Struct call;
    if (const auto* process = std::get_if<ir::Process>(&operation_.what)) {
      auto argv = arguments(process->argv);
      auto with = process->function ? named(process->function->with) : Struct{};
      auto env = named(process->env);
      auto args = arguments(process->args);
      const bool is_python = process->function || process->script;
      const bool of_image = process->image && process->argv.empty();
      if (argv.empty() && !is_python && !of_image)
        throw EndsEarly{failed(path_, "start", "the command has no program: every argument is absent")};
      if (process->function) call.set("with", std::move(with));
      if (!argv.empty()) call.set("argv", std::move(argv));
      if (!args.empty()) call.set("args", std::move(args));
      if (!env.empty()) call.set("env", std::move(env));
    } else {
      call.set("with", named(std::get<ir::ServiceCall>(operation_.what).with));
    }
    if (operation_.cache.key && (history_.ready.cacheable || history_.began == never))
      call.set("cache_key", value_of(*operation_.cache.key).value_or(Value{}));
    auto resources = named(operation_.resources);
    for (const auto& [name, value] : resources) {
      ir::Resources ignored;
      if (auto problem = ir::assign_resource(ignored, name, value))
        throw EndsEarly{failed(path_, "value", std::move(*problem))};
    }
    if (!resources.empty()) call.set("resources", std::move(resources));
    return call;
  }

  Ending end_of_task() {
    const auto call = call_of_task();
    check(history_.began != never, "it should have begun");
    check(history_.ready.call == call, "it has other arguments: " + to_json(to_tagged(call)));
    if (history_.found != never) {
      check(history_.attempts.empty(), "it has a cache hit and an attempt");
      check(history_.found < frame_.stopped, "it has a cache hit although it was stopped");
      return complete(history_.cached);
    }
    std::int64_t losses = 0;  // in a row
    std::vector<std::int64_t> retries(operation_.retry.size());
    for (const auto& attempt : history_.attempts) {
      check(attempt.scheduled < frame_.stopped, "an attempt begins although it was stopped");
      check(attempt.ended < history_.ended, "it ends before its attempt");
      check(!attempt.timed_out || operation_.timeout, "it has no timeout");
      const bool last = &attempt == &history_.attempts.back();
      if (auto ending = end_of_attempt(attempt, losses, retries)) {
        check(last, "it has an attempt after one that ends it: " + describe(*ending));
        return std::move(*ending);
      }
    }
    if (frame_.stopped < history_.ended) return cancelled(path_, "cancelled before it began");
    const auto& reported = history_.ending;
    check(reported.failure.kind == "resources", "it has another attempt");
    return failed(path_, "resources", reported.failure.message);
  }

  /// How the attempt ends the task; nullopt: another one follows.
  std::optional<Ending> end_of_attempt(const Attempt& attempt, std::int64_t& losses,
                                       std::vector<std::int64_t>& retries) {
    constexpr std::int64_t losses_max = 5;
    const auto& outcome = attempt.outcome;
    losses = outcome.status == AttemptStatus::lost ? losses + 1 : 0;
    if (outcome.status == AttemptStatus::succeeded) return complete(outcome.outputs);
    if (frame_.stopped < attempt.ended) return cancelled(path_, "cancelled while it ran");
    auto failure = outcome.failure;
    if (attempt.timed_out) {
      failure = {.kind = "timeout", .message = "took longer than its timeout"};
    } else if (outcome.status == AttemptStatus::lost) {
      if (losses < losses_max) return std::nullopt;
      failure.message += fmt::format("; {} attempts in a row were lost", losses_max);
    } else {
      check(outcome.status == AttemptStatus::failed, "an attempt is cancelled, but nothing stopped it");
    }
    if (failure.source.empty()) failure.source = path_;
    const auto policy = policy_for(failure, attempt, retries);
    if (!policy) {
      check(!attempt.retry, "a retry was decided that its policies do not allow");
      return Ending{.status = Status::failed, .outputs = {}, .failure = std::move(failure)};
    }
    check(attempt.retry && attempt.retry->policy == static_cast<std::int64_t>(*policy),
          fmt::format("its policy {} retries it", *policy));
    ++retries[*policy];
    return std::nullopt;
  }

  /// docs/plans.md, Retries: the policies are tried in order.
  std::optional<std::size_t> policy_for(const Failure& failure, const Attempt& attempt,
                                        const std::vector<std::int64_t>& retries) {
    const auto& policies = operation_.retry;
    const auto pause = [&](std::size_t i) {
      return Milliseconds(static_cast<std::int64_t>(pause_before(policies[i], retries[i])));
    };
    auto decided = history_.ended_at;
    if (attempt.retry) {
      const auto policy = static_cast<std::size_t>(attempt.retry->policy);
      check(policy < policies.size(), "it has no such policy");
      decided = attempt.retry->due - pause(policy);
    }
    const Names names(frame_, attempt.ended, {{"error", error_value(failure)}});
    for (std::size_t i = 0; i < policies.size(); ++i) {
      if (policies[i].when) {
        const auto when = syntax::evaluate(*policies[i].when, names);
        if (!when || *when != Maybe(true)) continue;
      }
      const auto limit = syntax::evaluate(*policies[i].limit, names);
      if (!limit || !*limit || !(*limit)->if_integer() || retries[i] >= *(*limit)->if_integer()) continue;
      const auto since_first = decided + pause(i) - history_.attempts.front().scheduled_at;
      if (policies[i].within_ms && since_first > Milliseconds(*policies[i].within_ms)) continue;
      return i;
    }
    return std::nullopt;
  }

  /// docs/plans.md, Yield of a task.
  Ending complete(const Struct& raw) {
    if (operation_.yield.empty()) return {.status = Status::succeeded, .outputs = raw, .failure = {}};
    Ending ending;
    const Names names(frame_, history_.ended, {{"self", raw}});
    for (const auto& [name, expression] : operation_.yield) {
      const auto value = syntax::evaluate(*expression, names);
      if (!value) return failed(path_, value.error());
      if (*value) ending.outputs.set(name, **value);
    }
    return ending;
  }

  Reference& reference_;
  Frame& frame_;
  const ir::Operation& operation_;
  std::string path_;
  const OperationHistory& history_;
  Moment decided_;  ///< whether and with what it begins
};

Reference::Frame Reference::body_of(const ir::Pipeline& pipeline, const std::string& path, Struct inputs,
                                    Moment stopped) const {
  Struct run;
  run.set("id", history_.created.run.text);
  run.set("name", history_.created.name);
  run.set("workspace", history_.created.principal.workspace);
  return {.region = pipeline.body,
          .outer = nullptr,
          .path = path,
          .source = path,
          .variables = {{"inputs", std::move(inputs)}, {"run", std::move(run)}},
          .outputs = pipeline.outputs,
          .stopped = stopped};
}

const ir::Dependencies& Reference::dependencies_of(const ir::Region& region) {
  auto found = dependencies_.find(&region);
  if (found == dependencies_.end()) found = dependencies_.emplace(&region, ir::dependencies_of(region)).first;
  return found->second;
}

/// docs/plans.md, Outcomes.
Ending Reference::end_of_region(Frame& frame, Moment end) {
  const auto& operations = frame.region.operations;
  // What stops a region has ended before what it stops: operations are computed in the order of their ends.
  std::vector<std::pair<Moment, const ir::Operation*>> order;
  for (const auto& operation : operations) {
    const auto path = frame.path_of(operation);
    const auto found = history_.operations.find(path);
    require(found != history_.operations.end() && found->second.ended < end, path,
            "it ends before its region");
    order.emplace_back(found->second.ended, &operation);
  }
  std::ranges::sort(order);
  for (const auto& [at, operation] : order) {
    const auto path = frame.path_of(*operation);
    auto ending = OperationCheck(*this, frame, *operation).ending();
    compare(path, ending, history_.operations.at(path).ending);
    ++checked_;
    if (frame.region.on_failure == OnFailure::stop && operation->fails && bad(ending.status))
      frame.stopped = std::min(frame.stopped, at);
    frame.ended.emplace(operation->name, Frame::Ended{.ending = std::move(ending), .at = at});
  }

  std::vector<Failure> failures;
  const ir::Operation* blocked = nullptr;
  bool one_cancelled = false;
  for (const auto& operation : operations) {
    const auto& ending = frame.ended.at(operation.name).ending;
    one_cancelled |= ending.status == Status::cancelled;
    if (!operation.fails) continue;
    if (ending.status == Status::failed) failures.push_back(ending.failure);
    if (ending.status == Status::blocked && !blocked) blocked = &operation;
  }
  if (!failures.empty())
    return {.status = Status::failed,
            .outputs = {},
            .failure = combined(failures, operations.size(), frame.source)};
  if (blocked)
    return failed(frame.path_of(*blocked), "blocked",
                  fmt::format("`{}` could not run: an upstream failed", blocked->name));
  if (one_cancelled) return cancelled(frame.source, "cancelled");
  Ending ending;
  const Names names(frame, end);
  for (const auto& output : frame.outputs) {
    const auto value = syntax::evaluate(*output.value, names);
    if (!value) return failed(frame.path, value.error());
    if (!*value) continue;
    if (const auto problem = output.type ? ir::type_mismatch(**value, *output.type, false) : std::nullopt)
      return failed(frame.path, "type",
                    fmt::format("output `{}`: it should be {}, but {}", output.name,
                                ir::describe(*output.type), *problem));
    ending.outputs.set(output.name, **value);
  }
  return ending;
}

void Reference::check() {
  const auto& created = history_.created;
  auto body = body_of(*plan_.find(created.pipeline), "", created.inputs, history_.stopped);
  auto ending = end_of_region(body, history_.ended);
  if (history_.stopping) {
    const auto& reason = history_.stopping->reason;
    ending = history_.stopping->limit ? failed("", "limit", reason)
                                      : cancelled("", reason.empty() ? "cancelled" : reason);
  }
  compare("", ending, history_.ending);
  require(checked_ == history_.operations.size(), "", "operations ran that should not have");
}

}  // namespace sluice::sim
