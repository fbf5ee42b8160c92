#include "sluice/stores/sqlite/sqlite_tracking_target.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>

#include <fmt/format.h>

#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/logged_model_rows.hpp"
#include "sluice/stores/sqlite/metric_history.hpp"
#include "sluice/stores/sqlite/run_record.hpp"
#include "sluice/stores/sqlite/tracked_run_rows.hpp"

namespace sluice::stores {

using sqlite::Connection;

namespace {

using ports::KeyValue;
using ports::Lack;
using ports::MetricHistory;
using ports::MetricPoint;

/// Numbers of experiments up to this are kept, if they are free.
constexpr std::int64_t kept_number_max = 1'000'000'000;

/// One order of all points: values that are not numbers are equal.
auto place_of(const MetricPoint& point) {
  const bool is_nan = std::isnan(point.value);
  return std::tuple(point.at_ms, point.step, is_nan, is_nan ? 0.0 : point.value);
}

void sort_each_once(std::vector<MetricPoint>& points) {
  std::ranges::sort(points, {}, place_of);
  const auto same = [](const MetricPoint& a, const MetricPoint& b) { return place_of(a) == place_of(b); };
  const auto rest = std::ranges::unique(points, same);
  points.erase(rest.begin(), rest.end());
}

/// What `wanted` has and `stored` does not, or has with another value.
std::vector<KeyValue> missing_of(const std::vector<KeyValue>& wanted, const std::vector<KeyValue>& stored) {
  std::vector<KeyValue> missing;
  for (const auto& pair : wanted) {
    const auto found = std::ranges::lower_bound(stored, pair.key, {}, &KeyValue::key);
    if (found == stored.end() || *found != pair) missing.push_back(pair);
  }
  return missing;
}

std::vector<ports::ModelUse> missing_of(const std::vector<ports::ModelUse>& wanted,
                                        const std::vector<ports::ModelUse>& stored) {
  std::vector<ports::ModelUse> missing;
  for (const auto& use : wanted)
    if (std::ranges::none_of(stored,
                             [&](const auto& s) { return s.model == use.model && s.step == use.step; }))
      missing.push_back(use);
  return missing;
}

std::vector<ports::DatasetInput> missing_of(const std::vector<ports::DatasetInput>& wanted,
                                            const std::vector<ports::DatasetInput>& stored) {
  std::vector<ports::DatasetInput> missing;
  for (const auto& input : wanted)
    if (std::ranges::none_of(stored,
                             [&](const auto& s) { return s.name == input.name && s.digest == input.digest; }))
      missing.push_back(input);
  return missing;
}

bool is_newer_order(const MetricPoint& a, const MetricPoint& b) { return place_of(a) < place_of(b); }

/// What the ledger lacks of a run.
struct MissingOfRun {
  std::optional<std::int64_t> number;  ///< of the run; nullopt: it lacks all
  bool fields = false;
  std::vector<KeyValue> parameters;
  std::vector<KeyValue> tags;
  std::vector<MetricHistory> histories;
  std::vector<ports::DatasetInput> datasets;
  std::vector<ports::ModelUse> inputs;
  std::vector<ports::ModelUse> outputs;

