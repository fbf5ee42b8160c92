#include "sluice/domain/pipelines/recurring_runs.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/words.hpp"

namespace sluice::pipelines {
namespace {

Error no_recurring_run(const std::string& id) {
  constexpr std::size_t shown_max = 100;
  return user_error(Code::not_found,
                    fmt::format("there is no recurring run `{}`", as_utf8(id.substr(0, shown_max))));
}

}  // namespace

Result<ports::RecurringRun> RecurringRuns::create(const Principal& by, NewRecurringRun wanted) {
  auto& concurrency = wanted.timing.max_concurrency;
  if (concurrency < 1 || concurrency > concurrency_max)
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format("max_concurrency is {}; it must be from 1 to {}", concurrency, concurrency_max)));
  SLUICE_TRY(prepared, ports_.groups.prepare(by, std::move(wanted.run)));
  if (wanted.enabled) SLUICE_DO(check_group(by.workspace, prepared.run.group));
  const auto now = ports_.clock.now();
  prepared.run.created = now;
  auto file = prepared.run.file;
  const auto group = std::make_shared<const ports::GroupedRun>(std::move(prepared.run));
  SLUICE_TRY(created, ports_.schedules.create({.name = "recurring-" + new_ulid(now, ports_.random),
                                               .timing = std::move(wanted.timing),
                                               .submission = {.text = std::move(prepared.text),
                                                              .file = std::move(file),
                                                              .inputs = std::move(prepared.inputs),
                                                              .code = {},
                                                              .principal = by},
                                               .enabled = wanted.enabled,
                                               .group = group}));
  return ports::RecurringRun{
      .id = created.row.id.text, .schedule = created.row, .run = *group, .updated = now};
}

/// Whether the group may get more runs.
Result<void> RecurringRuns::check_group(const std::string& workspace, const std::string& group) const {
  SLUICE_TRY(found, ports_.groups.find(workspace, group));
  if (!found.archived) return {};
  return Fail(user_error(
      Code::failed_precondition,
      fmt::format("experiment `{}` is archived; unarchive it before its recurring runs are enabled",
                  found.name)));
}

Result<ports::RecurringRun> RecurringRuns::find(const std::string& workspace, const std::string& id) const {
  SLUICE_TRY(found, ports_.store.recurring_run(workspace, id));
  if (!found) return Fail(no_recurring_run(id));
  return std::move(*found);
}

Result<ports::ListPage<ports::RecurringRun>> RecurringRuns::list(const std::string& workspace,
                                                                 const std::string& group,
                                                                 const ports::ListQuery& query) const {
  if (!group.empty()) {
    SLUICE_TRY(known, ports_.groups.find(workspace, group));
    return ports_.store.recurring_runs(workspace, known.id, query);
  }
  return ports_.store.recurring_runs(workspace, "", query);
}

Result<void> RecurringRuns::set_enabled(const std::string& workspace, const std::string& id, bool enabled) {
  SLUICE_TRY(found, find(workspace, id));
  if (enabled) SLUICE_DO(check_group(workspace, found.run.group));
  SLUICE_TRY(name, ports_.schedules.set_enabled(workspace, found.id, enabled));
  static_cast<void>(name);
  return {};
}

Result<void> RecurringRuns::remove(const std::string& workspace, const std::string& id) {
  SLUICE_TRY(found, find(workspace, id));
  SLUICE_TRY(name, ports_.schedules.remove(workspace, found.id));
  static_cast<void>(name);
  return {};
}

Result<void> RecurringRuns::disable_all(const std::string& workspace, const std::string& group) {
  ports::ListQuery query{.order = {.key = "created_at"}, .limit = 1'000};
  for (;;) {
    SLUICE_TRY(page, ports_.store.recurring_runs(workspace, group, query));
    for (const auto& entry : page.entries)
      if (entry.schedule.enabled) SLUICE_DO(set_enabled(workspace, entry.id, false));
    if (!page.next) return {};
    query.after = page.next;
  }
}

}  // namespace sluice::pipelines
