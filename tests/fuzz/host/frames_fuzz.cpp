// Fuzzes the frames that either end of a host's connection receives.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/ipc/host/message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::host::protocol;
  if (size < head_bytes) return 0;
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto head = decode_header(bytes.first<head_bytes>());
  if (!head || head->json_bytes > size - head_bytes) return 0;
  const auto json = decode_json({reinterpret_cast<const char*>(data) + head_bytes, head->json_bytes});
  if (!json) return 0;
  if (const auto request = request_from(*json))
    SLUICE_CHECK(request_from(to_value(*request))->method == request->method);
  if (const auto answer = response_from(*json))
    SLUICE_CHECK(response_from(to_value(*answer))->outcome.has_value() == answer->outcome.has_value());
  return 0;
}
