#include "sluice/domain/runs/runs.hpp"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "sluice/base/log.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/given_names.hpp"
#include "sluice/ir/inputs.hpp"
#include "sluice/ir/plan.hpp"
#include "sluice/ir/python_requirements.hpp"
#include "sluice/ir/types.hpp"
#include "sluice/ir/verify.hpp"

namespace sluice::runs {
namespace {

/// The first artifact in the value that is not in the store; null if all are.
const Artifact* missing_in(const Value& value, const ports::ObjectStore& objects) {
  if (const auto* artifact = value.if_artifact())
    return artifact->digest && !objects.has(*artifact->digest) ? artifact : nullptr;
  if (const auto* list = value.if_list()) {
    for (const auto& item : *list)
      if (const auto* found = missing_in(item, objects)) return found;
  }
  if (const auto* fields = value.if_struct()) {
    for (const auto& [name, field] : *fields)
      if (const auto* found = missing_in(field, objects)) return found;
  }
  return nullptr;
}

/// Commands that read a plan accept paths for artifacts; here the inputs must already be artifacts.
Result<void> check_no_paths(const ir::Pipeline& pipeline, const Struct& inputs) {
  for (const auto& input : pipeline.inputs)
    if (const auto* value = inputs.find(input.name))
      if (const auto problem = ir::type_mismatch(*value, input.type, false))
        return Fail(user_error(
            Code::invalid_argument,
            fmt::format(
                "input `{}` should be {}, but {}; upload the file or folder first and submit the artifact",
                input.name, ir::describe(input.type), *problem)));
  return {};
}

Result<void> check_objects(const Struct& values, std::string_view what, const ports::ObjectStore& objects) {
  for (const auto& [name, value] : values)
    if (const auto* artifact = missing_in(value, objects))
      return Fail(user_error(Code::failed_precondition,
                             fmt::format("{} `{}`: its object {} is not in the store; upload it first", what,
                                         name, artifact->digest->hex())));
  return {};
}

/// Checks that the stored plan can be read back: otherwise the run could not be resumed.
Result<void> check_readable(const std::string& canonical) {
  const auto again = ir::read_plan(canonical);
  if (again) return {};
  // It may be many times longer than what was sent (aliases are written out); a short one is within all
  // limits.
  constexpr std::size_t surely_within_limits = std::size_t{1} << 20;
  if (canonical.size() > surely_within_limits)
    return Fail(user_error(Code::too_large, "the plan, written out canonically, is too large: " +
                                                again.error().message + "; divide it into several"));
  return Fail(internal_error(
      Code::internal, "the canonical text of this plan cannot be read back: " + again.error().message));
}

Result<std::vector<std::string>> requirements_in(const std::string& file, const Struct& submitted,
                                                 const ports::ObjectStore& objects) {
  constexpr std::size_t file_bytes_max = std::size_t{1} << 20;
  const auto* found = submitted.find(file);
  const auto* artifact = found != nullptr ? found->if_artifact() : nullptr;
  if (artifact == nullptr || !artifact->digest)
    return Fail(
        user_error(Code::invalid_argument, fmt::format("the file `{}` was not submitted with it", file)));
  if (artifact->form != Form::file)
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("`{}` is a folder, not a file of requirements", file)));
  SLUICE_TRY(text, objects.get(*artifact->digest, file_bytes_max));
  if (!is_utf8(text))
    return Fail(user_error(Code::invalid_argument, fmt::format("`{}` is not a text in UTF-8", file)));
  auto read = ir::read_requirements(text);
  if (!read) return Fail(std::move(read).error().at("`" + file + "`"));
  return read;
}

/// Always the same for a schedule and an instant.
RunId run_of(const engine::Trigger& trigger) {
  const auto identity =
      fmt::format("{}\n{}", trigger.schedule.text, trigger.instant.time_since_epoch().count());
  return {derived_ulid(trigger.instant, Digest::of(identity))};
}

Error has_ended(const ports::RunRow& row) {
  return user_error(
      Code::failed_precondition,
      fmt::format("run {} has {} already; see `sluice show {}`", row.id.text,
                  row.status == "succeeded" ? "succeeded" : "ended (" + row.status + ")", row.id.text));
}

/// A hint for `word`, which matches no run: the run whose id, or prefix of the same length, is nearest.
std::string run_near(const std::string& word, const std::vector<ports::RunRow>& newest) {
  std::vector<std::string> prefixes{"latest"};
  for (const auto& row : newest) prefixes.push_back(row.id.text.substr(0, word.size()));
  const auto near = nearest(word, prefixes);
  if (!near) return "; `sluice runs` lists them";
  const auto position = std::ranges::find(prefixes, *near) - prefixes.begin();
  return fmt::format("; did you mean `{}`?",
                     position == 0 ? *near : newest[static_cast<std::size_t>(position) - 1].id.text);
}

