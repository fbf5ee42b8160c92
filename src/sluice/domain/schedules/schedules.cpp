#include "sluice/domain/schedules/schedules.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/words.hpp"
#include "sluice/domain/schedules/compile_options.hpp"
#include "sluice/domain/schedules/timetable.hpp"

namespace sluice::schedules {
namespace {

constexpr std::size_t name_bytes_max = 100;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && text.front() != '.' && text.front() != '-' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                  c == '-' || c == '.';
         });
}

/// "plans/nightly.yaml" → "nightly"
std::string_view stem_of(std::string_view file) {
  if (const auto slash = file.rfind('/'); slash != std::string_view::npos) file.remove_prefix(slash + 1);
  return file.substr(0, file.rfind('.'));
}

Result<std::string> name_of(const Schedules::Creation& creation) {
  auto name = creation.name.empty() ? std::string(stem_of(creation.submission.file)) : creation.name;
  if (is_name(name)) return name;
  return Fail(user_error(
      Code::invalid_argument,
      fmt::format("`{}` is not a name for a schedule: write up to 100 letters, digits, `_`, `-` and `.`{}",
                  as_utf8(name.substr(0, name_bytes_max)), creation.name.empty() ? ", with --name" : "")));
}

}  // namespace

Result<Schedules::Created> Schedules::create(Creation creation) {
  SLUICE_TRY(name, name_of(creation));
  const auto now = ports_.clock.now();
  SLUICE_TRY(timetable, Timetable::make(creation.timing, now));
  const auto due = timetable.first();
  if (!due)
    return Fail(invalid_argument("end", fmt::format("{} comes before the schedule's first run",
                                                    to_iso8601(creation.timing.end.value_or(now)))));
  auto& submission = creation.submission;
  auto tried = submission;
  if (!creation.instant_input.empty()) {
    if (submission.inputs.find(creation.instant_input) != nullptr)
      return Fail(user_error(
          Code::invalid_argument,
          fmt::format("input `{}` is given both a value and the instant", creation.instant_input)));
    tried.inputs.set(creation.instant_input, to_iso8601(*due));
  }
  Created created;
  SLUICE_TRY(warnings, ports_.runs.check(std::move(tried)));
  created.warnings = std::move(warnings);
  SLUICE_TRY(text, ports_.objects.put(submission.text));
  created.row = {.id = {new_ulid(now, ports_.random)},
                 .principal = submission.principal,
                 .name = std::move(name),
                 .file = submission.file,
                 .timing = creation.timing,
                 .enabled = creation.enabled,
                 .created = now,
                 .last = std::nullopt,
                 .due = creation.enabled ? due : std::nullopt};
  SLUICE_DO(ports_.store.add({.row = created.row,
                              .plan = {.text = text.digest,
                                       .file = std::move(submission.file),
                                       .pipeline = std::move(submission.pipeline),
                                       .inputs = std::move(submission.inputs),
                                       .code = std::move(submission.code),
                                       .cache = submission.cache,
                                       .strict = submission.strict,
                                       .options = to_struct(submission.options),
                                       .instant_input = std::move(creation.instant_input)},
                              .group = std::move(creation.group)}));
  ports_.scheduler.changed(created.row.id, created.row.due);
  return created;
}

Result<ports::Schedule> Schedules::find(const std::string& workspace, const std::string& name) const {
  SLUICE_TRY(found, ports_.store.find(workspace, name));
  if (found) return std::move(*found);
  constexpr std::size_t searched_max = 1'000;
  SLUICE_TRY(rows, ports_.store.list(workspace, {.limit = searched_max}));
  std::vector<std::string> names;
  names.reserve(rows.size());
  for (const auto& row : rows) names.push_back(row.name);
  auto hint = did_you_mean(name, names);
  if (hint.empty()) hint = "; `sluice schedules` lists them";
  return Fail(user_error(Code::not_found, fmt::format("there is no schedule `{}`{}",
                                                      as_utf8(name.substr(0, name_bytes_max)), hint)));
}

Result<std::vector<Time>> Schedules::upcoming(const ports::ScheduleRow& row, std::size_t limit) const {
  std::vector<Time> out;
  if (!row.enabled) return out;
  SLUICE_TRY(timetable, Timetable::make(row.timing, row.created));
  const auto now = ports_.clock.now();
  for (auto at = timetable.next(now); at && out.size() < limit; at = timetable.next(*at)) out.push_back(*at);
  return out;
}

Result<std::string> Schedules::set_enabled(const std::string& workspace, const std::string& name,
                                           bool enabled) {
  SLUICE_TRY(found, find(workspace, name));
  const auto& row = found.row;
  SLUICE_TRY(timetable, Timetable::make(row.timing, row.created));
  const auto due = !enabled ? std::nullopt : row.last ? timetable.next(*row.last) : timetable.first();
  SLUICE_TRY(changed, ports_.store.set_enabled(row.id, enabled, due, ports_.clock.now()));
  if (changed) ports_.scheduler.changed(row.id, due);
  return row.name;
}

Result<std::string> Schedules::remove(const std::string& workspace, const std::string& name) {
  SLUICE_TRY(found, find(workspace, name));
  SLUICE_TRY(removed, ports_.store.remove(found.row.id));
  if (removed) ports_.scheduler.changed(found.row.id, std::nullopt);
  return found.row.name;
}

}  // namespace sluice::schedules
