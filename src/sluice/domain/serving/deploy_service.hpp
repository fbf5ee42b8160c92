#pragma once
#include "sluice/domain/serving/serving.hpp"
#include "sluice/ports/service.hpp"

namespace sluice::serving {

/// The service `endpoint.deploy`: deploys a version of a model to an endpoint. Calls with the same effect key
/// return the same result.
class DeployService final : public ports::Service {
 public:
  explicit DeployService(Serving& serving) : serving_(serving) {}
  [[nodiscard]] const ir::Signature& signature() const override;
  [[nodiscard]] Result<Value> environment(const Struct& with) const override;
  Result<Struct> run(const ports::ServiceCall& call) override;

  /// The signature alone, for programs that only compile plans.
  static const ir::Signature& declared();

 private:
  Serving& serving_;
};

}  // namespace sluice::serving
