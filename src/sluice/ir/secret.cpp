#include "sluice/ir/secret.hpp"

#include <algorithm>

namespace sluice::ir {

std::optional<std::string> secret_in(const Value& variable) {
  const auto* fields = variable.if_struct();
  if (fields == nullptr || fields->size() != 1) return std::nullopt;
  const auto* name = fields->find("secret");
  const auto* text = name != nullptr ? name->if_string() : nullptr;
  return text != nullptr ? std::optional(*text) : std::nullopt;
}

bool is_secret_word(std::string_view text) {
  constexpr std::size_t bytes_max = 100;
  return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool is_secret_name(std::string_view text) {
  const auto dot = text.find('.');
  return dot != std::string_view::npos && is_secret_word(text.substr(0, dot)) &&
         is_secret_word(text.substr(dot + 1));
}

}  // namespace sluice::ir
