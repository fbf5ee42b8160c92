#include "sluice/domain/serving/deploy_service.hpp"

#include <gmock/gmock.h>

#include "result_assertions.hpp"
#include "stage.hpp"

namespace sluice::serving {
namespace {

ports::ServiceCall call(const std::string& endpoint, std::int64_t version, const std::string& key) {
  ports::ServiceCall call;
  call.with.set("endpoint", endpoint);
  call.with.set("model", "stamps-model");
  call.with.set("version", version);
  call.effect_key = key;
  return call;
}

TEST(DeployService, DeploysAndReturnsTheSameResultAgain) {
  Stage stage;
  stage.add_head("stamps-model", stage.add_base("base", {"plain"}), {"bird"});
  DeployService service(*stage.serving);
  EXPECT_EQ(service.signature().name, "endpoint.deploy");
  EXPECT_EQ(service.signature().effect, ir::Effect::idempotent);
  EXPECT_TRUE(service.environment({})->is_null());
  for (int i = 0; i < 2; ++i) {
    const auto outputs = service.run(call("stamps", 1, "run-1/deploy"));
    ASSERT_OK(outputs);
    const Value value(*outputs);
    EXPECT_EQ(value.text_at("endpoint"), "stamps");
    EXPECT_EQ(value.text_at("url"), "/v2/models/stamps");
    EXPECT_EQ(value.integer_at("version"), 1);
  }
  EXPECT_EQ(stage.serving->find("default", "stamps")->deployment.effect_key, "run-1/deploy");
  EXPECT_TRUE(stage.predict({"bird"}));
  EXPECT_EQ(service.run(call("stamps", 2, "run-2/deploy")).error().code, Code::not_found);
  EXPECT_EQ(service.run(call("Stamps!", 1, "run-3/deploy")).error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace sluice::serving
