#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The path of an operation in a run (docs/plans.md, Identity): segments, separated by `/`. A segment is
///
///     NAME ["#" VISIT] ["[" ITERATION "]" | "{" ARM "}" | "!" TRY]
///
/// with a percent-encoded name. All but the last segment of an operation's path also say which region inside
/// that operation is meant: an iteration of an `each`, an arm of a `branch`, or a try of a block that is
/// repeated as a whole. VISIT is 2 or more, for an operation that was reached again by a jump. No plan has
/// jumps or such blocks yet; their segments are reserved, so that paths that are stored now keep their
/// meaning.
namespace sluice::ir {

struct PathSegment {
  enum class Inner : std::uint8_t { none, iteration, arm, try_ };
  std::string_view name;  ///< as written
  std::int64_t visit = 1;
  Inner inner = Inner::none;
  std::int64_t index = -1;  ///< of the iteration or arm, from 0, or of the try, from 1; -1: none

  /// The name, decoded; nullopt if its encoding is wrong.
  [[nodiscard]] std::optional<std::string> decoded_name() const;
};

/// Removes the first segment and the slash after it from the path. nullopt, and an unchanged path, if that
/// segment is none: each has one spelling only, except for its name.
std::optional<PathSegment> take_segment(std::string_view& path);

/// The path of the operation that contains this one: "folds" of "folds[3]/fit"; "" for one of the pipeline
/// itself, and for what is no path.
std::string_view parent_path(std::string_view path);

/// The path for people: names are decoded, except for the characters that have a meaning in a path and
/// control characters. `path_of_readable` is the inverse, and leaves a path unchanged.
std::string readable_path(std::string_view path);
std::string path_of_readable(std::string_view text);

/// Appends "[3]", "{0}", "!2", or "".
void append_inner(std::string& path, PathSegment::Inner inner, std::int64_t index);

}  // namespace sluice::ir
