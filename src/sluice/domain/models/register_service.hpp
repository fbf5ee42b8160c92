#pragma once
#include "sluice/base/clock.hpp"
#include "sluice/domain/models/provenance.hpp"
#include "sluice/ports/model_repository.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/service.hpp"

namespace sluice::models {

struct CardFacts;

/// The service `model.register`: adds a trained model as the next version of its repository, with a card and
/// its provenance, and moves the alias `champion` to it. If the files and the card are unchanged, it returns
/// the existing version; so does a repeated call.
///   model     a folder with model.json, as head.learn produces it
///   name      the name of the repository
///   report    a folder whose files are added (metrics.json, confusion.svg); optional
///   metrics   numbers for the card (README.md describes how they are read); optional
///   training  how the model was trained, for the card: head.learn's summary; optional
///   → name, version, tag ("v3"), commit, created (false: the version existed)
/// Thread-safe. The objects that it refers to must outlive it.
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
