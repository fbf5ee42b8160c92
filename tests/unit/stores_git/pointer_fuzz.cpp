#include <cstddef>
#include <cstdint>

#include "sluice/base/result.hpp"
#include "sluice/stores/git/pointer.hpp"

// Whatever is accepted as a pointer is written again as the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace git = sluice::stores::git;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto pointer = git::read_pointer(bytes)) SLUICE_CHECK(git::write_pointer(*pointer) == bytes);
  return 0;
}
