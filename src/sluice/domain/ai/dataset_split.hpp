#pragma once
#include "sluice/domain/ai/split.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/service.hpp"

namespace sluice::ai {

/// The service `dataset.split`: divides labeled pictures into those to train on and those to hold out. The
/// same pictures, `learn` and `seed` give the same split on every machine.
///   pictures  a folder with one subfolder per class
///   learn     number of pictures per class to train on, default 5
///   seed      default 7
///   → split (a JSON file, see split.hpp), classes (sorted), learned and held_out (counts), warnings (texts,
///   absent if
///     there are none; see split_warnings.hpp)
/// Thread-safe. `objects` must outlive it.
class DatasetSplit final : public ports::Service {
 public:
  explicit DatasetSplit(ports::ObjectStore& objects) : objects_(objects) {}
  [[nodiscard]] const ir::Signature& signature() const override;
  [[nodiscard]] Result<Value> environment(const Struct& with) const override;
  [[nodiscard]] Result<void> check(const Struct& known) const override;
  Result<Struct> run(const ports::ServiceCall& call) override;
  /// The signature alone, for programs that only compile plans.
  static const ir::Signature& declared();

 private:
  [[nodiscard]] Result<std::vector<LabeledPicture>> pictures_of(const Struct& with) const;

  ports::ObjectStore& objects_;
};

}  // namespace sluice::ai
