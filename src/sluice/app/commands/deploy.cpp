
#include "sluice/app/commands/command.hpp"
#include "sluice/app/commands/print_text.hpp"
#include "sluice/base/words.hpp"

// The commands that make and delete endpoints: deploy, undeploy.

namespace sluice::app {
namespace {

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

}  // namespace sluice::app
