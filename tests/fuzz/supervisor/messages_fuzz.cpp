// Fuzzes the supervisor's socket: any bytes are split into frames and decoded; encoding a decoded message
// gives the same bytes, or those of an end with the field that ends before protocol 3 did not have.
#include <cstdint>
#include <cstdlib>

#include "sluice/ipc/supervisor/codec.hpp"

using namespace sluice::supervisor;

namespace {

template <typename Message>
void check(const sluice::Result<Message>& message, std::string_view content) {
  if (!message) return;
  const auto again = encode(*message).substr(4);
  if (again != content && again != std::string(content) + '\0') std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  FrameReader reader;
  for (std::size_t at = 0; at < size; at += 7) {
    reader.feed(bytes.substr(at, 7));
    for (;;) {
      const auto frame = reader.next();
      if (!frame) return 0;
      if (!*frame) break;
      check(decode_request(**frame), **frame);
      check(decode_response(**frame), **frame);
    }
  }
  return 0;
}
