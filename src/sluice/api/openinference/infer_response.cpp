#include "sluice/api/openinference/infer_response.hpp"

#include <algorithm>
#include <bit>

#include "sluice/base/json.hpp"

namespace sluice::api {
namespace {

void append_u32(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(value >> shift & 0xffU));
}

/// One output tensor, in JSON and in binary form.
class Tensor {
 public:
  Tensor(std::string name, std::string datatype, List shape)
      : name_(std::move(name)), datatype_(std::move(datatype)), shape_(std::move(shape)) {}

  void add(const std::string& text) {
    list_.emplace_back(text);
    append_u32(bytes_, static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
  }
  void add(float number) {
    list_.emplace_back(static_cast<double>(number));
    append_u32(bytes_, std::bit_cast<std::uint32_t>(number));
  }
  void add(bool flag) {
    list_.emplace_back(flag);
    bytes_.push_back(flag ? '\1' : '\0');
  }

  /// Returns the tensor's JSON; its binary data is appended to `tail`.
  [[nodiscard]] Value write(bool binary, std::string& tail) const {
    Struct out;
    out.set("name", name_);
    out.set("datatype", datatype_);
    out.set("shape", shape_);
    if (binary) {
      Struct parameters;
      parameters.set("binary_data_size", static_cast<std::int64_t>(bytes_.size()));
      out.set("parameters", std::move(parameters));
      tail += bytes_;
    } else {
      out.set("data", list_);
    }
    return out;
  }

 private:
  std::string name_;
  std::string datatype_;
  List shape_;
  List list_;
  std::string bytes_;
};

Tensor tensor_of(const std::string& name, const serving::PredictResult& result) {
  const auto& predictions = result.predictions;
  List shape{static_cast<std::int64_t>(predictions.size())};
  if (name == "label") {
    Tensor tensor(name, "BYTES", std::move(shape));
    for (const auto& prediction : predictions) tensor.add(prediction ? prediction->label : std::string());
    return tensor;
  }
  if (name == "rejected") {
    Tensor tensor(name, "BOOL", std::move(shape));
    for (const auto& prediction : predictions) tensor.add(prediction && prediction->rejected);
    return tensor;
  }
  if (name == error_output) {
    Tensor tensor(name, "BYTES", std::move(shape));
    for (const auto& prediction : predictions)
      tensor.add(prediction ? std::string() : prediction.error().message);
    return tensor;
  }
  shape.emplace_back(static_cast<std::int64_t>(result.classes.size()));
  Tensor tensor(name, "FP32", std::move(shape));
  for (const auto& prediction : predictions)
    for (std::size_t i = 0; i < result.classes.size(); ++i)
      tensor.add(prediction ? static_cast<float>(prediction->probabilities[i]) : 0.0F);
  return tensor;
}

/// Fails with the first picture that has no prediction.
Result<void> check_all(const serving::PredictResult& result) {
  for (std::size_t i = 0; i < result.predictions.size(); ++i) {
    if (result.predictions[i]) continue;
    Error error = result.predictions[i].error();
    return Fail(std::move(error).at("image[" + std::to_string(i) + "]"));
  }
  return {};
}

}  // namespace

Result<ports::Response> write_infer_response(const InferRequest& request, const std::string& endpoint,
                                             const serving::PredictResult& result) {
  if (std::ranges::find(request.outputs, error_output, &RequestedOutput::name) == request.outputs.end())
    SLUICE_DO(check_all(result));
  Struct json;
  json.set("model_name", endpoint);
  json.set("model_version", std::to_string(result.version));
  if (request.id) json.set("id", *request.id);
  List outputs;
  std::string tail;
  bool any_binary = false;
  for (const auto& output : request.outputs) {
    outputs.push_back(tensor_of(output.name, result).write(output.binary, tail));
    any_binary = any_binary || output.binary;
  }
  json.set("outputs", std::move(outputs));
  ports::Response response{.body = to_json(std::move(json))};
  if (any_binary) {
    response.content_type = "application/octet-stream";
    response.headers.emplace_back("Inference-Header-Content-Length", std::to_string(response.body.size()));
    response.body += tail;
  }
  return response;
}

}  // namespace sluice::api
