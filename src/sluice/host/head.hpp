#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "sluice/host/base_model.hpp"
#include "sluice/host/head_arithmetic.hpp"
#include "sluice/host/head_description.hpp"

namespace sluice::host {

/// A head, loaded. One that was written here is answered by its numbers, any other graph by the runtime.
/// Thread-safe.
class Head {
 public:
  /// From the bytes of both files, checked. `features` is what its base gives; `cache` is where the compiled
  /// graph is kept.
  static Result<std::shared_ptr<Head>> load(runtimes::OpenVino& runtime, HeadDescription description,
                                            const std::string& onnx, std::size_t features,
                                            const std::filesystem::path& cache = {});
  /// From its folder, on a base that is loaded: refuses a head that stands on another base, tap or
  /// preprocessing.
  static Result<std::shared_ptr<Head>> load_folder(runtimes::OpenVino& runtime,
                                                   const std::filesystem::path& folder,
                                                   const BaseModel& base);

  [[nodiscard]] const HeadDescription& description() const { return description_; }
  /// `rows` rows of unit length, one after the other.
  Result<std::vector<Prediction>> predict(std::span<const float> features, std::size_t rows);

 private:
  using Evaluator = std::variant<HeadNumbers, std::unique_ptr<runtimes::BatchModel>>;
  Head(HeadDescription description, Evaluator evaluator)
      : description_(std::move(description)), evaluator_(std::move(evaluator)) {}
  Result<std::vector<Prediction>> predict_by_runtime(runtimes::BatchModel& graph,
                                                     std::span<const float> features, std::size_t rows);

  HeadDescription description_;
  Evaluator evaluator_;
};

}  // namespace sluice::host
