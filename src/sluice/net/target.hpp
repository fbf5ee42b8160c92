#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/result.hpp"

namespace sluice::net {

/// A parsed request target. "/a/b%2Fc?x=1+2" has the segments "a" and "b/c" and the query x = "1 2".
struct Target {
  std::vector<std::string> segments;  ///< decoded: valid UTF-8 without NUL; one trailing slash is ignored
  std::string path;                   ///< decoded, with its slashes
  std::vector<std::pair<std::string, std::string>> query;
  std::string authority;  ///< "host:port" if the target is an absolute URL
};

/// Parses the forms "/path?query" and "http://host/path?query".
Result<Target> parse_target(std::string_view text);
/// The segments of a target that cannot be parsed, up to the first that cannot be decoded: they say in whose
/// form it is refused.
std::vector<std::string> leading_segments(std::string_view text);

}  // namespace sluice::net
