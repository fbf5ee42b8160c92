#include "sluice/net/codings.hpp"

#include <string_view>

#include "sluice/base/words.hpp"

namespace sluice::net {
namespace {

/// The elements of a header that is a list, of all its lines, in lower case. Empty ones do not count.
std::vector<std::string> list_in(const Headers& headers, std::string_view name) {
  std::vector<std::string> out;
  for (const auto& [key, value] : headers) {
    if (key != name) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      auto element = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(element.size() + 1, rest.size()));
      element.remove_prefix(std::min(element.find_first_not_of(" \t"), element.size()));
      element = element.substr(0, element.find_last_not_of(" \t") + 1);
      if (!element.empty()) out.push_back(lower_ascii(element));
    }
  }
  return out;
}

std::string joined(const std::vector<std::string>& elements) {
  std::string out;
  for (const auto& element : elements) out += (out.empty() ? "" : ", ") + as_utf8(element);
  return out;
}

}  // namespace

std::expected<ContentCoding, CodingRefusal> content_coding_of(const Headers& headers) {
  const auto codings = list_in(headers, "content-encoding");
  if (codings.empty()) return ContentCoding::identity;
  if (codings.size() == 1) {
    const auto& coding = codings.front();
    if (coding == "identity") return ContentCoding::identity;
    if (coding == "gzip" || coding == "x-gzip") return ContentCoding::gzip;
    if (coding == "deflate") return ContentCoding::deflate;
  }
  return std::unexpected(CodingRefusal{
      .status = 415,
      .message = "the content coding `" + joined(codings) +
                 "` is not supported; send the body as it is, or compressed once with `gzip` or `deflate`"});
}

std::optional<CodingRefusal> refuse_transfer_coding(const Headers& headers) {
  bool given = false;
  for (const auto& [name, value] : headers) given = given || name == "transfer-encoding";
  const auto codings = list_in(headers, "transfer-encoding");
  if (!given || codings == std::vector<std::string>{"chunked"}) return std::nullopt;
  const bool has_end = !codings.empty() && codings.back() == "chunked";
  return CodingRefusal{
      .status = has_end ? 501 : 400,
      .message = "the transfer coding `" + joined(codings) +
                 "` is not supported; the only one is `chunked`, and Content-Encoding says how a "
                 "body is compressed"};
}

}  // namespace sluice::net
