#include "sluice/domain/tracking/logged_models.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/domain/tracking/rules.hpp"
#include "sluice/domain/tracking/tracking.hpp"

namespace sluice::tracking {
namespace {

Result<void> check_name(const std::string& name) {
  constexpr std::string_view refused = "/:.%\"'";
  if (name.find_first_of(refused) == std::string::npos) return {};
  return Fail(
      user_error(Code::invalid_argument,
                 fmt::format("Invalid model name ({}) provided. Model name must be a non-empty string and "
                             "cannot contain the following characters: ('/', ':', '.', '%', '\"', \"'\")",
                             python_text(name))));
}

}  // namespace

Result<ports::LoggedModel> LoggedModels::create(const Principal& principal, NewModel model) {
  SLUICE_DO(check_name(model.name));
  SLUICE_TRY(experiment, experiments_.experiment(principal.workspace, model.experiment));
  if (!experiment.active)
    return Fail(
        user_error(Code::failed_precondition,
                   fmt::format("The experiment {} must be in the 'active' state. Current state is deleted.",
                               experiment.id)));
  const auto at = clock_.now();
  ports::LoggedModel made{.id = "m-" + new_run_id(random_),
                          .experiment = model.experiment,
                          .name = model.name.empty() ? invented_name(random_) : std::move(model.name),
                          .artifact_location = {},
                          .created = at,
                          .updated = at,
                          .type = std::move(model.type),
                          .source_run = std::move(model.source_run),
                          .parameters = std::move(model.parameters),
                          .tags = std::move(model.tags),
                          .metrics = {}};
  made.artifact_location = fmt::format("{}{}models/{}/artifacts", experiment.artifact_location,
                                       experiment.artifact_location.ends_with('/') ? "" : "/", made.id);
  SLUICE_DO(store_.create_model(principal, made));
  std::ranges::sort(made.parameters, {}, &ports::KeyValue::key);
  std::ranges::sort(made.tags, {}, &ports::KeyValue::key);
  return made;
}

Result<ports::LoggedModel> LoggedModels::finalize(const Principal& principal, const std::string& id,
                                                  ports::LoggedModelStatus status) {
  return store_.change_model(principal.workspace, id, {.status = status, .at = clock_.now()});
}

Result<void> LoggedModels::remove(const Principal& principal, const std::string& id) {
  SLUICE_DO(store_.change_model(principal.workspace, id, {.active = false, .at = clock_.now()}));
  return {};
}

Result<void> LoggedModels::log_parameters(const Principal& principal, const std::string& id,
                                          std::vector<ports::KeyValue> parameters) {
  SLUICE_DO(store_.change_model(principal.workspace, id,
                                {.parameters = std::move(parameters), .at = clock_.now()}));
  return {};
}

Result<void> LoggedModels::set_tags(const Principal& principal, const std::string& id,
                                    std::vector<ports::KeyValue> tags) {
  SLUICE_DO(store_.change_model(principal.workspace, id, {.tags = std::move(tags), .at = clock_.now()}));
  return {};
}

Result<void> LoggedModels::remove_tag(const Principal& principal, const std::string& id,
                                      const std::string& key) {
  SLUICE_DO(store_.change_model(principal.workspace, id, {.removed_tag = key, .at = clock_.now()}));
  return {};
}

Result<void> LoggedModels::log_metric(const std::string& id, ports::LoggedModelMetric metric) {
  SLUICE_TRY(checked, checked_metric(std::move(metric.metric)));
  metric.metric = std::move(checked);
  return store_.add_metrics(id, {metric});
}

Result<ports::LoggedModel> LoggedModels::find(const Principal& principal, const std::string& id,
                                              bool removed_too) const {
  SLUICE_TRY(found, store_.model(principal.workspace, id));
  if (!found.active && !removed_too)
    return Fail(user_error(Code::not_found, fmt::format("Logged model with ID '{}' not found.", id)));
  return found;
}

}  // namespace sluice::tracking
