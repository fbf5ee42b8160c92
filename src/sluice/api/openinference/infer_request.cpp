#include "sluice/api/openinference/infer_request.hpp"

#include <algorithm>

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api {
namespace {

constexpr std::string_view input_name = "image";

Fail invalid(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

/// The `parameters` of an object; an empty struct if there are none.
Result<Value> parameters_of(const Value& json, const std::string& where) {
  const auto* parameters = json.find("parameters");
  if (!parameters || parameters->is_null()) return Value(Struct{});
  if (!parameters->is_struct()) return invalid(where + ": `parameters` is not an object");
  return *parameters;
}

Result<void> refuse_shared_memory(const Value& parameters, const std::string& where) {
  if (!parameters.find("shared_memory_region")) return {};
  return invalid(where + ": shared memory is not supported; send the data in the request");
}

Result<std::optional<bool>> flag_in(const Value& parameters, std::string_view key, const std::string& where) {
  const auto* value = parameters.find(key);
  if (!value) return std::optional<bool>();
  if (const auto* flag = value->if_boolean()) return std::optional(*flag);
  return invalid(where + ": `" + std::string(key) + "` is not a boolean");
}

/// The binary data that follows the JSON, consumed from the front.
class Tail {
 public:
  explicit Tail(std::string_view bytes) : left_(bytes) {}
  [[nodiscard]] std::size_t left() const { return left_.size(); }
  Result<std::string_view> take(const Value& size, const std::string& where) {
    const auto* count = size.if_integer();
    if (!count || *count < 0) return invalid(where + ": `binary_data_size` is not a number of bytes");
    if (static_cast<std::uint64_t>(*count) > left_.size())
      return invalid(where + ": `binary_data_size` is " + std::to_string(*count) + ", but only " +
                     std::to_string(left_.size()) + " bytes follow the JSON");
    const auto taken = left_.substr(0, static_cast<std::size_t>(*count));
    left_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view left_;
};

/// Splits a BYTES tensor into its elements, each preceded by its length.
Result<std::vector<std::string>> split_elements(std::string_view bytes, const std::string& where) {
  std::vector<std::string> out;
  while (!bytes.empty()) {
    const auto at = [&bytes](std::size_t i) {
      return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]));
    };
    const std::string element = where + ": element " + std::to_string(out.size());
    if (bytes.size() < 4) return invalid(element + " has no length prefix (4 bytes, little-endian)");
    const std::uint32_t length = at(0) | at(1) << 8 | at(2) << 16 | at(3) << 24;
    bytes.remove_prefix(4);
    if (length > bytes.size())
      return invalid(element + " has a length of " + std::to_string(length) + " bytes, but only " +
                     std::to_string(bytes.size()) + " bytes of the tensor remain");
    out.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  return out;
}

Result<std::vector<std::string>> decode_elements(const Value& data, const std::string& content_type,
                                                 const std::string& where) {
  if (!data.is_list()) return invalid(where + ": `data` is not a list of strings");
  if (content_type.empty())
    return invalid(
        where +
        " is plain text, which cannot hold a picture; base64-encode each picture and set \"parameters\": "
        "{\"content_type\": \"base64\"} on the input, or send the bytes with the binary tensor extension");
  if (content_type != "base64")
    return invalid(where + ": unsupported content_type `" + content_type +
                   "`; use `base64`, or send the bytes with the binary tensor extension");
  std::vector<std::string> out;
  for (const auto& entry : *data.if_list()) {
    const std::string element = where + ": element " + std::to_string(out.size());
    const auto* text = entry.if_string();
    if (!text) return invalid(element + " is not a string");
    auto bytes = base64_decode(*text);
    if (!bytes)
      return invalid(element + " is not base64 (the standard alphabet, padded, without line breaks)");
    out.push_back(std::move(*bytes));
  }
  return out;
}

/// The number of elements given by a shape of one dimension.
Result<std::size_t> count_of(const Value& input, const std::string& where) {
  const auto* shape = input.find("shape");
  if (!shape || !shape->is_list()) return invalid(where + " has no shape; expected [N] for N pictures");
  const auto& dimensions = *shape->if_list();
  const auto* count = dimensions.size() == 1 ? dimensions[0].if_integer() : nullptr;
  if (!count || *count < 0)
    return invalid(where + " has the shape " + to_json(*shape) + "; expected [N] for N pictures");
  return static_cast<std::size_t>(*count);
}

Result<std::vector<std::string>> read_input(const Value& input, const Value& request_parameters, Tail& tail) {
  const std::string where = "input `" + std::string(input_name) + "`";
  SLUICE_TRY(parameters, parameters_of(input, where));
  SLUICE_DO(refuse_shared_memory(parameters, where));
  if (const auto datatype = input.text_at("datatype"); datatype != "BYTES")
    return invalid(where + " has the datatype `" + datatype + "`; expected BYTES, the encoded picture files");
  SLUICE_TRY(count, count_of(input, where));
  const auto* data = input.find("data");
  const auto* size = parameters.find("binary_data_size");
  if (!data == !size) return invalid(where + " needs either `data` or the parameter `binary_data_size`");

  std::vector<std::string> elements;
  if (size) {
    SLUICE_TRY(bytes, tail.take(*size, where));
    SLUICE_TRY(split, split_elements(bytes, where));
    elements = std::move(split);
  } else {
    SLUICE_TRY(
        decoded,
        decode_elements(*data, parameters.text_at("content_type", request_parameters.text_at("content_type")),
                        where));
    elements = std::move(decoded);
  }
  if (elements.size() != count)
    return invalid(where + " has " + std::to_string(count) + " elements by its shape, but contains " +
                   std::to_string(elements.size()));
  return elements;
}

Result<std::vector<std::string>> read_inputs(const Value& json, const Value& parameters, Tail& tail) {
  const auto* inputs = json.find("inputs");
  if (!inputs || !inputs->is_list()) return invalid("the request has no list `inputs`");
  std::optional<std::vector<std::string>> pictures;
  for (const auto& input : *inputs->if_list()) {
    const auto name = input.text_at("name");
    if (name != input_name) return invalid("no input `" + name + "`; the only input is `image`");
    if (pictures) return invalid("duplicate input `image`; send several pictures as one input of shape [N]");
    SLUICE_TRY(read, read_input(input, parameters, tail));
    pictures = std::move(read);
  }
  if (!pictures) return invalid("the request has no input `image`");
  return std::move(*pictures);
}

Result<std::vector<RequestedOutput>> read_outputs(const Value& json, bool binary) {
  std::vector<RequestedOutput> out;
  const auto* outputs = json.find("outputs");
  if (outputs && !outputs->is_list()) return invalid("`outputs` is not a list");
  if (!outputs || outputs->if_list()->empty()) {
    for (const auto& name : output_names()) out.push_back({.name = name, .binary = binary});
    return out;
  }
  for (const auto& output : *outputs->if_list()) {
    const auto name = output.text_at("name");
    const std::string where = "output `" + name + "`";
    if (std::ranges::find(output_names(), name) == output_names().end()) {
      const auto hint = did_you_mean(name, output_names());
      return invalid("no " + where +
                     (hint.empty() ? "; the outputs are `label`, `probability` and `rejected`" : hint));
    }
    if (std::ranges::find(out, name, &RequestedOutput::name) != out.end())
      return invalid("duplicate " + where);
    SLUICE_TRY(parameters, parameters_of(output, where));
    SLUICE_DO(refuse_shared_memory(parameters, where));
    if (parameters.find("classification"))
      return invalid(where +
                     ": the classification extension is not supported; `label` is the most probable class");
    SLUICE_TRY(own, flag_in(parameters, "binary_data", where));
    out.push_back({.name = name, .binary = own.value_or(binary)});
  }
  return out;
}

InferRequest raw_request(std::string_view picture) {
  InferRequest request;
  request.pictures.emplace_back(picture);
  for (const auto& name : output_names()) request.outputs.push_back({.name = name, .binary = true});
  return request;
}

}  // namespace

const std::vector<std::string>& output_names() {
  static const std::vector<std::string> names{"label", "probability", "rejected"};
  return names;
}

Result<InferRequest> read_infer_request(std::string_view body, std::string_view json_length) {
  std::size_t length = body.size();
  if (!json_length.empty()) {
    const auto given = parse_integer<std::size_t>(json_length);
    if (!given) return invalid("the header Inference-Header-Content-Length is not a number of bytes");
    length = *given;
    if (length > body.size())
      return invalid("the header Inference-Header-Content-Length says " + std::to_string(length) +
                     ", but the body has " + std::to_string(body.size()) + " bytes");
    if (length == 0) return raw_request(body);
  }
  SLUICE_TRY(json, parse_json(body.substr(0, length), "request"));
  if (!json.is_struct()) return invalid("the request is not a JSON object");
  InferRequest request;
  if (const auto* id = json.find("id"); id && !id->is_null()) {
    const auto* text = id->if_string();
    if (!text) return invalid("`id` is not a string");
    request.id = *text;
  }
  SLUICE_TRY(parameters, parameters_of(json, "the request"));
  SLUICE_TRY(binary, flag_in(parameters, "binary_data_output", "the request"));
  Tail tail(body.substr(length));
  SLUICE_TRY(pictures, read_inputs(json, parameters, tail));
  if (tail.left() > 0)
    return invalid("the inputs use " + std::to_string(body.size() - length - tail.left()) + " of the " +
                   std::to_string(body.size() - length) +
                   " bytes that follow the JSON; `binary_data_size` must account for all");
  SLUICE_TRY(outputs, read_outputs(json, binary.value_or(false)));
  request.pictures = std::move(pictures);
  request.outputs = std::move(outputs);
  return request;
}

}  // namespace sluice::api
