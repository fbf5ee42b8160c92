#include "sluice/host/head.hpp"

#include <fmt/format.h>

#include "sluice/host/head_graph.hpp"
#include "sluice/os/files.hpp"

namespace sluice::host {
namespace {

template <typename T>
const std::vector<T>& column(const std::map<std::string, runtimes::Tensor>& outputs, const char* name) {
  const auto found = outputs.find(name);
  SLUICE_CHECK(found != outputs.end());  // check_head_graph has verified it
  const auto* data = std::get_if<std::vector<T>>(&found->second.data);
  SLUICE_CHECK(data != nullptr);
  return *data;
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
                                         const std::string& onnx, std::size_t features,
                                         const std::filesystem::path& cache) {
  SLUICE_DO(check_head_graph(onnx, features, description.classes.size(), description.head_file));
  if (auto numbers = read_head_graph(onnx))
    return std::shared_ptr<Head>(new Head(std::move(description), std::move(*numbers)));
  SLUICE_TRY(graph, runtime.load_batches(onnx, description.head_file, cache));
  return std::shared_ptr<Head>(new Head(std::move(description), std::move(graph)));
}

Result<std::shared_ptr<Head>> Head::load_folder(runtimes::OpenVino& runtime,
                                                const std::filesystem::path& folder, const BaseModel& base) {
  SLUICE_TRY(text, os::read_file(folder / "model.json"));
  SLUICE_TRY(description, head_description_from(text));
  if (description.base.digest != base.digest) return wrong_base("base", description.base.digest, base.digest);
  if (description.base.tap != base.tap) return wrong_base("tap", description.base.tap, base.tap);
  if (description.preprocessing != base.preprocessing)
    return Fail(
        user_error(Code::failed_precondition,
                   "model.json: `preprocessing` differs from that of the base; both must be identical"));
  SLUICE_TRY(onnx, os::read_file(folder / description.head_file));
  return load(runtime, std::move(description), onnx, base.network->output_elements(), base.cache);
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
  const auto& probability = column<float>(outputs, "probability");
  const auto& label = column<std::int64_t>(outputs, "label");
  const auto& score = column<float>(outputs, "score");
  const auto& rejected = column<std::uint8_t>(outputs, "rejected");
  const auto classes = description_.classes.size();
  SLUICE_CHECK(probability.size() == rows * classes && label.size() == rows && score.size() == rows &&
               rejected.size() == rows);
  std::vector<Prediction> out(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = std::span(probability).subspan(i * classes, classes);
    const auto index = static_cast<std::size_t>(label[i]);
    SLUICE_CHECK(index < classes);
    out[i] = {.label = index,
              .probabilities = {row.begin(), row.end()},
              .score = score[i],
              .rejected = rejected[i] != 0};
  }
  return out;
}

}  // namespace sluice::host
