#include "sluice/ir/python_requirements.hpp"

#include <algorithm>

#include "sluice/base/words.hpp"

namespace sluice::ir {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c); }

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string shown(std::string_view requirement) {
  constexpr std::size_t shown_max = 60;
  return "`" + as_utf8(requirement.substr(0, shown_max)) + (requirement.size() > shown_max ? "…`" : "`");
}

/// One that another program cannot take for anything else.
bool is_address(std::string_view url) {
  if (url.starts_with("git+")) url.remove_prefix(4);
  const bool known = url.starts_with("https://") || url.starts_with("http://");
  constexpr std::string_view others = "-._~:/@%+=&?#";
  return known && !url.contains("/..") &&
         std::ranges::all_of(url, [&](char c) { return is_word(c) || others.contains(c); });
}

}  // namespace

bool is_python_version(std::string_view text) {
  constexpr std::string_view major = "3.";
  constexpr std::size_t digits_max = 2;
  const auto minor = text.substr(std::min(text.size(), major.size()));
  return text.starts_with(major) && !minor.empty() && minor.size() <= digits_max &&
         std::ranges::all_of(minor, is_digit) && (minor.size() == 1 || minor[0] != '0');
}

bool is_python_name(std::string_view text) {
  char before = '.';
  for (const char c : text) {
    const bool is_part = is_word(c) || c == '_';
    if (before == '.' ? !is_part || is_digit(c) : !is_part && c != '.') return false;
    before = c;
  }
  return before != '.';
}

std::string_view url_of_requirement(std::string_view requirement) {
  const auto at = requirement.find('@');
  return at == std::string_view::npos ? std::string_view() : trimmed(requirement.substr(at + 1));
}

std::optional<std::string> requirement_problem(std::string_view requirement) {
  const auto refused = [&](std::string_view why) { return shown(requirement) + std::string(why); };
  if (requirement.size() > requirement_bytes_max) return refused(" is too long for a requirement");
  if (requirement.starts_with('-'))
    return refused(
        " is an option of pip; only packages can be required: indexes are set by whoever operates the "
        "server");
  if (const auto url = url_of_requirement(requirement); !url.empty()) {
    if (!is_address(url))
      return refused(" is not an address of a package; write `NAME @ https://…` or `NAME @ git+https://…`");
    requirement = trimmed(requirement.substr(0, requirement.find('@')));
  } else if (requirement.contains("://")) {
    return refused(" names no package; write the name before the URL: `NAME @ https://…`");
  }
  if (requirement.find('/') != std::string_view::npos || requirement.starts_with('.') ||
      requirement.ends_with(".whl"))
    return refused(" names a file; pass your own code with `code:`, and require packages by name");
  if (requirement.empty() || !is_word(requirement.front()))
    return refused(
        " is not a requirement; write the name of a package, perhaps with versions: `pandas==2.*`");
  constexpr std::string_view allowed = "._-[], <>=!~*+();'\"";
  const auto other = std::ranges::find_if(
      requirement, [&](char c) { return !is_word(c) && allowed.find(c) == std::string_view::npos; });
  if (other != requirement.end())
    return refused(" is not a requirement: it contains " + shown(std::string_view(other, other + 1)));
  return std::nullopt;
}

Result<std::vector<std::string>> read_requirements(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    if (const auto comment = line.find('#');
        comment == 0 || (comment != std::string_view::npos && line[comment - 1] == ' '))
      line = line.substr(0, comment);
    line = trimmed(line);
    if (line.empty()) continue;
    if (const auto problem = requirement_problem(line))
      return Fail(user_error(Code::invalid_argument, "line " + std::to_string(number) + ": " + *problem));
    if (out.size() == requirements_max)
      return Fail(user_error(Code::too_large,
                             "it has more than " + std::to_string(requirements_max) + " requirements"));
    out.emplace_back(line);
  }
  return out;
}

}  // namespace sluice::ir
