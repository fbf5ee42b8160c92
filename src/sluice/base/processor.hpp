#pragma once
#include <string_view>

namespace sluice {

/// The widest instruction set of this processor that inference uses: "amx", "avx512", "avx2" or "sse4".
/// Results of different instruction sets agree within 1e-4, but not bit for bit, so it is part of a result's
/// identity: of cache keys and of provenance.
std::string_view instruction_set();

}  // namespace sluice
