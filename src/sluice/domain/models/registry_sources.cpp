// Where the content of a version comes from that a client registers, and where clients fetch it.
#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/log.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/models/registry.hpp"
#include "sluice/domain/models/registry_rules.hpp"
#include "sluice/domain/tracking/artifact_files.hpp"
#include "sluice/domain/tracking/version_address.hpp"

namespace sluice::models {

using ports::RegisteredVersion;

namespace {

constexpr std::string_view artifacts_scheme = "mlflow-artifacts:/";
constexpr std::string_view attributes_file = ".gitattributes";
/// What the sources of prompts are: their text is a tag.
constexpr std::string_view prompt_sources[] = {"dummy-source", "prompt-template"};

Error not_of(const std::string& source, std::string_view parameter) {
  return user_error(Code::invalid_argument,
                    fmt::format("Invalid model version source: '{}'. The {} request parameter must identify "
                                "the resource that contains the source.",
                                source, parameter));
}

Error invalid_source(const std::string& source, std::string_view why) {
  return user_error(Code::invalid_argument,
                    fmt::format("Invalid model version source: '{}'. {}", source, why));
}

/// "mlflow-artifacts:/1/models/m-1/artifacts" → "1/models/m-1/artifacts"; nullopt: it is not in this store.
std::optional<std::string> folder_of(std::string_view address) {
  if (!address.starts_with(artifacts_scheme)) return std::nullopt;
  address.remove_prefix(artifacts_scheme.size());
  while (address.starts_with('/')) address.remove_prefix(1);
  while (address.ends_with('/')) address.remove_suffix(1);
  return std::string(address);
}

bool is_within(const std::string& source, const std::string& root) {
  const auto inner = folder_of(source);
  const auto outer = folder_of(root);
  return inner && outer && !outer->empty() && (*inner == *outer || inner->starts_with(*outer + "/"));
}

/// A path of the server's machine, which a client cannot know.
bool is_local(std::string_view source) {
  return source.starts_with("file:") || source.find(":/") == std::string_view::npos;
}

Result<void> check_source(const std::string& source) {
  auto decoded = source;
  for (int again = 0; again < 10; ++again) {
    auto more = percent_decode(decoded);
    if (!more || *more == decoded) break;
    decoded = std::move(*more);
  }
  bool is_relative = decoded.contains('\0');
  for (std::size_t begin = 0; begin <= decoded.size();) {
    const auto end = std::min(decoded.find('/', begin), decoded.size());
    is_relative = is_relative || decoded.substr(begin, end - begin) == "..";
    begin = end + 1;
  }
  if (!is_relative) return {};
  return Fail(invalid_source(
      source,
      "If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, "
      "an absolute path must be provided without relative path references present. Please provide an "
      "absolute path."));
}

struct RunAddress {
  std::string run;
  std::string path;
};
/// "runs:/RUN/path"
std::optional<RunAddress> parse_run_address(std::string_view source) {
  constexpr std::string_view scheme = "runs:/";
  if (!source.starts_with(scheme)) return std::nullopt;
  source.remove_prefix(scheme.size());
  const auto slash = source.find('/');
  RunAddress out{.run = std::string(source.substr(0, slash)), .path = {}};
  if (slash != std::string_view::npos) out.path = source.substr(slash + 1);
  return out;
}

}  // namespace

struct Registry::Resolved {
  std::string source;
  std::string storage;  ///< "": from the repository
  std::string run;
  std::string logged_model;
  std::optional<std::pair<std::string, std::int64_t>> copy_of = {};
};

/// `models:/NAME/N`, `models:/NAME@alias`, …
Result<Registry::Resolved> Registry::resolve_registered(const Principal& by,
                                                        const NewVersion& version) const {
  const auto address = parse_model_address(version.source);
  if (!address)
    return Fail(
        invalid_source(version.source, "Registered model sources must use the active model registry."));
  SLUICE_TRY(of, model(by, address->name));
  if (is_prompt(of.tags))
    return Fail(invalid_source(version.source, "Prompt versions cannot be used as model version sources."));
  auto found = [&]() -> Result<RegisteredVersion> {
    if (address->version) return this->version(by, address->name, std::to_string(*address->version));
    if (!address->alias.empty()) return version_of_alias(by, address->name, address->alias);
    std::vector<std::string> stages;
    if (!address->stage.empty()) stages.push_back(address->stage);
    SLUICE_TRY(versions, newest(by, address->name, stages));
    if (versions.empty())
      return Fail(user_error(Code::not_found,
                             fmt::format("No versions of model with name '{}'{} found", address->name,
                                         stages.empty() ? "" : fmt::format(" and stage '{}'", stages[0]))));
    return std::ranges::max(versions, {}, &RegisteredVersion::number);
  }();
  if (!found) return Fail(std::move(found).error());
  if ((version.run && *version.run != found->run) ||
      (version.logged_model && *version.logged_model != found->logged_model))
    return Fail(invalid_source(
        version.source,
        "The run_id and model_id request parameters must match the referenced model version."));
  return Resolved{.source = fmt::format("models:/{}/{}", address->name, found->number),
                  .storage = found->storage,
                  .run = found->run,
                  .logged_model = found->logged_model,
                  .copy_of = {{address->name, found->number}}};
}

/// What a logged model has: its own address, or one below that of its files.
Result<Registry::Resolved> Registry::resolve_logged(const Principal& by, const NewVersion& version) const {
  const auto& id = *version.logged_model;
  const auto address = parse_model_address(version.source);
  if (version.source.starts_with("runs:/") || (address && address->logged_model != id))
    return Fail(not_of(version.source, "model_id"));
  auto model = ports_.logged_models.model(by.workspace, id);
  if (!model && model.error().code == Code::not_found) return Fail(not_of(version.source, "model_id"));
  if (!model) return Fail(std::move(model).error());
  if (!address && folder_of(version.source) && !is_within(version.source, model->artifact_location))
    return Fail(not_of(version.source, "model_id"));
  return Resolved{.source = version.source,
                  .storage = address ? model->artifact_location : version.source,
                  .run = version.run.value_or("").empty() ? model->source_run : *version.run,
                  .logged_model = id};
}

/// What a run has, and what is stored elsewhere.
Result<Registry::Resolved> Registry::resolve_run(const Principal& by, const NewVersion& version) const {
  Resolved out{.source = version.source,
               .storage = version.source,
               .run = version.run.value_or(""),
               .logged_model = {}};
  const auto address = parse_run_address(version.source);
  if (address && (out.run.empty() || address->run != out.run)) return Fail(not_of(version.source, "run_id"));
  if (parse_model_address(version.source)) return Fail(not_of(version.source, "model_id"));
  if (!address && !folder_of(version.source)) return out;
  if (out.run.empty()) return Fail(not_of(version.source, "run_id"));
  auto run = ports_.runs.run(by.workspace, out.run);
  if (!run && run.error().code == Code::not_found) return Fail(not_of(version.source, "run_id"));
  if (!run) return Fail(std::move(run).error());
  if (address)
    out.storage = run->artifact_uri + (address->path.empty() ? "" : "/" + address->path);
  else if (!is_within(version.source, run->artifact_uri))
    return Fail(not_of(version.source, "run_id"));
  return out;
}

Result<Registry::Resolved> Registry::resolve(const Principal& by, const NewVersion& version) const {
  if (is_prompt(version.tags)) {
    if (std::ranges::find(prompt_sources, version.source) == std::ranges::end(prompt_sources))
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("Invalid prompt source: '{}'. Prompt sources must use an MLflow "
                                         "placeholder.",
                                         version.source)));
    return Resolved{.source = version.source,
                    .storage = version.source,
                    .run = version.run.value_or(""),
                    .logged_model = version.logged_model.value_or("")};
  }
  SLUICE_DO(check_source(version.source));
  const auto address = parse_model_address(version.source);
  if (version.source.starts_with("models:") && (!address || address->logged_model.empty()))
    return resolve_registered(by, version);
  if (is_local(version.source))
    return Fail(invalid_source(
        version.source,
        version.logged_model.value_or("").empty()
            ? "To use a local path as a model version source, the run_id request parameter has to be "
              "specified and the local path has to be contained within the artifact directory of the run "
              "specified by the run_id."
            : "To use a local path as a model version source, the model_id request parameter has to be "
              "specified and the local path has to be contained within the artifact directory of the run "
              "specified by the model_id."));
  return version.logged_model.value_or("").empty() ? resolve_run(by, version) : resolve_logged(by, version);
}

