#pragma once
// How values are stored in columns.
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/base/clock.hpp"
#include "sluice/base/digest.hpp"
#include "sluice/stores/sqlite/connection.hpp"

namespace sluice::stores::sqlite {

std::int64_t milliseconds(Time time);
Time time_of(std::int64_t milliseconds);
/// Refers to the digest.
std::string_view blob_of(const Digest& digest);
/// Code::data_loss if it is not as long as a digest.
Result<Digest> digest_of(const std::string& blob);

/// The event of a row whose columns, from `column` on, are `event`, the text that was taken out of it (null:
/// none was), and where.
Result<std::string> whole_event(const Statement& select, int column);

}  // namespace sluice::stores::sqlite
