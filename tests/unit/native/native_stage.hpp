#pragma once
#include "../runs/runs_stage.hpp"
#include "sluice/api/native/native.hpp"
#include "sluice/net/router.hpp"
#include "sluice/net/target.hpp"
#include "sluice/runtimes/hosted/hosted_runtime.hpp"
#include "sluice/stores/git/git_model_repository.hpp"

namespace sluice::test {

/// The native API over real stores and a real driver; requests go straight to its routes.
struct NativeStage : RunsStage {
  std::unique_ptr<stores::GitModelRepository> models =
      good(stores::GitModelRepository::open(stage.folder.path() / "models", *stage.objects, stage.clock));
  runtimes::HostedRuntime runtime{"/nowhere/sluice-host"};
  serving::Hosts hosts{runtime, *stage.objects, stage.clock, {.cache = stage.folder.path() / "cache"}};
  serving::Serving serving{*models, *stage.ledger, hosts, stage.clock};
  net::Router router = make_router();

  net::Router make_router() {
    std::vector<ports::Protocol> protocols;
    protocols.push_back(
        api::native_protocol({.runs = runs,
                              .objects = *stage.objects,
                              .models = *models,
                              .serving = serving,
                              .clock = stage.clock,
                              .version = "1.2.3",
                              .data = stage.folder.path(),
                              .log_of = [this](const RunId& run, const std::string& path, int attempt) {
                                return server.process().log_of(run, path, attempt);
                              }}));
    return good(net::Router::make(std::move(protocols)));
  }

  /// Asks, and answers what will come.
  std::future<ports::Response> ask(std::string method, const std::string& target, std::string body = "",
                                   const std::filesystem::path& body_file = {}) {
    auto parsed = good(net::parse_target(target));
    auto match = router.find(method, parsed.segments);
    auto answer = std::make_shared<std::promise<ports::Response>>();
    auto future = answer->get_future();
    EXPECT_NE(match.route, nullptr) << method << " " << target;
    if (!match.route) {
      answer->set_value({.status = 0, .body = "{}"});
      return future;
    }
    ports::Request request{.method = std::move(method),
                           .path = parsed.path,
                           .params = std::move(match.params),
                           .query = std::move(parsed.query),
                           .headers = {},
                           .body = std::move(body),
                           .body_file = body_file,
                           .principal = {}};
    match.route->handler(std::move(request),
                         [answer](ports::Response response) { answer->set_value(std::move(response)); });
    return future;
  }
  ports::Response get(const std::string& target) { return ask("GET", target).get(); }
  ports::Response post(const std::string& target, std::string body = "{}") {
    return ask("POST", target, std::move(body)).get();
  }
};

inline Value json_of(const ports::Response& response) { return good(parse_json(response.body, "answer")); }

/// "STATUS: MESSAGE" of an answer that must be an error.
inline std::string refusal(const ports::Response& response) {
  const auto json = json_of(response);
  const auto* error = json.find("error");
  EXPECT_NE(error, nullptr) << response.body;
  return std::to_string(response.status) + ": " + (error ? error->text_at("message") : "");
}

inline std::string plan_body(const std::string& text) {
  auto body = one("plan", text);
  body.set("file", "plan.yaml");
  return to_json(body);
}

}  // namespace sluice::test
