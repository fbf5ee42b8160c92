#include "sluice/stores/directory/mlflow_folder.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fcntl.h>

#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"
#include "sluice/syntax/tree.hpp"

namespace sluice::stores {
namespace {

namespace fs = std::filesystem;

constexpr const char* meta = "meta.yaml";
constexpr const char* trash = ".trash";
constexpr std::size_t value_bytes_max = std::size_t{16} << 20;
constexpr std::size_t line_bytes_max = 4096;
/// So many damaged files are told of.
constexpr std::size_t damaged_max = 1000;

template <typename Number>
std::optional<Number> number_in(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The fields of a file as texts. MLflow writes YAML 1.1, in which `123e45` is a text: a scalar is what is
/// written.
class Fields {
 public:
  explicit Fields(syntax::Node node) : node_(std::move(node)) {}
  static Result<Fields> read(const fs::path& file) {
    SLUICE_TRY(text, os::read_file(file, value_bytes_max));
    SLUICE_TRY(node, syntax::read_yaml(text, file.filename().string(), {}, syntax::InvalidScalars::keep));
    if (node.kind != syntax::Node::Kind::map)
      return Fail(user_error(Code::invalid_argument, file.filename().string() + ": no fields"));
    return Fields(std::move(node));
  }
  static std::string text_of(const syntax::Node& node) {
    if (const auto* text = node.scalar.if_string()) return *text;
    return node.scalar.is_null() && !node.invalid ? "" : node.spelling;
  }
  [[nodiscard]] std::string text(std::string_view name) const {
    const auto* field = node_.find(name);
    return field == nullptr ? "" : text_of(*field);
  }
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name) const {
    return number_in<std::int64_t>(text(name));
  }
  [[nodiscard]] std::vector<ports::KeyValue> pairs(std::string_view name) const {
    std::vector<ports::KeyValue> found;
    if (const auto* field = node_.find(name))
      for (const auto& [key, at, value] : field->fields)
        found.push_back({.key = key, .value = text_of(*value)});
    std::ranges::sort(found, {}, &ports::KeyValue::key);
    return found;
  }

 private:
  syntax::Node node_;
};

Result<Value> read_value(const fs::path& file) {
  SLUICE_TRY(text, os::read_file(file, value_bytes_max));
  SLUICE_TRY(node, syntax::read_yaml(text, file.filename().string(), {}, syntax::InvalidScalars::keep));
  return node.to_value();
}

ports::TrackedStatus status_of(std::int64_t number) {
  constexpr auto statuses = std::to_array({ports::TrackedStatus::running, ports::TrackedStatus::scheduled,
                                           ports::TrackedStatus::finished, ports::TrackedStatus::failed,
                                           ports::TrackedStatus::killed});
  return number >= 1 && number <= 5 ? statuses.at(static_cast<std::size_t>(number) - 1)
                                    : ports::TrackedStatus::failed;
}

Time time_of(std::optional<std::int64_t> milliseconds) {
  return Time(Milliseconds(milliseconds.value_or(0)));
}

bool is_folder(const fs::path& path) {
  std::error_code failed;
  return fs::is_directory(path, failed);
}

/// The folders in a folder, by name; none if it is not there.
std::vector<std::string> folders_in(const fs::path& folder) {
  std::vector<std::string> names;
  const auto entries = os::list_directory(folder);
  if (!entries) return names;
  for (const auto& entry : *entries)
    if (is_folder(folder / entry.name)) names.push_back(entry.name);
  return names;
}

}  // namespace

Result<std::unique_ptr<MlflowFolder>> MlflowFolder::open(const fs::path& folder) {
  const auto holds_experiments = [](const fs::path& parent) {
    return std::ranges::any_of(folders_in(parent), [&](const auto& name) {
      return number_in<std::int64_t>(name) && os::exists(parent / name / meta);
    });
  };
  if (!holds_experiments(folder) && !holds_experiments(folder / trash))
    return Fail(user_error(Code::failed_precondition,
                           os::printable(folder) +
                               ": not a folder of MLflow: no folder in it is an experiment, such as "
                               "`0/meta.yaml`; name the one that is called `mlruns` by default"));
  return std::unique_ptr<MlflowFolder>(new MlflowFolder(folder));
}

fs::path MlflowFolder::folder_of(std::int64_t experiment) const {
  const auto name = std::to_string(experiment);
  return os::exists(root_ / name) ? root_ / name : root_ / trash / name;
}

void MlflowFolder::pass_over(const fs::path& path, std::string why) {
  if (damaged_.size() < damaged_max)
    damaged_.push_back({.what = os::printable(path.lexically_relative(root_)), .why = std::move(why)});
}
void MlflowFolder::pass_over(const fs::path& path, const Error& why) { pass_over(path, why.message); }

std::vector<ports::KeyValue> MlflowFolder::pairs_in(const fs::path& folder) {
  std::vector<ports::KeyValue> pairs;
  const auto files = os::files_below(folder);
  if (!files) {
    pass_over(folder, files.error());
    return pairs;
  }
  for (const auto& file : *files) {
    auto text = os::read_file(folder / file, value_bytes_max);
    if (text)
      pairs.push_back({.key = file.string(), .value = std::move(*text)});
    else
      pass_over(folder / file, text.error());
  }
  std::ranges::sort(pairs, {}, &ports::KeyValue::key);
  return pairs;
}

Result<void> MlflowFolder::experiments(const ports::Take<const ports::Experiment&>& take) {
  std::vector<ports::Experiment> found;
  for (const auto& parent : {root_, root_ / trash}) {
    for (const auto& name : folders_in(parent)) {
      const auto id = number_in<std::int64_t>(name);
      if (!id) continue;
      auto fields = Fields::read(parent / name / meta);
      if (!fields) {
        pass_over(parent / name, fields.error());
        continue;
      }
      const auto created = fields->integer("creation_time");
      found.push_back(
          {.id = *id,
           .name = fields->text("name"),
           .artifact_location = fields->text("artifact_location"),
           .active = parent == root_ && fields->text("lifecycle_stage") != "deleted",
           .created = time_of(created),
           .updated = time_of(fields->integer("last_update_time").or_else([&] { return created; })),
           .tags = pairs_in(parent / name / "tags")});
    }
  }
  std::ranges::sort(found, {}, &ports::Experiment::id);
  for (const auto& experiment : found) SLUICE_DO(take(experiment));
  return {};
}

void MlflowFolder::read_uses(const fs::path& experiment, ports::TrackedRun& run) {
  const auto inputs = experiment / run.id / "inputs";
  for (const auto& name : folders_in(inputs)) {
    const auto input = Fields::read(inputs / name / meta);
    if (!input) {
      pass_over(inputs / name, input.error());
      continue;
    }
    if (input->text("source_type") == "MODEL") {
      run.model_inputs.push_back(
          {.model = input->text("source_id"), .step = input->integer("step").value_or(0)});
      continue;
    }
    const auto dataset = Fields::read(experiment / "datasets" / input->text("source_id") / meta);
    if (!dataset) {
      pass_over(inputs / name, dataset.error());
      continue;
    }
    run.datasets.push_back({.name = dataset->text("name"),
                            .digest = dataset->text("digest"),
                            .source_type = dataset->text("source_type"),
                            .source = dataset->text("source"),
                            .schema = dataset->text("schema"),
                            .profile = dataset->text("profile"),
                            .tags = input->pairs("tags")});
  }
  const auto outputs = experiment / run.id / "outputs";
  for (const auto& name : folders_in(outputs)) {
    const auto output = Fields::read(outputs / name / meta);
    if (output)
      run.model_outputs.push_back({.model = name, .step = output->integer("step").value_or(0)});
    else
      pass_over(outputs / name, output.error());
  }
}

Result<void> MlflowFolder::runs(const ports::Experiment& experiment,
                                const ports::Take<const ports::TrackedRun&>& take) {
  const auto folder = folder_of(experiment.id);
  for (const auto& name : folders_in(folder)) {
    // As many runs as MLflow takes for some: others are folders of datasets, models and traces.
    if (!is_folder(folder / name / "metrics") && !is_folder(folder / name / "params") &&
        !os::exists(folder / name / meta))
      continue;
    auto fields = Fields::read(folder / name / meta);
    if (!fields) {
      pass_over(folder / name, fields.error());
      continue;
    }
    ports::TrackedRun run{.id = name,
                          .experiment = experiment.id,
                          .name = fields->text("run_name"),
                          .user = fields->text("user_id"),
                          .status = status_of(fields->integer("status").value_or(0)),
                          .started_ms = fields->integer("start_time").value_or(0),
                          .ended_ms = fields->integer("end_time"),
                          .artifact_uri = fields->text("artifact_uri"),
                          .active = fields->text("lifecycle_stage") != "deleted",
                          .metrics = {},
                          .parameters = pairs_in(folder / name / "params"),
                          .tags = pairs_in(folder / name / "tags"),
                          .datasets = {},
                          .model_inputs = {},
                          .model_outputs = {}};
    for (const auto& tag : run.tags)
      if (run.name.empty() && tag.key == "mlflow.runName") run.name = tag.value;
    read_uses(folder, run);
    SLUICE_DO(take(run));
  }
  return {};
}

Result<void> MlflowFolder::lines_of(const fs::path& file,
                                    const ports::Take<const std::vector<std::string_view>&>& take) {
  // A pipe must not stop it.
  auto fd = os::open_file(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) {
    pass_over(file, fd.error());
    return {};
  }
  std::string begun;
  std::int64_t number = 0;
  std::vector<std::string_view> words;
  bool is_damaged = false;
  const auto take_line = [&](std::string_view line) -> Result<void> {
    ++number;
    words.clear();
    while (!line.empty()) {
      const auto space = std::min(line.find_first_of(" \r"), line.size());
      if (space > 0) words.push_back(line.substr(0, space));
      line.remove_prefix(std::min(space + 1, line.size()));
    }
    return words.empty() ? Result<void>() : take(words);
  };
  std::optional<Error> of_taker;
  const auto done = os::read_blocks(fd->get(), file, [&](std::string_view bytes) -> Result<void> {
    for (auto end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      begun += bytes.substr(0, end);
      bytes.remove_prefix(end + 1);
      auto taken = take_line(begun);
      begun.clear();
      if (taken) continue;
      of_taker = taken.error();
      return taken;
    }
    begun += bytes;
    is_damaged = begun.size() > line_bytes_max;
    return is_damaged ? Result<void>(Fail(user_error(Code::invalid_argument, "a line is too long")))
                      : Result<void>();
  });
  if (of_taker) return Fail(std::move(*of_taker));
  if (!done) {
    pass_over(file, done.error());
    return {};
  }
  return take_line(begun);
}

Result<void> MlflowFolder::histories(const ports::TrackedRun& run,
                                     const ports::Take<ports::MetricHistory>& take) {
  const auto folder = folder_of(run.experiment) / run.id / "metrics";
  const auto files = os::files_below(folder);
  if (!files) {
    pass_over(folder, files.error());
    return {};
  }
  for (const auto& file : *files) {
    ports::MetricHistory history{.key = file.string(), .points = {}};
    bool is_damaged = false;
    SLUICE_DO(lines_of(folder / file, [&](const std::vector<std::string_view>& words) -> Result<void> {
      const auto at = number_in<std::int64_t>(words[0]);
      const auto value = words.size() > 1 ? number_in<double>(words[1]) : std::nullopt;
      const auto step = words.size() > 2 ? number_in<std::int64_t>(words[2]) : 0;
      if (!at || !value || !step) {
        is_damaged = true;
        return {};
      }
      history.points.push_back({.step = *step, .at_ms = *at, .value = *value});
      if (history.points.size() < ports::history_points_max) return {};
      return take(std::exchange(history, {.key = file.string(), .points = {}}));
    }));
    if (is_damaged) pass_over(folder / file, "some of its lines are no values of a metric");
    if (!history.points.empty()) SLUICE_DO(take(std::move(history)));
  }
  return {};
}

Result<void> MlflowFolder::models(const ports::Experiment& experiment,
                                  const ports::Take<const ports::LoggedModel&>& take) {
  const auto folder = folder_of(experiment.id) / "models";
  for (const auto& name : folders_in(folder)) {
    const auto fields = Fields::read(folder / name / meta);
    if (!fields) {
      pass_over(folder / name, fields.error());
      continue;
    }
    const auto created = fields->integer("creation_timestamp");
    ports::LoggedModel model{.id = name,
                             .experiment = experiment.id,
                             .name = fields->text("name"),
                             .artifact_location = fields->text("artifact_location"),
                             .created = time_of(created),
                             .updated = time_of(fields->integer("last_updated_timestamp")),
                             .status = ports::LoggedModelStatus::pending,
                             .type = fields->text("model_type"),
                             .source_run = fields->text("source_run_id"),
                             .active = fields->text("lifecycle_stage") != "deleted",
                             .parameters = pairs_in(folder / name / "params"),
                             .tags = pairs_in(folder / name / "tags"),
                             .metrics = {}};
    const auto status = fields->integer("status").value_or(1);
    if (status == 2) model.status = ports::LoggedModelStatus::ready;
    if (status == 3) model.status = ports::LoggedModelStatus::upload_failed;
    const auto metrics = os::files_below(folder / name / "metrics");
    for (const auto& file : metrics ? *metrics : std::vector<fs::path>()) {
      bool is_damaged = false;
      SLUICE_DO(lines_of(folder / name / "metrics" / file, [&](const auto& words) -> Result<void> {
        const auto at = number_in<std::int64_t>(words[0]);
        const auto value = words.size() > 1 ? number_in<double>(words[1]) : std::nullopt;
        const auto step = words.size() > 3 ? number_in<std::int64_t>(words[2]) : std::nullopt;
        if (!at || !value || !step) {
          is_damaged = true;
          return {};
        }
        model.metrics.push_back(
            {.metric = {.key = file.string(), .point = {.step = *step, .at_ms = *at, .value = *value}},
             .run = std::string(words[3]),
             .dataset_name = words.size() > 5 ? std::string(words[4]) : "",
             .dataset_digest = words.size() > 5 ? std::string(words[5]) : ""});
        return {};
      }));
      if (is_damaged)
        pass_over(folder / name / "metrics" / file, "some of its lines are no values of a metric");
    }
    SLUICE_DO(take(model));
  }
  return {};
}

std::optional<ports::RegisteredVersion> MlflowFolder::read_version(const fs::path& folder,
                                                                   const std::string& model) {
  const auto fields = Fields::read(folder / meta);
  if (!fields) {
    pass_over(folder, fields.error());
    return std::nullopt;
  }
  const auto number = fields->integer("version");
  if (!number || *number < 1) {
    pass_over(folder, "it has no number of a version");
    return std::nullopt;
  }
  ports::RegisteredVersion version{.model = model,
                                   .number = *number,
                                   .created = time_of(fields->integer("creation_timestamp")),
                                   .updated = time_of(fields->integer("last_updated_timestamp")),
                                   .user = fields->text("user_id"),
                                   .description = fields->text("description"),
                                   .source = fields->text("source"),
                                   .storage = fields->text("storage_location"),
                                   .run = fields->text("run_id"),
                                   .run_link = fields->text("run_link"),
                                   .logged_model = fields->text("model_id"),
                                   .tags = pairs_in(folder / "tags"),
                                   .aliases = {}};
  if (auto stage = fields->text("current_stage"); !stage.empty()) version.stage = std::move(stage);
  return version;
}

Result<void> MlflowFolder::registered(const ports::Take<const ports::RegisteredContent&>& take) {
  for (const auto& name : folders_in(root_ / "models")) {
    const auto folder = root_ / "models" / name;
    const auto fields = Fields::read(folder / meta);
    if (!fields) {
      pass_over(folder, fields.error());
      continue;
    }
    ports::RegisteredContent content;
    content.model = {.name = name,
                     .created = time_of(fields->integer("creation_timestamp")),
                     .updated = time_of(fields->integer("last_updated_timestamp")),
                     .description = fields->text("description"),
                     .tags = pairs_in(folder / "tags"),
                     .aliases = {},
                     .newest = {}};
    for (const auto& below : folders_in(folder)) {
      if (!below.starts_with("version-")) continue;
      auto version = read_version(folder / below, name);
      if (version && version->stage != "Deleted_Internal") content.versions.push_back(std::move(*version));
    }
    std::ranges::sort(content.versions, std::greater{}, &ports::RegisteredVersion::number);
    for (const auto& alias : pairs_in(folder / "aliases")) {
      if (const auto number = number_in<std::int64_t>(alias.value))
        content.model.aliases.emplace(alias.key, *number);
      else
        pass_over(folder / "aliases" / alias.key, "it is no number of a version");
    }
    SLUICE_DO(take(content));
  }
  return {};
}

Result<void> MlflowFolder::traces(const ports::Experiment& experiment,
                                  const ports::Take<const ports::WholeTrace&>& take) {
  const auto folder = folder_of(experiment.id) / "traces";
  for (const auto& name : folders_in(folder)) {
    const auto info = read_value(folder / name / "trace_info.yaml");
    if (!info || !info->is_struct()) {
      pass_over(folder / name, info ? user_error(Code::invalid_argument, "no fields") : info.error());
      continue;
    }
    ports::WholeTrace whole;
    whole.trace.id = name;
    whole.trace.experiment = experiment.id;
    whole.trace.tags = pairs_in(folder / name / "tags");
    whole.trace.metadata = pairs_in(folder / name / "request_metadata");
    auto written = *info->if_struct();
    List assessments;
    const auto files = os::files_below(folder / name / "assessments");
    for (const auto& file : files ? *files : std::vector<fs::path>()) {
      auto assessment = read_value(folder / name / "assessments" / file);
      if (assessment)
        assessments.push_back(std::move(*assessment));
      else
        pass_over(folder / name / "assessments" / file, assessment.error());
    }
    written.set("assessments", std::move(assessments));
    whole.written = std::move(written);
    SLUICE_DO(take(whole));
  }
  return {};
}

Result<std::vector<std::string>> MlflowFolder::others() { return std::vector<std::string>(); }

}  // namespace sluice::stores
