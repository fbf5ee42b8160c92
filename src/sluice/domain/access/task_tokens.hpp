#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "sluice/ports/access.hpp"

namespace sluice::access {

/// Tokens of attempts, which are stored nowhere: each says whose it is, and is signed with a key of the data
/// folder, so that the task of a server that died can go on to log to the next one. Immutable, and therefore
/// thread-safe.
class TaskTokens {
 public:
  /// What every one begins with.
  static constexpr std::string_view prefix = "sluicetask_";
  /// Longer ones, of paths that are too long for the head of a request, are nobody's.
  static constexpr std::size_t bytes_max = 12'000;

  explicit TaskTokens(std::string key) : key_(std::move(key)) {}
  [[nodiscard]] std::string token_of(const ports::TaskCaller& task, const Principal& principal) const;
  /// nullopt: it is none of these, or another key signed it. Whether its run still runs is for others to say.
  [[nodiscard]] std::optional<ports::Caller> caller_of(std::string_view token) const;

 private:
  std::string key_;
};

}  // namespace sluice::access