/// Of what takes minutes each, before a plan is accepted.
Result<void> check_few(const ir::Plan& plan, std::size_t count, std::string_view what) {
  constexpr std::size_t count_max = 100;
  if (count <= count_max) return {};
  return Fail(
      user_error(Code::too_large, fmt::format("{}: the plan has {} different {}; at most {} are supported",
                                              plan.file, count, what, count_max)));
}

}  // namespace

Result<Runs::Prepared> Runs::prepare(Submission submission) {
  if (ports_.check_room) SLUICE_DO(ports_.check_room());
  SLUICE_TRY(plan, compile(submission.text, submission.file, dialects_, submission.options));
  SLUICE_TRY(pipeline, find_pipeline(*plan, submission.pipeline));
  SLUICE_TRY(inputs, ir::bind_inputs(*pipeline, submission.inputs, false));
  SLUICE_DO(check_no_paths(*pipeline, inputs));
  SLUICE_DO(check_objects(inputs, "input", ports_.objects));
  SLUICE_DO(check_calls(*plan, ir::known_calls(*plan, *pipeline, inputs, dialects_.services)));
  for (const auto& [folder, arguments] : code_folders(*plan)) {
    const auto* code = submission.code.find(folder);
    if (!code || !code->is_artifact())
      return Fail(user_error(
          Code::invalid_argument,
          fmt::format("the folder `{}` that the plan names as `code` was not submitted with it", folder)));
  }
  SLUICE_DO(check_objects(submission.code, "code", ports_.objects));
  SLUICE_DO(check_secrets(*plan, submission.principal.workspace));
  Prepared prepared{.created = {}, .plan = nullptr, .warnings = warnings_of(*plan)};
  if (submission.strict && !prepared.warnings.empty())
    return Fail(
        user_error(Code::failed_precondition, prepared.warnings.front() + ", which `--strict` refuses"));
  SLUICE_TRY(environments, lock_environments(*plan, submission, prepared.warnings));
  SLUICE_TRY(images, resolve_images(*plan));
  const auto now = ports_.clock.now();
  const auto& scheduled = submission.scheduled;
  engine::RunCreated created{
      .run = scheduled ? run_of(scheduled->trigger) : RunId{new_ulid(now, ports_.random)},
      .principal = submission.principal,
      .name = submission.file,
      .pipeline = pipeline->name,
      .plan = ir::print_plan(*plan),
      .plan_digest = {},
      .inputs = std::move(inputs),
      .code = std::move(submission.code),
      .environments = std::move(environments),
      .images = std::move(images),
      .cache = submission.cache,
      .trigger = scheduled ? std::optional(scheduled->trigger) : std::nullopt,
      .at = now};
  created.plan_digest = Digest::of(created.plan);
  SLUICE_DO(check_readable(created.plan));
  prepared.created = std::move(created);
  prepared.plan = std::move(plan);
  return prepared;
}

Result<Submitted> Runs::submit(Submission submission) {
  ports::RunOrigin origin;
  if (const auto& scheduled = submission.scheduled)
    origin.step = {.schedule = scheduled->trigger.schedule,
                   .instant = scheduled->trigger.instant,
                   .due = scheduled->next};
  auto group = std::move(submission.group);
  SLUICE_TRY(prepared, prepare(std::move(submission)));
  if (group) {
    auto& run = group->run;
    const auto& created = prepared.created;
    run.run = created.run;
    if (group->from.text.empty()) {
      run.id = created.run.text;
      run.created = created.at;
    }
    run.started = created.at;
    origin.group = std::make_shared<const ports::GroupStep>(std::move(*group));
  }
  Submitted submitted{.run = prepared.created.run, .warnings = std::move(prepared.warnings)};
  SLUICE_DO(ports_.control.start(std::move(prepared.created), std::move(prepared.plan), std::move(origin)));
  return submitted;
}

Result<std::vector<std::string>> Runs::check(Submission submission) {
  SLUICE_TRY(prepared, prepare(std::move(submission)));
  return std::move(prepared.warnings);
}

Result<void> Runs::check_secrets(const ir::Plan& plan, const std::string& workspace) const {
  const auto uses = secrets_of(plan);
  if (uses.empty()) return {};
  if (ports_.secrets == nullptr)
    return Fail(user_error(Code::failed_precondition,
                           syntax::place(plan.file, uses.front().at) + ": secrets are not supported here"));
  SLUICE_TRY(listed, ports_.secrets->list(workspace));
  std::vector<std::string> names;
  names.reserve(listed.size());
  for (const auto& secret : listed) names.push_back(secret.name);
  for (const auto& use : uses) {
    if (std::ranges::binary_search(names, use.name)) continue;
    auto spelled = use.name;
    std::ranges::replace(spelled, '.', ' ');
    auto hint = did_you_mean(use.name, names);
    if (hint.empty()) hint = fmt::format("; set it from standard input: `sluice secrets set {}`", spelled);
    return Fail(user_error(Code::not_found, fmt::format("{}: there is no secret `{}`{}",
                                                        syntax::place(plan.file, use.at), use.name, hint)));
  }
  return {};
}

