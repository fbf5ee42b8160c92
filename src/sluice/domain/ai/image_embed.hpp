#pragma once
#include <filesystem>

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
/// Pictures that cannot be read are one error that names them all. Features of pictures are kept in the
/// folder `cache`, which may be deleted while nothing is running. Thread-safe. The objects that it refers to
/// must outlive it.
class ImageEmbed final : public ports::Service {
 public:
  ImageEmbed(ports::ObjectStore& objects, BaseModels& bases, serving::Hosts& hosts, Platform platform,
             std::filesystem::path cache)
      : objects_(objects),
        bases_(bases),
        hosts_(hosts),
        platform_(std::move(platform)),
        cache_(std::move(cache)) {}
  [[nodiscard]] const ir::Signature& signature() const override;
  [[nodiscard]] Result<Value> environment(const Struct& with) const override;
  [[nodiscard]] Result<void> check(const Struct& known) const override;
  Result<Struct> run(const ports::ServiceCall& call) override;
  /// The signature alone, for programs that only compile plans.
  static const ir::Signature& declared();

 private:
  [[nodiscard]] std::filesystem::path cache_of(const BaseModel& base) const;

  ports::ObjectStore& objects_;
  BaseModels& bases_;
  serving::Hosts& hosts_;
  Platform platform_;
  std::filesystem::path cache_;
};

}  // namespace sluice::ai
