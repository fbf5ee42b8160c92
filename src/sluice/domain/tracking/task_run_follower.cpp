#include "sluice/domain/tracking/task_run_follower.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "sluice/base/log.hpp"
#include "sluice/domain/tracking/rules.hpp"
#include "sluice/domain/tracking/task_outputs.hpp"
#include "sluice/domain/tracking/tracking.hpp"

namespace sluice::tracking {
namespace {

constexpr std::size_t wanted_max = 100'000;
constexpr std::size_t events_at_once = 1'000;
/// Of one attempt: those beyond are not copied.
constexpr std::size_t of_attempt_max = 1'000;

/// Of what a task logged elsewhere, in a run that took the task from the cache: always the same.
std::string id_of_copy(const RunId& run, const std::string& path, const std::string& source) {
  constexpr std::size_t digits = 32;
  return Digest::of(fmt::format("{}\n{}\n{}", run.text, path, source)).hex().substr(0, digits);
}

std::int64_t milliseconds(Time at) { return at.time_since_epoch().count(); }

void set(std::vector<ports::KeyValue>& tags, std::string_view key, const std::string& value) {
  std::erase_if(tags, [&](const auto& tag) { return tag.key == key; });
  tags.push_back({.key = std::string(key), .value = value});
}

const std::string* find(const std::vector<ports::KeyValue>& tags, std::string_view key) {
  const auto found = std::ranges::find(tags, key, &ports::KeyValue::key);
  return found == tags.end() ? nullptr : &found->value;
}

ports::TrackedStatus status_of(const ports::TaskPlace& place, const TaskRunFollower::Ends& ends,
                               const ports::RunRow& row) {
  if (place.path.empty()) return tracked_status_of(row.status);
  const auto end = ends.find({place.path, place.attempt});
  if (end == ends.end()) return ports::TrackedStatus::killed;
  switch (end->second) {
    case engine::Outcome::Status::succeeded: return ports::TrackedStatus::finished;
    case engine::Outcome::Status::failed: return ports::TrackedStatus::failed;
    default: return ports::TrackedStatus::killed;
  }
}

}  // namespace

TaskRunFollower::TaskRunFollower(Ports ports, std::function<void()> prepare)
    : ports_(ports), prepare_(std::move(prepare)) {}

void TaskRunFollower::want(const RunId& run, bool has_outputs) {
  const std::lock_guard lock(mutex_);
  // Those beyond are found by the next server.
  if (wanted_.size() >= wanted_max) return;
  auto& outputs = wanted_[run];
  outputs = outputs || has_outputs;
  if (!thread_.joinable())
    thread_ = std::jthread([this](const std::stop_token& stop) {
      if (prepare_) prepare_();
      work(stop);
    });
  changed_.notify_all();
}

Result<void> TaskRunFollower::take_up() {
  SLUICE_TRY(left, ports_.tasks.unsettled_runs(wanted_max));
  for (const auto& run : left) changed(run);
  return {};
}

void TaskRunFollower::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return wanted_.empty() && !is_working_; });
}

std::optional<std::pair<RunId, bool>> TaskRunFollower::take(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  is_working_ = false;
  changed_.notify_all();
  changed_.wait(lock, stop, [this] { return !wanted_.empty(); });
  // The next server finds all others: of these, it knows nothing yet.
  if (stop.stop_requested()) std::erase_if(wanted_, [](const auto& one) { return !one.second; });
  if (wanted_.empty()) return std::nullopt;
  auto taken = wanted_.extract(wanted_.begin());
  is_working_ = true;
  return std::pair(taken.key(), taken.mapped());
}

void TaskRunFollower::work(const std::stop_token& stop) {
  while (const auto run = take(stop))
    if (const auto done = follow(run->first, run->second); !done)
      log::warning(fmt::format("what was tracked of the run {} may not be complete: {}", run->first.text,
                               done.error().message));
}

Result<void> TaskRunFollower::follow(const RunId& run, bool has_outputs) {
  SLUICE_TRY(any, ports_.tasks.any());
  if (!any && !has_outputs) return {};
  SLUICE_TRY(row, ports_.task_runs.row_of("", run));
  if (!row) return {};
  auto& progress = read_[run];
  // Where its attempts are was not noted as long as it was not needed.
  if (has_outputs && !std::exchange(progress.has_outputs, true)) progress.next = 0;
  SLUICE_DO(read_on(*row, progress));
  if (!row->ended) return {};
  read_.erase(run);
  return end(*row);
}

