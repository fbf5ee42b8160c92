#pragma once
#include <filesystem>

#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

/// The schema version that this program writes.
constexpr int schema_version = 8;

/// Puts the connection into WAL mode and migrates the tables to `schema_version`. Refuses a file that a newer
/// Sluice wrote and one that is not a ledger, and changes neither.
Result<void> prepare_schema(Connection& connection, const std::filesystem::path& file);

}  // namespace sluice::stores::sqlite
