#include "sluice/domain/storage/quota.hpp"

#include <fmt/format.h>

#include "sluice/base/words.hpp"

namespace sluice::storage {

Result<void> Quota::admit(std::int64_t bytes) {
  if (bytes < 0) {
    used_ += bytes;
    return {};
  }
  const auto shown = [](std::int64_t n) { return human_bytes(static_cast<std::uint64_t>(n)); };
  if (limits_.bytes > 0 && used_ + bytes > limits_.bytes)
    return Fail(environment_error(
        Code::exhausted,
        fmt::format("the data folder holds {} of its quota of {}, and {} more do not fit; remove runs with "
                    "`sluice gc --keep-last N`, or raise --quota-bytes",
                    shown(used_), shown(limits_.bytes), shown(bytes))));
  if (limits_.reserve > 0) {
    SLUICE_TRY(free, free_bytes_());
    if (static_cast<std::int64_t>(free) < limits_.reserve + bytes)
      return Fail(environment_error(
          Code::disk_full,
          fmt::format(
              "the disk of the data folder has {} left, of which {} are kept for the ledger; free some "
              "space, or remove runs with `sluice gc --keep-last N`",
              shown(static_cast<std::int64_t>(free)), shown(limits_.reserve))));
  }
  used_ += bytes;
  return {};
}

}  // namespace sluice::storage
