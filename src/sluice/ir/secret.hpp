#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/value.hpp"

namespace sluice::ir {

/// A variable of a process that is a secret: {secret: NAME.KEY}, perhaps with `optional: true`.
struct NamedSecret {
  std::string name;       ///< "NAME.KEY"
  bool optional = false;  ///< without the secret, the variable is left out
};
/// nullopt: it is not one.
std::optional<NamedSecret> secret_in(const Value& variable);

/// A name, or a key, of a secret: 1 to 100 letters, digits, `_` and `-`.
bool is_secret_word(std::string_view text);
/// Two of them, "NAME.KEY".
bool is_secret_name(std::string_view text);

/// Whether a variable of a container may be a secret. Its value is in the environment of the engine's
/// command, which must not take it for a setting of its own; and the name must stand for itself on a command
/// line.
bool may_be_secret_of_container(std::string_view variable);

}  // namespace sluice::ir
