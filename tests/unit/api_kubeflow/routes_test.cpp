// The routes over real stores and a real driver, whose plans are of any dialect, for callers of several
// workspaces.
#include "../runs/runs_stage.hpp"
#include "sluice/api/kubeflow/kubeflow.hpp"
#include "sluice/base/words.hpp"
#include "sluice/net/router.hpp"
#include "sluice/stores/sqlite/sqlite_pipelines.hpp"
#include "sluice/stores/sqlite/sqlite_run_groups.hpp"

namespace sluice::test {
namespace {

constexpr auto echo_plan =
    R"({"sluice": 1, "pipelines": {"main": {"inputs": {"n": {"type": "integer", "default": 3}, "x": {"type": "number", "default": 0.5}},)"
    R"( "graph": {"a": {"service": "test.echo", "with": {"value": "${inputs.n}"}}}}}})";
constexpr auto held_plan =
    R"({"sluice": 1, "pipelines": {"main": {"graph": {"a": {"service": "test.held"}}}}})";
constexpr auto needy_plan =
    R"({"sluice": 1, "pipelines": {"main": {"inputs": {"n": {"type": "integer"}}, "graph": {"a": {"service": "test.echo"}}}}})";

class KubeflowRoutes : public testing::Test {
 protected:
  struct Answer {
    int status = 0;
    Value body;
    [[nodiscard]] std::string message() const { return body.text_at("message"); }
    [[nodiscard]] std::string text(std::string_view field) const { return body.text_at(field); }
  };

  static std::vector<std::string> segments_of(std::string_view path) {
    std::vector<std::string> segments;
    path.remove_prefix(1);
    for (std::size_t end = 0; end != std::string_view::npos;
         path.remove_prefix(std::min(end + 1, path.size()))) {
      end = path.find('/');
      segments.push_back(percent_decode(path.substr(0, end)).value_or(""));
      if (end == std::string_view::npos) break;
    }
    return segments;
  }

  Answer ask(const std::string& method, const std::string& path, const std::string& body = "",
             std::vector<std::pair<std::string, std::string>> query = {}) {
    auto match = router.find(method, segments_of("/apis/v2beta1" + path));
    if (match.route == nullptr) {
      ADD_FAILURE() << "no route for " << method << " " << path;
      return {};
    }
    ports::Request request{.method = method, .params = match.params, .query = std::move(query), .body = body};
    request.headers = {{"content-type", content_type}};
    request.principal = caller;
    Answer answer;
    match.route->handler(std::move(request), [&](const ports::Response& response) {
      answer.status = response.status;
      answer.body = value_of(parse_json(response.body));
    });
    return answer;
  }
  Answer submit(const std::string& plan, const std::string& parameters = "{}") {
    return ask("POST", "/runs",
               R"({"display_name": "a run", "pipeline_spec": )" + plan +
                   R"(, "runtime_config": {"parameters": )" + parameters + "}}");
  }
  std::string upload(const std::string& name, const std::string& plan,
                     const std::string& path = "/pipelines/upload",
                     std::vector<std::pair<std::string, std::string>> query = {}) {
    content_type = "multipart/form-data; boundary=b";
    query.emplace_back("name", name);
    const auto answer =
        ask("POST", path,
            "--b\r\nContent-Disposition: form-data; name=\"uploadfile\"; filename=\"plan.yaml\"\r\n\r\n" +
                plan + "\r\n--b--\r\n",
            std::move(query));
    content_type = "application/json";
    return answer.status == 200 ? answer.text("pipeline_id") : answer.message();
  }

