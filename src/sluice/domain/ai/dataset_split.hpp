#pragma once
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/service.hpp"

namespace sluice::ai {

/// `dataset.split`: which of the labelled pictures are learned from and which are held out. The same
/// pictures, `learn` and `seed` give the same split on every machine.
///   pictures  a folder with one sub-folder a class
///   learn     pictures a class to learn from, default 5
///   seed      default 7
///   → split (JSON file, split.hpp), classes (sorted), learned and held_out (how many)
/// Thread-safe. `objects` outlives it.
class DatasetSplit final : public ports::Service {
 public:
  explicit DatasetSplit(ports::ObjectStore& objects) : objects_(objects) {}
  [[nodiscard]] const ir::Signature& signature() const override;
  [[nodiscard]] Result<Value> environment(const Struct& with) const override;
  Result<Struct> run(const ports::ServiceCall& call) override;
  /// The signature alone, for programs that only compile plans.
  static const ir::Signature& declared();

 private:
  ports::ObjectStore& objects_;
};

}  // namespace sluice::ai
