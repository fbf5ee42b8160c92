// Tracked runs.
#include <fmt/format.h>

#include "sluice/api/mlflow/responses.hpp"
#include "sluice/api/mlflow/searches.hpp"
#include "sluice/api/mlflow/tasks.hpp"

namespace sluice::api::mlflow {
namespace {

ports::Response one_run(const ports::TrackedRun& run) {
  std::string body;
  JsonObject object(body);
  auto one = object.object("run");
  write_run(one, run);
  one.end();
  object.end();
  return json(std::move(body));
}

Result<ports::Response> create(const MlflowApi& api, const Fields& fields, const ports::Request& request) {
  const auto& by = request.principal;
  tracking::Experiments::NewRun run;
  if (fields.has("experiment_id")) {
    SLUICE_TRY(id, fields.experiment_id());
    run.experiment = id;
  }
  SLUICE_TRY(user, fields.text("user_id"));
  SLUICE_TRY(name, fields.text("run_name"));
  SLUICE_TRY(started, fields.integer("start_time"));
  SLUICE_TRY(tags, fields.pairs("tags"));
  run.user = std::move(user);
  run.name = std::move(name);
  run.started_ms = started.value_or(0);
  run.tags = std::move(tags);
  if (!request.task) {
    SLUICE_TRY(made, api.experiments.create_run(by, std::move(run)));
    return one_run(made);
  }
  SLUICE_TRY(above, find_run(api, by, request.task->fence.text, request.task));
  run.experiment = above.experiment;
  SLUICE_TRY(made, api.experiments.new_run(by, std::move(run)));
  SLUICE_TRY(begun, api.task_runs.begin_below(by, *request.task, std::move(made)));
  return one_run(begun);
}

ports::Response info_of(const ports::TrackedRun& run) {
  std::string body;
  JsonObject object(body);
  auto info = object.object("run_info");
  write_run_info(info, run);
  info.end();
  object.end();
  return json(std::move(body));
}

Result<ports::Response> update(const MlflowApi& api, const Fields& fields, const ports::Request& request) {
  SLUICE_TRY(id, fields.run_id());
  SLUICE_TRY(ended, fields.integer("end_time"));
  SLUICE_TRY(name, fields.text("run_name"));
  std::optional<ports::TrackedStatus> status;
  if (fields.has("status")) {
    SLUICE_TRY(word, fields.text("status"));
    status = ports::tracked_status_named(word);
    if (!status)
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("Invalid value '{}' for parameter 'status' supplied: it is RUNNING, "
                                         "SCHEDULED, FINISHED, FAILED or KILLED",
                                         tracking::shown(word))));
  }
  // How it goes is not what begins the run of a task.
  SLUICE_TRY(unbegun, unbegun_run(api, request, id));
  if (unbegun && name.empty()) {
    unbegun->status = status.value_or(unbegun->status);
    unbegun->ended_ms = ended;
    return info_of(*unbegun);
  }
  SLUICE_DO(check_own(api, request, id));
  SLUICE_TRY(run, api.experiments.update_run(request.principal, id, status, ended, std::move(name)));
  return info_of(run);
}

Result<ports::Response> search(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(search, run_search_of(fields));
  SLUICE_TRY(experiments, experiment_ids_of(fields));
  SLUICE_TRY(found, api.experiments.store().runs(by.workspace, experiments, search));
  return page_response("runs", std::move(found), search, write_run);
}

Result<std::vector<ports::ModelUse>> model_uses(const Fields& fields) {
  SLUICE_TRY(models, fields.objects("models"));
  std::vector<ports::ModelUse> uses;
  for (const auto& model : models) {
    SLUICE_TRY(id, model.needed("model_id"));
    SLUICE_TRY(step, model.integer("step"));
    uses.push_back({.model = std::move(id), .step = step.value_or(0)});
  }
  return uses;
}

