#include "sim_executor.hpp"

#include "sluice/base/json.hpp"

namespace sluice::sim {

using engine::Outcome;

std::int64_t answer_of(const Value& call) {
  std::uint64_t sum = 14695981039346656037U;  // FNV-1a: the same everywhere
  for (const unsigned char c : to_json(to_tagged(call))) sum = (sum ^ c) * 1099511628211U;
  return static_cast<std::int64_t>((sum >> 32) % 10);
}

Result<Value> SimExecutor::environment(const engine::Work& work) {
  faults_.at_port();
  Struct out;
  out.set("service", work.service);
  return Value(std::move(out));
}

void SimExecutor::start(const ports::Attempt& attempt) {
  faults_.at_port();
  const auto& fence = attempt.fence.text;
  oracles_.check_start(attempt);
  asked_.insert(fence);
  if (const auto known = tasks_.find(fence); known != tasks_.end()) {
    if (known->second.outcome) tell_later(fence, *known->second.outcome);
    return;
  }
  if (begun_.contains(fence)) throw Violation("attempt " + fence + " of " + attempt.path + " began twice");
  for (const auto& [other, task] : tasks_)
    if (!task.outcome && task.attempt.run == attempt.run && task.attempt.path == attempt.path)
      throw Violation("two attempts of " + attempt.path + " run at once: " + other + " and " + fence);
  begun_.insert(fence);
  tasks_.emplace(fence, Task{.attempt = attempt, .outcome = std::nullopt});
  end_later(attempt);
  faults_.at_port();
}

void SimExecutor::end_later(const ports::Attempt& attempt) {
  constexpr std::int64_t short_ms = 300;
  constexpr std::int64_t long_ms = 20'000;
  if (faults_.on && faults_.chance(faults_.hanging_percent)) return;
  const auto pause = faults_.pause(faults_.chance(10) ? long_ms : short_ms);
  timeline_.after(pause, [this, fence = attempt.fence.text, generation = generation_] {
    const auto there = tasks_.find(fence);
    if (generation != generation_ || there == tasks_.end() || there->second.outcome) return;
    end(fence, outcome_of(there->second.attempt));
  });
}

Outcome SimExecutor::outcome_of(const ports::Attempt& attempt) {
  const auto& work = attempt.work;
  if (faults_.chance(12)) return bad(Outcome::Status::failed, faults_.chance(50) ? "exit" : "output");
  Struct call;
  if (work.kind == engine::Work::Kind::process) {
    call.set("argv", work.argv);
    if (!work.env.empty()) call.set("env", work.env);
  } else {
    call.set("with", work.with);
  }
  auto answer = answer_of(call);
  // An effect answers the same to the same key, and tells each key apart.
  if (work.service == "sim.effect")
    answer =
        effects_.try_emplace(attempt.effect_key, static_cast<std::int64_t>(effects_.size())).first->second;
  Outcome outcome;
  outcome.outputs.set("o", answer);
  outcome.usage.started = outcome.usage.ended = clock_.now();
  return outcome;
}

Outcome SimExecutor::bad(Outcome::Status status, std::string kind) const {
  Outcome outcome{.status = status};
  outcome.failure = {.kind = kind, .message = "simulated " + kind};
  outcome.usage.started = outcome.usage.ended = clock_.now();
  return outcome;
}

void SimExecutor::end(const std::string& fence, Outcome outcome) {
  tell_later(fence, outcome);
  if (faults_.chance(5)) tell_later(fence, outcome);
  tasks_.at(fence).outcome = std::move(outcome);
}

void SimExecutor::tell_later(const std::string& fence, const Outcome& outcome) {
  constexpr std::int64_t usual_ms = 5;
  constexpr std::int64_t late_ms = 3'000;
  timeline_.after(faults_.pause(faults_.on && faults_.chance(10) ? late_ms : usual_ms),
                  [this, fence, outcome, memory = memory_] {
                    if (memory == memory_) tell_({fence}, outcome);
                  });
}

void SimExecutor::cancel(const Fence& fence) {
  faults_.at_port();
  constexpr std::int64_t on_the_way_ms = 300;
  constexpr std::int64_t grace_ms = 500;
  timeline_.after(faults_.pause(on_the_way_ms), [this, fence = fence.text, deaths = server_deaths_] {
    if (deaths != server_deaths_) return;  // it died with whoever had it in hand
    timeline_.after(faults_.pause(grace_ms), [this, fence] {
      const auto there = tasks_.find(fence);
      if (there == tasks_.end() || there->second.outcome) return;
      end(fence, bad(Outcome::Status::cancelled, "cancelled"));
    });
  });
}

void SimExecutor::settled(const Fence& fence) {
  faults_.at_port();
  const auto there = tasks_.find(fence.text);
  if (there == tasks_.end()) return;
  if (!there->second.outcome) throw Violation("attempt " + fence.text + " was settled while it ran");
  tasks_.erase(there);
}

void SimExecutor::all_taken_up() {
  std::erase_if(tasks_, [&](const auto& entry) {
    const auto& [fence, task] = entry;
    if (!task.outcome || asked_.contains(fence)) return false;
    if (oracles_.is_open(task.attempt))
      throw Violation("attempt " + fence + " is to be forgotten, but the journal waits for its end");
    return true;
  });
}

void SimExecutor::end_hanging() {
  for (const auto& [fence, task] : tasks_)
    if (!task.outcome && !oracles_.is_to_be_cancelled(task.attempt)) end_later(task.attempt);
}

void SimExecutor::server_died() {
  ++server_deaths_;
  asked_.clear();
  if (life_ != Life::of_the_server) return;
  forget();
}

void SimExecutor::supervisor_died() {
  if (life_ != Life::of_a_supervisor) return;
  ++generation_;
  for (auto& [fence, task] : tasks_)
    if (!task.outcome) end(fence, bad(Outcome::Status::lost, "lost"));
}

void SimExecutor::power_cut() { forget(); }

void SimExecutor::forget() {
  ++generation_;
  ++memory_;
  tasks_.clear();
  begun_.clear();
}

}  // namespace sluice::sim
