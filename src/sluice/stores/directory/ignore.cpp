#include "sluice/stores/directory/ignore.hpp"

#include <algorithm>
#include <optional>

namespace sluice::stores::directory {
namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find('/', at), text.size());
    out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

/// Whether `text` matches `pattern`, element by element: an element of the pattern for which `is_star` holds
/// matches any number of elements, any other one is compared with one element by `fits`. Backtracks to the
/// last star only, so the work is at most |pattern| · |text|.
template <typename Sequence, typename IsStar, typename Fits>
bool matches(const Sequence& pattern, const Sequence& text, IsStar is_star, Fits fits) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::optional<std::size_t> star;
  std::size_t star_n = 0;
  while (n < text.size()) {
    if (p < pattern.size() && is_star(pattern[p])) {
      star = p++;
      star_n = n;
    } else if (p < pattern.size() && fits(pattern[p], text[n])) {
      ++p;
      ++n;
    } else if (star) {
      p = *star + 1;
      n = ++star_n;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && is_star(pattern[p])) ++p;
  return p == pattern.size();
}

/// `*` and `?` within one name.
bool matches_name(std::string_view pattern, std::string_view name) {
  return matches(
      pattern, name, [](char c) { return c == '*'; },
      [](char c, char other) { return c == '?' || c == other; });
}

/// `**` between names.
bool matches_path(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  return matches(pattern, path, [](const std::string& name) { return name == "**"; }, matches_name);
}

}  // namespace

Result<IgnoreRules> IgnoreRules::read(const std::vector<std::string>& lines) {
  IgnoreRules out;
  for (std::string_view line : lines) {
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r'))
      line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    if (line.find_first_of("[\\") != std::string_view::npos)
      return Fail(user_error(
          Code::invalid_argument,
          "ignore pattern `" + std::string(line) + "`: `[` and `\\` are not supported; use `*`, `?`, `**`"));
    Rule rule;
    if (line.starts_with('!')) {
      rule.keeps = true;
      line.remove_prefix(1);
    }
    if (line.ends_with('/')) {
      rule.folders_only = true;
      line.remove_suffix(1);
    }
    rule.anchored = line.find('/') != std::string_view::npos;
    if (line.starts_with('/')) line.remove_prefix(1);
    if (line.empty()) continue;
    rule.segments = split(line);
    out.rules_.push_back(std::move(rule));
  }
  return out;
}

std::optional<bool> IgnoreRules::ignores(std::string_view path, bool is_folder) const {
  if (rules_.empty()) return std::nullopt;
  const auto segments = split(path);
  const auto last = std::ranges::find_if(rules_.rbegin(), rules_.rend(), [&](const Rule& rule) {
    if (rule.folders_only && !is_folder) return false;
    return rule.anchored ? matches_path(rule.segments, segments)
                         : matches_name(rule.segments.front(), segments.back());
  });
  if (last == rules_.rend()) return std::nullopt;
  return !last->keeps;
}

}  // namespace sluice::stores::directory