  [[nodiscard]] Lack lack() const {
    Lack lack{.all = !number,
              .fields = fields,
              .parameters = static_cast<std::int64_t>(parameters.size()),
              .tags = static_cast<std::int64_t>(tags.size()),
              .uses = static_cast<std::int64_t>(datasets.size() + inputs.size() + outputs.size())};
    for (const auto& history : histories) lack.points += static_cast<std::int64_t>(history.points.size());
    return lack;
  }
};

Result<MissingOfRun> missing_of(Connection& connection, const std::string& workspace,
                                const ports::TrackedRun& run, const std::vector<MetricHistory>& histories) {
  MissingOfRun missing;
  ports::TrackedRun stored;
  {
    SLUICE_TRY(select,
               connection.prepare("SELECT number, experiment, workspace FROM tracked_runs WHERE id = ?"));
    SLUICE_TRY(has_row, select.bind(run.id).step());
    if (has_row) {
      if (select.text(2) != workspace || select.integer(1) != run.experiment)
        return Fail(user_error(Code::already_exists, "there is a run with this id, in another experiment"));
      missing.number = select.integer(0);
    }
  }
  if (missing.number) {
    SLUICE_TRY(read, sqlite::read_tracked_run(connection, *missing.number));
    stored = std::move(read);
    missing.fields = stored.name != run.name || stored.user != run.user || stored.status != run.status ||
                     stored.started_ms != run.started_ms || stored.ended_ms != run.ended_ms ||
                     stored.active != run.active || stored.artifact_uri != run.artifact_uri;
  }
  missing.parameters = missing_of(run.parameters, stored.parameters);
  missing.tags = missing_of(run.tags, stored.tags);
  missing.datasets = missing_of(run.datasets, stored.datasets);
  missing.inputs = missing_of(run.model_inputs, stored.model_inputs);
  missing.outputs = missing_of(run.model_outputs, stored.model_outputs);
  for (const auto& history : histories) {
    MetricHistory lacked{.key = history.key, .points = history.points};
    sort_each_once(lacked.points);
    if (missing.number) {
      SLUICE_TRY(points, sqlite::all_points(connection, *missing.number, history.key));
      sort_each_once(points);
      std::vector<MetricPoint> rest;
      std::ranges::set_difference(lacked.points, points, std::back_inserter(rest), is_newer_order);
      lacked.points = std::move(rest);
    }
    if (!lacked.points.empty()) missing.histories.push_back(std::move(lacked));
  }
  return missing;
}

Result<void> put_fields(Connection& connection, std::int64_t number, const ports::TrackedRun& run, Time at) {
  SLUICE_TRY(update, connection.prepare(R"sql(
    UPDATE tracked_runs SET name = ?, user = ?, status = ?, started_ms = ?, ended_ms = ?, artifact_uri = ?,
      active = ?, removed_ms = CASE WHEN ? THEN NULL ELSE coalesce(removed_ms, ?) END WHERE number = ?)sql"));
  update.bind(run.name).bind(run.user).bind(ports::name(run.status)).bind(run.started_ms);
  if (run.ended_ms)
    update.bind(*run.ended_ms);
  else
    update.bind_null();
  update.bind(run.artifact_uri).bind(std::int64_t{run.active}).bind(std::int64_t{run.active});
  return update.bind(sqlite::milliseconds(at)).bind(number).run();
}

Result<std::int64_t> insert_run(Connection& connection, const Principal& principal,
                                const ports::TrackedRun& run, Time at) {
  SLUICE_TRY(insert, connection.prepare(R"sql(
    INSERT INTO tracked_runs(id, workspace, principal, experiment, name, user, status, started_ms, artifact_uri,
      active) VALUES(?,?,?,?,?,?,?,?,?,1))sql"));
  insert.bind(run.id).bind(principal.workspace).bind(principal.name).bind(run.experiment);
  insert.bind(run.name).bind(run.user).bind(ports::name(run.status)).bind(run.started_ms);
  SLUICE_DO(insert.bind(run.artifact_uri).run());
  SLUICE_TRY(select, connection.prepare("SELECT number FROM tracked_runs WHERE id = ?"));
  SLUICE_DO(select.bind(run.id).step());
  const auto number = select.integer(0);
  SLUICE_DO(put_fields(connection, number, run, at));
  return number;
}

/// Parameters never change where they are logged; here they become what the source says.
Result<void> replace_parameter(Connection& connection, std::int64_t run, const KeyValue& parameter) {
  SLUICE_TRY(upsert, connection.prepare("INSERT INTO tracked_parameters(run, key, value) VALUES(?,?,?) "
                                        "ON CONFLICT(run, key) DO UPDATE SET value=excluded.value"));
  return upsert.bind(run).bind(parameter.key).bind(parameter.value).run();
}

Result<void> put_parts(Connection& connection, std::int64_t number, std::int64_t experiment,
                       const MissingOfRun& missing) {
  for (const auto& parameter : missing.parameters)
    SLUICE_DO(replace_parameter(connection, number, parameter));
  for (const auto& tag : missing.tags) SLUICE_DO(sqlite::put_tag(connection, number, tag));
  for (const auto& history : missing.histories)
    SLUICE_DO(sqlite::add_points(connection, {.run = number, .experiment = experiment}, history.key,
                                 history.points));
  SLUICE_DO(sqlite::put_datasets(connection, number, missing.datasets));
  for (const auto& use : missing.inputs) SLUICE_DO(sqlite::put_model_use(connection, number, false, use));
  for (const auto& use : missing.outputs) SLUICE_DO(sqlite::put_model_use(connection, number, true, use));
  ports::TrackedRun logged;
  SLUICE_DO(sqlite::read_parts(connection, number, logged));
  return sqlite::write_record(connection, number, sqlite::record_of(logged));
}

struct KnownExperiment {
  std::int64_t id = 0;
  bool active = true;
  std::int64_t created_ms = 0;
};

Result<std::optional<KnownExperiment>> experiment_named(Connection& connection, const std::string& workspace,
                                                        const std::string& name) {
  SLUICE_TRY(select, connection.prepare(
                         "SELECT id, active, created_ms FROM experiments WHERE workspace = ? AND name = ?"));
  SLUICE_TRY(has_row, select.bind(workspace).bind(name).step());
  if (!has_row) return std::nullopt;
  return KnownExperiment{
      .id = select.integer(0), .active = select.integer(1) != 0, .created_ms = select.integer(2)};
}

Result<std::int64_t> free_number(Connection& connection, std::int64_t wanted) {
  SLUICE_TRY(select, connection.prepare("SELECT count(*) FILTER (WHERE id = ?), coalesce(max(id) + 1, 0) "
                                        "FROM experiments"));
  SLUICE_DO(select.bind(wanted).step());
  const bool keeps = wanted >= 0 && wanted <= kept_number_max && select.integer(0) == 0;
  return keeps ? wanted : select.integer(1);
}

}  // namespace

SqliteTrackingTarget::SqliteTrackingTarget(std::shared_ptr<sqlite::LedgerFile> file, Principal principal,
                                           Time at)
    : file_(std::move(file)), principal_(std::move(principal)), at_(at) {}

SqliteTrackingTarget::~SqliteTrackingTarget() = default;

Result<SqliteTrackingTarget::PutExperiment> SqliteTrackingTarget::put_experiment(
    const ports::Experiment& experiment) {
  PutExperiment put;
  SLUICE_DO(file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(known, experiment_named(connection, principal_.workspace, experiment.name));
    const auto created = sqlite::milliseconds(experiment.created);
    std::vector<KeyValue> stored;
    if (known) {
      put.id = known->id;
      SLUICE_TRY(select, connection.prepare(
                             "SELECT key, value FROM experiment_tags WHERE experiment = ? ORDER BY key"));
      SLUICE_TRY(tags, sqlite::pairs_of(std::move(select), known->id));
      stored = std::move(tags);
      // One that was made here keeps its lifecycle; one that came from there goes along.
      put.lacked.fields = known->created_ms == created && known->active != experiment.active;
      if (put.lacked.fields) {
        SLUICE_TRY(update, connection.prepare("UPDATE experiments SET active = ? WHERE id = ?"));
        SLUICE_DO(update.bind(std::int64_t{experiment.active}).bind(known->id).run());
      }
    } else {
      put.lacked.all = true;
      SLUICE_TRY(number, free_number(connection, experiment.id));
      put.id = number;
      const auto location = fmt::format("{}{}", ports::artifact_root, number);
      SLUICE_TRY(insert, connection.prepare(R"sql(
        INSERT INTO experiments(id, workspace, principal, name, artifact_location, active, created_ms, updated_ms)
        VALUES(?,?,?,?,?,?,?,?))sql"));
      insert.bind(number).bind(principal_.workspace).bind(principal_.name).bind(experiment.name);
      insert.bind(location).bind(std::int64_t{experiment.active}).bind(created);
      SLUICE_DO(insert.bind(sqlite::milliseconds(experiment.updated)).run());
    }
    const auto tags = missing_of(experiment.tags, stored);
    put.lacked.tags = static_cast<std::int64_t>(tags.size());
    for (const auto& tag : tags) {
      SLUICE_TRY(upsert,
                 connection.prepare("INSERT INTO experiment_tags(experiment, key, value) VALUES(?,?,?) "
                                    "ON CONFLICT(experiment, key) DO UPDATE SET value=excluded.value"));
      SLUICE_DO(upsert.bind(put.id).bind(tag.key).bind(tag.value).run());
    }
    if (known && put.lacked.any()) {
      SLUICE_TRY(update,
                 connection.prepare("UPDATE experiments SET updated_ms = max(updated_ms, ?) WHERE id = ?"));
      SLUICE_DO(update.bind(sqlite::milliseconds(experiment.updated)).bind(put.id).run());
    }
    return {};
  }));
  return put;
}

Result<Lack> SqliteTrackingTarget::put_run(const ports::TrackedRun& run,
                                           const std::vector<MetricHistory>& histories) {
  Lack lacked;
  SLUICE_TRY(before, lack_of(run, histories));
  if (!before.any()) return before;
  SLUICE_DO(file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(missing, missing_of(connection, principal_.workspace, run, histories));
    lacked = missing.lack();
    auto number = missing.number;
    if (!number) {
      SLUICE_TRY(inserted, insert_run(connection, principal_, run, at_));
      number = inserted;
    } else if (missing.fields) {
      SLUICE_DO(put_fields(connection, *number, run, at_));
    }
    return put_parts(connection, *number, run.experiment, missing);
  }));
  return lacked;
}

