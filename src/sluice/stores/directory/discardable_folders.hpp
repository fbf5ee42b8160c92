#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "sluice/ports/storage.hpp"

namespace sluice::stores {

/// The folders of a data folder whose contents can be made again, or belong to something that is gone:
/// `cache/trees` and `cache/files` (read-only copies), `cache/compiled/*/*.blob` (compiled models),
/// `cache/tried` (which heads were tried), `cache/features`, `cache/fetched` (where fetched files came
/// from), `cache/environments` (of Python: made ones, the
/// packages that they were made from, and which versions were found), `objects/damaged`. A thing is moved to
/// `cache/tmp` before it is removed, so that it is there as a whole or not at all. What was used after
/// `limit` is never removed.
std::vector<std::unique_ptr<ports::DiscardableFolder>> cache_folders(const std::filesystem::path& cache,
                                                                     const std::filesystem::path& objects);
/// `logs` and `folders`: both have a folder for each run that needs it.
std::vector<std::unique_ptr<ports::DiscardableFolder>> folders_of_runs(const std::filesystem::path& logs,
                                                                       const std::filesystem::path& folders,
                                                                       const std::filesystem::path& cache);

/// Files and bytes below a folder, one with several links counted once, symlinks not followed; zero if there
/// is none.
Result<ports::Room> room_of(const std::filesystem::path& folder);

}  // namespace sluice::stores
