#include "sluice/api/openinference/infer_request.hpp"

#include "sluice/api/openinference/infer_json.hpp"
#include "sluice/base/form.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/picture_format.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api {
namespace {

using namespace std::string_view_literals;

Fail invalid(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

constexpr std::string_view header_hint =
    "; where binary tensors follow the JSON, the header Inference-Header-Content-Length gives the JSON's "
    "length";

InferRequest one_picture(std::string_view picture, bool binary_outputs) {
  return {.id = {}, .pictures = {std::string(picture)}, .outputs = all_outputs(binary_outputs)};
}

/// Some editors and shells begin every text with a byte order mark.
std::string_view without_mark(std::string_view text) {
  constexpr auto mark = "\xef\xbb\xbf"sv;
  return text.starts_with(mark) ? text.substr(mark.size()) : text;
}

/// With the header: so many bytes of JSON, then the binary tensors. 0: no JSON, but one picture, as Triton
/// defines it.
Result<InferRequest> read_with_header(const InferBody& body) {
  const auto length = parse_integer<std::size_t>(body.json_length);
  if (!length) return invalid("the header Inference-Header-Content-Length is not a number of bytes");
  if (*length > body.bytes.size())
    return invalid("the header Inference-Header-Content-Length says " + std::to_string(*length) +
                   ", but the body has " + std::to_string(body.bytes.size()) + " bytes");
  if (*length == 0) return one_picture(body.bytes, true);
  const auto json = parse_json(without_mark(body.bytes.substr(0, *length)), "request");
  if (!json)
    return invalid(json.error().message + "; by the header Inference-Header-Content-Length, the first " +
                   std::to_string(*length) + " bytes are the JSON");
  return read_infer_json(*json, body.bytes.substr(*length));
}

/// What is neither a picture nor begins as a JSON object; clients often send one of these first.
Fail unrecognized(std::string_view body) {
  constexpr auto prefix = std::size_t{4};
  if (body.empty())
    return invalid("the request has no body; send the protocol's JSON, or a picture as it is");
  if (body.size() > prefix && picture_format(body.substr(prefix)))
    return invalid(
        "the body begins with a length prefix: a binary tensor follows the JSON that describes it, and the "
        "header "
        "Inference-Header-Content-Length gives the JSON's length; a picture alone is sent without a prefix");
  return invalid(
      "the body is neither JSON nor a picture; send the protocol's JSON, or a picture as it is (curl "
      "--data-binary "
      "@FILE), or files in a form (curl -F image=@FILE), or JSON and binary tensors with the header "
      "Inference-Header-Content-Length");
}

Result<InferRequest> read_json_alone(std::string_view body) {
  const auto text = without_mark(body);
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || (text[begin] != '{' && text[begin] != '['))
    return unrecognized(body);
  auto json = parse_json(text, "request");
  if (json) return read_infer_json(*json, {});
  const bool is_text = is_utf8(text) && !text.contains('\0');
  if (!is_text) json.error().message += header_hint;
  return Fail(std::move(json.error()));
}

Result<InferRequest> read_form_of_files(const InferBody& body) {
  SLUICE_TRY(fields, read_form(body.bytes, body.content_type));
  InferRequest request{.id = {}, .pictures = {}, .outputs = all_outputs(false)};
  for (const auto& field : fields) {
    if (field.is_unselected_file()) continue;
    if (!field.is_file() && !picture_format(field.content))
      return invalid("field `" + field.name +
                     "` of the form is text; send pictures as files (curl -F image=@FILE)");
    request.pictures.emplace_back(field.content);
  }
  if (request.pictures.empty()) return invalid("the form has no file; send one (curl -F image=@FILE)");
  return request;
}

}  // namespace

Result<InferRequest> read_infer_request(const InferBody& body) {
  if (!body.json_length.empty()) return read_with_header(body);
  const auto media_type = media_type_of(body.content_type);
  if (media_type == "multipart/form-data") return read_form_of_files(body);
  if (media_type.starts_with("image/") || picture_format(body.bytes)) return one_picture(body.bytes, false);
  return read_json_alone(body.bytes);
}

}  // namespace sluice::api
