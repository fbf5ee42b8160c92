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

/// A loaded head. A graph that `write_head_graph` wrote is evaluated from its numbers, any other graph by the
/// runtime. Thread-safe.
class Head {
 public:
  /// Loads a head from the bytes of both files, which are checked. `features` is the number of features of
  /// its base; compiled graphs are kept in `cache`.
  static Result<std::shared_ptr<Head>> load(runtimes::OpenVino& runtime, HeadDescription description,
                                            const std::string& onnx, std::size_t features,
                                            const std::filesystem::path& cache = {});
  /// Loads a head from its folder for a loaded base; refuses a head that was made for another base, tap or
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
