#include "sluice/host/head_graph.hpp"

#include <array>
#include <cstring>
#include <map>
#include <set>
#include <span>

#include <Eigen/Core>
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

namespace sluice::host {
namespace {

constexpr int opset = 13;
constexpr int ir_version = 8;
constexpr std::size_t file_bytes_max = std::size_t{64} << 20;

/// The operators that format 1 allows.
constexpr std::array operators = {"ArgMax",  "Cast", "Div", "GatherElements", "Gemm",      "Less",
                                  "Log",     "Max",  "Mul", "ReduceL2",       "ReduceMax", "Softmax",
                                  "Squeeze", "Sub",  "Add"};

class GraphWriter {
 public:
  explicit GraphWriter(onnx::GraphProto& graph) : graph_(graph) {}

  void node(const char* type, std::vector<std::string> inputs, const std::string& output,
            const std::vector<std::pair<const char*, std::int64_t>>& integers = {},
            const std::vector<std::int64_t>& axes = {}) {
    auto& node = *graph_.add_node();
    node.set_op_type(type);
    node.set_name(output);
    for (auto& input : inputs) node.add_input(std::move(input));
    node.add_output(output);
    for (const auto& [name, value] : integers) {
      auto& attribute = *node.add_attribute();
      attribute.set_name(name);
      attribute.set_type(onnx::AttributeProto::INT);
      attribute.set_i(value);
    }
    if (!axes.empty()) {
      auto& attribute = *node.add_attribute();
      attribute.set_name("axes");
      attribute.set_type(onnx::AttributeProto::INTS);
      for (const auto axis : axes) attribute.add_ints(axis);
    }
  }

  void floats(const char* name, std::span<const float> values, const std::vector<std::int64_t>& shape) {
    tensor(name, onnx::TensorProto::FLOAT, shape).set_raw_data(values.data(), values.size_bytes());
  }
  void halves(const char* name, std::span<const float> values, const std::vector<std::int64_t>& shape) {
    std::vector<Eigen::half> rounded;
    rounded.reserve(values.size());
    for (const float value : values) rounded.emplace_back(value);
    tensor(name, onnx::TensorProto::FLOAT16, shape)
        .set_raw_data(rounded.data(), rounded.size() * sizeof(Eigen::half));
  }
  void integers(const char* name, std::span<const std::int64_t> values) {
    tensor(name, onnx::TensorProto::INT64, {static_cast<std::int64_t>(values.size())})
        .set_raw_data(values.data(), values.size_bytes());
  }

  static void port(onnx::ValueInfoProto& port, const char* name, onnx::TensorProto::DataType type,
                   std::int64_t columns) {
    port.set_name(name);
    auto& tensor = *port.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape()->add_dim()->set_dim_param("N");
    if (columns > 0) tensor.mutable_shape()->add_dim()->set_dim_value(columns);
  }

 private:
  onnx::TensorProto& tensor(const char* name, onnx::TensorProto::DataType type,
                            const std::vector<std::int64_t>& shape) {
    auto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (const auto dimension : shape) tensor.add_dims(dimension);
    return tensor;
  }

