#include "sluice/domain/models/registry_rules.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/rules.hpp"

namespace sluice::models {
namespace {

constexpr std::size_t name_characters_max = 1000;
constexpr std::size_t alias_characters_max = 255;
constexpr std::size_t tag_key_max = 250;
constexpr std::size_t tag_value_max = 100'000;
constexpr std::string_view prompt_text_tag = "mlflow.prompt.text";
constexpr auto stages = std::to_array<std::string_view>({"None", "Staging", "Production", "Archived"});

Fail refusal(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n\v\f") == std::string::npos; }

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// Of ASCII; every other character is taken for a letter, as it is in most scripts.
bool is_word(char c) {
  return static_cast<unsigned char>(c) >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

Result<void> check_model_name(const std::string& name, std::string_view parameter) {
  if (is_blank(name)) return refusal(fmt::format("Missing value for required parameter '{}'.", parameter));
  if (name.find_first_of("/:") != std::string::npos)
    return refusal(fmt::format("Invalid model name '{}'. Names cannot contain '/' or ':'.", name));
  if (!is_utf8(name) || name.contains('\0'))
    return refusal(fmt::format("Invalid model name '{}'. Names must be UTF-8.", as_utf8(name)));
  SLUICE_DO(tracking::check_resolved(name, "name"));
  return tracking::check_length("name", name, name_characters_max);
}

Result<void> check_alias(const std::string& alias) {
  if (alias.empty()) return refusal("Registered model alias name cannot be empty.");
  if (!is_utf8(alias) || !std::ranges::all_of(alias, is_word))
    return refusal(
        fmt::format("Invalid alias name: '{}'. Names may only contain alphanumerics, underscores (_), and "
                    "dashes (-).",
                    as_utf8(alias)));
  return tracking::check_length("Registered model alias name", alias, alias_characters_max);
}

Result<void> check_alias_is_free(const std::string& alias) {
  if (lower_ascii(alias) == "latest") return refusal("'latest' alias name (case insensitive) is reserved.");
  if ((alias.front() == 'v' || alias.front() == 'V') && is_digits(std::string_view(alias).substr(1)))
    return refusal(fmt::format("Version alias name '{}' is reserved.", alias));
  return {};
}

Result<void> check_model_tag(const ports::KeyValue& tag) {
  SLUICE_DO(tracking::check_key(tag.key, "key"));
  SLUICE_DO(tracking::check_length("key", tag.key, tag_key_max));
  return tracking::check_length("value", tag.value, tag_value_max);
}

Result<void> check_version_tag(const ports::KeyValue& tag) {
  SLUICE_DO(tracking::check_key(tag.key, "key"));
  SLUICE_DO(tracking::check_length("key", tag.key, tag_key_max));
  if (tag.key == prompt_text_tag && !tracking::check_length("value", tag.value, tag_value_max))
    return refusal(fmt::format("Prompt text exceeds max length of {} characters.", tag_value_max));
  return tracking::check_length("value", tag.value, tag_value_max);
}

Result<std::int64_t> version_number(const std::string& text) {
  if (const auto number = parse_integer<std::int64_t>(text)) return *number;
  return refusal(fmt::format("Parameter 'version' must be an integer, got '{}'.", as_utf8(text)));
}

Result<std::string> checked_stage(const std::string& stage) {
  for (const auto known : stages)
    if (lower_ascii(stage) == lower_ascii(known)) return std::string(known);
  return refusal(fmt::format(
      "Invalid Model Version stage: {}. Value must be one of None, Staging, Production, Archived.",
      as_utf8(stage)));
}

bool is_prompt(const std::vector<ports::KeyValue>& tags) {
  bool found = false;
  for (const auto& tag : tags)
    if (tag.key == prompt_tag) found = lower_ascii(tag.value) == "true";
  return found;
}

std::optional<ModelAddress> parse_model_address(std::string_view address) {
  constexpr std::string_view scheme = "models:/";
  if (!address.starts_with(scheme)) return std::nullopt;
  address.remove_prefix(scheme.size());
  if (address.empty() || address.starts_with('/')) return std::nullopt;
  const auto slash = address.find('/');
  const auto first = address.substr(0, slash);
  if (is_blank(first)) return std::nullopt;
  ModelAddress out;
  if (slash == std::string_view::npos) {
    const auto at = first.rfind('@');
    if (at == std::string_view::npos) {
      out.logged_model = first;
      return out;
    }
    out.name = first.substr(0, at);
    out.alias = first.substr(at + 1);
    if (is_blank(out.alias)) return std::nullopt;
    return out;
  }
  const auto suffix = address.substr(slash + 1);
  if (suffix.contains('/') || is_blank(suffix)) return std::nullopt;
  out.name = first;
  if (is_digits(suffix))
    out.version = parse_integer<std::int64_t>(suffix).value_or(0);
  else if (lower_ascii(suffix) != "latest")
    out.stage = suffix;
  return out;
}

}  // namespace sluice::models
