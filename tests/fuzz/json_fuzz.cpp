// Fuzzes JSON with any text: every style of output parses to the same value, and the tagged form of values
// has an inverse.
#include <cstdint>

#include "sluice/base/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const auto value = parse_json({reinterpret_cast<const char*>(data), size});
  if (!value) return 0;
  const auto same = [&](const std::string& text) {
    const auto again = parse_json(text);
    SLUICE_CHECK(again.has_value());
    return *again == *value;
  };
  SLUICE_CHECK(same(to_json(*value)));
  SLUICE_CHECK(same(to_json(*value, JsonStyle::pretty)));
  SLUICE_CHECK(same(canonical_json(*value)));
  SLUICE_CHECK(canonical_json(*parse_json(canonical_json(*value))) == canonical_json(*value));
  const auto back = from_tagged(to_tagged(*value));
  SLUICE_CHECK(back && *back == *value);
  // Untrusted text may imitate the tagged form: it is rejected, or is a value like any other.
  if (const auto tagged = from_tagged(*value)) {
    const auto again = from_tagged(to_tagged(*tagged));
    SLUICE_CHECK(again && *again == *tagged);
  }
  return 0;
}
