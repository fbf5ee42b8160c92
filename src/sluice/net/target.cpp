#include "sluice/net/target.hpp"

#include <algorithm>

#include "sluice/base/words.hpp"

namespace sluice::net {
namespace {

Result<std::string> decode(std::string_view text, std::string_view what) {
  const auto invalid = [&](std::string_view why) {
    return Fail(
        user_error(Code::invalid_argument, std::string(what) + " of the request target " + std::string(why)));
  };
  auto decoded = percent_decode(text);
  if (!decoded)
    return invalid(
        "contains a `%` that is not followed by two hexadecimal digits; write a literal `%` as %25");
  if (decoded->find('\0') != std::string::npos)
    return invalid("contains a NUL byte (%00), which is not allowed");
  if (!is_utf8(*decoded))
    return invalid("is not UTF-8 once decoded; percent-encode the UTF-8 bytes of a name");
  return std::move(*decoded);
}

Result<void> parse_query(std::string_view text, Target& target) {
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    std::string pair(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    std::ranges::replace(pair, '+', ' ');
    const auto equals = std::min(pair.find('='), pair.size());
    SLUICE_TRY(key, decode(std::string_view(pair).substr(0, equals), "the query"));
    SLUICE_TRY(value, decode(std::string_view(pair).substr(std::min(equals + 1, pair.size())), "the query"));
    target.query.emplace_back(std::move(key), std::move(value));
  }
  return {};
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  Target target;
  constexpr std::string_view scheme = "http://";
  if (text.starts_with(scheme)) {
    text.remove_prefix(scheme.size());
    const auto end = std::min(text.find_first_of("/?"), text.size());
    target.authority = std::string(text.substr(0, end));
    text.remove_prefix(end);
    if (target.authority.empty() || target.authority.find('@') != std::string::npos)
      return Fail(
          user_error(Code::invalid_argument, "the request target has no host; write http://HOST:PORT/PATH"));
  }
  if (text.find('#') != std::string_view::npos)
    return Fail(user_error(Code::invalid_argument, "the request target contains a `#`; write it as %23"));
  const auto question = std::min(text.find('?'), text.size());
  const std::string_view query = text.substr(std::min(question + 1, text.size()));
  std::string_view path = text.substr(0, question);
  if (path.empty() && !target.authority.empty()) path = "/";
  if (!path.starts_with('/'))
    return Fail(user_error(Code::invalid_argument, "the request target does not begin with `/`"));
  path.remove_prefix(1);
  target.path = "/";
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    SLUICE_TRY(segment, decode(path.substr(0, end), "the path"));
    target.path += segment;
    if (end < path.size()) target.path += '/';
    target.segments.push_back(std::move(segment));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  SLUICE_DO(parse_query(query, target));
  return target;
}

std::vector<std::string> leading_segments(std::string_view text) {
  std::vector<std::string> segments;
  text = text.substr(0, text.find('?'));
  while (text.starts_with('/')) {
    text.remove_prefix(1);
    const auto end = std::min(text.find('/'), text.size());
    auto segment = decode(text.substr(0, end), "the path");
    if (!segment) break;
    segments.push_back(std::move(*segment));
    text.remove_prefix(end);
  }
  return segments;
}

}  // namespace sluice::net
