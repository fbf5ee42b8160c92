#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/api/openinference/infer_request.hpp"

/// The first line is the header Inference-Header-Content-Length and, after a tab, Content-Type; the rest is
/// the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto end = std::min(text.find('\n'), text.size());
  const std::string_view body = text.substr(std::min(end + 1, text.size()));
  const std::string_view headers = text.substr(0, end);
  const auto tab = std::min(headers.find('\t'), headers.size());
  const auto request =
      sluice::api::read_infer_request({.bytes = body,
                                       .json_length = headers.substr(0, tab),
                                       .content_type = headers.substr(std::min(tab + 1, headers.size()))});
  if (!request) {
    SLUICE_CHECK(!request.error().message.empty());
    return 0;
  }
  SLUICE_CHECK(!request->outputs.empty());
  std::size_t bytes = 0;
  for (const auto& picture : request->pictures) bytes += picture.size();
  SLUICE_CHECK(bytes <= body.size());
  return 0;
}
