#pragma once
#include <string>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/domain/storage/sweep.hpp"

namespace sluice::storage {

/// Something that is damaged or missing, and what needs it.
struct Problem {
  std::string what;  ///< "object 12ab…", "model stamps v3", "journal of run …", "the ledger"
  std::string why;
  std::vector<std::string> needed_by;  ///< the first twenty
  std::int64_t needed_by_more = 0;
};

struct CheckReport {
  ports::Room objects;  ///< read
  std::int64_t versions = 0;
  std::int64_t journals = 0;
  std::vector<Problem> problems;  ///< the first thousand
  std::int64_t problems_more = 0;
};

/// Reads every object, every repository and every journal, and changes nothing. One thread; the stores may be
/// in use.
Result<CheckReport> check(const Stores& stores);

Value to_json(const CheckReport& report);

}  // namespace sluice::storage
