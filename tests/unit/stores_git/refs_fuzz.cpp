#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "sluice/stores/git/packed_refs.hpp"

// Whatever is read as refs is read again, the same, from what we would write.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace git = sluice::stores::git;
  const auto refs = git::Refs::parse({reinterpret_cast<const char*>(data), size});
  if (!refs) return 0;
  const auto again = git::Refs::parse(refs->text());
  SLUICE_CHECK(again && std::ranges::equal(again->all(), refs->all()));
  return 0;
}