  RunsStage s;
  stores::SqlitePipelines pipeline_rows{s.stage.ledger->file()};
  stores::SqliteRunGroups group_rows{s.stage.ledger->file()};
  runs::Dialects dialects{.frontends = {&s.stage.frontend}, .services = s.stage.signatures};
  pipelines::Pipelines kept{
      {.store = pipeline_rows, .objects = *s.stage.objects, .clock = s.stage.clock, .random = s.random},
      dialects};
  pipelines::RunGroups groups{{.store = group_rows,
                               .pipelines = kept,
                               .runs = s.runs,
                               .objects = *s.stage.objects,
                               .clock = s.stage.clock,
                               .random = s.random},
                              dialects};
  net::Router router = value_of(net::Router::make([&] {
    std::vector<ports::Protocol> protocols;
    protocols.push_back(
        api::kubeflow_protocol({.pipelines = kept, .groups = groups, .objects = *s.stage.objects}));
    return protocols;
  }()));
  Principal caller;
  std::string content_type = "application/json";
};

TEST_F(KubeflowRoutes, AnErrorHasTheShapeOfTheirs) {
  const auto answer = ask("GET", "/experiments/none");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(
      to_json(answer.body),
      R"({"error":"there is no experiment `none`","code":5,"message":"there is no experiment `none`",)"
      R"("details":[{"@type":"type.googleapis.com/google.rpc.Status","code":5,"message":"there is no experiment `none`"}]})");
}

TEST_F(KubeflowRoutes, AWorkspaceHasItsOwn) {
  caller = {.workspace = "team", .name = "ann"};
  const auto experiment = ask("POST", "/experiments", R"({"display_name": "ours", "namespace": "team"})");
  EXPECT_EQ(experiment.text("namespace"), "team");
  const auto pipeline = upload("ours", echo_plan);
  const auto run = submit(echo_plan);
  EXPECT_EQ(run.status, 200);
  s.server.wait(run.text("run_id"));
  EXPECT_EQ(ask("GET", "/runs").body.integer_at("total_size"), 1);
  EXPECT_EQ(ask("GET", "/runs", "", {{"namespace", "other"}}).message(),
            "namespace `other` is not the workspace of this token, which is `team`");
  EXPECT_EQ(ask("GET", "/experiments", "", {{"namespace", "other"}}).status, 403);
  EXPECT_EQ(ask("GET", "/pipelines", "", {{"namespace", "other"}}).status, 403);
  EXPECT_EQ(ask("POST", "/experiments", R"({"display_name": "x", "namespace": "other"})").status, 403);
  caller = {.workspace = "other", .name = "bob"};
  EXPECT_EQ(ask("GET", "/runs").body.integer_at("total_size"), 0);
  for (const auto& [method, path] : std::vector<std::pair<std::string, std::string>>{
           {"GET", "/runs/" + run.text("run_id")},
           {"DELETE", "/runs/" + run.text("run_id")},
           {"POST", "/runs/" + run.text("run_id") + ":archive"},
           {"POST", "/runs/" + run.text("run_id") + ":terminate"},
           {"POST", "/runs/" + run.text("run_id") + ":retry"},
           {"GET", "/experiments/" + experiment.text("experiment_id")},
           {"DELETE", "/experiments/" + experiment.text("experiment_id")},
           {"POST", "/experiments/" + experiment.text("experiment_id") + ":archive"},
           {"GET", "/pipelines/" + pipeline},
           {"DELETE", "/pipelines/" + pipeline},
           {"GET", "/pipelines/" + pipeline + "/versions"},
           {"GET", "/pipelines/names/ours"}})
    EXPECT_EQ(ask(method, path).status, 404) << method << " " << path;
}

TEST_F(KubeflowRoutes, ParametersHaveTheTypesOfTheirInputs) {
  const auto inputs = [&](const std::string& parameters) -> std::string {
    const auto answer = submit(echo_plan, parameters);
    if (answer.status != 200) return answer.message();
    return to_json(value_of(s.runs.report({answer.text("run_id")})).created.inputs);
  };
  EXPECT_EQ(inputs("{}"), R"({"n":3,"x":0.5})");
  EXPECT_EQ(inputs(R"({"n": 5.0, "x": 2})"), R"({"n":5,"x":2.0})");
  EXPECT_EQ(inputs(R"({"n": null})"), R"({"n":3,"x":0.5})");
  EXPECT_EQ(inputs(R"({"n": 5.5})"), "input `n`: it should be an integer, but it is a number");
  EXPECT_EQ(inputs(R"({"n": "5"})"), "input `n`: it should be an integer, but it is a string");
  EXPECT_EQ(inputs(R"({"nn": 5})"), "the pipeline has no parameter `nn`; did you mean `n`?");
  EXPECT_EQ(submit(needy_plan).message(), "parameter `n` is missing: the pipeline has no default for it");
}

TEST_F(KubeflowRoutes, ARunThatIsTerminatedSaysSoUntilItHasEnded) {
  const auto run = submit(held_plan).text("run_id");
  EXPECT_EQ(ask("GET", "/runs/" + run).text("state"), "RUNNING");
  ASSERT_EQ(ask("POST", "/runs/" + run + ":terminate").status, 200);
  s.server.wait(run);
  EXPECT_EQ(ask("GET", "/runs/" + run).text("state"), "CANCELED");
  EXPECT_EQ(ask("POST", "/runs/" + run + ":retry").status, 200);
  EXPECT_EQ(ask("GET", "/runs/" + run).text("state"), "RUNNING");
  EXPECT_EQ(ask("POST", "/runs/" + run + ":retry").message(),
            "run " + run + " has not ended; it cannot be retried");
  s.stage.gate.open();
  s.server.wait(value_of(group_rows.run("default", run))->run.text);
  const auto ended = ask("GET", "/runs/" + run);
  EXPECT_EQ(ended.text("state"), "SUCCEEDED");
  std::string states;
  for (const auto& entry : *ended.body.find("state_history")->if_list())
    states += entry.text_at("state") + " ";
  EXPECT_EQ(states, "PENDING RUNNING CANCELING CANCELED PENDING RUNNING SUCCEEDED ");
}

TEST_F(KubeflowRoutes, ARunThatWasSetAsideIsPausedAndARetryResumesIt) {
  const auto run = submit(echo_plan).text("run_id");
  s.server.wait(run);
  auto row = s.stage.row(run);
  row.status = ports::set_aside;
  row.ended.reset();
  ASSERT_OK(s.stage.ledger->append({{.run = {run},
                                     .expected_next = value_of(s.stage.ledger->length({run})),
                                     .events = {},
                                     .row = row,
                                     .cache = {}}},
                                   ports::Durability::process));
  EXPECT_EQ(ask("GET", "/runs/" + run).text("state"), "PAUSED");
  EXPECT_EQ(ask("POST", "/runs/" + run + ":retry").status, 200);
  EXPECT_EQ(value_of(group_rows.run("default", run))->run.text, run);
}

TEST_F(KubeflowRoutes, BadRequestsAreRefusedWithTheReason) {
  ASSERT_EQ(upload("known", echo_plan).size(), 26U);
  EXPECT_EQ(upload("known", echo_plan), "there is a pipeline `known` already");
  EXPECT_EQ(upload("broken", "sluice: 1\npipelines: {main: {graph: {a: {service: test.ehco}}}}"),
            "plan.yaml:2:28: unknown service `test.ehco`; did you mean `test.echo`?");
  EXPECT_EQ(upload("archive", "PK\x03\x04 and more"),
            "plan.yaml: the package has no end: it is truncated; a package is a .zip or a .tar.gz with one "
            "pipeline.yaml");
  EXPECT_EQ(upload("version", echo_plan, "/pipelines/upload_version"),
            "the query parameter `pipelineid` is missing");
  EXPECT_EQ(upload("version", echo_plan, "/pipelines/upload_version", {{"pipelineid", "none"}}),
            "there is no pipeline `none`");
  EXPECT_EQ(upload("tagged", echo_plan, "/pipelines/upload", {{"tags", "[]"}}),
            "`tags` must be a JSON object of texts");
  EXPECT_EQ(upload("tagged", echo_plan, "/pipelines/upload", {{"tags", R"({"a": 1})"}}),
            "a tag is not a text; `tags` is an object of texts");
  EXPECT_EQ(upload(" ", echo_plan), "the name of the pipeline is empty");
  EXPECT_EQ(upload(std::string(600, 'x'), echo_plan),
            "the name of the pipeline has 600 bytes; at most 512 are supported");
  EXPECT_EQ(upload("a\nb", echo_plan), "the name of the pipeline is not a line of text in UTF-8");
  content_type = "multipart/form-data; boundary=b";
  EXPECT_EQ(ask("POST", "/pipelines/upload", "--b\r\n\r\n\r\n--b--").message(),
            "field 0 of the form has no header `Content-Disposition: form-data; name=…`");
  EXPECT_EQ(ask("POST", "/pipelines/upload", "--b--\r\n").message(),
            "the form has no file in the field `uploadfile`, which holds the pipeline");
  content_type = "application/json";
  const auto problem = [&](const std::string& body) { return ask("POST", "/runs", body).message(); };
  EXPECT_EQ(problem("{"), "body:1:2: unexpected end of text");
  EXPECT_EQ(problem("[]"), "the body must be a JSON object");
  EXPECT_EQ(problem("{}"), "the run has no pipeline: give `pipeline_spec` or `pipeline_version_reference`");
  EXPECT_EQ(problem(R"({"pipeline_spec": 7})"), "`pipeline_spec` must be an object: the compiled pipeline");
  EXPECT_EQ(problem(R"({"pipeline_spec": {}})"), "the name of the run is empty");
  EXPECT_EQ(problem(R"({"display_name": 7})"), "`display_name` must be a text, not of the type integer");
  EXPECT_EQ(problem(R"({"runtime_config": 7})"),
            "`runtime_config` must be an object, not of the type integer");
  EXPECT_EQ(problem(R"({"runtimeConfig": {"parameters": []}})"),
            "`runtime_config.parameters` must be an object, not of the type list");
  EXPECT_EQ(problem(R"({"display_name": "x", "experiment_id": "none", "pipeline_spec": {}})"),
            "there is no experiment `none`");
  EXPECT_EQ(
      problem(R"({"display_name": "x", "pipeline_version_reference": {"pipeline_version_id": "none"}})"),
      "there is no pipeline version `none`");
  EXPECT_EQ(problem(R"({"display_name": "x", "pipelineVersionReference": {"pipelineId": "none"}})"),
            "there is no pipeline `none`");
  EXPECT_EQ(ask("POST", "/pipelines/none/versions",
                R"({"name": "x", "package_url": {"pipeline_url": "https://example.com"}})")
                .message(),
            "`package_url` is not fetched here; send the pipeline as `pipeline_spec`, or upload its file");
  EXPECT_EQ(ask("PATCH", "/pipelines/none", "{}").message(),
            "nothing is changed: give `display_name` or `tags`");
  EXPECT_EQ(ask("POST", "/runs/x").message(),
            "there is no action `` here; there are: archive, unarchive, terminate, retry");
  EXPECT_EQ(ask("POST", "/experiments/x:delete").message(),
            "there is no action `delete` here; there are: archive, unarchive");
  EXPECT_EQ(ask("GET", "/artifacts/7").status, 501);
}

}  // namespace
}  // namespace sluice::test
