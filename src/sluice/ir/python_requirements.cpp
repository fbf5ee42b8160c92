#include "sluice/ir/python_requirements.hpp"

#include <algorithm>
#include <optional>
#include <utility>

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

/// Another program cannot take it for anything else.
bool is_plain(std::string_view place) {
  constexpr std::string_view others = "-._~:/@%+=&?#";
  return !place.contains("/..") &&
         std::ranges::all_of(place, [&](char c) { return is_word(c) || others.contains(c); });
}
bool is_address(std::string_view url) {
  return is_plain(url) && (url.starts_with("https://") || url.starts_with("http://"));
}
bool is_package_address(std::string_view url) {
  return is_address(url.starts_with("git+") ? url.substr(4) : url);
}

std::string_view without_scheme(std::string_view path) {
  constexpr std::string_view file = "file://";
  return path.starts_with(file) ? path.substr(file.size()) : path;
}
bool is_path(std::string_view path) {
  constexpr std::string_view of_addresses = ":%?#&";
  return is_plain(path) && path.size() > 1 && path.starts_with('/') &&
         path.find_first_of(of_addresses) == std::string_view::npos;
}

/// The value of the option that the requirement begins with, `-e X`, `--editable X` or `--editable=X`.
std::optional<std::string_view> value_of(std::string_view requirement, std::string_view option) {
  if (!requirement.starts_with(option)) return std::nullopt;
  requirement.remove_prefix(option.size());
  const bool is_long = option.starts_with("--");
  if (!requirement.starts_with(' ') && !(is_long && requirement.starts_with('='))) return std::nullopt;
  return trimmed(requirement.substr(1));
}

using Place = Requirement::Place;

/// An address or a path, or nothing.
std::optional<Requirement> place_of(std::string_view text) {
  if (is_package_address(text)) return Requirement{.kind = Place::address, .place = text};
  if (const auto path = without_scheme(text); is_path(path))
    return Requirement{.kind = Place::path, .place = path};
  return std::nullopt;
}

/// Why it names no package; empty: it does.
std::string problem_of_package(std::string_view package) {
  if (package.empty() || !is_word(package.front()))
    return " is not a requirement; write the name of a package, perhaps with versions: `pandas==2.*`";
  constexpr std::string_view allowed = "._-[], <>=!~*+();'\"";
  const auto other = std::ranges::find_if(
      package, [&](char c) { return !is_word(c) && allowed.find(c) == std::string_view::npos; });
  if (other != package.end())
    return " is not a requirement: it contains " + shown(std::string_view(other, other + 1));
  return {};
}

constexpr std::string_view beside_the_plan =
    " names a file or folder beside the plan; pass your own code with `code:`. A path of the server's "
    "machine is "
    "absolute";

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

Result<Requirement> read_requirement(std::string_view requirement) {
  const auto refused = [&](std::string_view why) {
    return Fail(user_error(Code::invalid_argument, shown(requirement) + std::string(why)));
  };
  if (requirement.size() > requirement_bytes_max) return refused(" is too long for a requirement");
  for (const auto& [option, kind] : {std::pair{"-i", Place::index},
                                     {"--index-url", Place::index},
                                     {"--extra-index-url", Place::extra_index}})
    if (const auto url = value_of(requirement, option)) {
      if (!is_address(*url)) return refused(" is not the address of an index; write `-i https://…`");
      return Requirement{.kind = kind, .place = *url};
    }
  for (const auto* option : {"-e", "--editable"})
    if (const auto source = value_of(requirement, option)) {
      if (const auto place = place_of(*source)) return *place;
      return refused(beside_the_plan);
    }
  if (requirement.starts_with('-'))
    return refused(" is an option of pip that is not supported; write a package a line");
  if (const auto at = requirement.find('@'); at != std::string_view::npos && !place_of(requirement)) {
    auto place = place_of(trimmed(requirement.substr(at + 1)));
    const auto package = trimmed(requirement.substr(0, at));
    if (!place || !problem_of_package(package).empty())
      return refused(
          " says no address or path that can be used; write `NAME @ https://…`, `NAME @ git+https://…` or "
          "`NAME @ file:///…`");
    place->package = package;
    return *place;
  }
  if (const auto place = place_of(requirement)) return *place;
  if (requirement.contains('/') || requirement.starts_with('.') || requirement.ends_with(".whl"))
    return refused(requirement.contains("://")
                       ? " says no address that can be used; write `https://…` or `git+https://…`"
                       : beside_the_plan);
  if (const auto problem = problem_of_package(requirement); !problem.empty()) return refused(problem);
  return Requirement{.package = requirement};
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
    if (auto read = read_requirement(line); !read)
      return Fail(std::move(read).error().at("line " + std::to_string(number)));
    if (out.size() == requirements_max)
      return Fail(user_error(Code::too_large,
                             "it has more than " + std::to_string(requirements_max) + " requirements"));
    out.emplace_back(line);
  }
  return out;
}

}  // namespace sluice::ir
