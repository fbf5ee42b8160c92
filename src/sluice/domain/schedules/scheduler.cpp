#include "sluice/domain/schedules/scheduler.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/log.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/schedules/compile_options.hpp"
#include "sluice/domain/schedules/timetable.hpp"

namespace sluice::schedules {
namespace {

/// A submission may have to ask an index of packages, which takes up to minutes.
constexpr std::size_t threads = 3;
constexpr std::size_t plan_bytes_max = std::size_t{64} << 20;
constexpr Milliseconds pause_min = std::chrono::seconds(1);
constexpr Milliseconds pause_max = std::chrono::minutes(5);
constexpr std::size_t problem_bytes_max = 2'000;

Milliseconds pause_after(int failures) {
  constexpr int doublings_max = 9;
  return std::min(pause_min * (1 << std::min(failures, doublings_max)), pause_max);
}

}  // namespace

void Scheduler::end() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
}

Result<void> Scheduler::begin() {
  const std::scoped_lock lock(mutex_);
  SLUICE_DO(ports_.store.each_due([this](const ScheduleId& id, Time due) { timeline_.set(id, due); }));
  has_begun_ = true;
  for (std::size_t i = 0; i < threads; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  return {};
}

void Scheduler::changed(const ScheduleId& id, std::optional<Time> due) {
  const std::scoped_lock lock(mutex_);
  if (!has_begun_) return;
  failures_.erase(id);
  timeline_.set(id, due);
  has_changed_ = true;
  changed_.notify_all();
}

void Scheduler::run_ended(const ScheduleId& id) {
  const std::scoped_lock lock(mutex_);
  if (!has_begun_) return;
  timeline_.run_ended(id, ports_.clock.now());
  has_changed_ = true;
  changed_.notify_all();
}

void Scheduler::wake() {
  const std::scoped_lock lock(mutex_);
  has_changed_ = true;
  changed_.notify_all();
}

void Scheduler::settle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    const auto earliest = timeline_.earliest();
    return busy_ == 0 && (!earliest || *earliest > ports_.clock.now());
  });
}

void Scheduler::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = ports_.clock.now();
    if (const auto id = timeline_.take(now)) {
      ++busy_;
      lock.unlock();
      const auto outcome = look_at(*id);
      lock.lock();
      --busy_;
      release(*id, outcome);
      has_changed_ = true;
      changed_.notify_all();
    } else if (is_watched_) {
      changed_.wait(lock, stop, [this] { return !is_watched_; });
    } else {
      is_watched_ = true;
      const auto is_over = [this] { return has_changed_; };
      if (const auto earliest = timeline_.earliest())
        changed_.wait_for(lock, stop, std::clamp(*earliest - now, Milliseconds(1), wait_max), is_over);
      else
        changed_.wait(lock, stop, is_over);
      has_changed_ = false;
      is_watched_ = false;
      changed_.notify_all();
    }
  }
}

void Scheduler::release(const ScheduleId& id, const Outcome& outcome) {
  auto at = outcome.at;
  if (outcome.failed)
    at = ports_.clock.now() + pause_after(failures_[id]++);
  else
    failures_.erase(id);
  timeline_.release(id, at, outcome.waits_for_end);
}

Scheduler::Outcome Scheduler::look_at(const ScheduleId& id) {
  const auto failed = [&](const Error& error) -> Outcome {
    log::warning(fmt::format("schedule {}: {}", id.text, error.message));
    return {.at = std::nullopt, .failed = true};
  };
  const auto schedule = ports_.store.find(id);
  if (!schedule) return failed(schedule.error());
  if (!*schedule || !(*schedule)->row.enabled) return {.at = std::nullopt};
  const auto& row = (*schedule)->row;
  const auto timetable = Timetable::make(row.timing, row.created);
  const auto running = ports_.store.running(id);
  if (!timetable || !running) return failed(timetable ? running.error() : timetable.error());
  const auto step = timetable->step(row.last, ports_.clock.now());
  if (!step.instant) return {.at = step.next};
  if (*running >= row.timing.max_concurrency) return {.at = std::nullopt, .waits_for_end = true};
  if (step.skips)
    log::warning(fmt::format("schedule {} has missed more than {} runs; those before {} are skipped",
                             row.name, Timetable::caught_up_max, to_iso8601(*step.instant)));
  if (const auto started = start_run(**schedule, *step.instant, step.next); !started) {
    // Whoever changed the schedule meanwhile has said when to look at it again.
    if (started.error().code == Code::conflict) return failed(started.error());
    auto problem = started.error().message;
    if (problem.size() > problem_bytes_max) problem = as_utf8(problem.substr(0, problem_bytes_max)) + " …";
    if (problem != row.problem) {
      if (const auto noted = ports_.store.set_problem(id, problem); !noted) return failed(noted.error());
    }
    return failed(started.error());
  }
  return {.at = step.next};
}

Result<void> Scheduler::start_run(const ports::Schedule& schedule, Time instant, std::optional<Time> next) {
  const auto& row = schedule.row;
  const auto& plan = schedule.plan;
  std::optional<ports::GroupStep> group;
  if (schedule.group) {
    group = ports::GroupStep{.run = *schedule.group};
    group->run.display_name += " " + to_iso8601(instant);
  }
  SLUICE_TRY(text, ports_.objects.get(plan.text, plan_bytes_max));
  auto inputs = plan.inputs;
  if (!plan.instant_input.empty()) inputs.set(plan.instant_input, to_iso8601(instant));
  SLUICE_TRY(submitted,
             ports_.runs.submit(
                 {.text = std::move(text),
                  .file = plan.file,
                  .pipeline = plan.pipeline,
                  .inputs = std::move(inputs),
                  .code = plan.code,
                  .principal = row.principal,
                  .cache = plan.cache,
                  .strict = plan.strict,
                  .options = compile_options_of(plan.options),
                  .scheduled = {{.trigger = {.schedule = row.id, .name = row.name, .instant = instant},
                                 .next = next}},
                  .group = std::move(group)}));
  static_cast<void>(submitted);
  return {};
}

}  // namespace sluice::schedules
