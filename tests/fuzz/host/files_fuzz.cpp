// Fuzzes the files that a host reads from model repositories and from caches: model.json, head.onnx,
// features.npy.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/host/features.hpp"
#include "sluice/host/head_description.hpp"
#include "sluice/host/head_graph.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::host;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.starts_with("{")) {
    // What was read survives a round trip.
    if (const auto description = head_description_from(bytes)) {
      const auto again = head_description_from(to_text(*description));
      SLUICE_CHECK(again && *again == *description);
    }
  } else if (bytes.starts_with("\x93NUMPY")) {
    std::size_t rows = 0;
    std::size_t columns = 0;
    if (const auto values = from_npy(bytes, "features.npy", rows, columns))
      SLUICE_CHECK(values->size() == rows * columns);
  } else {
    std::ignore = check_head_graph(bytes, 4, 2, "head.onnx");
    std::ignore = read_head_graph(bytes);
  }
  return 0;
}
