#include "sluice/app/commands/submit.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/app/commands/fetch_input.hpp"
#include "sluice/app/commands/given_folder.hpp"
#include "sluice/app/commands/plan_text.hpp"
#include "sluice/app/commands/send_artifact.hpp"
#include "sluice/app/plugins.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/datasets/datasets.hpp"
#include "sluice/domain/remote/remote_url.hpp"
#include "sluice/ir/verify.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

Result<std::map<std::string, std::string>> given_inputs(const std::vector<std::string>& inputs,
                                                        std::string_view option, std::string_view form) {
  std::map<std::string, std::string> given;
  for (const auto& input : inputs) {
    const auto equals = input.find('=');
    if (!is_utf8(input))  // it would reach the server changed
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("{} `{}` is not UTF-8; convert it, or pass it as a file", option,
                                         percent_encode(input, " =/"))));
    if (equals == std::string::npos || equals == 0)
      return Fail(
          user_error(Code::invalid_argument, fmt::format("{} expects {}, not `{}`", option, form, input)));
    if (!given.emplace(input.substr(0, equals), input.substr(equals + 1)).second)
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("duplicate {} `{}`", option, input.substr(0, equals))));
  }
  return given;
}

/// Artifacts of the inputs of a pipeline: local files and folders are uploaded, those of URLs fetched.
class Inputs {
 public:
  Inputs(Session& session, ArtifactSender& sender, std::map<std::string, std::string> secrets,
         const Notice& notice)
      : session_(session), sender_(sender), secrets_(std::move(secrets)), notice_(notice) {}

  Result<Value> artifact(const ir::Input& input, const std::string& given,
                         const std::filesystem::path& base) {
    const auto secret = secrets_.find(input.name);
    if (!remote::is_remote_url(given)) {
      if (const auto reference = datasets::parse_reference(given);
          reference && reference->number && !os::exists(base / given))
        return of_data_set(*reference, input.type.artifact_kind);
      SLUICE_TRY(made, sender_.send(base / given, input.type.artifact_kind, select_input));
      return Value(std::move(made.artifact));
    }
    return fetch_input(*session_.backend,
                       {.url = given,
                        .secret = secret == secrets_.end() ? "" : secret->second,
                        .kind = input.type.artifact_kind},
                       notice_);
  }

  Result<Value> of_data_set(const datasets::Reference& reference, const std::string& kind) {
    SLUICE_TRY(version, call(*session_.backend, "GET",
                             fmt::format("/v1/datasets/{}/versions/{}", percent_encode(reference.name),
                                         *reference.number)));
    const auto* content = version.find("content");
    SLUICE_TRY(value, from_tagged(content ? *content : Value()));
    const auto* artifact = value.if_artifact();
    if (artifact == nullptr)
      return Fail(internal_error(Code::data_loss, "the server names no content of the data set"));
    auto given = *artifact;
    given.kind = kind;
    return Value(std::move(given));
  }

  /// Whether every secret is for an input that is fetched.
  [[nodiscard]] Result<void> check_secrets(const ir::Pipeline& pipeline,
                                           const std::map<std::string, std::string>& given) const {
    for (const auto& [name, secret] : secrets_) {
      const auto found = given.find(name);
      const auto input = std::ranges::find(pipeline.inputs, name, &ir::Input::name);
      const bool has_default = input != pipeline.inputs.end() && input->value && input->value->is_string();
      const auto value = found != given.end() ? found->second : has_default ? *input->value->if_string() : "";
      if (!remote::is_remote_url(value))
        return Fail(user_error(Code::invalid_argument,
                               fmt::format("--input-secret `{}`: that input is not a URL", name)));
    }
    return {};
  }

 private:
  Session& session_;
  ArtifactSender& sender_;
  std::map<std::string, std::string> secrets_;
  const Notice& notice_;
};

Result<Struct> bind(const ir::Pipeline& pipeline, std::map<std::string, std::string> given,
                    const std::filesystem::path& base, Inputs& inputs, const std::string& given_later) {
  SLUICE_DO(inputs.check_secrets(pipeline, given));
  Struct bound;
  for (const auto& input : pipeline.inputs) {
    const auto found = given.find(input.name);
    if (input.type.kind != ir::Type::Kind::artifact) {
      if (found != given.end()) bound.set(input.name, found->second);
    } else if (found != given.end()) {
      auto made = inputs.artifact(input, found->second, "");
      if (!made) return Fail(std::move(made).error().at("input `" + input.name + "`"));
      bound.set(input.name, std::move(*made));
    } else if (const auto* path = input.value ? input.value->if_string() : nullptr) {
      auto made = inputs.artifact(input, *path, base);
      if (!made) return Fail(std::move(made).error().at("input `" + input.name + "` (its default)"));
      bound.set(input.name, std::move(*made));
    }
    if (found != given.end()) given.erase(found);
  }
  if (!given.empty()) {
    std::vector<std::string> names;
    names.reserve(pipeline.inputs.size());
    for (const auto& input : pipeline.inputs) names.push_back(input.name);
    const auto& name = given.begin()->first;
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format("pipeline `{}` has no input `{}`{}", pipeline.name, name, did_you_mean(name, names))));
  }
  if (given_later.empty()) return ir::bind_inputs(pipeline, bound, true);
  const auto later = std::ranges::find(pipeline.inputs, given_later, &ir::Input::name);
  if (later == pipeline.inputs.end() || later->type.kind != ir::Type::Kind::string)
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format("pipeline `{}` has no input `{}` that is a string", pipeline.name, given_later)));
  if (bound.find(given_later) != nullptr)
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("input `{}` is given both a value and the instant", given_later)));
  // What a run will have there; here it stands for any.
  bound.set(given_later, to_iso8601(Time()));
  SLUICE_TRY(whole, ir::bind_inputs(pipeline, bound, true));
  Struct others;
  for (const auto& [name, value] : whole)
    if (name != given_later) others.set(name, value);
  return others;
}

}  // namespace

