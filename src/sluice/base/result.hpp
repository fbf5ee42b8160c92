#pragma once
#include <cstdio>
#include <cstdlib>
#include <expected>
#include <source_location>
#include <utility>

#include "sluice/base/error.hpp"

namespace sluice {

/// The value of a function that can fail, or its Error.
template <typename T = void>
using Result = std::expected<T, Error>;

using Fail = std::unexpected<Error>;

[[noreturn]] inline void check_failed(const char* condition,
                                      std::source_location at = std::source_location::current()) {
  std::fprintf(stderr, "%s:%u: check failed: %s\n", at.file_name(), at.line(), condition);
  std::abort();
}

}  // namespace sluice

#define SLUICE_JOIN_(a, b) a##b
#define SLUICE_JOIN(a, b) SLUICE_JOIN_(a, b)

/// `SLUICE_TRY(plan, lower(source));` declares `plan`, or returns the error to the caller.
#define SLUICE_TRY(variable, expression)                                      \
  auto SLUICE_JOIN(result_, __LINE__) = (expression);                         \
  if (!SLUICE_JOIN(result_, __LINE__))                                        \
    return ::sluice::Fail(std::move(SLUICE_JOIN(result_, __LINE__)).error()); \
  auto variable = std::move(*SLUICE_JOIN(result_, __LINE__))

/// `SLUICE_DO(write(file));` continues, or returns the error to the caller.
#define SLUICE_DO(expression)                                                              \
  if (auto SLUICE_JOIN(result_, __LINE__) = (expression); !SLUICE_JOIN(result_, __LINE__)) \
  return ::sluice::Fail(std::move(SLUICE_JOIN(result_, __LINE__)).error())

/// Always on. A broken invariant ends the process: the journal is replayed and work resumes.
#define SLUICE_CHECK(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::sluice::check_failed(#condition))
