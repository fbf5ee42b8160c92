#include "sluice/api/openinference/image_tensor.hpp"

#include <algorithm>

#include "sluice/base/json.hpp"
#include "sluice/base/picture_format.hpp"
#include "sluice/base/sent_field.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api {
namespace {

Fail invalid(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

constexpr std::string_view prefix_hint =
    "; each element of a binary tensor begins with its length prefix (4 bytes, little-endian)";

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
    const auto rest = bytes.substr(4);
    if (length > rest.size() && picture_format(bytes))
      return invalid(element + " is a picture without its length prefix (4 bytes, little-endian)");
    if (length > rest.size())
      return invalid(element + " has a length of " + std::to_string(length) + " bytes, but only " +
                     std::to_string(rest.size()) + " bytes of the tensor remain" + std::string(prefix_hint));
    out.emplace_back(rest.substr(0, length));
    bytes = rest.substr(length);
  }
  return out;
}

/// Appends the pictures of a list, whose elements are strings or, in row-major order, lists of them.
Result<void> decode_list(const List& list, const std::string& where, std::vector<std::string>& out) {
  for (const auto& entry : list) {
    if (const auto* inner = entry.if_list()) {
      SLUICE_DO(decode_list(*inner, where, out));
      continue;
    }
    const std::string element = where + ": element " + std::to_string(out.size());
    const auto* text = entry.if_string();
    if (!text) return invalid(element + " is not a string");
    auto bytes = base64_decode(*text);
    if (!bytes)
      return invalid(element + " is not base64 (the standard alphabet, padded, without line breaks)");
    out.push_back(std::move(*bytes));
  }
  return {};
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
  SLUICE_DO(decode_list(*data.if_list(), where, out));
  return out;
}

/// The number of elements given by a shape of one dimension, besides which any may be 1: clients write [N,
/// 1].
Result<std::size_t> count_of(const Value& input, const std::string& where) {
  const auto* shape = sent_field(input, "shape");
  if (!shape || !shape->is_list()) return invalid(where + " has no shape; expected [N] for N pictures");
  std::int64_t count = 1;
  for (const auto& dimension : *shape->if_list()) {
    const auto* size = dimension.if_integer();
    if (!size || *size < 0 || (count != 1 && *size != 1))
      return invalid(where + " has the shape " + to_json(*shape) + "; expected [N] for N pictures");
    if (*size != 1) count = *size;
  }
  return static_cast<std::size_t>(count);
}

}  // namespace

Result<std::string_view> Tail::take(const Value& size, const std::string& where) {
  const auto* count = size.if_integer();
  if (!count || *count < 0) return invalid(where + ": `binary_data_size` is not a number of bytes");
  if (static_cast<std::uint64_t>(*count) > left_.size())
    return invalid(where + ": `binary_data_size` is " + std::to_string(*count) + ", but only " +
                   std::to_string(left_.size()) +
                   " bytes follow the JSON, whose length is in the header Inference-Header-Content-Length");
  const auto taken = left_.substr(0, static_cast<std::size_t>(*count));
  left_.remove_prefix(taken.size());
  return taken;
}

Result<Value> parameters_of(const Value& json, const std::string& where) {
  const auto* parameters = sent_field(json, "parameters");
  if (!parameters) return Value(Struct{});
  if (!parameters->is_struct()) return invalid(where + ": `parameters` is not an object");
  return *parameters;
}

Result<std::string> text_in(const Value& json, std::string_view key, const std::string& where) {
  const auto* value = sent_field(json, key);
  if (!value) return std::string();
  if (const auto* text = value->if_string()) return *text;
  return invalid(where + ": `" + std::string(key) + "` is not a string");
}

Result<void> refuse_shared_memory(const Value& parameters, const std::string& where) {
  if (!sent_field(parameters, "shared_memory_region")) return {};
  return invalid(where + ": shared memory is not supported; send the data in the request");
}

Result<std::vector<std::string>> read_image_tensor(const Value& input, std::string_view content_type,
                                                   Tail& tail) {
  const std::string where = "input `image`";
  SLUICE_TRY(parameters, parameters_of(input, where));
  SLUICE_DO(refuse_shared_memory(parameters, where));
  SLUICE_TRY(datatype, text_in(input, "datatype", where));
  if (datatype.empty()) return invalid(where + " has no datatype; expected BYTES, the encoded picture files");
  if (datatype != "BYTES")
    return invalid(where + " has the datatype `" + datatype + "`; expected BYTES, the encoded picture files");
  SLUICE_TRY(count, count_of(input, where));
  const auto* data = sent_field(input, "data");
  const auto* size = sent_field(parameters, "binary_data_size");
  if (!data == !size) return invalid(where + " needs either `data` or the parameter `binary_data_size`");

  std::vector<std::string> elements;
  if (size) {
    SLUICE_TRY(bytes, tail.take(*size, where));
    SLUICE_TRY(split, split_elements(bytes, where));
    elements = std::move(split);
  } else {
    SLUICE_TRY(own, text_in(parameters, "content_type", where));
    SLUICE_TRY(decoded, decode_elements(*data, own.empty() ? std::string(content_type) : own, where));
    elements = std::move(decoded);
  }
  if (elements.size() != count)
    return invalid(where + " has " + std::to_string(count) + " elements by its shape, but contains " +
                   std::to_string(elements.size()) + (size ? std::string(prefix_hint) : ""));
  return elements;
}

}  // namespace sluice::api
