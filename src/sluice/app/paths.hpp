#pragma once
// Which protocol owns which path of the server: one table, so that no two ever want the same.
#include <span>
#include <string_view>
#include <vector>

#include "sluice/ports/http.hpp"

namespace sluice::app {

/// All paths below `prefix`, and it itself, are of the protocol with this name, but for those of a longer
/// prefix. Whole segments: "/v1" is no prefix of "/v1beta".
struct PathOwner {
  std::string_view prefix;
  std::string_view protocol;
};

/// The table. Some protocols are not there yet; their paths are kept for them, because their clients have
/// them built in.
std::span<const PathOwner> path_owners();

/// The protocol that owns a path, or a route's pattern.
std::string_view owner_of(std::string_view path);

/// A protocol with a route that is not its own is a bug of ours: Code::internal, both named.
Result<void> check_paths(const std::vector<ports::Protocol>& protocols);

}  // namespace sluice::app
