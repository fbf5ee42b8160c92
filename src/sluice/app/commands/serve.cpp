
#include "sluice/app/commands/command.hpp"
#include "sluice/app/commands/print_text.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

// The commands for endpoints: deploy, undeploy, predict.

namespace sluice::app {
namespace {

constexpr std::size_t picture_bytes_max = std::size_t{64} << 20;

Result<Exit> deploy(Session& session, const std::string& model, const std::string& endpoint, bool json) {
  const auto at = model.find('@');
  const auto name = model.substr(0, at);
  Struct body;
  body.set("model", name);
  body.set("version", at == std::string::npos ? "" : model.substr(at + 1));
  const auto& target = endpoint.empty() ? name : endpoint;
  SLUICE_TRY(response, call(*session.backend, "PUT", "/v1/endpoints/" + percent_encode(target), body));
  if (json)
    print_json(response);
  else
    print_text(stdout, "endpoint {} serves {} v{}{}\n", response.text_at("endpoint"),
               response.text_at("model"), response.integer_at("version"),
               session.platform ? "; it becomes available with the next `sluice up`" : "");
  return Exit::ok;
}

/// The server identifies a picture by its index, `image[2]: …`; this replaces the index by the file name.
Error with_file_name(Error error, const std::vector<std::string>& files) {
  constexpr std::string_view image = "image[";
  if (!error.message.starts_with(image)) return error;
  auto rest = std::string_view(error.message).substr(image.size());
  const auto number = take_integer<std::size_t>(rest);
  if (!number || !rest.starts_with(']') || *number >= files.size()) return error;
  error.message = files[*number] + std::string(rest.substr(1));
  return error;
}

Result<Exit> predict(Session& session, const std::string& endpoint, const std::vector<std::string>& files,
                     bool json) {
  List pictures;
  for (const auto& file : files) {
    SLUICE_TRY(bytes, read_given_file(file, picture_bytes_max));
    pictures.emplace_back(base64_encode(bytes));
  }
  Struct parameters;
  parameters.set("content_type", "base64");
  Struct input;
  input.set("name", "image");
  input.set("datatype", "BYTES");
  input.set("shape", List{static_cast<std::int64_t>(pictures.size())});
  input.set("parameters", std::move(parameters));
  input.set("data", std::move(pictures));
  Struct body;
  body.set("inputs", List{std::move(input)});
  const auto response =
      call(*session.backend, "POST", "/v2/models/" + percent_encode(endpoint) + "/infer", body);
  if (!response) return Fail(with_file_name(response.error(), files));
  const auto& result = *response;
  if (json) {
    print_json(result);
    return Exit::ok;
  }
  const auto data_of = [&](std::string_view name) {
    if (const auto* outputs = result.find("outputs"); outputs && outputs->is_list())
      for (const auto& output : *outputs->if_list())
        if (output.text_at("name") == name)
          if (const auto* data = output.find("data"); data && data->is_list()) return *data->if_list();
    return List{};
  };
  const auto labels = data_of("label");
  const auto probabilities = data_of("probability");
  const auto rejected = data_of("rejected");
  const auto classes = files.empty() ? 0 : probabilities.size() / files.size();
  for (std::size_t i = 0; i < files.size() && i < labels.size(); ++i) {
    double best = 0;
    for (std::size_t c = 0; c < classes; ++c)
      best = std::max(best, probabilities[i * classes + c].as_double().value_or(0));
    const bool refused = i < rejected.size() && rejected[i] == Value(true);
    print_text(stdout, "{}  {}  {:.3f}{}\n", files[i], labels[i].if_string() ? *labels[i].if_string() : "",
               best, refused ? "  rejected: unlike the training pictures" : "");
  }
  return Exit::ok;
}

}  // namespace

void add_deploy(CommandLine& program) {
  struct Options {
    SessionOptions common;
    std::string model;
    std::string endpoint;
  };
  auto options = std::make_shared<Options>();
  auto& command = program.add("deploy", "deploy a version of a model to an endpoint");
  add_session(command, options->common, "sluice deploy stamps@v2 --endpoint stamps");
  command.argument("MODEL[@VERSION]", options->model, "version: a number or an alias; default: the champion");
  command.option("--endpoint", options->endpoint, "name of the endpoint; default: the name of the model",
                 {.name = "ENDPOINT"});
  command.when_called([options] {
    return with_session(options->common, "deploy", [&](Session& session) {
      return deploy(session, options->model, options->endpoint, options->common.json);
    });
  });
}

void add_undeploy(CommandLine& program) {
  struct Options {
    SessionOptions common;
    std::string endpoint;
  };
  auto options = std::make_shared<Options>();
  auto& command = program.add("undeploy", "delete an endpoint (its model is kept)");
  add_session(command, options->common, "sluice undeploy stamps");
  command.argument("ENDPOINT", options->endpoint);
  command.when_called([options] {
    return with_session(options->common, "undeploy", [&](Session& session) -> Result<Exit> {
      SLUICE_TRY(done,
                 call(*session.backend, "DELETE", "/v1/endpoints/" + percent_encode(options->endpoint)));
      if (options->common.json) print_json(done);
      return Exit::ok;
    });
  });
}

void add_predict(CommandLine& program) {
  struct Options {
    SessionOptions common;
    std::string endpoint;
    std::vector<std::string> files;
  };
  auto options = std::make_shared<Options>();
  auto& command = program.add("predict", "classify pictures with an endpoint");
  add_session(command, options->common, "sluice predict stamps cat.png dog.jpg");
  command.argument("ENDPOINT", options->endpoint);
  command.argument("FILE", options->files, "picture files");
  command.when_called([options] {
    return with_session(options->common, "predict", [&](Session& session) {
      return predict(session, options->endpoint, options->files, options->common.json);
    });
  });
}

}  // namespace sluice::app