Result<Lack> SqliteTrackingTarget::lack_of(const ports::TrackedRun& run,
                                           const std::vector<MetricHistory>& histories) {
  return file_->read([&](Connection& connection) -> Result<Lack> {
    SLUICE_TRY(missing, missing_of(connection, principal_.workspace, run, histories));
    return missing.lack();
  });
}

namespace {

struct MissingOfModel {
  std::optional<std::int64_t> number;
  bool fields = false;
  std::vector<KeyValue> parameters;
  std::vector<KeyValue> tags;
  std::vector<ports::LoggedModelMetric> metrics;

  [[nodiscard]] Lack lack() const {
    return {.all = !number,
            .fields = fields,
            .parameters = static_cast<std::int64_t>(parameters.size()),
            .tags = static_cast<std::int64_t>(tags.size()),
            .points = static_cast<std::int64_t>(metrics.size())};
  }
};

Result<MissingOfModel> missing_of(Connection& connection, const std::string& workspace,
                                  const ports::LoggedModel& model) {
  MissingOfModel missing;
  ports::LoggedModel stored;
  {
    SLUICE_TRY(select,
               connection.prepare("SELECT number, experiment, workspace FROM logged_models WHERE id = ?"));
    SLUICE_TRY(has_row, select.bind(model.id).step());
    if (has_row) {
      if (select.text(2) != workspace || select.integer(1) != model.experiment)
        return Fail(
            user_error(Code::already_exists, "there is a logged model with this id, in another experiment"));
      missing.number = select.integer(0);
    }
  }
  if (missing.number) {
    SLUICE_TRY(read, sqlite::read_logged_model(connection, *missing.number));
    stored = std::move(read);
    missing.fields = stored.name != model.name || stored.status != model.status ||
                     stored.type != model.type || stored.source_run != model.source_run ||
                     stored.active != model.active || stored.created != model.created ||
                     stored.artifact_location != model.artifact_location;
  }
  missing.parameters = missing_of(model.parameters, stored.parameters);
  missing.tags = missing_of(model.tags, stored.tags);
  // The value is no part of what makes one of them: the first one that was logged stays.
  const auto key = [](const ports::LoggedModelMetric& metric) {
    return std::tuple<std::string_view, std::int64_t, std::int64_t, std::string_view, std::string_view,
                      std::string_view>(metric.metric.key, metric.metric.point.at_ms,
                                        metric.metric.point.step, metric.run, metric.dataset_name,
                                        metric.dataset_digest);
  };
  std::ranges::sort(stored.metrics, {}, key);
  for (const auto& metric : model.metrics)
    if (!std::ranges::binary_search(stored.metrics, key(metric), {}, key)) missing.metrics.push_back(metric);
  return missing;
}

}  // namespace