Result<void> TaskRunFollower::read_on(const ports::RunRow& row, Progress& progress) {
  for (;;) {
    SLUICE_TRY(events, ports_.journal.read(row.id, progress.next, events_at_once));
    for (const auto& text : events) {
      ++progress.next;
      if (progress.has_outputs) SLUICE_DO(read_outputs(row, text, progress));
      if (!text.starts_with(R"({"t":"cache_hit")")) continue;
      SLUICE_TRY(event, engine::decode(text));
      const auto* hit = std::get_if<engine::CacheHit>(&event);
      if (hit == nullptr) continue;
      SLUICE_TRY(tracked, copy_hit(row, *hit));
      if (progress.has_outputs)
        progress.attempts.insert_or_assign(hit->path, Attempt{.number = 0, .tracked = std::move(tracked)});
    }
    if (events.size() < events_at_once) return {};
  }
}

/// Notes where an attempt logs to, and logs the outputs of a task that has ended.
Result<void> TaskRunFollower::read_outputs(const ports::RunRow& row, const std::string& text,
                                           Progress& progress) {
  if (!text.starts_with(R"({"t":"scheduled")") && !text.starts_with(R"({"t":"ended")")) return {};
  SLUICE_TRY(event, engine::decode(text));
  if (const auto* scheduled = std::get_if<engine::Scheduled>(&event))
    progress.attempts.insert_or_assign(
        scheduled->path, Attempt{.number = scheduled->number, .tracked = scheduled->fence.text});
  const auto* ended = std::get_if<engine::Ended>(&event);
  if (ended == nullptr) return {};
  // Of what is no task, the outputs are those of tasks in it.
  const auto attempt = progress.attempts.extract(ended->path);
  if (attempt.empty() || !may_have_logged_outputs(text)) return {};
  return log_outputs(row, *ended, attempt.mapped());
}

Result<void> TaskRunFollower::log_outputs(const ports::RunRow& row, const engine::Ended& ended,
                                          const Attempt& attempt) {
  const auto logged = logged_outputs(ended.outputs, ended.at);
  if (logged.empty()) return {};
  const bool is_new_copy = attempt.tracked.empty();
  const auto id = is_new_copy ? id_of_copy(row.id, ended.path, "") : attempt.tracked;
  SLUICE_DO(ports_.task_runs.begin(
      row.principal, {.run = row.id, .path = ended.path, .attempt = attempt.number, .fence = {id}}));
  SLUICE_TRY(run, ports_.tracking.run(row.principal.workspace, id));
  if (!run.active) return {};
  ports::TrackedRunChange change;
  if (is_new_copy) {
    change.status = ports::TrackedStatus::finished;
    change.ended_ms = milliseconds(ended.at);
  }
  // What was logged before is there already: in a copy, and when a journal is read again.
  const auto has = [&run](const ports::Metric& metric) {
    const auto found = std::ranges::find(run.metrics, metric.key, &ports::Metric::key);
    return found != run.metrics.end() && found->point.value == metric.point.value;
  };
  for (const auto& metric : logged.metrics) {
    if (!has(metric)) change.metrics.push_back(metric);
    if (change.metrics.size() < metrics_max) continue;
    SLUICE_DO(ports_.tracking.change_run(row.principal.workspace, id, change));
    change = {};
  }
  SLUICE_DO(ports_.tracking.change_run(row.principal.workspace, id, change));
  if (!run.artifact_uri.starts_with(artifact_root)) return {};
  for (const auto& file : logged.files) {
    const auto path = run.artifact_uri.substr(artifact_root.size()) + "/" + file.path;
    if (file.object) {
      SLUICE_DO(ports_.artifacts.put(
          row.principal, path, ports::Stored{.digest = *file.object->digest, .size = file.object->size}));
    } else {
      SLUICE_DO(ports_.artifacts.put(row.principal, path,
                                     [&](const auto& write) -> Result<void> { return write(file.text); }));
    }
  }
  return {};
}

