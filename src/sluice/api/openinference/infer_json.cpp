#include "sluice/api/openinference/infer_json.hpp"

#include <algorithm>
#include <optional>

#include "sluice/api/openinference/image_tensor.hpp"
#include "sluice/base/sent_field.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api {
namespace {

Fail invalid(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

Result<std::optional<bool>> flag_in(const Value& parameters, std::string_view key, const std::string& where) {
  const auto* value = sent_field(parameters, key);
  if (!value) return std::optional<bool>();
  if (const auto* flag = value->if_boolean()) return std::optional(*flag);
  return invalid(where + ": `" + std::string(key) + "` is not a boolean");
}

Result<std::vector<std::string>> read_inputs(const Value& json, const std::string& content_type, Tail& tail) {
  const auto* inputs = sent_field(json, "inputs");
  if (!inputs || !inputs->is_list()) return invalid("the request has no list `inputs`");
  std::optional<std::vector<std::string>> pictures;
  for (const auto& input : *inputs->if_list()) {
    if (!sent_field(input, "name")) return invalid("an input has no name; the only input is `image`");
    const auto name = input.text_at("name");
    if (name != "image") return invalid("no input `" + name + "`; the only input is `image`");
    if (pictures) return invalid("duplicate input `image`; send several pictures as one input of shape [N]");
    SLUICE_TRY(read, read_image_tensor(input, content_type, tail));
    pictures = std::move(read);
  }
  if (!pictures) return invalid("the request has no input `image`");
  return std::move(*pictures);
}

Result<std::vector<RequestedOutput>> read_outputs(const Value& json, bool binary) {
  const auto* outputs = sent_field(json, "outputs");
  if (!outputs) return all_outputs(binary);
  if (!outputs->is_list()) return invalid("`outputs` is not a list");
  if (outputs->if_list()->empty()) return all_outputs(binary);
  std::vector<RequestedOutput> out;
  for (const auto& output : *outputs->if_list()) {
    if (!sent_field(output, "name"))
      return invalid("an output has no name; the outputs are `label`, `probability` and `rejected`");
    const auto name = output.text_at("name");
    const std::string where = "output `" + name + "`";
    if (name != error_output && std::ranges::find(output_names(), name) == output_names().end()) {
      const auto hint = did_you_mean(name, output_names());
      return invalid("no " + where +
                     (hint.empty() ? "; the outputs are `label`, `probability` and `rejected`" : hint));
    }
    if (std::ranges::find(out, name, &RequestedOutput::name) != out.end())
      return invalid("duplicate " + where);
    SLUICE_TRY(parameters, parameters_of(output, where));
    SLUICE_DO(refuse_shared_memory(parameters, where));
    if (sent_field(parameters, "classification"))
      return invalid(where +
                     ": the classification extension is not supported; `label` is the most probable class");
    SLUICE_TRY(own, flag_in(parameters, "binary_data", where));
    out.push_back({.name = name, .binary = own.value_or(binary)});
  }
  return out;
}

Result<std::optional<std::string>> read_id(const Value& json) {
  const auto* id = sent_field(json, "id");
  if (!id) return std::optional<std::string>();
  if (const auto* text = id->if_string()) return std::optional(*text);
  return invalid("`id` is not a string");
}

}  // namespace

const std::vector<std::string>& output_names() {
  static const std::vector<std::string> names{"label", "probability", "rejected"};
  return names;
}

std::vector<RequestedOutput> all_outputs(bool binary) {
  std::vector<RequestedOutput> out;
  for (const auto& name : output_names()) out.push_back({.name = name, .binary = binary});
  return out;
}

Result<InferRequest> read_infer_json(const Value& json, std::string_view tail) {
  if (!json.is_struct()) return invalid("the request is not a JSON object");
  SLUICE_TRY(id, read_id(json));
  SLUICE_TRY(parameters, parameters_of(json, "the request"));
  SLUICE_TRY(binary, flag_in(parameters, "binary_data_output", "the request"));
  SLUICE_TRY(content_type, text_in(parameters, "content_type", "the request"));
  Tail left(tail);
  SLUICE_TRY(pictures, read_inputs(json, content_type, left));
  if (left.left() > 0)
    return invalid("the inputs use " + std::to_string(tail.size() - left.left()) + " of the " +
                   std::to_string(tail.size()) +
                   " bytes that follow the JSON; `binary_data_size` must account for all");
  SLUICE_TRY(outputs, read_outputs(json, binary.value_or(false)));
  return InferRequest{.id = std::move(id), .pictures = std::move(pictures), .outputs = std::move(outputs)};
}

}  // namespace sluice::api
