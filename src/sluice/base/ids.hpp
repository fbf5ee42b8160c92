#pragma once
#include <compare>
#include <functional>
#include <string>

namespace sluice {

/// A string that identifies a thing of one kind; identities of different kinds are different types.
template <typename Tag>
struct Id {
  std::string text;
  auto operator<=>(const Id&) const = default;
};

using RunId = Id<struct RunTag>;
/// Identifies one attempt, permanently. An executor starts a fence at most once.
using Fence = Id<struct FenceTag>;
/// Identifies one schedule, permanently: another one of the same name has another id.
using ScheduleId = Id<struct ScheduleTag>;

/// Who makes a request, and in which workspace: stored with every row, object reference and repository.
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
