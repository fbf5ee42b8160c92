#include "sluice/host/head.hpp"

#include <fmt/format.h>

#include "sluice/host/head_graph.hpp"

namespace sluice::host {
namespace {

/// What a graph that Sluice did not write gave for an output that `check_head_graph` found; null: not what it
/// declares.
template <typename T>
const std::vector<T>* column(const std::map<std::string, runtimes::Tensor>& outputs, const char* name,
                             std::size_t numbers) {
  const auto found = outputs.find(name);
  if (found == outputs.end()) return nullptr;
  const auto* data = std::get_if<std::vector<T>>(&found->second.data);
  return data != nullptr && data->size() == numbers ? data : nullptr;
}

Fail wrong_base(std::string_view what, std::string_view head, std::string_view base) {
  return Fail(user_error(
      Code::failed_precondition,
      fmt::format(
          "model.json: the head was made for {} {}, but the loaded base has {}; load the base that it names",
          what, head, base)));
}

}  // namespace

Result<std::shared_ptr<Head>> Head::load(runtimes::OpenVino& runtime, HeadDescription description,
                                         const std::string& onnx, std::size_t features) {
  SLUICE_DO(check_head_graph(onnx, features, description.classes.size(), description.head_file));
  if (auto numbers = read_head_graph(onnx))
    return std::shared_ptr<Head>(new Head(std::move(description), std::move(*numbers)));
  SLUICE_TRY(graph, runtime.load_batches(onnx, description.head_file));
  return std::shared_ptr<Head>(new Head(std::move(description), std::move(graph)));
}

Result<std::shared_ptr<Head>> Head::load_for(const BaseModel& base, runtimes::OpenVino& runtime,
                                             std::string_view model_json, const std::string& onnx) {
  SLUICE_TRY(description, head_description_from(model_json));
  if (description.base.digest != base.digest) return wrong_base("base", description.base.digest, base.digest);
  if (description.base.tap != base.tap) return wrong_base("tap", description.base.tap, base.tap);
  if (description.preprocessing != base.preprocessing)
    return Fail(
        user_error(Code::failed_precondition,
                   "model.json: `preprocessing` differs from that of the base; both must be identical"));
  return load(runtime, std::move(description), onnx, base.network->output_elements());
}

Result<std::vector<Prediction>> Head::predict(std::span<const float> features, std::size_t rows) {
  if (auto* graph = std::get_if<std::unique_ptr<runtimes::BatchModel>>(&evaluator_))
    return predict_by_runtime(**graph, features, rows);
  const auto& numbers = std::get<HeadNumbers>(evaluator_);
  SLUICE_CHECK(features.size() == rows * numbers.features);
  std::vector<Prediction> out;
  out.reserve(rows);
  for (std::size_t i = 0; i < rows; ++i)
    out.push_back(predict_row(numbers, features.subspan(i * numbers.features, numbers.features)));
  return out;
}

Result<std::vector<Prediction>> Head::predict_by_runtime(runtimes::BatchModel& graph,
                                                         std::span<const float> features, std::size_t rows) {
  SLUICE_TRY(outputs, graph.run(features, rows));
  const auto classes = description_.classes.size();
  const auto* const probability = column<float>(outputs, "probability", rows * classes);
  const auto* const label = column<std::int64_t>(outputs, "label", rows);
  const auto* const score = column<float>(outputs, "score", rows);
  const auto* const rejected = column<std::uint8_t>(outputs, "rejected", rows);
  if (probability == nullptr || label == nullptr || score == nullptr || rejected == nullptr)
    return Fail(
        invalid_argument(description_.head_file, "its outputs are not of the shapes that it declares"));
  std::vector<Prediction> out(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = std::span(*probability).subspan(i * classes, classes);
    const auto index = static_cast<std::size_t>((*label)[i]);
    if (index >= classes)
      return Fail(invalid_argument(
          description_.head_file,
          fmt::format("it gives the label {}, but there are {} classes", (*label)[i], classes)));
    out[i] = {.label = index,
              .probabilities = {row.begin(), row.end()},
              .score = (*score)[i],
              .rejected = (*rejected)[i] != 0};
  }
  return out;
}

}  // namespace sluice::host
