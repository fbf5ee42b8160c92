#include "native_stage.hpp"
#include "result_assertions.hpp"

namespace sluice::test {
namespace {

/// Registers a model of two files.
ports::ModelVersion add_model(NativeStage& s, const std::string& name,
                              const std::string& description = "first") {
  const auto content = s.stage.folder.path() / ("content-" + name + description);
  EXPECT_OK(os::make_directories(content));
  EXPECT_OK(os::write_file(content / "README.md", "# " + description + "\n"));
  EXPECT_OK(os::write_file(content / "model.json", R"({"classes": ["bird", "fish"]})"));
  return value_of(s.models->add_version({.model = name,
                                         .principal = {},
                                         .content = content,
                                         .description = description,
                                         .at = s.stage.clock.now()}))
      .version;
}

TEST(NativeModels, AreListedWithTheirVersionsNewestFirst) {
  NativeStage s;
  EXPECT_EQ(s.get("/v1/models").body, "{\"models\":[]}\n");
  add_model(s, "stamps");
  const auto second = add_model(s, "stamps", "second");
  const auto json = json_of(s.get("/v1/models"));
  const auto& model = json.find("models")->if_list()->at(0);
  EXPECT_EQ(model.text_at("model"), "stamps");
  EXPECT_EQ(model.text_at("repository"), (s.stage.folder.path() / "models/default/stamps.git").string());
  const auto& newest = model.find("versions")->if_list()->at(0);
  EXPECT_EQ(newest.integer_at("version"), 2);
  EXPECT_EQ(newest.text_at("commit"), second.commit);
  EXPECT_EQ(newest.text_at("description"), "second");
  EXPECT_EQ(to_json(*newest.find("aliases")), R"(["champion"])");
  EXPECT_EQ(model.integer_at("version_count"), 2);
  EXPECT_EQ(to_json(*model.find("aliases")), R"({"champion":2})");
  EXPECT_EQ(model.find("versions")->if_list()->size(), 1U);  // all are at the model itself
  const auto shown = json_of(s.get("/v1/models/stamps"));
  EXPECT_EQ(shown.find("versions")->if_list()->size(), 2U);
  EXPECT_EQ(shown.find("next"), nullptr);
}

/// What `key` is in each entry of the list, then the cursor.
std::string listed(const ports::Response& response, std::string_view list, std::string_view key) {
  const auto json = json_of(response);
  std::string out;
  for (const auto& entry : *json.find(list)->if_list()) out += to_json(*entry.find(key)) + " ";
  return out + (json.find("next") ? "next " + to_json(*json.find("next")) : "end");
}

TEST(NativeModels, AreListedInPages) {
  NativeStage s;
  for (const auto* name : {"c d", "a", "b"}) add_model(s, name);
  EXPECT_EQ(listed(s.get("/v1/models?limit=2"), "models", "model"), R"("a" "b" next "b")");
  EXPECT_EQ(listed(s.get("/v1/models?limit=2&after=b"), "models", "model"), R"("c d" end)");
  EXPECT_EQ(listed(s.get("/v1/models?limit=3"), "models", "model"), R"("a" "b" "c d" end)");
  EXPECT_EQ(listed(s.get("/v1/models?after=c%20d"), "models", "model"), "end");
  EXPECT_EQ(refusal(s.get("/v1/models?limit=-1")),
            "400: query parameter `limit` must be a non-negative integer");
  for (const auto* description : {"2", "3", "4"}) add_model(s, "a", description);
  EXPECT_EQ(listed(s.get("/v1/models/a?limit=3"), "versions", "version"), "4 3 2 next 2");
  EXPECT_EQ(listed(s.get("/v1/models/a?limit=3&after=2"), "versions", "version"), "1 end");
  EXPECT_EQ(listed(s.get("/v1/models/a?limit=4"), "versions", "version"), "4 3 2 1 end");
}

TEST(NativeModels, ShowTheFilesOfAVersion) {
  NativeStage s;
  add_model(s, "stamps");
  for (const auto* reference : {"1", "v1", "champion", "latest"}) {
    const auto json = json_of(s.get("/v1/models/stamps/versions/" + std::string(reference)));
    EXPECT_EQ(json.integer_at("version"), 1) << reference;
    EXPECT_EQ(to_json(*json.find("about")), R"({"classes":["bird","fish"]})");
    const auto& files = *json.find("files")->if_list();
    ASSERT_GE(files.size(), 2U);
    for (const auto& file : files)
      if (file.text_at("path") == "README.md")
        EXPECT_EQ(file.text_at("digest"), Digest::of("# first\n").hex());
  }
}

TEST(NativeModels, ThatAreUnknownAreNamed) {
  NativeStage s;
  add_model(s, "stamps");
  for (const auto* target :
       {"/v1/models/stmaps", "/v1/models/stamps/versions/7", "/v1/models/stmaps/versions/1"}) {
    const auto answer = s.get(target);
    EXPECT_EQ(answer.status, 404) << target;
    EXPECT_NE(refusal(answer).find("`"), std::string::npos) << answer.body;
  }
}

TEST(NativeEndpoints, ThatAreUnknownAreNamed) {
  NativeStage s;
  EXPECT_EQ(s.get("/v1/endpoints").body, "{\"endpoints\":[]}\n");
  EXPECT_EQ(refusal(s.ask("DELETE", "/v1/endpoints/stamps").get()),
            "404: no endpoint `stamps`; `sluice endpoints` lists all endpoints");
  EXPECT_EQ(refusal(s.ask("PUT", "/v1/endpoints/stamps", "{}").get()),
            "400: the body must have a string `model`");
  EXPECT_EQ(s.ask("PUT", "/v1/endpoints/stamps", R"({"model": "stamps"})").get().status, 404);
  EXPECT_EQ(s.ask("PUT", "/v1/endpoints/No%20name", R"({"model": "stamps"})").get().status, 400);
}

TEST(NativeEndpoints, AreListedInPages) {
  NativeStage s;
  for (const auto* name : {"c", "a", "b"})
    EXPECT_OK(s.stage.ledger->put({.endpoint = name, .principal = {}, .model = "stamps", .version = 1}));
  EXPECT_EQ(listed(s.get("/v1/endpoints?limit=2"), "endpoints", "endpoint"), R"("a" "b" next "b")");
  EXPECT_EQ(listed(s.get("/v1/endpoints?limit=2&after=b"), "endpoints", "endpoint"), R"("c" end)");
  EXPECT_EQ(listed(s.get("/v1/endpoints"), "endpoints", "endpoint"), R"("a" "b" "c" end)");
}

TEST(NativeEndpoints, RefuseAModelThatCannotBeServed) {
  NativeStage s;
  add_model(s, "stamps");
  const auto answer = s.ask("PUT", "/v1/endpoints/stamps", R"({"model": "stamps"})").get();
  EXPECT_GE(answer.status, 400) << answer.body;
  EXPECT_LT(answer.status, 500) << answer.body;
  EXPECT_EQ(s.get("/v1/endpoints").body, "{\"endpoints\":[]}\n");
}

}  // namespace
}  // namespace sluice::test