Result<ports::DatasetInput> dataset_of(const Fields& fields) {
  SLUICE_TRY(tags, fields.pairs("tags"));
  SLUICE_TRY(dataset, fields.object("dataset"));
  SLUICE_TRY(name, dataset.text("name"));
  SLUICE_TRY(digest, dataset.text("digest"));
  SLUICE_TRY(source_type, dataset.text("source_type"));
  SLUICE_TRY(source, dataset.text("source"));
  SLUICE_TRY(schema, dataset.text("schema"));
  SLUICE_TRY(profile, dataset.text("profile"));
  return ports::DatasetInput{.name = std::move(name),
                             .digest = std::move(digest),
                             .source_type = std::move(source_type),
                             .source = std::move(source),
                             .schema = std::move(schema),
                             .profile = std::move(profile),
                             .tags = std::move(tags)};
}

Result<ports::Response> log_inputs(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(id, fields.run_id());
  SLUICE_TRY(inputs, fields.objects("datasets"));
  ports::TrackedRunChange change;
  for (const auto& input : inputs) {
    SLUICE_TRY(dataset, dataset_of(input));
    change.datasets.push_back(std::move(dataset));
  }
  SLUICE_TRY(models, model_uses(fields));
  change.model_inputs = std::move(models);
  SLUICE_DO(api.experiments.log_uses(by, id, change));
  return empty();
}

Result<ports::Response> log_outputs(const MlflowApi& api, const Fields& fields, const Principal& by) {
  SLUICE_TRY(id, fields.run_id());
  SLUICE_TRY(models, model_uses(fields));
  if (models.empty()) return Fail(missing_parameter("models"));
  ports::TrackedRunChange change;
  change.model_outputs = std::move(models);
  SLUICE_DO(api.experiments.log_uses(by, id, change));
  return empty();
}

}  // namespace

void add_run_routes(const MlflowApi& api, Routes& routes) {
  const auto with = [api](auto work) {
    return
        [api, work](const Fields& fields, const ports::Request& r) { return work(api, fields, r.principal); };
  };
  const auto quick = small_and_quick(api);
  const Routes::More own{.admit_task = admit_to_run(api), .begin_missing = begin_run_of_engine(api)};
  auto quick_own = own;
  quick_own.is_brief = quick;
  auto large_own = own;
  large_own.body_max = std::size_t{20} << 20;  // the greatest profile of a dataset has 16 MiB
  routes.add("POST", "/runs/create",
             [api](const Fields& fields, const auto& r) { return create(api, fields, r); },
             {.is_brief = quick, .admit_task = admit_to_handler()});
  routes.add(
      "POST", "/runs/update", [api](const Fields& fields, const auto& r) { return update(api, fields, r); },
      {.is_brief = quick, .admit_task = admit_to_handler(), .begin_missing = begin_run_of_engine(api)});
  routes.add("GET", "/runs/get", [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
    SLUICE_TRY(id, fields.run_id());
    SLUICE_TRY(run, find_run(api, r.principal, id, r.task));
    return one_run(run);
  });
  routes.add_search("/runs/search", with(search));
  const auto set_active = [api](bool active) {
    return [api, active](const Fields& fields, const ports::Request& r) -> Result<ports::Response> {
      SLUICE_TRY(id, fields.run_id());
      SLUICE_DO(api.experiments.set_run_active(r.principal, id, active));
      return empty();
    };
  };
  routes.add("POST", "/runs/delete", set_active(false));
  routes.add("POST", "/runs/restore", set_active(true));
  routes.add(
      "POST", "/runs/set-tag",
      [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
        SLUICE_TRY(id, fields.run_id());
        SLUICE_TRY(key, fields.needed("key"));
        SLUICE_TRY(value, fields.text("value"));
        SLUICE_DO(api.experiments.set_run_tag(r.principal, id, {.key = key, .value = value}));
        return empty();
      },
      quick_own);
  routes.add(
      "POST", "/runs/delete-tag",
      [api](const Fields& fields, const auto& r) -> Result<ports::Response> {
        SLUICE_TRY(id, fields.run_id());
        SLUICE_TRY(key, fields.needed("key"));
        SLUICE_DO(api.experiments.remove_run_tag(r.principal, id, key));
        return empty();
      },
      own);
  routes.add("POST", "/runs/log-inputs", with(log_inputs), large_own);
  routes.add("POST", "/runs/outputs", with(log_outputs), own);
}

}  // namespace sluice::api::mlflow