Result<std::vector<ports::TreeFile>> Registry::files_below(const Principal& by,
                                                           const std::string& storage) const {
  std::vector<ports::TreeFile> files;
  const auto root = folder_of(storage);
  if (!root) return files;
  SLUICE_TRY(found, tracking::files_below(ports_.artifacts, by.workspace, *root));
  for (auto& file : found)
    files.push_back({.path = std::move(file.path), .digest = file.digest, .size = file.size});
  return files;
}

Result<RegisteredVersion> Registry::create_version(const Principal& by, NewVersion version) {
  SLUICE_DO(check_model_name(version.model));
  for (const auto& tag : version.tags) SLUICE_DO(check_version_tag(tag));
  SLUICE_TRY(resolved, resolve(by, version));
  std::vector<ports::TreeFile> files;
  if (!resolved.copy_of) {
    SLUICE_TRY(found, files_below(by, resolved.storage));
    files = std::move(found);
  }
  auto made = ports_.registry.register_version({.principal = by,
                                                .model = version.model,
                                                .files = std::move(files),
                                                .copy_of = std::move(resolved.copy_of),
                                                .description = std::move(version.description),
                                                .source = std::move(resolved.source),
                                                .storage = std::move(resolved.storage),
                                                .run = std::move(resolved.run),
                                                .run_link = std::move(version.run_link),
                                                .logged_model = std::move(resolved.logged_model),
                                                .tags = std::move(version.tags),
                                                .at = ports_.clock.now()});
  if (!made && made.error().code == Code::not_found)
    return Fail(
        user_error(Code::not_found, fmt::format("Registered Model with name={} not found", version.model)));
  if (made && version.logged_model && !version.logged_model->empty() && !is_prompt(made->tags))
    if (auto noted = note_in_logged_model(by, *made); !noted) log::warning(noted.error().message);
  return made;
}

