#pragma once
#include "sluice/base/clock.hpp"
#include "sluice/domain/models/provenance.hpp"
#include "sluice/ports/model_repository.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/service.hpp"

namespace sluice::models {

struct CardFacts;

/// `model.register`: a trained model becomes the next version of its repository, with a card and its
/// provenance, and the alias `champion` moves to it. What is unchanged (files and card) answers the version
/// that is there; so does the same call.
///   model     a folder with model.json, as head.learn gives it
///   name      of the repository
///   report    a folder whose files go along (metrics.json, confusion.svg); may be left out
///   metrics   numbers for the card (README.md says how they are read); may be left out
///   training  how it was learned, for the card: head.learn's summary; may be left out
///   → name, version, tag ("v3"), commit, created (false: it was there)
/// Thread-safe. What it refers to outlives it.
class RegisterService final : public ports::Service {
 public:
  RegisterService(ports::ObjectStore& objects, ports::ModelRepository& repositories, const RunFacts& facts,
                  const Clock& clock)
      : objects_(objects), repositories_(repositories), facts_(facts), clock_(clock) {}
  [[nodiscard]] const ir::Signature& signature() const override;
  [[nodiscard]] Result<Value> environment(const Struct& with) const override;
  Result<Struct> run(const ports::ServiceCall& call) override;
  /// The signature alone, for programs that only compile plans.
  static const ir::Signature& declared();

 private:
  [[nodiscard]] Result<std::string> license_of_base(const std::string& workspace,
                                                    const CardFacts& card) const;

  ports::ObjectStore& objects_;
  ports::ModelRepository& repositories_;
  const RunFacts& facts_;
  const Clock& clock_;
};

}  // namespace sluice::models
