#include "sluice/domain/serving/deploy_service.hpp"

namespace sluice::serving {

using Kind = ir::Type::Kind;

const ir::Signature& DeployService::declared() {
  static const ir::Signature signature{
      .name = "endpoint.deploy",
      .version = "1.0.0",
      .effect = ir::Effect::idempotent,
      .inputs = {{.name = "endpoint", .type = {.kind = Kind::string}, .name_problem = endpoint_name_problem},
                 {.name = "model", .type = {.kind = Kind::string}},
                 {.name = "version", .type = {.kind = Kind::integer}}},
      .outputs = {{.name = "endpoint", .type = {.kind = Kind::string}},
                  {.name = "url", .type = {.kind = Kind::string}},
                  {.name = "version", .type = {.kind = Kind::integer}}}};
  return signature;
}

const ir::Signature& DeployService::signature() const { return declared(); }

Result<Value> DeployService::environment(const Struct& /*with*/) const { return Value(); }

Result<Struct> DeployService::run(const ports::ServiceCall& call) {
  const Value with(call.with);
  SLUICE_TRY(deployment, serving_.deploy(call.principal, with.text_at("endpoint"), with.text_at("model"),
                                         std::to_string(with.integer_at("version")), call.effect_key));
  Struct outputs;
  outputs.set("endpoint", deployment.endpoint);
  outputs.set("url", "/v2/models/" + deployment.endpoint);
  outputs.set("version", deployment.version);
  return outputs;
}

}  // namespace sluice::serving
