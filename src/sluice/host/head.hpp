#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sluice/host/base_model.hpp"
#include "sluice/host/head_description.hpp"

namespace sluice::host {

/// A head's answer for one row of features.
struct Prediction {
  std::size_t label = 0;             ///< index into the classes
  std::vector<float> probabilities;  ///< one a class
  float score = 0;
  bool rejected = false;
};

/// A head in the runtime. Thread-safe.
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
  Head(HeadDescription description, std::unique_ptr<runtimes::BatchModel> graph)
      : description_(std::move(description)), graph_(std::move(graph)) {}

  HeadDescription description_;
  std::unique_ptr<runtimes::BatchModel> graph_;
};

}  // namespace sluice::host
