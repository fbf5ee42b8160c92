#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/domain/remote/allowed_urls.hpp"
#include "sluice/domain/remote/s3_object.hpp"

namespace {

using namespace sluice::remote;

bool is_graphic(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

/// What can be put into a request, and is the same URL when it is read again.
void check_url(const RemoteUrl& url) {
  SLUICE_CHECK(is_graphic(url.host) && is_graphic(url.path) && is_graphic(url.query) && !url.host.empty());
  SLUICE_CHECK(url.path.starts_with('/') && url.path.find("/../") == std::string::npos);
  SLUICE_CHECK(url.host.find('@') == std::string::npos && url.file_name().find('/') == std::string::npos);
  if (url.scheme == RemoteUrl::Scheme::s3) return;  // its key is not encoded in the URL
  const auto again = parse_remote_url(url.shown() + url.query);
  SLUICE_CHECK(again && *again == url);
}

}  // namespace

// Lines: a pattern, or an error of S3, a range of addresses, a URL, and a reference in it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string lines[4];
  for (auto& line : lines) {
    const auto end = std::min(text.find('\n'), text.size());
    line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  SLUICE_CHECK(is_graphic(s3_error_code(lines[0])) && (!is_region(lines[0]) || is_graphic(lines[0])));
  const auto allowed = AllowedUrls::parse({lines[0]}, {});
  const auto with_range = AllowedUrls::parse({}, {lines[1]});
  const auto url = parse_remote_url(lines[2]);
  if (!url) return 0;
  check_url(*url);
  if (allowed && allowed->check(*url)) {
    const auto host = lines[0].find("://*");
    SLUICE_CHECK(host != std::string::npos || lines[0].size() >= url->host.size());
  }
  if (with_range) SLUICE_CHECK(!with_range->check(*url));
  if (const auto next = resolve_reference(*url, lines[3])) check_url(*next);
  return 0;
}