  onnx::GraphProto& graph_;
};

Result<void> check_operators(const onnx::GraphProto& graph, std::string_view name) {
  for (const auto& node : graph.node()) {
    if (!node.domain().empty() || std::ranges::find(operators, node.op_type()) == operators.end())
      return Fail(invalid_argument(name, fmt::format("operator `{}` is not allowed in a head; allowed: {}",
                                                     node.op_type(), fmt::join(operators, ", "))));
    for (const auto& attribute : node.attribute())
      if (attribute.has_g() || attribute.graphs_size() > 0)
        return Fail(invalid_argument(name, "subgraphs are not allowed in a head"));
  }
  if (graph.sparse_initializer_size() > 0)
    return Fail(invalid_argument(name, "sparse tensors are not allowed in a head"));
  for (const auto& tensor : graph.initializer())
    if (tensor.data_location() == onnx::TensorProto::EXTERNAL || tensor.external_data_size() > 0)
      return Fail(invalid_argument(
          name, fmt::format("tensor `{}` is stored outside the file; a head must contain all its tensors",
                            tensor.name())));
  return {};
}

/// Whether the port has the shape [N, columns], or [N] if `columns` is 0.
bool is_port(const onnx::ValueInfoProto& port, int type, std::size_t columns) {
  if (!port.type().has_tensor_type()) return false;
  const auto& tensor = port.type().tensor_type();
  if (tensor.elem_type() != type || tensor.shape().dim_size() != (columns > 0 ? 2 : 1) ||
      tensor.shape().dim(0).has_dim_value())
    return false;
  return columns == 0 || tensor.shape().dim(1).dim_value() == static_cast<std::int64_t>(columns);
}

}  // namespace

std::string write_head_graph(const HeadNumbers& numbers) {
  const auto features = static_cast<std::int64_t>(numbers.features);
  const auto classes = static_cast<std::int64_t>(numbers.classes);
  SLUICE_CHECK(numbers.weights.size() == numbers.features * numbers.classes &&
               numbers.bias.size() == numbers.classes);
  SLUICE_CHECK(numbers.centroids.size() == numbers.weights.size() &&
               numbers.center.size() == numbers.features);

  onnx::ModelProto model;
  model.set_ir_version(ir_version);
  model.set_producer_name("sluice");
  model.add_opset_import()->set_version(opset);
  auto& graph = *model.mutable_graph();
  graph.set_name("image-classifier-head");
  GraphWriter write(graph);

  write.floats("weights", numbers.weights, {classes, features});
  write.floats("bias", numbers.bias, {classes});
  write.floats("temperature", {{numbers.temperature}}, {});
  write.floats("center", numbers.center, {features});
  write.halves("centroids", numbers.centroids, {classes, features});
  write.floats("centroid_weight", {{numbers.centroid_weight}}, {});
  write.floats("threshold", {{numbers.threshold}}, {});
  write.floats("tiny", {{1e-20F}}, {});
  constexpr std::array<std::int64_t, 1> columns = {1};
  write.integers("columns", columns);

  write.node("Gemm", {"features", "weights", "bias"}, "logits", {{"transB", 1}});
  write.node("Div", {"logits", "temperature"}, "calibrated");
  write.node("Softmax", {"calibrated"}, "probability", {{"axis", 1}});
  write.node("ArgMax", {"calibrated"}, "label_column", {{"axis", 1}, {"keepdims", 1}});
  write.node("Squeeze", {"label_column", "columns"}, "label");

  write.node("Sub", {"features", "center"}, "centered");
  write.node("ReduceL2", {"centered"}, "length", {{"keepdims", 1}}, {1});
  write.node("Max", {"length", "tiny"}, "safe_length");
  write.node("Cast", {"centroids"}, "centroids_f32", {{"to", onnx::TensorProto::FLOAT}});
  write.node("Gemm", {"centered", "centroids_f32"}, "products", {{"transB", 1}});
  write.node("Div", {"products", "safe_length"}, "cosines");
  write.node("GatherElements", {"cosines", "label_column"}, "own_cosine", {{"axis", 1}});
  write.node("ReduceMax", {"probability"}, "confidence", {{"keepdims", 1}}, {1});
  write.node("Max", {"confidence", "tiny"}, "safe_confidence");
  write.node("Log", {"safe_confidence"}, "log_confidence");
  write.node("Mul", {"own_cosine", "centroid_weight"}, "nearness");
  write.node("Add", {"log_confidence", "nearness"}, "score_column");
  write.node("Squeeze", {"score_column", "columns"}, "score");
  write.node("Less", {"score", "threshold"}, "rejected");

  GraphWriter::port(*graph.add_input(), "features", onnx::TensorProto::FLOAT, features);
  GraphWriter::port(*graph.add_output(), "probability", onnx::TensorProto::FLOAT, classes);
  GraphWriter::port(*graph.add_output(), "label", onnx::TensorProto::INT64, 0);
  GraphWriter::port(*graph.add_output(), "score", onnx::TensorProto::FLOAT, 0);
  GraphWriter::port(*graph.add_output(), "rejected", onnx::TensorProto::BOOL, 0);

  std::string out;
  {
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    SLUICE_CHECK(model.SerializeToCodedStream(&coded));
  }
  return out;
}

std::optional<HeadNumbers> read_head_graph(std::string_view bytes) {
  onnx::ModelProto model;
  if (bytes.size() > file_bytes_max || !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return std::nullopt;
  const auto raw = [&](std::string_view name) -> std::string_view {
    for (const auto& tensor : model.graph().initializer())
      if (tensor.name() == name) return tensor.raw_data();
    return {};
  };
  const auto floats = [&](std::string_view name) {
    const auto from = raw(name);
    std::vector<float> values(from.size() / sizeof(float));
    if (!values.empty()) std::memcpy(values.data(), from.data(), values.size() * sizeof(float));
    return values;
  };
  const auto scalar = [&](std::string_view name) {
    const auto values = floats(name);
    return values.size() == 1 ? values.front() : 0.0F;
  };
  HeadNumbers numbers{.weights = floats("weights"),
                      .bias = floats("bias"),
                      .temperature = scalar("temperature"),
                      .center = floats("center"),
                      .centroid_weight = scalar("centroid_weight"),
                      .threshold = scalar("threshold")};
  numbers.features = numbers.center.size();
  numbers.classes = numbers.bias.size();
  const auto halves = raw("centroids");
  for (std::size_t at = 0; at + sizeof(Eigen::half) <= halves.size(); at += sizeof(Eigen::half)) {
    Eigen::half half;
    std::memcpy(&half, halves.data() + at, sizeof half);
    numbers.centroids.push_back(static_cast<float>(half));
  }
  const bool fit = numbers.features > 0 && numbers.classes > 0 &&
                   numbers.weights.size() == numbers.features * numbers.classes &&
                   numbers.centroids.size() == numbers.weights.size();
  if (!fit || write_head_graph(numbers) != bytes) return std::nullopt;
  return numbers;
}

Result<void> check_head_graph(std::string_view bytes, std::size_t features, std::size_t classes,
                              std::string_view name) {
  if (bytes.size() > file_bytes_max)
    return Fail(invalid_argument(name, fmt::format("over the limit of {} MiB", file_bytes_max >> 20)));
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph())
    return Fail(invalid_argument(name, "not an ONNX file"));
  if (model.functions_size() > 0 || model.training_info_size() > 0)
    return Fail(invalid_argument(name, "functions and training information are not allowed in a head"));
  if (model.opset_import_size() != 1 || !model.opset_import(0).domain().empty() ||
      model.opset_import(0).version() != opset)
    return Fail(invalid_argument(name, fmt::format("it must use only opset {} of ONNX", opset)));
  const auto& graph = model.graph();
  SLUICE_DO(check_operators(graph, name));

  if (graph.input_size() != 1 || graph.input(0).name() != "features" ||
      !is_port(graph.input(0), onnx::TensorProto::FLOAT, features))
    return Fail(
        invalid_argument(name, fmt::format("its only input must be `features`, f32 [N, {}]", features)));
  struct Expected {
    std::string_view name;
    int type;
    std::size_t columns;
    std::string shape;
  };
  const std::array expected = {
      Expected{"probability", onnx::TensorProto::FLOAT, classes, fmt::format("f32 [N, {}]", classes)},
      Expected{"label", onnx::TensorProto::INT64, 0, "i64 [N]"},
      Expected{"score", onnx::TensorProto::FLOAT, 0, "f32 [N]"},
      Expected{"rejected", onnx::TensorProto::BOOL, 0, "bool [N]"}};
  for (const auto& port : expected) {
    const auto found =
        std::ranges::find_if(graph.output(), [&](const auto& output) { return output.name() == port.name; });
    if (found == graph.output().end())
      return Fail(invalid_argument(name, fmt::format("it has no output `{}`, {}", port.name, port.shape)));
    if (!is_port(*found, port.type, port.columns))
      return Fail(invalid_argument(name, fmt::format("its output `{}` must be {}", port.name, port.shape)));
  }
  if (graph.output_size() != static_cast<int>(expected.size()))
    return Fail(invalid_argument(
        name, fmt::format("it has {} outputs, but a head has {}", graph.output_size(), expected.size())));
  return {};
}

}  // namespace sluice::host
