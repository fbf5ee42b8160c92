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
  EXPECT_EQ(to_json(json_of(s.get("/v1/models/stamps"))), to_json(model));
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
