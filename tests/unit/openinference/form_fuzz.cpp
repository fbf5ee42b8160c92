#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/base/form.hpp"
#include "sluice/base/words.hpp"

/// The first line is the header Content-Type, the rest the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto end = std::min(text.find('\n'), text.size());
  const std::string_view body = text.substr(std::min(end + 1, text.size()));
  const auto fields = sluice::read_form(body, text.substr(0, end));
  if (!fields) {
    SLUICE_CHECK(!fields.error().message.empty());
    return 0;
  }
  SLUICE_CHECK(fields->size() <= sluice::FormLimits{}.fields_max);
  // The contents lie in the body, one after the other.
  const char* at = body.data();
  for (const auto& field : *fields) {
    SLUICE_CHECK(sluice::is_utf8(field.name));
    SLUICE_CHECK(field.content.data() >= at);
    at = field.content.data() + field.content.size();
    SLUICE_CHECK(at <= body.data() + body.size());
  }
  return 0;
}
