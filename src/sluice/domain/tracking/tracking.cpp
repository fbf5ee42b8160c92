#include "sluice/domain/tracking/tracking.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/domain/tracking/rules.hpp"

namespace sluice::tracking {
namespace {

/// The name in the tag, which has to go along with that of the run.
std::optional<std::string> name_in(const std::vector<ports::KeyValue>& tags) {
  std::optional<std::string> name;
  for (const auto& tag : tags)
    if (tag.key == run_name_tag) name = tag.value;
  return name;
}

}  // namespace

Result<void> Experiments::prepare(const Principal& principal) {
  SLUICE_TRY(known, store_.experiment_named(principal.workspace, std::string(default_experiment)));
  if (known) return {};
  SLUICE_DO(create(principal, std::string(default_experiment), "", {}));
  return {};
}

Result<ports::Experiment> Experiments::create(const Principal& principal, const std::string& name,
                                              const std::string& artifact_location,
                                              std::vector<ports::KeyValue> tags) {
  SLUICE_DO(check_experiment_name(name));
  for (const auto& tag : tags) SLUICE_DO(check_experiment_tag(tag));
  return store_.create_experiment({.principal = principal,
                                   .name = name,
                                   .artifact_location = artifact_location,
                                   .artifact_root = std::string(artifact_root),
                                   .tags = std::move(tags),
                                   .at = clock_.now()});
}

Result<void> Experiments::check_active(const Principal& principal, std::int64_t id) const {
  SLUICE_TRY(experiment, store_.experiment(principal.workspace, id));
  if (experiment.active) return {};
  return Fail(user_error(
      Code::failed_precondition,
      fmt::format("The experiment {} must be in the 'active' state. Current state is deleted.", id)));
}

Result<void> Experiments::rename(const Principal& principal, std::int64_t id, const std::string& name) {
  SLUICE_DO(check_experiment_name(name));
  SLUICE_TRY(experiment, store_.experiment(principal.workspace, id));
  if (!experiment.active)
    return Fail(user_error(Code::failed_precondition, "Cannot rename a non-active experiment."));
  return store_.change_experiment(principal.workspace, id, {.name = name, .at = clock_.now()});
}

Result<void> Experiments::set_active(const Principal& principal, std::int64_t id, bool active) {
  SLUICE_TRY(experiment, store_.experiment(principal.workspace, id));
  if (experiment.active == active)
    return Fail(user_error(Code::not_found, fmt::format("No Experiment with id={} exists", id)));
  return store_.change_experiment(principal.workspace, id, {.active = active, .at = clock_.now()});
}

Result<void> Experiments::set_tag(const Principal& principal, std::int64_t id, const ports::KeyValue& tag) {
  SLUICE_DO(check_experiment_tag(tag));
  SLUICE_DO(check_active(principal, id));
  return store_.change_experiment(principal.workspace, id, {.tag = tag, .at = clock_.now()});
}

Result<void> Experiments::remove_tag(const Principal& principal, std::int64_t id, const std::string& key) {
  SLUICE_DO(check_active(principal, id));
  return store_.change_experiment(principal.workspace, id, {.removed_tag = key, .at = clock_.now()});
}

Result<ports::TrackedRun> Experiments::new_run(const Principal& principal, NewRun run) {
  SLUICE_TRY(experiment, store_.experiment(principal.workspace, run.experiment));
  for (std::size_t i = 0; i < run.tags.size(); ++i) {
    SLUICE_TRY(checked, checked_tag(std::move(run.tags[i]), {.list = "tags", .index = i}));
    run.tags[i] = std::move(checked);
  }
  const auto tagged = name_in(run.tags);
  if (tagged && !run.name.empty() && *tagged != run.name)
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            "(run_name='{}', mlflow.runName='{}').",
            run.name, *tagged)));
  if (run.name.empty()) run.name = tagged.value_or("");
  if (run.name.empty()) run.name = invented_name(random_);
  SLUICE_TRY(name, checked_tag({.key = std::string(run_name_tag), .value = std::move(run.name)}));
  run.name = name.value;
  if (!tagged) run.tags.push_back(std::move(name));
  ports::TrackedRun made{.id = new_run_id(random_),
                         .experiment = run.experiment,
                         .name = std::move(run.name),
                         .user = std::move(run.user),
                         .started_ms = run.started_ms,
                         .ended_ms = std::nullopt,
                         .artifact_uri = {},
                         .metrics = {},
                         .parameters = {},
                         .tags = std::move(run.tags),
                         .datasets = {},
                         .model_inputs = {},
                         .model_outputs = {}};
  made.artifact_uri = artifacts_of_run(experiment, made.id);
  return made;
}

Result<ports::TrackedRun> Experiments::create_run(const Principal& principal, NewRun run) {
  SLUICE_TRY(made, new_run(principal, std::move(run)));
  SLUICE_DO(store_.create_run({.principal = principal, .run = made}));
  std::ranges::sort(made.tags, {}, &ports::KeyValue::key);
  return made;
}

Result<ports::TrackedRun> Experiments::update_run(const Principal& principal, const std::string& id,
                                                  std::optional<ports::TrackedStatus> status,
                                                  std::optional<std::int64_t> ended_ms,
                                                  std::optional<std::string> name) {
  ports::TrackedRunChange change{.status = status, .ended_ms = ended_ms};
  if (name && !name->empty()) {
    SLUICE_TRY(tag, checked_tag({.key = std::string(run_name_tag), .value = std::move(*name)}));
    change.name = tag.value;
    change.tags.push_back(std::move(tag));
  }
  SLUICE_DO(store_.change_run(principal.workspace, id, change));
  return store_.run(principal.workspace, id);
}

