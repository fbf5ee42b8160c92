#include "sluice/domain/pipelines/run_groups.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sluice/base/words.hpp"
#include "sluice/domain/pipelines/fields.hpp"
#include "sluice/ir/types.hpp"

namespace sluice::pipelines {
namespace {

std::string shown(const std::string& id) {
  constexpr std::size_t shown_max = 100;
  return as_utf8(id.size() > shown_max ? id.substr(0, shown_max) + "…" : id);
}

Error no_group(const std::string& id) {
  return user_error(Code::not_found, fmt::format("there is no experiment `{}`", shown(id)));
}

Error no_run(const std::string& id) {
  return user_error(Code::not_found, fmt::format("there is no run `{}`", shown(id)));
}

Fail refusal(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

/// JSON of protobuf has no integers: a number without a fraction is one where one is wanted.
Value in_type(const Value& value, const ir::Type& type) {
  constexpr double exact_max = 9007199254740992.0;
  if (type.kind == ir::Type::Kind::integer) {
    if (const auto* number = value.if_number();
        number != nullptr && std::trunc(*number) == *number && std::abs(*number) <= exact_max)
      return static_cast<std::int64_t>(*number);
  }
  if (type.kind == ir::Type::Kind::number)
    if (const auto* integer = value.if_integer()) return static_cast<double>(*integer);
  return value;
}

/// What became of the run before it is retried.
Value note_of(const ports::GroupedRun& run) {
  Struct note;
  note.set("run", run.run.text);
  note.set("status", run.status);
  note.set("started", run.started.time_since_epoch().count());
  if (run.cancelled) note.set("cancelled", run.cancelled->time_since_epoch().count());
  if (run.ended) note.set("ended", run.ended->time_since_epoch().count());
  note.set("message", run.message);
  return note;
}

}  // namespace

Result<ports::RunGroup> RunGroups::default_group(const Principal& by) {
  SLUICE_TRY(found, ports_.store.group_named(by.workspace, default_name));
  if (found) return std::move(*found);
  auto made = create(by, default_name, "All runs that were given no experiment");
  if (made || made.error().code != Code::already_exists) return made;
  SLUICE_TRY(faster, ports_.store.group_named(by.workspace, default_name));
  if (!faster) return Fail(no_group(default_name));
  return std::move(*faster);
}

Result<ports::RunGroup> RunGroups::create(const Principal& by, std::string name, std::string description) {
  SLUICE_DO(check_name("the name of the experiment", name));
  SLUICE_DO(check_text("the description of the experiment", description));
  const auto now = ports_.clock.now();
  ports::RunGroup group{.id = new_ulid(now, ports_.random),
                        .principal = by,
                        .name = std::move(name),
                        .description = std::move(description),
                        .archived = false,
                        .created = now};
  SLUICE_DO(ports_.store.add_group(group));
  return group;
}

Result<ports::RunGroup> RunGroups::find(const std::string& workspace, const std::string& id) const {
  SLUICE_TRY(found, ports_.store.group(workspace, id));
  if (!found) return Fail(no_group(id));
  return std::move(*found);
}

Result<void> RunGroups::archive(const std::string& workspace, const std::string& id, bool archived) {
  SLUICE_TRY(found, ports_.store.archive_group(workspace, id, archived));
  return found ? Result<void>() : Fail(no_group(id));
}

Result<void> RunGroups::remove(const std::string& workspace, const std::string& id) {
  SLUICE_TRY(found, ports_.store.remove_group(workspace, id));
  return found ? Result<void>() : Fail(no_group(id));
}

Result<Struct> RunGroups::inputs_of(const std::string& text, const std::string& file,
                                    const Struct& parameters) const {
  SLUICE_TRY(plan, runs::compile(text, file, dialects_));
  SLUICE_TRY(pipeline, runs::find_pipeline(*plan, ""));
  Struct inputs;
  for (const auto& input : pipeline->inputs) {
    const auto* given = parameters.find(input.name);
    if (given == nullptr || given->is_null()) {
      if (!input.optional && !input.value)
        return refusal(
            fmt::format("parameter `{}` is missing: the pipeline has no default for it", input.name));
      continue;
    }
    inputs.append(input.name, in_type(*given, input.type));
  }
  for (const auto& [name, value] : parameters) {
    const auto known =
        std::ranges::any_of(pipeline->inputs, [&name](const auto& input) { return input.name == name; });
    if (known) continue;
    std::vector<std::string> names;
    names.reserve(pipeline->inputs.size());
    for (const auto& input : pipeline->inputs) names.push_back(input.name);
    return refusal(
        fmt::format("the pipeline has no parameter `{}`{}", shown(name), did_you_mean(name, names)));
  }
  return inputs;
}

Result<ports::GroupedRun> RunGroups::submit(const Principal& by, NewRun run) {
  SLUICE_DO(check_name("the name of the run", run.display_name));
  SLUICE_DO(check_text("the description of the run", run.description));
  SLUICE_DO(check_text("the service account of the run", run.service_account));
  SLUICE_DO(check_text("the root of the run's artifacts", run.root));
  ports::RunGroup group;
  if (run.group.empty()) {
    SLUICE_TRY(found, default_group(by));
    group = std::move(found);
  } else {
    SLUICE_TRY(found, find(by.workspace, run.group));
    group = std::move(found);
  }
  Digest text;
  std::string pipeline;
  std::string version;
  const bool is_version = run.text.empty();
  if (is_version) {
    SLUICE_TRY(found, ports_.pipelines.find_version(by.workspace, run.pipeline, run.version));
    SLUICE_TRY(read, ports_.pipelines.text_of(found.text));
    run.text = std::move(read);
    text = found.text;
    pipeline = std::move(found.pipeline);
    version = std::move(found.id);
  }
  SLUICE_TRY(inputs, inputs_of(run.text, run.display_name, run.parameters));
  if (!is_version) {  // what cannot run is not stored
    SLUICE_TRY(stored, ports_.objects.put(run.text));
    text = stored.digest;
  }
  ports::GroupedRun made{.id = {},
                         .run = {},
                         .principal = by,
                         .group = group.id,
                         .display_name = run.display_name,
                         .description = std::move(run.description),
                         .service_account = std::move(run.service_account),
                         .pipeline = std::move(pipeline),
                         .version = std::move(version),
                         .text = text,
                         .file = run.display_name,
                         .root = std::move(run.root),
                         .parameters = std::move(run.parameters)};
  SLUICE_TRY(submitted, ports_.runs.submit({.text = std::move(run.text),
                                            .file = run.display_name,
                                            .inputs = std::move(inputs),
                                            .code = {},
                                            .principal = by,
                                            .group = ports::GroupStep{.run = std::move(made)}}));
  return find_run(by.workspace, submitted.run.text);
}

Result<void> RunGroups::retry(const Principal& by, const std::string& id) {
  SLUICE_TRY(run, find_run(by.workspace, id));
  if (run.status == ports::set_aside) {
    SLUICE_TRY(resumed, ports_.runs.resume(by.workspace, run.run.text, true));
    static_cast<void>(resumed);
    return {};
  }
  if (!run.ended)
    return Fail(
        user_error(Code::failed_precondition, fmt::format("run {} has not ended; it cannot be retried", id)));
  if (run.status == "succeeded")
    return Fail(
        user_error(Code::failed_precondition, fmt::format("run {} has succeeded; start another one", id)));
  SLUICE_TRY(text, ports_.pipelines.text_of(run.text));
  SLUICE_TRY(inputs, inputs_of(text, run.file, run.parameters));
  constexpr std::size_t earlier_max = 100;
  const auto from = run.run;
  const auto file = run.file;
  run.earlier.push_back(note_of(run));
  if (run.earlier.size() > earlier_max) run.earlier.erase(run.earlier.begin());
  SLUICE_TRY(submitted, ports_.runs.submit({.text = std::move(text),
                                            .file = file,
                                            .inputs = std::move(inputs),
                                            .code = {},
                                            .principal = by,
                                            .group = ports::GroupStep{.run = std::move(run), .from = from}}));
  static_cast<void>(submitted);
  return {};
}

Result<ports::GroupedRun> RunGroups::find_run(const std::string& workspace, const std::string& id) const {
  SLUICE_TRY(found, ports_.store.run(workspace, id));
  if (!found) return Fail(no_run(id));
  return std::move(*found);
}

Result<ports::ListPage<ports::GroupedRun>> RunGroups::runs(const std::string& workspace,
                                                           const std::string& group,
                                                           const ports::ListQuery& query) const {
  if (!group.empty()) {
    SLUICE_TRY(known, find(workspace, group));
    return ports_.store.runs(workspace, known.id, query);
  }
  return ports_.store.runs(workspace, "", query);
}

Result<void> RunGroups::cancel(const std::string& workspace, const std::string& id) {
  SLUICE_TRY(run, find_run(workspace, id));
  SLUICE_TRY(cancelled, ports_.runs.cancel(workspace, run.run.text, "cancelled on request"));
  static_cast<void>(cancelled);
  SLUICE_TRY(noted, ports_.store.note_cancellation(workspace, id, ports_.clock.now()));
  return noted ? Result<void>() : Fail(no_run(id));
}

Result<void> RunGroups::archive_run(const std::string& workspace, const std::string& id, bool archived) {
  SLUICE_TRY(run, find_run(workspace, id));
  if (!archived) {
    SLUICE_TRY(group, ports_.store.group(workspace, run.group));
    if (group && group->archived)
      return Fail(user_error(
          Code::failed_precondition,
          fmt::format("experiment `{}` is archived; unarchive it before its run {}", group->name, run.id)));
  }
  SLUICE_TRY(found, ports_.store.archive_run(workspace, id, archived));
  return found ? Result<void>() : Fail(no_run(id));
}

Result<void> RunGroups::remove_run(const std::string& workspace, const std::string& id) {
  SLUICE_TRY(run, find_run(workspace, id));
  if (!run.ended) {
    const auto cancelled = ports_.runs.cancel(workspace, run.run.text, "it was deleted");
    if (!cancelled && cancelled.error().code != Code::failed_precondition) return Fail(cancelled.error());
  }
  SLUICE_TRY(found, ports_.store.remove_run(workspace, id));
  return found ? Result<void>() : Fail(no_run(id));
}

}  // namespace sluice::pipelines