/// A tag of a logged model lists its versions.
Result<void> Registry::note_in_logged_model(const Principal& by, const RegisteredVersion& version) {
  constexpr std::string_view tag = "mlflow.modelVersions";
  SLUICE_TRY(model, ports_.logged_models.model(by.workspace, version.logged_model));
  List versions;
  if (const auto found = std::ranges::find(model.tags, tag, &ports::KeyValue::key); found != model.tags.end())
    if (auto known = parse_json(found->value, tag); known && known->if_list() != nullptr)
      versions = *known->if_list();
  Struct added;
  added.set("name", version.model);
  added.set("version", version.number);
  if (const Value entry(added); std::ranges::find(versions, entry) == versions.end())
    versions.push_back(entry);
  SLUICE_DO(ports_.logged_models.change_model(
      by.workspace, version.logged_model,
      {.tags = {{.key = std::string(tag), .value = to_json(Value(std::move(versions)))}},
       .at = ports_.clock.now()}));
  return {};
}

std::string Registry::address_of(const RegisteredVersion& version) {
  if (!version.storage.empty()) return version.storage;
  return tracking::address_of_version(version.model, version.number);
}

bool Registry::is_inside(std::string_view path) { return tracking::parse_version_path(path).has_value(); }

Result<std::optional<Registry::Inside>> Registry::inside(const Principal& by, std::string_view path) const {
  const auto parsed = tracking::parse_version_path(path);
  if (!parsed) return std::nullopt;
  const std::string number(parsed->number);
  // Some clients encode what is encoded already.
  auto found = version(by, std::string(parsed->name), number);
  if (const auto decoded = percent_decode(parsed->name); !found && decoded && *decoded != parsed->name)
    found = version(by, *decoded, number);
  if (!found) return Fail(std::move(found).error());
  return Inside{.version = std::move(*found), .path = std::string(parsed->path)};
}

