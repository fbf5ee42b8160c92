#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/ir/plan.hpp"

namespace sluice::ir {

/// "list<integer>" → its type; nullopt for what is no type. An artifact's kind is not part of this text
/// (`kind:` is).
std::optional<Type> parse_type(std::string_view text);
/// The words that begin a type, for suggestions.
std::vector<std::string> type_names();

/// The artifact kind of the type or of what its lists hold; null where it holds no artifacts.
const std::string* artifact_kind_of(const Type& type);
Type with_artifact_kind(const Type& type, std::string kind);

/// For messages: "a string", "a list<integer>", "an artifact of kind `directory`".
std::string describe(const Type& type);
/// Whether a value of type `from` may stand where `to` is wanted: equal, any, an integer for a number, kinds
/// equal or any.
bool assignable(const Type& from, const Type& to);
/// What both fit; any where nothing closer is known.
Type common_type(const Type& a, const Type& b);
/// The type of a value at hand.
Type type_of(const Value& value);

}  // namespace sluice::ir
