#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sluice/base/random.hpp"
#include "sluice/domain/access/task_tokens.hpp"
#include "sluice/ports/access.hpp"

namespace sluice::access {

/// A token to be added.
struct NewToken {
  std::string name;
  ports::Role role = ports::Role::read;
  std::optional<Milliseconds> lifetime;  ///< nullopt: until it is revoked
};

/// The tokens: those that were added, that of the operator's file, and those of tasks. Thread-safe. Every
/// other process that changes the stored tokens holds the data folder, so that what is in memory is what is
/// stored.
class Access final : public ports::Callers {
 public:
  /// How many tokens may exist.
  static constexpr std::size_t tokens_max = 1000;
  struct Ports {
    ports::Tokens& tokens;
    const Clock& clock;
    Random& random;
    const TaskTokens* tasks = nullptr;  ///< null: tasks have no tokens
    /// Whether a run goes on: the tokens of its tasks end with it. Not null if `tasks` is not.
    std::function<bool(const std::string& workspace, const RunId& run)> goes_on = {};
  };
  /// `operator_token`: of an administrator, for as long as this object lives; nullopt: none. The ports must
  /// outlive the result.
  static Result<std::unique_ptr<Access>> open(Ports ports, const std::optional<std::string>& operator_token);

  /// Returns the secret, which nobody can ask for again.
  Result<std::string> add(const NewToken& token, const Principal& by);
  /// A request that was admitted before is still answered. Code::not_found, with the nearest name.
  Result<void> revoke(const std::string& name);
  /// Sorted by name; expired ones too.
  [[nodiscard]] std::vector<ports::Token> list() const;

  [[nodiscard]] std::optional<ports::Caller> caller_of(std::string_view token) const override;
  [[nodiscard]] std::optional<Error> refusal_of(const ports::Caller& caller) const override;
  [[nodiscard]] bool any() const override;

 private:
  explicit Access(Ports ports) : ports_(std::move(ports)) {}
  [[nodiscard]] bool has_expired(const ports::Token& token) const;

  Ports ports_;
  std::optional<Digest> operator_secret_;
  std::mutex changing_;       ///< a change is stored and then taken over; locked before `mutex_`
  mutable std::mutex mutex_;  ///< guards the members below
  std::map<std::string, ports::Token> by_name_;
  std::unordered_map<Digest, std::string> names_;  ///< by secret
};

}  // namespace sluice::access
