#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/value.hpp"

namespace sluice::ir {

/// A variable of a process that is a secret: {secret: NAME.KEY}. Returns "NAME.KEY"; nullopt: it is not one.
std::optional<std::string> secret_in(const Value& variable);

/// A name, or a key, of a secret: 1 to 100 letters, digits, `_` and `-`.
bool is_secret_word(std::string_view text);
/// Two of them, "NAME.KEY".
bool is_secret_name(std::string_view text);

}  // namespace sluice::ir
