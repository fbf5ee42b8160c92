#pragma once
// Private to this module: the file in which a task reports its progress (docs/plans.md, Progress).
#include <filesystem>
#include <optional>
#include <string_view>

#include "sluice/ports/progress.hpp"

namespace sluice::executors {

/// A line without its newline: `30`, `30/238`, `30/238 pictures` (the unit at most 32 bytes of UTF-8), or
/// `12%`. nullopt: it is none of these. The time of the result is not set.
std::optional<ports::ProgressReport> parse_progress(std::string_view line);

/// Reads the first and the last lines of the file, however long it is; the first was written when the file
/// was created, the last when it was modified. nullopt: there is no such regular file, or no line of a report
/// in what was read.
std::optional<ports::Progress> read_progress(const std::filesystem::path& file);

}  // namespace sluice::executors