Result<std::string> TaskRunFollower::copy_hit(const ports::RunRow& row, const engine::CacheHit& hit) {
  SLUICE_TRY(entries, ports_.tasks.at(hit.run, hit.made_by, of_attempt_max));
  if (entries.empty()) return std::string();
  // Only the newest attempt made what the cache has.
  std::erase_if(entries, [newest = entries.front().place.attempt](const auto& entry) {
    return entry.place.attempt != newest;
  });
  SLUICE_DO(ports_.task_runs.begin_run(row));
  std::map<std::string, std::string, std::less<>> ids;
  for (const auto& entry : entries) ids.emplace(entry.tracked, id_of_copy(row.id, hit.path, entry.tracked));
  std::string first;
  for (const auto& entry : entries) {
    auto source = ports_.tracking.run(row.principal.workspace, entry.tracked);
    if (!source && source.error().code == Code::not_found) continue;
    if (!source) return Fail(std::move(source).error());
    auto run = *source;
    run.id = ids.at(entry.tracked);
    const auto* parent = find(run.tags, parent_tag);
    const auto copied_parent = parent != nullptr ? ids.find(*parent) : ids.end();
    const bool is_below = copied_parent != ids.end();
    set(run.tags, parent_tag, is_below ? copied_parent->second : row.id.text);
    set(run.tags, engine_run_tag, row.id.text);
    if (!is_below) {
      set(run.tags, task_tag, hit.path);
      run.name = hit.path;
      set(run.tags, run_name_tag, run.name);
    }
    set(run.tags, cached_from_tag, source->id);
    if (run.status == ports::TrackedStatus::running) run.status = ports::TrackedStatus::finished;
    ports::TrackedTasks::Copied copied{.source = source->id, .source_files = {}, .files = {}};
    if (source->artifact_uri.starts_with(artifact_root)) {
      SLUICE_TRY(experiment, ports_.tracking.experiment(row.principal.workspace, run.experiment));
      run.artifact_uri = artifacts_of_run(experiment, run.id);
      if (run.artifact_uri.starts_with(artifact_root)) {
        copied.source_files = source->artifact_uri.substr(artifact_root.size());
        copied.files = run.artifact_uri.substr(artifact_root.size());
      }
    }
    auto begun = ports_.tasks.begin_as({.principal = row.principal, .run = std::move(run)},
                                       {.run = row.id, .path = hit.path}, copied);
    // Its experiment was removed.
    if (!begun && begun.error().code != Code::failed_precondition) return Fail(std::move(begun).error());
    if (begun && first.empty()) first = ids.at(entry.tracked);
  }
  return first;
}

Result<TaskRunFollower::Ends> TaskRunFollower::ends_of(const RunId& run) const {
  Ends ends;
  for (std::uint64_t next = 0;;) {
    SLUICE_TRY(events, ports_.journal.read(run, next, events_at_once));
    for (const auto& text : events) {
      if (!text.starts_with(R"({"t":"attempt_ended")")) continue;
      SLUICE_TRY(event, engine::decode(text));
      if (const auto* ended = std::get_if<engine::AttemptEnded>(&event))
        ends.insert_or_assign({ended->path, ended->number}, ended->outcome.status);
    }
    next += events.size();
    if (events.size() < events_at_once) return ends;
  }
}

Result<void> TaskRunFollower::end(const ports::RunRow& row) {
  std::optional<Ends> ends;
  for (;;) {
    SLUICE_TRY(entries, ports_.tasks.unended(row.id, of_attempt_max));
    if (entries.empty()) return ports_.tasks.settle(row.id);
    if (!ends) {
      SLUICE_TRY(found, ends_of(row.id));
      ends = std::move(found);
    }
    for (const auto& entry : entries) {
      const ports::TrackedRunChange change{.status = status_of(entry.place, *ends, row),
                                           .ended_ms = row.ended->time_since_epoch().count()};
      auto changed = ports_.tracking.change_run(row.principal.workspace, entry.tracked, change);
      // Removed just now.
      if (!changed && changed.error().code != Code::failed_precondition) return Fail(changed.error());
    }
  }
}

}  // namespace sluice::tracking