Result<Struct> Runs::lock_environments(const ir::Plan& plan, const Submission& submission,
                                       std::vector<std::string>& warnings) {
  const auto all = environments_of(plan);
  SLUICE_DO(check_few(plan, all.size(), "environments"));
  Struct out;
  for (const auto& required : all) {
    const auto where = syntax::place(plan.file, required.at) + ": `environment`";
    ports::EnvironmentRequest request{.python = required.python,
                                      .requirements = required.requirements,
                                      .without_dependencies = required.without_dependencies};
    if (!required.file.empty()) {
      auto read = requirements_in(required.file, submission.code, ports_.objects);
      if (!read) return Fail(std::move(read).error().at(where));
      request.requirements = std::move(*read);
    }
    if (ports_.environments == nullptr)
      return Fail(user_error(Code::failed_precondition, where + " is not supported here"));
    auto locked = ports_.environments->lock(request);
    if (!locked) return Fail(std::move(locked).error().at(where));
    if (!required.python.empty() && !(locked->python + ".").starts_with(required.python + ".")) {
      auto warning = fmt::format("{}: there is no Python {} on this machine, so {} is used", where,
                                 required.python, locked->python);
      if (submission.strict)
        return Fail(user_error(Code::failed_precondition, warning + ", which `--strict` refuses"));
      warnings.push_back(std::move(warning));
    }
    Struct one;
    one.set("python", locked->python);
    one.set("lock", std::move(locked->lock));
    if (!locked->sources.empty()) one.set("sources", List(locked->sources.begin(), locked->sources.end()));
    out.set(ir::name_of(required), std::move(one));
  }
  return out;
}

Result<Struct> Runs::resolve_images(const ir::Plan& plan) {
  const auto all = images_of(plan);
  SLUICE_DO(check_few(plan, all.size(), "images"));
  Struct out;
  for (const auto& image : all) {
    const auto where = syntax::place(plan.file, image.at) + ": `image`";
    if (ports_.containers == nullptr)
      return Fail(user_error(Code::failed_precondition, where + " is not supported here"));
    auto resolved = ports_.containers->resolve(image.reference);
    if (!resolved) return Fail(std::move(resolved).error().at(where));
    out.set(image.reference, std::move(*resolved));
  }
  return out;
}

Result<void> Runs::check_calls(const ir::Plan& plan, const std::vector<ir::KnownCall>& calls) const {
  if (auto problems = ir::check_given_names(calls); !problems.empty()) {
    auto lines = syntax::render(plan.file, std::move(problems));
    lines.pop_back();  // the final newline
    return Fail(user_error(Code::invalid_argument, std::move(lines)));
  }
  if (!ports_.check_call) return {};
  for (const auto& call : calls) {
    if (!call.certain) continue;
    if (auto checked = ports_.check_call(call.signature->name, call.inputs); !checked)
      return Fail(
          std::move(checked.error())
              .at(fmt::format("{}: service `{}`", syntax::place(plan.file, call.at), call.signature->name)));
  }
  return {};
}

Result<ports::RunRow> Runs::find(const std::string& workspace, const std::string& id_or_prefix) const {
  ports::RunFilter filter{
      .workspace = workspace, .status = std::nullopt, .id_prefix = std::nullopt, .limit = 2};
  if (id_or_prefix != "latest") filter.id_prefix = id_or_prefix;
  SLUICE_TRY(rows, ports_.index.runs(filter));
  if (rows.empty() && !filter.id_prefix) return Fail(user_error(Code::not_found, "there are no runs yet"));
  if (rows.empty()) {
    constexpr std::size_t searched_max = 1000;
    SLUICE_TRY(newest, ports_.index.runs({.workspace = workspace,
                                          .status = std::nullopt,
                                          .id_prefix = std::nullopt,
                                          .limit = searched_max}));
    return Fail(user_error(Code::not_found, fmt::format("there is no run `{}`{}", id_or_prefix,
                                                        run_near(id_or_prefix, newest))));
  }
  if (rows.size() > 1 && filter.id_prefix && rows[0].id.text != id_or_prefix)
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("several runs begin with `{}`: {}, {}; give a longer prefix",
                                       id_or_prefix, rows[0].id.text, rows[1].id.text)));
  return rows.front();
}

