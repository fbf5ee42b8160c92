// Fuzzes packages of pipelines with any bytes: what is read of one is bounded, and no archive itself.
#include <cstdint>
#include <string>

#include "sluice/base/result.hpp"
#include "sluice/domain/packages/package.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  constexpr std::size_t text_bytes_max = std::size_t{1} << 20;
  const std::string content(reinterpret_cast<const char*>(data), size);
  const auto read = packages::text_of(content, "package", text_bytes_max);
  if (!read) {
    SLUICE_CHECK(read.error().message.starts_with("package: "));
    return 0;
  }
  if (read->file == "package") {
    SLUICE_CHECK(read->text == content);
    return 0;
  }
  SLUICE_CHECK(read->file.starts_with("package/") && !read->file.contains("/../"));
  SLUICE_CHECK(read->text.size() <= text_bytes_max);
  return 0;
}
