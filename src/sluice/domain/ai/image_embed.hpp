#pragma once
#include "sluice/domain/ai/base_model.hpp"
#include "sluice/ports/service.hpp"

namespace sluice::serving {
class Hosts;
}

namespace sluice::ai {

/// The service `image.embed`: computes the embedding (an f32 vector) of every picture in a folder with a base
/// model.
///   pictures  a folder of pictures, subfolders included
///   model     the base model, default "efficientnet-lite0"
///   → features (a folder: features.npy, one row of unit length per picture; index.json, the path of each
///     row), count
/// A picture that cannot be read is an error that names it. Thread-safe. The objects that it refers to must
/// outlive it.
class ImageEmbed final : public ports::Service {
 public:
  ImageEmbed(ports::ObjectStore& objects, BaseModels& bases, serving::Hosts& hosts, Platform platform)
      : objects_(objects), bases_(bases), hosts_(hosts), platform_(std::move(platform)) {}
  [[nodiscard]] const ir::Signature& signature() const override;
  [[nodiscard]] Result<Value> environment(const Struct& with) const override;
  Result<Struct> run(const ports::ServiceCall& call) override;
  /// The signature alone, for programs that only compile plans.
  static const ir::Signature& declared();

 private:
  ports::ObjectStore& objects_;
  BaseModels& bases_;
  serving::Hosts& hosts_;
  Platform platform_;
};

}  // namespace sluice::ai
