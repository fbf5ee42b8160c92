#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/ir/plan.hpp"

namespace sluice::ir {

/// "list<integer>" → its type; nullopt for what is not a type. An artifact's kind is not part of this
/// string; it is in `kind:`.
std::optional<Type> parse_type(std::string_view text);
/// The names of the types, for suggestions.
std::vector<std::string> type_names();

/// The artifact kind of the type or of the elements of its lists; null if it holds no artifacts.
const std::string* artifact_kind_of(const Type& type);
Type with_artifact_kind(const Type& type, std::string kind);

/// For messages: "a string", "a list<integer>", "an artifact of kind `directory`".
std::string describe(const Type& type);
/// Whether a value of type `from` can be used where `to` is expected: the types are equal, one is any, or an
/// integer is used as a number; for artifacts, the kinds are equal or one is any.
bool assignable(const Type& from, const Type& to);
/// The closest type that includes both; any if nothing closer is known.
Type common_type(const Type& a, const Type& b);
/// The type of a given value.
Type type_of(const Value& value);

}  // namespace sluice::ir
