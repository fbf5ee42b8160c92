#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/digest.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/base/result.hpp"

namespace sluice::ports {

/// What a caller may do. Each role may do what those before it may.
enum class Role {
  read,   ///< look at everything, and ask endpoints
  run,    ///< submit plans, deploy, push: as good as being the server's user, since plans run programs
  admin,  ///< manage tokens, and read what was changed
};
inline constexpr std::array<std::string_view, 3> role_names{"read", "run", "admin"};
inline std::string_view name(Role role) { return role_names.at(static_cast<std::size_t>(role)); }
inline std::optional<Role> role_named(std::string_view name) {
  for (std::size_t i = 0; i < role_names.size(); ++i)
    if (role_names.at(i) == name) return static_cast<Role>(i);
  return std::nullopt;
}

/// An attempt at a task of a run, while it sends a request.
struct TaskCaller {
  RunId run;
  std::string path;  ///< of the task in its run
  std::int64_t attempt = 1;
  Fence fence;
  bool operator==(const TaskCaller&) const = default;
};

/// Who sends a request.
struct Caller {
  Principal principal;
  Role role = Role::read;
  /// Set: it may also log to the tracked run of this attempt (Route::for_tasks), whatever its role is.
  std::optional<TaskCaller> task = {};
};

/// The user who runs this program.
inline Caller owner() { return {.principal = {.name = "owner"}, .role = Role::admin}; }

/// Those who may send requests besides the owner. Thread-safe.
class Callers {
 public:
  virtual ~Callers() = default;
  /// Whose token this is; nullopt: nobody's, or it has expired. From memory: called for every request.
  [[nodiscard]] virtual std::optional<Caller> caller_of(std::string_view token) const = 0;
  /// Why this caller may not even look any more; nullopt: they may. Called for every request of a task.
  [[nodiscard]] virtual std::optional<Error> refusal_of(const Caller& caller) const {
    static_cast<void>(caller);
    return std::nullopt;
  }
  /// Whether there is any token that has not expired.
  [[nodiscard]] virtual bool any() const = 0;
};

/// A token, without its secret.
struct Token {
  std::string name;
  std::string workspace = "default";  ///< in which its caller acts
  Role role = Role::read;
  Digest secret;   ///< its SHA-256: the secret itself is stored nowhere
  std::string by;  ///< the principal that added it
  Time created{};
  std::optional<Time> expires;
};

/// The stored tokens. Thread-safe.
class Tokens {
 public:
  virtual ~Tokens() = default;
  /// Synced. Code::already_exists if there is one with this name.
  virtual Result<void> add_token(const Token& token) = 0;
  /// Synced. False: there is none with this name.
  virtual Result<bool> remove_token(const std::string& name) = 0;
  /// Sorted by name.
  [[nodiscard]] virtual Result<std::vector<Token>> tokens() const = 0;
};

/// Something that a principal changed.
struct Change {
  std::int64_t number = 0;  ///< given by the log, increasing
  Time at{};
  Principal principal;
  std::string what;     ///< "endpoint.deploy"
  std::string subject;  ///< what it was done to: "stamps", a run's id
};

/// What was changed, by whom. Thread-safe.
class ChangeLog {
 public:
  /// How many changes are kept: the oldest are forgotten.
  static constexpr std::int64_t kept_max = 1'000'000;
  virtual ~ChangeLog() = default;
  /// Survives the death of any process. `number` is ignored.
  virtual Result<void> add_change(const Change& change) = 0;
  /// Newest first, at most `limit`; only those before the number `before`.
  [[nodiscard]] virtual Result<std::vector<Change>> changes(std::int64_t before, std::size_t limit) const = 0;
};

}  // namespace sluice::ports
