#include "sluice/base/form.hpp"

#include <algorithm>

#include "sluice/base/words.hpp"

namespace sluice {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::size_t boundary_max = 70;  // RFC 2046, 5.1.1

Fail invalid(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// The front of `text` up to `end`, both removed from it; all of it if there is no `end`.
std::string_view take_until(std::string_view& text, std::string_view end) {
  const auto at = std::min(text.find(end), text.size());
  const auto taken = text.substr(0, at);
  text.remove_prefix(std::min(at + end.size(), text.size()));
  return taken;
}

/// Reads a quoted string from the front, without its quotes. Only a quote and a backslash can be escaped:
/// browsers write the backslashes of a path as they are.
std::string take_quoted(std::string_view& text) {
  std::string out;
  text.remove_prefix(1);
  while (!text.empty() && text.front() != '"') {
    if (text.starts_with(R"(\")") || text.starts_with(R"(\\)")) text.remove_prefix(1);
    out.push_back(text.front());
    text.remove_prefix(1);
  }
  take_until(text, ";");
  return out;
}

/// A parameter of a header such as `form-data; name="image"`.
std::optional<std::string> parameter_of(std::string_view header, std::string_view wanted) {
  take_until(header, ";");
  while (!header.empty()) {
    const auto equals = header.find_first_of("=;");
    if (equals == std::string_view::npos) return std::nullopt;
    if (header[equals] == ';') {
      header.remove_prefix(equals + 1);
      continue;
    }
    const auto name = lower_ascii(trimmed(header.substr(0, equals)));
    header.remove_prefix(equals + 1);
    header.remove_prefix(std::min(header.find_first_not_of(" \t"), header.size()));
    auto value =
        header.starts_with('"') ? take_quoted(header) : std::string(trimmed(take_until(header, ";")));
    if (name == wanted) return value;
  }
  return std::nullopt;
}

/// Reads the headers of one field.
Result<FormField> read_head(std::string_view head, const std::string& where) {
  FormField field;
  bool is_named = false;
  while (!head.empty()) {
    auto line = take_until(head, line_end);
    const auto header = lower_ascii(trimmed(take_until(line, ":")));
    const auto value = trimmed(line);
    if (header == "content-disposition") {
      const auto name = parameter_of(value, "name");
      is_named = name && media_type_of(value) == "form-data";
      field.name = as_utf8(name.value_or(""));
      field.file_name = parameter_of(value, "filename");
      if (!field.file_name) field.file_name = parameter_of(value, "filename*");
    } else if (header == "content-type") {
      field.media_type = media_type_of(value);
    } else if (header == "content-transfer-encoding" && lower_ascii(value) != "binary" &&
               lower_ascii(value) != "8bit" && lower_ascii(value) != "7bit") {
      return invalid(where + " is sent as `" + as_utf8(value) +
                     "` (Content-Transfer-Encoding); send its bytes as they are");
    }
  }
  if (!is_named) return invalid(where + " has no header `Content-Disposition: form-data; name=…`");
  return field;
}

/// A line that separates two fields of a form, or that ends it.
struct Delimiter {
  enum class Kind { none, field, last } kind = Kind::none;
  std::size_t begin = 0;  ///< where the content before it ends
  std::size_t end = 0;    ///< where the headers of the next field begin
};

/// The first delimiter in the body, from `from` on. The end of the line before it belongs to it.
Delimiter find_delimiter(std::string_view body, const std::string& boundary, std::size_t from) {
  const std::string line = "--" + boundary;
  for (auto at = body.find(line, from); at != std::string_view::npos; at = body.find(line, at + 1)) {
    const bool starts_line = at == 0 || (at >= from + 2 && body.substr(at - 2, 2) == line_end);
    if (!starts_line) continue;
    const auto begin = at == 0 ? 0 : at - 2;
    const auto rest = body.substr(at + line.size());
    if (rest.starts_with("--")) return {.kind = Delimiter::Kind::last, .begin = begin};
    const auto blank = std::min(rest.find_first_not_of(" \t"), rest.size());
    if (rest.substr(blank).starts_with(line_end))
      return {.kind = Delimiter::Kind::field, .begin = begin, .end = at + line.size() + blank + 2};
  }
  return {};
}

}  // namespace

bool FormField::is_file() const {
  return file_name || (!media_type.empty() && !media_type.starts_with("text/"));
}

Result<std::vector<FormField>> read_form(std::string_view body, std::string_view content_type,
                                         FormLimits limits) {
  const auto named = parameter_of(content_type, "boundary");
  if (!named || named->empty() || named->size() > boundary_max)
    return invalid(
        "the header Content-Type of a form has no valid boundary; let the client write that header itself");
  auto at = find_delimiter(body, *named, 0);
  if (at.kind == Delimiter::Kind::none)
    return invalid("the form has no line `--" + as_utf8(*named) + "`, the boundary in its Content-Type");
  std::vector<FormField> fields;
  while (at.kind == Delimiter::Kind::field) {
    const std::string where = "field " + std::to_string(fields.size()) + " of the form";
    if (fields.size() == limits.fields_max)
      return invalid("the form has more than " + std::to_string(limits.fields_max) + " fields");
    const auto head_end =
        body.substr(0, std::min(body.size(), at.end + limits.head_max)).find("\r\n\r\n", at.end);
    if (head_end == std::string_view::npos)
      return invalid(where + " has no end of its headers within " + std::to_string(limits.head_max >> 10) +
                     " KiB");
    SLUICE_TRY(field, read_head(body.substr(at.end, head_end - at.end), where));
    const auto content = head_end + 4;
    at = find_delimiter(body, *named, content);
    if (at.kind == Delimiter::Kind::none)
      return invalid(where + " has no end: the form's last line, `--" + as_utf8(*named) + "--`, is missing");
    field.content = body.substr(content, at.begin - content);
    fields.push_back(std::move(field));
  }
  return fields;
}

std::string media_type_of(std::string_view content_type) {
  return lower_ascii(trimmed(content_type.substr(0, content_type.find(';'))));
}

}  // namespace sluice
