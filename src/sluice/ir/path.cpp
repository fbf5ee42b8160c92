#include "sluice/ir/path.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/compile.h>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

namespace sluice::ir {
namespace {

using Inner = PathSegment::Inner;

/// Without leading zeros, and at least `least`.
std::optional<std::int64_t> take_number(std::string_view& text, std::int64_t least) {
  auto rest = text;
  const auto number = take_integer<std::int64_t>(rest);
  const bool canonical =
      number && *number >= least && (text.front() != '0' || text.size() - rest.size() == 1);
  if (!canonical) return std::nullopt;
  text = rest;
  return number;
}

bool take_inner(std::string_view& text, PathSegment& segment) {
  const char open = text.front();
  text.remove_prefix(1);
  segment.inner = open == '[' ? Inner::iteration : open == '{' ? Inner::arm : Inner::try_;
  const auto number = take_number(text, open == '!' ? 1 : 0);
  if (!number) return false;
  segment.index = *number;
  if (open == '!') return true;
  if (!text.starts_with(open == '[' ? ']' : '}')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<std::string> PathSegment::decoded_name() const {
  if (name.find('%') == std::string_view::npos) return std::string(name);
  return percent_decode(name);
}

std::optional<PathSegment> take_segment(std::string_view& path) {
  const auto slash = path.find('/');
  auto text = path.substr(0, slash);
  const auto name = text.substr(0, text.find_first_of("#[{!"));
  if (name.empty()) return std::nullopt;
  PathSegment segment{.name = name};
  text.remove_prefix(name.size());
  if (text.starts_with('#')) {
    text.remove_prefix(1);
    const auto visit = take_number(text, 2);
    if (!visit) return std::nullopt;
    segment.visit = *visit;
  }
  if (!text.empty() && (text.front() == '#' || !take_inner(text, segment) || !text.empty()))
    return std::nullopt;
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  return segment;
}

std::string_view parent_path(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  const auto region = path.substr(0, slash);
  const auto segment = region.substr(std::min(region.size(), region.rfind('/') + 1));
  const auto inner = segment.find_first_of("[{!");
  return region.substr(
      0, inner == std::string_view::npos ? region.size() : region.size() - segment.size() + inner);
}

namespace {

constexpr std::string_view syntax_of_paths = "/[]{}#!%";

}  // namespace

std::string readable_path(std::string_view path) {
  std::string out;
  constexpr std::size_t escape_size = 3;
  for (std::size_t i = 0; i < path.size();) {
    const auto decoded = path[i] == '%' ? percent_decode(path.substr(i, escape_size)) : std::nullopt;
    const bool is_plain = decoded && decoded->size() == 1 &&
                          syntax_of_paths.find(decoded->front()) == std::string_view::npos &&
                          static_cast<unsigned char>(decoded->front()) >= ' ' && decoded->front() != '\x7f';
    out += is_plain ? *decoded : std::string(1, path[i]);
    i += is_plain ? escape_size : 1;
  }
  return is_utf8(out) ? out : std::string(path);
}

std::string path_of_readable(std::string_view text) { return percent_encode(text, syntax_of_paths); }

void append_inner(std::string& path, PathSegment::Inner inner, std::int64_t index) {
  const auto out = std::back_inserter(path);
  switch (inner) {
    case Inner::none: return;
    case Inner::iteration: fmt::format_to(out, FMT_COMPILE("[{}]"), index); return;
    case Inner::arm: fmt::format_to(out, FMT_COMPILE("{{{}}}"), index); return;
    case Inner::try_: fmt::format_to(out, FMT_COMPILE("!{}"), index); return;
  }
}

}  // namespace sluice::ir
