#pragma once
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
  /// its base.
  static Result<std::shared_ptr<Head>> load(runtimes::OpenVino& runtime, HeadDescription description,
                                            const std::string& onnx, std::size_t features);
  /// Loads a head from its model.json and the file that this names, for a loaded base; refuses a head that
  /// was made for another base, tap or preprocessing.
  static Result<std::shared_ptr<Head>> load_for(const BaseModel& base, runtimes::OpenVino& runtime,
                                                std::string_view model_json, const std::string& onnx);

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
