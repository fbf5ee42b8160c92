#include <cstddef>
#include <cstdint>

#include "sluice/stores/directory/message.hpp"

// Whatever is accepted is canonical: encoded again, it has the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace directory = sluice::stores::directory;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto message = directory::decode(bytes);
  if (!message) return 0;
  const auto again = directory::encode(*message);
  SLUICE_CHECK(again && *again == bytes);
  for (const auto& symlink : message->symlinks)
    static_cast<void>(directory::stays_inside(symlink.target, size % 5));
  return 0;
}