void add_dialect(Command& command, DialectOptions& options) {
  command.option("--dialect", options.name, "the language of FILE; by default it is told from the content",
                 {.one_of = {"sluice", "kubeflow"}});
  command.option("--image", options.images,
                 "tasks in images that match PATTERN run in a Python environment of the server's machine",
                 {.name = "PATTERN=python"});
  command.option("--images", options.all_images, "container: every task with an image runs in it",
                 {.one_of = {"container"}});
}

void add_ways_to_run(Command& command, RunRequest& request) {
  command.option("--pipeline", request.pipeline,
                 "which pipeline of the plan; default: the only one, or main");
  add_dialect(command, request.dialect);
  command.flag("--no-cache", request.no_cache, "run every task, ignoring cached results");
  command.flag("--strict", request.strict,
               "refuse what would be a warning, such as another version of Python");
}

Result<runs::CompileOptions> compile_options_of(const DialectOptions& options) {
  runs::CompileOptions made{.dialect = options.name, .lowering = {}};
  made.lowering.only_containers = options.all_images == "container";
  SLUICE_TRY(images, given_inputs(options.images, "--image", "PATTERN=python"));
  for (const auto& [pattern, kind] : images) {
    if (kind != "python")
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("--image {}={}: an image can be only `python`", pattern, kind)));
    made.lowering.python_images.push_back(pattern);
  }
  return made;
}

Result<Struct> prepare_submission(Session& session, const RunRequest& request, const Notice& notice,
                                  const std::string& given_later) {
  auto wanted = request.pipeline;
  SLUICE_TRY(read, read_plan_text(request.file, wanted));
  SLUICE_TRY(options, compile_options_of(request.dialect));
  SLUICE_TRY(plan, runs::compile(read.text, read.file, builtin_dialects(), options));
  SLUICE_TRY(pipeline, runs::find_pipeline(*plan, wanted));
  SLUICE_TRY(given, given_inputs(request.inputs, "--input", "NAME=VALUE"));
  SLUICE_TRY(secrets, given_inputs(request.input_secrets, "--input-secret", "NAME=SECRET"));
  std::error_code failed;
  const auto base = std::filesystem::absolute(request.file, failed).parent_path();
  if (failed) return Fail(system_error("find the folder of " + request.file, failed.value()));
  SLUICE_TRY(sender, ArtifactSender::make(session));
  Inputs artifacts(session, sender, std::move(secrets), notice);
  SLUICE_TRY(inputs, bind(*pipeline, std::move(given), base, artifacts, given_later));
  Struct code;
  for (const auto& [folder, arguments] : runs::code_folders(*plan)) {
    const auto select = [&](const std::filesystem::path& path) { return select_code(path, arguments); };
    auto made = sender.send(base / folder, "code", select);
    if (!made) return Fail(std::move(made).error().at("`code: " + folder + "`"));
    if (const auto ignored = made->left_out; ignored > 0)
      notice(fmt::format("`code: {}`: without {} {} that git ignores; `!PATTERN` in .sluiceignore keeps them",
                         folder, ignored, ignored == 1 ? "file or folder" : "files and folders"));
    code.set(folder, std::move(made->artifact));
  }
  for (const auto& environment : runs::environments_of(*plan)) {
    if (environment.file.empty()) continue;
    const auto none = [](const std::filesystem::path&) -> Result<ports::Selection> {
      return Fail(user_error(Code::invalid_argument, "it is a folder; name a file of requirements"));
    };
    auto made = sender.send(base / environment.file, Artifact{}.kind, none);
    if (!made) return Fail(std::move(made).error().at("`requirements: " + environment.file + "`"));
    code.set(environment.file, std::move(made->artifact));
  }
  Struct body;
  body.set("plan", std::move(read.text));
  body.set("file", std::move(read.file));
  body.set("pipeline", pipeline->name);
  body.set("inputs", to_tagged(inputs));
  body.set("code", to_tagged(code));
  body.set("cache", !request.no_cache);
  body.set("strict", request.strict);
  if (!options.dialect.empty()) body.set("dialect", options.dialect);
  if (options.lowering.only_containers) body.set("only_containers", true);
  const auto& images = options.lowering.python_images;
  if (!images.empty()) body.set("python_images", List(images.begin(), images.end()));
  return body;
}

void tell_warnings(const Value& response, const Notice& notice) {
  for (const auto& warning : list_at(response, "warnings"))
    if (const auto* text = warning.if_string()) notice(*text);
}

Result<RunId> submit(Session& session, const RunRequest& request, const Notice& notice) {
  SLUICE_TRY(body, prepare_submission(session, request, notice));
  SLUICE_TRY(response, call(*session.backend, "POST", "/v1/runs", body));
  tell_warnings(response, notice);
  return RunId{response.text_at("run")};
}

}  // namespace sluice::app
