#pragma once
#include <functional>
#include <optional>
#include <stop_token>

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
/// A head is tried before its version exists, in a host of its own: one that no host can load, or that ends
/// its host, is refused. Thread-safe. The objects that it refers to must outlive it.
class RegisterService final : public ports::Service {
 public:
  /// Loads the head on the base and predicts with it, apart from what is served.
  using TryHead =
      std::function<Result<void>(const Artifact& base, const Artifact& head, const std::stop_token& cancel)>;

  RegisterService(ports::ObjectStore& objects, ports::ModelRepository& repositories, const RunFacts& facts,
                  const Clock& clock, TryHead try_head)
      : objects_(objects),
        repositories_(repositories),
        facts_(facts),
        clock_(clock),
        try_head_(std::move(try_head)) {}
  [[nodiscard]] const ir::Signature& signature() const override;
  [[nodiscard]] Result<Value> environment(const Struct& with) const override;
  Result<Struct> run(const ports::ServiceCall& call) override;
  /// The signature alone, for programs that only compile plans.
  static const ir::Signature& declared();

 private:
  /// The version that a head was made for; nullopt: the model names no base.
  [[nodiscard]] Result<std::optional<ports::ModelVersion>> base_of(const std::string& workspace,
                                                                   const CardFacts& card) const;
  [[nodiscard]] Result<std::string> license_of(const std::string& workspace,
                                               const ports::ModelVersion& base) const;

  ports::ObjectStore& objects_;
  ports::ModelRepository& repositories_;
  const RunFacts& facts_;
  const Clock& clock_;
  TryHead try_head_;
};

}  // namespace sluice::models
