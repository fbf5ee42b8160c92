#include "sluice/domain/pipelines/fields.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/words.hpp"

namespace sluice::pipelines {
namespace {

constexpr std::size_t name_bytes_max = 512;
constexpr std::size_t text_bytes_max = std::size_t{64} << 10;
constexpr std::size_t tags_max = 20;
constexpr std::size_t tag_bytes_max = 63;

Fail refusal(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

bool is_control(char c) {
  constexpr unsigned char first_printed = 0x20;
  constexpr unsigned char deleted = 0x7f;
  return static_cast<unsigned char>(c) < first_printed || static_cast<unsigned char>(c) == deleted;
}

}  // namespace

Result<void> check_name(std::string_view what, const std::string& name) {
  if (name.find_first_not_of(" \t") == std::string::npos) return refusal(fmt::format("{} is empty", what));
  if (name.size() > name_bytes_max)
    return refusal(
        fmt::format("{} has {} bytes; at most {} are supported", what, name.size(), name_bytes_max));
  if (!is_utf8(name) || std::ranges::any_of(name, is_control))
    return refusal(fmt::format("{} is not a line of text in UTF-8", what));
  return {};
}

Result<void> check_text(std::string_view what, const std::string& text) {
  if (text.size() > text_bytes_max)
    return refusal(
        fmt::format("{} has {} bytes; at most {} are supported", what, text.size(), text_bytes_max));
  if (!is_utf8(text) || text.contains('\0')) return refusal(fmt::format("{} is not a text in UTF-8", what));
  return {};
}

Result<void> check_tags(const Struct& tags) {
  if (tags.size() > tags_max)
    return refusal(fmt::format("there are {} tags; at most {} are supported", tags.size(), tags_max));
  for (const auto& [key, value] : tags) {
    const auto* text = value.if_string();
    if (text == nullptr) return refusal("a tag is not a text; `tags` is an object of texts");
    for (const auto& part : {key, *text})
      if (part.size() > tag_bytes_max || !is_utf8(part) || part.contains('\0'))
        return refusal(fmt::format("a tag is not a text of at most {} bytes", tag_bytes_max));
    if (key.empty()) return refusal("a tag has no name");
  }
  return {};
}

}  // namespace sluice::pipelines
