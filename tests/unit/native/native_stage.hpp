#pragma once
#include "../runs/runs_stage.hpp"
#include "result_assertions.hpp"
#include "sluice/api/native/native.hpp"
#include "sluice/net/router.hpp"
#include "sluice/net/target.hpp"
#include "sluice/runtimes/hosted/hosted_runtime.hpp"
#include "sluice/stores/directory/directory_uploads.hpp"
#include "sluice/stores/git/git_model_repository.hpp"
#include "sluice/stores/sqlite/sqlite_access.hpp"
#include "sluice/stores/sqlite/sqlite_schedules.hpp"
#include "sluice/stores/sqlite/sqlite_tracked_tasks.hpp"
#include "sluice/stores/sqlite/sqlite_tracking.hpp"

namespace sluice::test {

/// The native API over real stores and a real driver; requests go straight to its routes.
struct NativeStage : RunsStage {
  std::unique_ptr<stores::GitModelRepository> models =
      value_of(stores::GitModelRepository::open(stage.folder.path() / "models", *stage.objects, stage.clock));
  SystemRandom upload_ids;
  std::unique_ptr<stores::DirectoryUploads> uploads =
      value_of(stores::DirectoryUploads::open(*stage.objects, stage.clock, upload_ids));
  runtimes::HostedRuntime runtime{"/nowhere/sluice-host"};
  serving::Hosts hosts{runtime, *stage.objects, stage.clock, {.cache = stage.folder.path() / "cache"}};
  serving::Serving serving{*models, *stage.ledger, hosts, stage.clock};
  stores::SqliteAccess tables{stage.ledger->file()};
  std::unique_ptr<access::Access> access = value_of(
      access::Access::open({.tokens = tables, .clock = stage.clock, .random = random}, std::nullopt));
  stores::SqliteTracking tracked{stage.ledger->file(), ports::Durability::process};
  stores::SqliteTrackedTasks tracked_tasks{stage.ledger->file(), ports::Durability::process};
  tracking::Experiments experiments{tracked, stage.clock, random};
  stores::SqliteSchedules schedule_table{stage.ledger->file()};
  /// Does not begin: nothing starts by itself.
  schedules::Scheduler scheduler{
      {.store = schedule_table, .runs = runs, .objects = *stage.objects, .clock = stage.clock}};
  schedules::Schedules schedules{{.store = schedule_table,
                                  .scheduler = scheduler,
                                  .runs = runs,
                                  .objects = *stage.objects,
                                  .clock = stage.clock,
                                  .random = random}};
  Principal caller;  ///< who sends requests
  net::Router router = make_router();

  net::Router make_router(Milliseconds heartbeat = std::chrono::seconds(15),
                          Milliseconds progress_interval = std::chrono::seconds(1)) {
    std::vector<ports::Protocol> protocols;
    protocols.push_back(api::native_protocol(
        {.runs = runs,
         .objects = *stage.objects,
         .uploads = *uploads,
         .models = *models,
         .serving = serving,
         .access = *access,
         .changes = tables,
         .schedules = &schedules,
         .tracked_tasks = &tracked_tasks,
         .experiments = &experiments,
         .clock = stage.clock,
         .version = "1.2.3",
         .data = stage.folder.path(),
         .log_of =
             [this](std::string_view kind, const RunId& run, const std::string& path, int attempt) {
               return kind == "process" ? server.process().log_of(run, path, attempt)
                                        : std::filesystem::path();
             },
         .heartbeat = heartbeat,
         .progress_interval = progress_interval}));
    return value_of(net::Router::make(std::move(protocols)));
  }

  /// Sends a request; returns the future response.
  std::future<ports::Response> ask(std::string method, const std::string& target, std::string body = "",
                                   const std::filesystem::path& body_file = {},
                                   std::vector<std::pair<std::string, std::string>> headers = {}) {
    auto parsed = value_of(net::parse_target(target));
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
                           .headers = std::move(headers),
                           .body = std::move(body),
                           .body_file = body_file,
                           .principal = caller};
    match.route->handler(std::move(request),
                         [answer](ports::Response response) { answer->set_value(std::move(response)); });
    return future;
  }
  ports::Response get(const std::string& target) { return ask("GET", target).get(); }
  /// The events of a run as a stream; `last`: the id of the last event that was received.
  ports::Response events(const std::string& run, const std::string& last = "") {
    std::vector<std::pair<std::string, std::string>> headers{{"accept", "text/event-stream"}};
    if (!last.empty()) headers.emplace_back("last-event-id", last);
    return ask("GET", "/v1/runs/" + run + "/events", "", {}, std::move(headers)).get();
  }
  ports::Response post(const std::string& target, std::string body = "{}") {
    return ask("POST", target, std::move(body)).get();
  }
};

/// The next non-empty piece; nullopt at the end.
inline ports::Stream::Piece next_piece(ports::Stream& stream) {
  for (;;) {
    std::promise<ports::Stream::Piece> given;
    stream.next([&](ports::Stream::Piece piece) { given.set_value(std::move(piece)); });
    if (auto piece = given.get_future().get(); !piece || !piece->empty()) return piece;
  }
}
inline std::string read_to_the_end(ports::Stream& stream) {
  std::string out;
  while (auto piece = next_piece(stream)) out += *piece;
  return out;
}

inline Value json_of(const ports::Response& response) {
  return value_of(parse_json(response.body, "answer"));
}

/// "STATUS: MESSAGE" of a response that must be an error.
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

inline constexpr auto echo_plan = R"(
sluice: 1
pipelines:
  main:
    inputs: {n: {type: any, default: 3}}
    outputs: {n: "${a.value}"}
    graph:
      a: {service: test.echo, with: {value: "${inputs.n}"}}
)";
inline constexpr auto reporting_plan =
    "sluice: 1\npipelines:\n  main:\n    graph:\n      t: {service: test.reporting}\n";
inline constexpr auto held_plan =
    "sluice: 1\npipelines:\n  main:\n    graph:\n      a: {service: test.held}\n";
/// Submits a run; returns its id.
inline std::string submitted(NativeStage& s, const std::string& body) {
  const auto answer = s.post("/v1/runs", body);
  EXPECT_EQ(answer.status, 201) << answer.body;
  return json_of(answer).text_at("run");
}

/// Submits a run and waits until it has ended.
inline std::string ended(NativeStage& s, const std::string& body) {
  auto run = submitted(s, body);
  s.server.wait(run);
  return run;
}

}  // namespace sluice::test