Result<RunId> Runs::resume(const std::string& workspace, const std::string& id_or_prefix, bool retry) {
  SLUICE_TRY(row, find(workspace, id_or_prefix));
  if (row.status == ports::set_aside && !retry)
    return Fail(user_error(Code::failed_precondition,
                           fmt::format("run {0} was set aside: {1}; `sluice resume --retry {0}` tries again, "
                                       "`sluice cancel {0}` cancels it",
                                       row.id.text, row.message)));
  if (row.status != "running" && row.status != ports::set_aside) return Fail(has_ended(row));
  SLUICE_DO(ports_.control.resume(row.id));
  return row.id;
}

Result<std::size_t> Runs::resume_all() {
  constexpr std::size_t runs_max = 1'000'000;
  SLUICE_TRY(rows, ports_.index.runs(
                       {.workspace = "", .status = "running", .id_prefix = std::nullopt, .limit = runs_max}));
  std::size_t resumed = 0;
  ports_.control.begin_resuming();
  for (const auto& row : rows) {
    if (const auto done = ports_.control.resume(row.id); done)
      ++resumed;
    else
      log::error("cannot resume run " + row.id.text + ": " + done.error().message);
  }
  ports_.control.end_resuming(resumed == rows.size() && resumed < runs_max);
  return resumed;
}

Result<void> Runs::set_aside(const RunId& run) {
  SLUICE_TRY(rows,
             ports_.index.runs({.workspace = "", .status = std::nullopt, .id_prefix = run.text, .limit = 1}));
  if (rows.empty() || rows.front().status != "running") return {};
  auto row = rows.front();
  row.status = ports::set_aside;
  row.message = "the server died twice while it decided what follows in this run";
  log::error(
      fmt::format("run {0} is set aside: {1}; `sluice resume --retry {0}` tries again, `sluice cancel {0}` "
                  "cancels it",
                  run.text, row.message));
  SLUICE_TRY(length, ports_.journal.length(run));
  return ports_.journal.append({{.run = run,
                                 .principal = row.principal,
                                 .expected_next = length,
                                 .events = {},
                                 .row = row,
                                 .cache = {}}},
                               ports::Durability::power);
}

/// Its journal is not read, since that may be what ended the servers.
Result<void> Runs::end_set_aside(ports::RunRow row, std::string reason) {
  const auto now = ports_.clock.now();
  const engine::RunEnded ended{
      .status = engine::Status::cancelled, .failure = {.kind = "cancelled", .message = reason}, .at = now};
  row.status = engine::name(ended.status);
  row.ended = now;
  row.message = reason;
  SLUICE_TRY(length, ports_.journal.length(row.id));
  return ports_.journal.append(
      {{.run = row.id,
        .principal = row.principal,
        .expected_next = length,
        .events = {engine::encode(engine::Stopping{.path = "", .reason = std::move(reason)}),
                   engine::encode(ended)},
        .row = row,
        .cache = {}}},
      ports::Durability::power);
}

Result<RunId> Runs::cancel(const std::string& workspace, const std::string& id_or_prefix,
                           std::string reason) {
  SLUICE_TRY(row, find(workspace, id_or_prefix));
  if (row.status == ports::set_aside) {
    SLUICE_DO(end_set_aside(row, std::move(reason)));
    return row.id;
  }
  if (row.status != "running") return Fail(has_ended(row));
  SLUICE_DO(ports_.control.cancel(row.id, std::move(reason)));
  return row.id;
}

Result<RunReport> Runs::report(const RunId& run) const {
  constexpr std::size_t events_at_once = 512;
  SLUICE_TRY(events, ports_.journal.read(run, 0, events_at_once));
  if (events.empty()) return Fail(user_error(Code::not_found, "there is no run " + run.text));
  SLUICE_TRY(first, engine::decode(events.front()));
  std::shared_ptr<const ir::Plan> plan;
  if (const auto* created = std::get_if<engine::RunCreated>(&first)) {
    SLUICE_TRY(read, ir::read_plan(created->plan));
    plan = std::move(read);
  }
  Reporter reporter(plan);
  while (!events.empty()) {
    for (const auto& text : events) {
      SLUICE_TRY(event, engine::decode(text));
      reporter.apply(event);
    }
    if (events.size() < events_at_once) break;
    SLUICE_TRY(following, ports_.journal.read(run, reporter.report().length, events_at_once));
    events = std::move(following);
  }
  auto report = reporter.report();
  if (!report.result && ports_.control.is_running(run)) {
    constexpr std::size_t tasks_max = 10'000;
    TasksUnderWay under_way;
    for (auto& task : ports_.control.under_way(run, tasks_max))
      under_way.insert_or_assign(task.path, std::move(task));
    for (auto& operation : report.operations)
      if (const auto* task = find_under_way(operation, under_way)) {
        operation.waits_for = task->waits_for;
        operation.progress = task->progress;
      }
  }
  return report;
}

}  // namespace sluice::runs
