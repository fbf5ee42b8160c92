#include "sluice/stores/sqlite/columns.hpp"

#include <algorithm>

namespace sluice::stores::sqlite {

std::int64_t milliseconds(Time time) { return time.time_since_epoch().count(); }
Time time_of(std::int64_t milliseconds) { return Time(Milliseconds(milliseconds)); }

std::string_view blob_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

Result<Digest> digest_of(const std::string& blob) {
  Digest digest;
  if (blob.size() != digest.bytes.size())
    return Fail(environment_error(
        Code::data_loss,
        "the ledger holds a digest of " + std::to_string(blob.size()) + " bytes; restore it from a backup"));
  std::ranges::copy(blob, digest.bytes.begin());
  return digest;
}

Result<std::string> whole_event(const Statement& select, int column) {
  auto event = select.text(column);
  if (select.is_null(column + 2)) return event;
  const auto at = static_cast<std::size_t>(select.integer(column + 2));
  if (select.is_null(column + 1) || at > event.size())
    return Fail(environment_error(
        Code::data_loss, "the ledger lacks a plan that a run of it needs; restore it from a backup"));
  event.insert(at, select.text(column + 1));
  return event;
}

}  // namespace sluice::stores::sqlite
