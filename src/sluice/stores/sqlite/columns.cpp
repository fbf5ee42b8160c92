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

}  // namespace sluice::stores::sqlite