Result<void> Experiments::set_run_active(const Principal& principal, const std::string& id, bool active) {
  return store_.set_active(principal.workspace, id, active, clock_.now());
}

Result<std::string> Experiments::find_run(const Principal& principal, const std::string& named) const {
  SLUICE_TRY(ids, store_.run_ids(principal.workspace, named, 2));
  if (ids.empty())
    return Fail(user_error(
        Code::not_found,
        fmt::format("there is no tracked run `{}`; name one by its id, or by how that begins", named)));
  if (ids.size() > 1 && ids.front() != named)
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("several tracked runs begin with `{}`: {}, {}; give a longer prefix",
                                       named, ids[0], ids[1])));
  return ids.front();
}

Result<void> Experiments::log_metric(const Principal& principal, const std::string& run,
                                     ports::Metric metric) {
  SLUICE_TRY(checked, checked_metric(std::move(metric)));
  ports::TrackedRunChange change;
  change.metrics.push_back(std::move(checked));
  SLUICE_DO(store_.change_run(principal.workspace, run, change));
  return {};
}

Result<void> Experiments::log_parameter(const Principal& principal, const std::string& run,
                                        ports::KeyValue parameter) {
  SLUICE_TRY(checked, checked_parameter(std::move(parameter)));
  ports::TrackedRunChange change;
  change.parameters.push_back(std::move(checked));
  SLUICE_TRY(conflicts, store_.change_run(principal.workspace, run, change));
  if (conflicts.empty()) return {};
  return Fail(user_error(
      Code::invalid_argument,
      fmt::format(
          "Changing param values is not allowed. Param with key='{}' was already logged with value='{}' "
          "for run ID='{}'. Attempted logging new value '{}'.",
          conflicts.front().key, conflicts.front().stored, run, conflicts.front().sent)));
}

Result<void> Experiments::set_run_tag(const Principal& principal, const std::string& run,
                                      ports::KeyValue tag) {
  SLUICE_TRY(checked, checked_tag(std::move(tag)));
  ports::TrackedRunChange change;
  if (checked.key == run_name_tag) change.name = checked.value;
  change.tags.push_back(std::move(checked));
  SLUICE_DO(store_.change_run(principal.workspace, run, change));
  return {};
}

Result<void> Experiments::remove_run_tag(const Principal& principal, const std::string& run,
                                         const std::string& key) {
  SLUICE_DO(store_.change_run(principal.workspace, run, {.removed_tag = key}));
  return {};
}

Result<void> Experiments::log_batch(const Principal& principal, const std::string& run,
                                    ports::TrackedRunChange change) {
  SLUICE_DO(check_run_id(run));
  SLUICE_TRY(checked, checked_batch(std::move(change)));
  if (auto name = name_in(checked.tags)) checked.name = std::move(name);
  SLUICE_TRY(conflicts, store_.change_run(principal.workspace, run, checked));
  if (conflicts.empty()) return {};
  std::vector<std::string> shown;
  for (const auto& conflict : conflicts)
    shown.push_back(fmt::format("{{'key': {}, 'old_value': {}, 'new_value': {}}}", python_text(conflict.key),
                                python_text(conflict.stored), python_text(conflict.sent)));
  return Fail(user_error(
      Code::invalid_argument,
      fmt::format("Changing param values is not allowed. Params were already logged='[{}]' for run ID='{}'.",
                  fmt::join(shown, ", "), run)));
}

Result<void> Experiments::log_uses(const Principal& principal, const std::string& run,
                                   const ports::TrackedRunChange& change) {
  SLUICE_DO(check_run_id(run));
  SLUICE_DO(check_uses(change));
  SLUICE_DO(store_.change_run(principal.workspace, run, change));
  return {};
}

std::string artifacts_of_run(const ports::Experiment& experiment, const std::string& run) {
  const auto& root = experiment.artifact_location;
  return fmt::format("{}{}{}/artifacts", root, root.ends_with('/') ? "" : "/", run);
}

std::string new_run_id(Random& random) { return fmt::format("{:016x}{:016x}", random.next(), random.next()); }

std::string invented_name(Random& random) {
  static constexpr auto kinds = std::to_array<std::string_view>(
      {"amber", "brisk", "calm",  "clear", "cool",  "deep",  "early", "even",  "fair",  "fleet", "free",
       "glad",  "grand", "green", "keen",  "kind",  "late",  "light", "lucid", "mild",  "neat",  "noble",
       "plain", "proud", "quick", "quiet", "rapid", "ready", "sharp", "smart", "solid", "swift", "warm"});
  static constexpr auto things = std::to_array<std::string_view>(
      {"alder", "badger", "beech", "brook",  "cedar",  "crane", "delta", "dune",  "eagle", "fern", "finch",
       "fjord", "grove",  "heron", "ibex",   "lark",   "lynx",  "maple", "marsh", "otter", "pine", "plover",
       "reef",  "ridge",  "robin", "salmon", "spruce", "stork", "tern",  "tide",  "trout", "weir", "wren"});
  constexpr std::uint64_t numbers = 1000;
  return fmt::format("{}-{}-{}", kinds[random.next() % kinds.size()], things[random.next() % things.size()],
                     random.next() % numbers);
}

}  // namespace sluice::tracking
