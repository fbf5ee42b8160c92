#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/base/result.hpp"
#include "sluice/executors/process/python_imports.hpp"

// Whatever the source is, what is found in it can be an argument: a name, never an option or a path.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const auto& module : sluice::executors::imports_in({reinterpret_cast<const char*>(data), size}))
    SLUICE_CHECK(!module.empty() && module.front() != '-' && module.front() != '.' &&
                 module.find_first_of("/ \n") == std::string::npos);
  return 0;
}
