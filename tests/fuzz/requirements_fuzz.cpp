#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/ir/python_requirements.hpp"

// What is read from a file of requirements is acceptable line by line, and what it names is no option, no
// other line, and no path but an absolute one without `..`.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = sluice::ir::read_requirements({reinterpret_cast<const char*>(data), size});
  if (!read) return 0;
  for (const auto& text : *read) {
    const auto one = sluice::ir::read_requirement(text);
    SLUICE_CHECK(one);
    SLUICE_CHECK(!one->package.empty() || !one->place.empty());
    SLUICE_CHECK(one->place.empty() == (one->kind == sluice::ir::Requirement::Place::none));
    SLUICE_CHECK(!one->package.starts_with('-') && !one->place.starts_with('-'));
    SLUICE_CHECK(one->package.find_first_of("/:\n$`\\") == std::string_view::npos);
    SLUICE_CHECK(one->place.find_first_of(" \n$`\\") == std::string_view::npos);
    SLUICE_CHECK(!one->place.contains("/.."));
    if (one->kind == sluice::ir::Requirement::Place::path)
      SLUICE_CHECK(one->place.starts_with('/') && one->place.find_first_of(":%") == std::string_view::npos);
  }
  return 0;
}
