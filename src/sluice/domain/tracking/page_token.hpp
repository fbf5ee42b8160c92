#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"

namespace sluice::tracking {

/// Where the page begins that a token of MLflow asks for; 0 for "". Also reads the tokens that MLflow itself
/// gave. Errors: Code::invalid_argument, in MLflow's words.
Result<std::int64_t> offset_of(std::string_view token);

/// The token of the page that begins there, in the same bytes as MLflow's.
std::string token_of(std::int64_t offset);

}  // namespace sluice::tracking
