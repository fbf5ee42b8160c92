#pragma once
// Which protocol owns which path of the server: a single table, so that no two protocols claim the same path.
#include <span>
#include <string_view>
#include <vector>

#include "sluice/ports/http.hpp"

namespace sluice::app {

/// `prefix` and all paths below it belong to the protocol with this name, except those of a longer prefix.
/// Prefixes match whole segments: "/v1" is not a prefix of "/v1beta".
struct PathOwner {
  std::string_view prefix;
  std::string_view protocol;
};

/// The table. Some protocols do not exist yet; their paths are reserved because they are built into their
/// clients.
std::span<const PathOwner> path_owners();

/// The protocol that owns a path, or a route's pattern.
std::string_view owner_of(std::string_view path);

/// A protocol with a route that it does not own is a bug in this program: Code::internal, with both protocols
/// in the message.
Result<void> check_paths(const std::vector<ports::Protocol>& protocols);

}  // namespace sluice::app
