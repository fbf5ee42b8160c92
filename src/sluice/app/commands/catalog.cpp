#include "sluice/app/commands/page.hpp"

// The commands that list what can be served, and what is: models, versions, endpoints.

namespace sluice::app {
namespace {

void print_model(const Value& model) {
  const auto count = model.integer_at("version_count");
  const auto& versions = list_at(model, "versions");
  const auto* aliases = model.find("aliases");
  const auto champion = aliases ? aliases->integer_at("champion") : 0;
  print_text(stdout, "{:<28} {} version{}{}  {}\n", model.text_at("model"), count, count == 1 ? "" : "s",
             champion == 0 ? "" : fmt::format(", champion v{}", champion),
             versions.empty() ? "" : versions.front().text_at("created"));
}

void print_version(const Value& version) {
  std::string aliases;
  for (const auto& alias : list_at(version, "aliases"))
    aliases += (aliases.empty() ? "  " : ", ") + *alias.if_string();
  print_text(stdout, "{:<6} {}  {}{}\n", fmt::format("v{}", version.integer_at("version")),
             version.text_at("created"), version.text_at("commit").substr(0, 12), aliases);
}

void print_endpoint(const Value& endpoint) {
  print_text(stdout, "{:<24} {} v{}  {}  /v2/models/{}\n", endpoint.text_at("endpoint"),
             endpoint.text_at("model"), endpoint.integer_at("version"), endpoint.text_at("state"),
             endpoint.text_at("endpoint"));
}

}  // namespace

void add_models(CommandLine& program) {
  auto options = std::make_shared<PageOptions>();
  auto& command = program.add("models", "list models");
  add_page(command, *options, "sluice models", "models", "MODEL");
  command.when_called([options] {
    return with_session(options->common, "models", [&](Session& session) -> Result<Exit> {
      SLUICE_TRY(response, call(*session.backend, "GET", "/v1/models" + options->query()));
      return print_page(session, *options, response, "models", "sluice models", print_model);
    });
  });
}

void add_versions(CommandLine& program) {
  struct Options : PageOptions {
    std::string model;
  };
  auto options = std::make_shared<Options>();
  auto& command = program.add("versions", "list the versions of a model, newest first");
  command.argument("MODEL", options->model, "name of the model");
  add_page(command, *options, "sluice versions stamps\n  sluice versions stamps --after v20", "versions",
           "VERSION");
  command.when_called([options] {
    return with_session(options->common, "versions", [&](Session& session) -> Result<Exit> {
      if (options->after.starts_with('v')) options->after.erase(0, 1);
      SLUICE_TRY(response, call(*session.backend, "GET",
                                "/v1/models/" + percent_encode(options->model) + options->query()));
      return print_page(session, *options, response, "versions",
                        "sluice versions " + shell_word(options->model), print_version);
    });
  });
}

void add_endpoints(CommandLine& program) {
  auto options = std::make_shared<PageOptions>();
  auto& command = program.add("endpoints", "list endpoints and the models that they serve");
  add_page(command, *options, "sluice endpoints", "endpoints", "ENDPOINT");
  command.when_called([options] {
    return with_session(options->common, "endpoints", [&](Session& session) -> Result<Exit> {
      SLUICE_TRY(response, call(*session.backend, "GET", "/v1/endpoints" + options->query()));
      return print_page(session, *options, response, "endpoints", "sluice endpoints", print_endpoint);
    });
  });
}

}  // namespace sluice::app
