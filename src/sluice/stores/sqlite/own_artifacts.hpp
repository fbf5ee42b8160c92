#pragma once
// Rows of artifacts, by the folders that hold them.
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

/// The folder in our own store of artifacts that holds what belongs to one record alone: its address `uri`
/// ends with `name` (its id, perhaps after a folder) and "/artifacts". "" if it does not, or is elsewhere.
std::string own_folder(std::string_view uri, std::string_view name);

/// Removes the file of that path, or all that is below it. Returns how many files there were.
Result<std::int64_t> remove_artifacts(Connection& connection, const std::string& workspace,
                                      const std::string& path);

}  // namespace sluice::stores::sqlite
