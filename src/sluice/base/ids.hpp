#pragma once
#include <compare>
#include <functional>
#include <string>

namespace sluice {

/// A string that is an identity of one kind only.
template <typename Tag>
struct Id {
  std::string text;
  auto operator<=>(const Id&) const = default;
};

using RunId = Id<struct RunTag>;
/// Names one attempt for good. An executor starts a fence at most once.
using Fence = Id<struct FenceTag>;

/// Who asks, and where: on every row, object reference and repository.
struct Principal {
  std::string workspace = "default";
  std::string name = "default";
  bool operator==(const Principal&) const = default;
};

}  // namespace sluice

template <typename Tag>
struct std::hash<sluice::Id<Tag>> {
  std::size_t operator()(const sluice::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.text);
  }
};
