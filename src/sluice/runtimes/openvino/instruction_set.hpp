#pragma once
#include <string_view>

namespace sluice::runtimes {

/// The widest instructions of this processor that inference uses: "amx", "avx512", "avx2" or "sse4". Results
/// agree within 1e-4 between them, not in every bit, so it belongs to what a result's identity is made of.
std::string_view instruction_set();

}  // namespace sluice::runtimes
