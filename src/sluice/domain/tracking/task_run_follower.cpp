#include "sluice/domain/tracking/task_run_follower.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "sluice/base/log.hpp"
#include "sluice/domain/tracking/tracking.hpp"

namespace sluice::tracking {
namespace {

constexpr std::size_t wanted_max = 100'000;
constexpr std::size_t events_at_once = 1'000;
/// Of one attempt: those beyond are not copied.
constexpr std::size_t entries_max = 1'000;

/// Of what a task logged elsewhere, in a run that took the task from the cache: always the same.
std::string id_of_copy(const RunId& run, const std::string& path, const std::string& source) {
  constexpr std::size_t digits = 32;
  return Digest::of(fmt::format("{}\n{}\n{}", run.text, path, source)).hex().substr(0, digits);
}

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

void TaskRunFollower::changed(const RunId& run) {
  const std::lock_guard lock(mutex_);
  // Those beyond are found by the next server.
  if (wanted_.size() >= wanted_max) return;
  wanted_.insert(run);
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

void TaskRunFollower::work(const std::stop_token& stop) {
  for (;;) {
    RunId run;
    {
      std::unique_lock lock(mutex_);
      is_working_ = false;
      changed_.notify_all();
      if (!changed_.wait(lock, stop, [this] { return !wanted_.empty(); }) || stop.stop_requested()) return;
      run = wanted_.extract(wanted_.begin()).value();
      is_working_ = true;
    }
    if (const auto done = follow(run); !done)
      log::warning(fmt::format("what was tracked of the run {} may not be complete: {}", run.text,
                               done.error().message));
  }
}

Result<void> TaskRunFollower::follow(const RunId& run) {
  SLUICE_TRY(any, ports_.tasks.any());
  if (!any) return {};
  SLUICE_TRY(row, ports_.task_runs.row_of("", run));
  if (!row) return {};
  SLUICE_DO(copy_cached(*row));
  if (!row->ended) return {};
  read_.erase(run);
  return end(*row);
}

Result<void> TaskRunFollower::copy_cached(const ports::RunRow& row) {
  for (auto& next = read_[row.id];;) {
    SLUICE_TRY(events, ports_.journal.read(row.id, next, events_at_once));
    for (const auto& text : events) {
      ++next;
      if (!text.starts_with(R"({"t":"cache_hit")")) continue;
      SLUICE_TRY(event, engine::decode(text));
      if (const auto* hit = std::get_if<engine::CacheHit>(&event)) SLUICE_DO(copy_hit(row, *hit));
    }
    if (events.size() < events_at_once) return {};
  }
}

Result<void> TaskRunFollower::copy_hit(const ports::RunRow& row, const engine::CacheHit& hit) {
  SLUICE_TRY(entries, ports_.tasks.at(hit.run, hit.made_by, entries_max));
  if (entries.empty()) return {};
  // Only the newest attempt made what the cache has.
  std::erase_if(entries, [newest = entries.front().place.attempt](const auto& entry) {
    return entry.place.attempt != newest;
  });
  SLUICE_DO(ports_.task_runs.begin_run(row));
  std::map<std::string, std::string, std::less<>> ids;
  for (const auto& entry : entries) ids.emplace(entry.tracked, id_of_copy(row.id, hit.path, entry.tracked));
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
    if (!begun && begun.error().code != Code::failed_precondition) return begun;
  }
  return {};
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
    SLUICE_TRY(entries, ports_.tasks.unended(row.id, entries_max));
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
