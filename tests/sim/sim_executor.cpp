#include "sim_executor.hpp"

#include "sluice/base/json.hpp"

namespace sluice::sim {

using engine::Outcome;

std::int64_t result_of(const Value& call) {
  std::uint64_t sum = 14695981039346656037U;  // FNV-1a: the same everywhere
  for (const unsigned char c : to_json(to_tagged(call))) sum = (sum ^ c) * 1099511628211U;
  return static_cast<std::int64_t>((sum >> 32) % 10);
}

Result<Value> SimExecutor::environment(const engine::TaskSpec& work) {
  faults_.at_port();
  Struct out;
  out.set("service", work.service);
  return Value(std::move(out));
}

void SimExecutor::start(const ports::Attempt& attempt) {
  faults_.at_port();
  const auto& fence = attempt.fence.text;
  oracles_.check_start(attempt);
  requested_.insert(fence);
  if (const auto known = tasks_.find(fence); known != tasks_.end()) {
    if (known->second.outcome) report_later(fence, *known->second.outcome);
    return;
  }
  if (begun_.contains(fence))
    throw Violation("attempt " + fence + " of " + attempt.path + " was started twice");
  for (const auto& [other, task] : tasks_)
    if (!task.outcome && task.attempt.run == attempt.run && task.attempt.path == attempt.path)
      throw Violation("two attempts of " + attempt.path + " run at the same time: " + other + " and " +
                      fence);
  begun_.insert(fence);
  tasks_.emplace(fence, Task{.attempt = attempt, .outcome = std::nullopt});
  check_capacity();
  end_later(attempt);
  faults_.at_port();
}

void SimExecutor::check_capacity() const {
  if (!capacity_) return;
  std::int64_t cpu = 0;
  std::map<std::string, std::int64_t> pools;
  std::set<std::int64_t> gpus;
  for (const auto& [fence, task] : tasks_) {
    if (task.outcome) continue;
    const auto& work = task.attempt.work;
    cpu += work.resources.cpu;
    if (!work.pool.empty()) ++pools[work.pool];
    if (std::ssize(work.gpus) != work.resources.gpu)
      throw Violation(task.attempt.path + " has another number of devices than it needs");
    for (const auto gpu : work.gpus)
      if (gpu < 0 || gpu >= capacity_->gpu || !gpus.insert(gpu).second)
        throw Violation(task.attempt.path + " uses a device that another one uses, or that does not exist");
  }
  if (cpu > capacity_->cpu) throw Violation("attempts use more processors than there are");
  for (const auto& [pool, users] : pools)
    if (users > capacity_->pools.at(pool)) throw Violation("too many attempts in pool " + pool);
}

void SimExecutor::end_later(const ports::Attempt& attempt) {
  constexpr std::int64_t short_ms = 300;
  constexpr std::int64_t long_ms = 20'000;
  if (faults_.on && faults_.chance(faults_.hanging_percent)) return;
  const auto pause = faults_.pause(faults_.chance(10) ? long_ms : short_ms);
  timeline_.after(pause, [this, fence = attempt.fence.text, generation = generation_] {
    const auto task = tasks_.find(fence);
    if (generation != generation_ || task == tasks_.end() || task->second.outcome) return;
    end(fence, outcome_of(task->second.attempt));
  });
}

Outcome SimExecutor::outcome_of(const ports::Attempt& attempt) {
  const auto& work = attempt.work;
  if (lifetime_ == Lifetime::supervisor && faults_.chance(faults_.lost_percent))
    return failure_outcome(Outcome::Status::lost, "lost");
  if (faults_.chance(faults_.failing_percent)) {
    const bool exited = faults_.chance(50);
    auto outcome = failure_outcome(Outcome::Status::failed, exited ? "exit" : "output");
    if (exited) outcome.failure.exit_code = 1;
    return outcome;
  }
  Struct call;
  if (work.kind != engine::TaskSpec::Kind::service) {
    if (!work.argv.empty()) call.set("argv", work.argv);
    if (!work.args.empty()) call.set("args", work.args);
    if (!work.env.empty()) call.set("env", work.env);
  } else {
    call.set("with", work.with);
  }
  auto result = result_of(call);
  // An effect returns the same for the same key, and something different for each key.
  if (work.service == "sim.effect")
    result =
        effects_.try_emplace(attempt.effect_key, static_cast<std::int64_t>(effects_.size())).first->second;
  Outcome outcome;
  outcome.outputs.set("o", result);
  for (const auto& output : work.outputs)
    if (output.optional && result % 2 == 0) outcome.outputs.set(output.name, result / 2);
  outcome.usage.started = outcome.usage.ended = clock_.now();
  return outcome;
}

Outcome SimExecutor::failure_outcome(Outcome::Status status, std::string kind) const {
  Outcome outcome{.status = status};
  outcome.failure = {.kind = kind, .message = "simulated " + kind};
  outcome.usage.started = outcome.usage.ended = clock_.now();
  return outcome;
}

void SimExecutor::end(const std::string& fence, Outcome outcome) {
  report_later(fence, outcome);
  if (faults_.chance(5)) report_later(fence, outcome);
  tasks_.at(fence).outcome = std::move(outcome);
}

void SimExecutor::report_later(const std::string& fence, const Outcome& outcome) {
  constexpr std::int64_t usual_ms = 5;
  constexpr std::int64_t late_ms = 3'000;
  timeline_.after(faults_.pause(faults_.on && faults_.chance(10) ? late_ms : usual_ms),
                  [this, fence, outcome, memory = memory_] {
                    if (memory == memory_) report_({fence}, outcome);
                  });
}

void SimExecutor::cancel(const Fence& fence) {
  faults_.at_port();
  if (const auto task = tasks_.find(fence.text); task != tasks_.end())
    if (oracles_.is_open(task->second.attempt) && !oracles_.is_to_be_cancelled(task->second.attempt))
      throw Violation("attempt " + fence.text + " of " + task->second.attempt.path +
                      " is cancelled for no reason that its history holds");
  constexpr std::int64_t delay_ms = 300;
  constexpr std::int64_t grace_ms = 500;
  timeline_.after(faults_.pause(delay_ms), [this, fence = fence.text, deaths = server_deaths_] {
    if (deaths != server_deaths_) return;  // the request was lost with the server that sent it
    timeline_.after(faults_.pause(grace_ms), [this, fence] {
      const auto task = tasks_.find(fence);
      if (task == tasks_.end() || task->second.outcome) return;
      end(fence, failure_outcome(Outcome::Status::cancelled, "cancelled"));
    });
  });
}

void SimExecutor::abandon(const Fence& fence) {
  if (lifetime_ != Lifetime::server) return;
  tasks_.erase(fence.text);
  begun_.erase(fence.text);  // it starts here again if this server claims the run back
}

void SimExecutor::acknowledge(const Fence& fence) {
  faults_.at_port();
  const auto task = tasks_.find(fence.text);
  if (task == tasks_.end()) return;
  if (!task->second.outcome) throw Violation("attempt " + fence.text + " was acknowledged while it ran");
  tasks_.erase(task);
}

void SimExecutor::all_reattached() {
  std::erase_if(tasks_, [&](const auto& entry) {
    const auto& [fence, task] = entry;
    if (!task.outcome || requested_.contains(fence)) return false;
    if (oracles_.is_open(task.attempt))
      throw Violation("attempt " + fence + " would be forgotten, but is open in the journal");
    return true;
  });
}

void SimExecutor::end_hanging() {
  for (const auto& [fence, task] : tasks_)
    if (!task.outcome && !oracles_.is_to_be_cancelled(task.attempt)) end_later(task.attempt);
}

void SimExecutor::server_died() {
  ++server_deaths_;
  requested_.clear();
  if (lifetime_ != Lifetime::server) return;
  lose_all();
}

void SimExecutor::supervisor_died() {
  if (lifetime_ != Lifetime::supervisor) return;
  ++generation_;
  for (auto& [fence, task] : tasks_)
    if (!task.outcome) end(fence, failure_outcome(Outcome::Status::lost, "lost"));
}

void SimExecutor::power_cut() { lose_all(); }

void SimExecutor::lose_all() {
  ++generation_;
  ++memory_;
  tasks_.clear();
  begun_.clear();
}

}  // namespace sluice::sim