namespace {

ports::ModelVersion content_of(const RegisteredVersion& version) {
  return {.model = version.model,
          .number = version.number,
          .commit = version.commit,
          .created = {},
          .user = {},
          .run = {},
          .description = {},
          .aliases = {}};
}

}  // namespace

namespace {

constexpr std::string_view description_file = "MLmodel";
constexpr std::string_view onnx_ending = ".onnx";

/// How MLflow loads a version that only has a network, as those of jobs do; "": it says so itself, or cannot
/// be loaded.
std::string loading_of(const std::vector<ports::ModelFile>& files) {
  std::string network;
  for (const auto& file : files) {
    if (file.path == description_file) return {};
    if (!file.path.ends_with(onnx_ending) || file.path.contains('/')) continue;
    if (!network.empty()) return {};
    network = file.path;
  }
  if (network.empty()) return {};
  const auto data = to_json(Value(network));  // JSON is YAML
  return fmt::format(
      "artifact_path: model\n"
      "flavors:\n"
      "  onnx:\n"
      "    data: {}\n"
      "    providers: [CPUExecutionProvider]\n"
      "  python_function:\n"
      "    data: {}\n"
      "    loader_module: mlflow.onnx\n",
      data, data);
}

}  // namespace

Result<Registry::File> Registry::file(const Principal& by, const RegisteredVersion& version,
                                      std::string_view path) const {
  SLUICE_TRY(files, ports_.repositories.files(by.workspace, content_of(version)));
  const auto found = std::ranges::find(files, path, &ports::ModelFile::path);
  if (found != files.end()) {
    File out{.path = found->path, .digest = found->digest, .object = {}, .bytes = {}};
    if (ports_.objects.has(found->digest)) {
      out.object = ports_.objects.path_of(found->digest);
      return out;
    }
    SLUICE_TRY(bytes, ports_.repositories.read(by.workspace, content_of(version), found->path));
    out.bytes = std::move(bytes);
    return out;
  }
  if (path == description_file)
    if (auto text = loading_of(files); !text.empty())
      return File{.path = std::string(path), .digest = Digest::of(text), .object = {}, .bytes = text};
  const auto prefix = path.empty() ? std::string() : std::string(path) + "/";
  if (std::ranges::any_of(files, [&](const auto& file) { return file.path.starts_with(prefix); }))
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("Artifact path refers to a directory, not a file: '{}'", path)));
  return Fail(user_error(Code::not_found, fmt::format("No such artifact: '{}'", path)));
}

Result<std::vector<ports::ArtifactEntry>> Registry::list(const Principal& by,
                                                         const RegisteredVersion& version,
                                                         std::string_view folder) const {
  SLUICE_TRY(files, ports_.repositories.files(by.workspace, content_of(version)));
  const auto prefix = folder.empty() ? std::string() : std::string(folder) + "/";
  std::vector<ports::ArtifactEntry> out;
  if (const auto text = loading_of(files); folder.empty() && !text.empty())
    out.push_back({.name = std::string(description_file), .size = static_cast<std::int64_t>(text.size())});
  for (const auto& file : files) {
    if (!file.path.starts_with(prefix) || file.path == attributes_file) continue;
    const auto rest = file.path.substr(prefix.size());
    const auto slash = rest.find('/');
    const auto name = rest.substr(0, slash);
    if (std::ranges::find(out, name, &ports::ArtifactEntry::name) != out.end()) continue;
    const bool is_folder = slash != std::string::npos;
    out.push_back({.name = name, .is_folder = is_folder, .size = is_folder ? 0 : file.size});
  }
  return out;
}

}  // namespace sluice::models
