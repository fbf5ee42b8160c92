#pragma once
#include <future>

#include <gtest/gtest.h>

#include "places.hpp"
#include "result_assertions.hpp"
#include "scratch.hpp"
#include "sluice/base/json.hpp"
#include "sluice/domain/serving/serving.hpp"
#include "sluice/runtimes/hosted/hosted_runtime.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"
#include "sluice/stores/git/git_model_repository.hpp"
#include "sluice/stores/sqlite/sqlite_ledger.hpp"

namespace sluice::serving {

/// A Serving over real stores, whose models are git repositories and whose hosts are processes
/// (scripted_host.cpp).
class Stage {
 public:
  explicit Stage(Serving::Options options = {}, Milliseconds idle = std::chrono::minutes(1))
      : objects(test::value_of(
            stores::DirectoryObjectStore::open(scratch.path / "objects", scratch.path / "cache", clock))),
        models(test::value_of(stores::GitModelRepository::open(scratch.path / "models", *objects, clock))),
        ledger(test::value_of(stores::SqliteLedger::open(scratch.path / "ledger.db"))),
        hosts(std::make_unique<Hosts>(runtime, *objects, clock,
                                      Hosts::Options{.cache = scratch.path / "cache", .idle = idle})),
        serving(std::make_unique<Serving>(*models, *ledger, *hosts, clock, options)) {}

  /// Registers a base whose files are `names`.
  ports::ModelVersion add_base(const std::string& model, const std::vector<std::string>& names) {
    const auto folder = scratch.path / ("content-" + model + std::to_string(++count_));
    for (const auto& name : names) scratch.file(folder.filename() / std::filesystem::path(name), name);
    return add(model, folder);
  }

  /// Registers a head on `base` with these classes.
  ports::ModelVersion add_head(const std::string& model, const ports::ModelVersion& base,
                               const std::vector<std::string>& classes, const std::string& digest = "",
                               const std::string& commit = "") {
    const auto files = models->as_artifact("default", base);
    EXPECT_TRUE(files);
    Struct reference;
    reference.set("repository", base.model);
    reference.set("commit", commit.empty() ? base.commit : commit);
    reference.set("digest", digest.empty() ? files->digest->hex() : digest);
    List names;
    for (const auto& name : classes) names.emplace_back(name);
    Struct description;
    description.set("base", std::move(reference));
    description.set("classes", std::move(names));
    const auto folder = "content-" + model + std::to_string(++count_);
    scratch.file(folder + "/model.json", to_json(std::move(description)));
    return add(model, scratch.path / folder);
  }

  /// Endpoint "stamps" on a plain base.
  void deploy_stamps() {
    add_head("stamps-model", add_base("base", {"plain"}), {"bird", "fish"});
    const auto deployed = serving->deploy({}, "stamps", "stamps-model", "");
    ASSERT_OK(deployed);
  }

  std::future<Result<PredictResult>> ask(std::vector<std::string> pictures,
                                         std::optional<std::int64_t> version = {},
                                         const std::string& endpoint = "stamps") {
    auto answer = std::make_shared<std::promise<Result<PredictResult>>>();
    auto future = answer->get_future();
    serving->predict("default", endpoint, version, std::move(pictures),
                     [answer](Result<PredictResult> given) { answer->set_value(std::move(given)); });
    return future;
  }
  Result<PredictResult> predict(std::vector<std::string> pictures, std::optional<std::int64_t> version = {},
                                const std::string& endpoint = "stamps") {
    return ask(std::move(pictures), version, endpoint).get();
  }

  SystemClock clock;
  Scratch scratch;
  std::unique_ptr<ports::ObjectStore> objects;
  std::unique_ptr<ports::ModelRepository> models;
  std::unique_ptr<stores::SqliteLedger> ledger;
  runtimes::HostedRuntime runtime{test::scripted_host()};
  std::unique_ptr<Hosts> hosts;
  std::unique_ptr<Serving> serving;

 private:
  ports::ModelVersion add(const std::string& model, const std::filesystem::path& content) {
    return test::value_of(models->add_version({.model = model,
                                               .principal = {},
                                               .content = content,
                                               .description = model,
                                               .at = clock.now()}))
        .version;
  }
  int count_ = 0;
};

}  // namespace sluice::serving
