#include "sluice/base/processor.hpp"

#include <cpuid.h>

namespace sluice {
namespace {

bool has_amx() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  constexpr unsigned amx_bf16 = 1U << 22;
  constexpr unsigned amx_tile = 1U << 24;
  return (edx & amx_bf16) != 0 && (edx & amx_tile) != 0;
}

}  // namespace

std::string_view instruction_set() {
  if (has_amx()) return "amx";
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0) return "avx512";
  if (__builtin_cpu_supports("avx2") != 0) return "avx2";
  return "sse4";
}

}  // namespace sluice
