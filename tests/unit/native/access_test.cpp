#include "native_stage.hpp"
#include "sluice/base/json.hpp"

namespace sluice::test {
namespace {

TEST(NativeAccess, AddsListsAndRevokesTokens) {
  NativeStage s;
  const auto added = s.post("/v1/tokens", R"({"name": "ci", "role": "run", "expires_in_seconds": 60})");
  EXPECT_EQ(added.status, 201);
  EXPECT_EQ(added.subject, "ci (run)");
  const auto secret = value_of(parse_json(added.body, "")).text_at("token");
  EXPECT_EQ(s.access->caller_of(secret)->principal.name, "ci");
  const auto listed = s.get("/v1/tokens").body;
  EXPECT_EQ(listed.find(secret), std::string::npos);
  EXPECT_NE(listed.find(R"("name":"ci","role":"run")"), std::string::npos) << listed;
  EXPECT_EQ(s.ask("DELETE", "/v1/tokens/ci").get().status, 200);
  EXPECT_EQ(s.get("/v1/tokens").body, "{\"tokens\":[]}\n");
  EXPECT_EQ(s.ask("DELETE", "/v1/tokens/ci").get().status, 404);
}

TEST(NativeAccess, SaysWhatIsWrongWithAToken) {
  NativeStage s;
  const auto problem = [&](const std::string& body) {
    return value_of(parse_json(s.post("/v1/tokens", body).body, "")).find("error")->text_at("message");
  };
  EXPECT_EQ(problem(R"({"name": "ci", "role": "reed"})"),
            "`role` is `reed`; did you mean `read`?; a token has the role read, run or admin");
  EXPECT_EQ(problem(R"({"name": "ci"})"), "the body must have a string `role`");
  for (const auto* seconds : {"0", "-1", "1.5", "\"60\"", "1e12"})
    EXPECT_EQ(
        problem(std::string(R"({"name": "ci", "role": "read", "expires_in_seconds": )") + seconds + "}"),
        "`expires_in_seconds` must be a positive whole number")
        << seconds;
}

TEST(NativeAccess, ListsChangesInPages) {
  NativeStage s;
  for (int i = 1; i <= 3; ++i)
    ASSERT_OK(s.tables.add_change({.at = Time(Milliseconds(0)),
                                   .principal = {.name = "ann"},
                                   .what = "x",
                                   .subject = std::to_string(i)}));
  const auto page = value_of(parse_json(s.get("/v1/audit?limit=2").body, ""));
  EXPECT_EQ(to_json(*page.find("changes")),
            R"([{"at":"1970-01-01T00:00:00.000Z","by":"ann","what":"x","subject":"3"},)"
            R"({"at":"1970-01-01T00:00:00.000Z","by":"ann","what":"x","subject":"2"}])");
  const auto rest = value_of(parse_json(s.get("/v1/audit?after=" + page.text_at("next")).body, ""));
  EXPECT_EQ(rest.find("changes")->if_list()->size(), 1U);
  EXPECT_EQ(rest.find("next"), nullptr);
}

TEST(NativeAccess, EveryRouteThatChangesSomethingIsRecorded) {
  NativeStage s;
  const auto protocol = api::native_protocol({.runs = s.runs,
                                              .objects = *s.stage.objects,
                                              .uploads = *s.uploads,
                                              .models = *s.models,
                                              .serving = s.serving,
                                              .access = *s.access,
                                              .changes = s.tables,
                                              .clock = s.stage.clock});
  // Objects have no name: what refers to one is recorded.
  const std::vector<std::string> unnamed{"/v1/objects/missing", "/v1/objects/{}", "/v1/uploads",
                                         "/v1/uploads/{}", "/v1/storage/check"};
  for (const auto& route : protocol.routes) {
    const bool changes = route.needed_role() != ports::Role::read && route.method != "GET" &&
                         std::ranges::find(unnamed, route.pattern) == unnamed.end();
    EXPECT_EQ(!route.change.empty(), changes) << route.method << " " << route.pattern;
  }
}

}  // namespace
}  // namespace sluice::test
