#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/ir/python_requirements.hpp"

// What is read from a file of requirements is acceptable line by line, and names no option or path, and a URL
// only after a name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = sluice::ir::read_requirements({reinterpret_cast<const char*>(data), size});
  if (!read) return 0;
  for (const auto& requirement : *read) {
    SLUICE_CHECK(!sluice::ir::requirement_problem(requirement));
    SLUICE_CHECK(requirement.front() != '-' && requirement.find_first_of("\n$`\\") == std::string::npos);
    const auto named = requirement.substr(0, requirement.find('@'));
    SLUICE_CHECK(!named.empty() && named.find_first_of("/:") == std::string::npos);
  }
  return 0;
}