Result<Lack> SqliteTrackingTarget::put_model(const ports::LoggedModel& model) {
  Lack lacked;
  SLUICE_TRY(before, lack_of(model));
  if (!before.any()) return before;
  SLUICE_DO(file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(missing, missing_of(connection, principal_.workspace, model));
    lacked = missing.lack();
    auto number = missing.number;
    if (!number) {
      SLUICE_DO(sqlite::insert_logged_model(connection, principal_, model));
      SLUICE_TRY(found, sqlite::number_of_model(connection, principal_.workspace, model.id));
      number = found;
    } else if (missing.fields) {
      SLUICE_DO(sqlite::update_logged_model(connection, *number, model));
    }
    for (const auto& parameter : missing.parameters)
      SLUICE_DO(sqlite::put_model_parameter(connection, *number, parameter));
    for (const auto& tag : missing.tags) SLUICE_DO(sqlite::put_model_tag(connection, *number, tag));
    for (const auto& metric : missing.metrics)
      SLUICE_DO(sqlite::put_model_metric(connection, model.id, metric));
    return {};
  }));
  return lacked;
}

Result<Lack> SqliteTrackingTarget::lack_of(const ports::LoggedModel& model) {
  return file_->read([&](Connection& connection) -> Result<Lack> {
    SLUICE_TRY(missing, missing_of(connection, principal_.workspace, model));
    return missing.lack();
  });
}

Result<std::string> SqliteTrackingTarget::files_of_run(const std::string& id) {
  return file_->read([&](Connection& connection) -> Result<std::string> {
    SLUICE_TRY(select,
               connection.prepare("SELECT artifact_uri FROM tracked_runs WHERE id = ? AND workspace = ?"));
    SLUICE_TRY(has_row, select.bind(id).bind(principal_.workspace).step());
    return has_row ? select.text(0) : std::string();
  });
}

Result<std::string> SqliteTrackingTarget::files_of_model(const std::string& id) {
  return file_->read([&](Connection& connection) -> Result<std::string> {
    SLUICE_TRY(select, connection.prepare(
                           "SELECT artifact_location FROM logged_models WHERE id = ? AND workspace = ?"));
    SLUICE_TRY(has_row, select.bind(id).bind(principal_.workspace).step());
    return has_row ? select.text(0) : std::string();
  });
}

}  // namespace sluice::stores
