// Fuzzes regular expressions, in a first line, with a text behind it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/base/pattern.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string_view both(reinterpret_cast<const char*>(data), size);
  const auto end = std::min(both.find('\n'), both.size());
  const auto pattern = Pattern::compile(both.substr(0, end));
  if (!pattern) {
    SLUICE_CHECK(pattern.error().code == Code::invalid_argument && !pattern.error().message.empty());
    return 0;
  }
  const auto text = both.substr(end);
  // What is in a part is in the whole, unless it is about the ends of the text.
  if (pattern->is_in(text) && both.substr(0, end).find_first_of("^$\\") == std::string_view::npos)
    SLUICE_CHECK(pattern->is_in("x" + std::string(text)));
  return 0;
}
