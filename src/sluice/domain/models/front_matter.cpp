#include "sluice/domain/models/front_matter.hpp"

#include <algorithm>
#include <array>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/syntax/tree.hpp"

namespace sluice::models {
namespace {

constexpr std::string_view delimiter = "---\n";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_plain(std::string_view text) {
  // Words that some YAML parsers read as something other than a string.
  constexpr std::array<std::string_view, 8> reserved{"true", "false", "null", "yes", "no", "on", "off", "y"};
  if (text.empty() || !is_letter(text.front())) return false;
  const auto lower = lower_ascii(text);
  if (std::ranges::find(reserved, lower) != reserved.end() || lower == "n") return false;
  return std::ranges::all_of(text, [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

Result<Value> read_front_matter(std::string_view card, const std::string& name) {
  if (!card.starts_with(delimiter)) return Struct{};
  const auto end = card.find("\n---", delimiter.size() - 1);
  if (end == std::string_view::npos) {
    return Fail(user_error(Code::invalid_argument,
                           name + ": the front matter is not terminated; close it with a line `---`"));
  }
  const auto text = card.substr(delimiter.size(), end + 1 - std::min(end + 1, delimiter.size()));
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return Struct{};
  SLUICE_TRY(tree, syntax::read_yaml(text, name));
  if (tree.kind != syntax::Node::Kind::map) return Struct{};
  return tree.to_value();
}

std::string yaml_scalar(std::string_view text) {
  return is_plain(text) ? std::string(text) : to_json(Value(text));
}

std::string yaml_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ", ";
    out += yaml_scalar(item);
  }
  return out + "]";
}

}  // namespace sluice::models
