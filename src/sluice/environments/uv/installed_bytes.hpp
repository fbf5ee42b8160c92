#pragma once
#include <cstdint>
#include <ctime>
#include <filesystem>

namespace sluice::environments {

/// How many bytes uv has written since then: the files that are new in its cache (in folders that are new; of
/// others, nothing is looked at), and those of the environment that are no links into it. What cannot be read
/// counts as nothing.
std::int64_t installed_bytes(const std::filesystem::path& cache, const std::filesystem::path& environment,
                             std::time_t since);

}  // namespace sluice::environments
