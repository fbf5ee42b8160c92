#include "sluice/domain/remote/s3_object.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/digest.hpp"

namespace sluice::remote {
namespace {

bool is_small_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

/// Whether `BUCKET.s3.REGION.amazonaws.com` is covered by the certificate of AWS: a wildcard is one label.
bool is_label(std::string_view bucket) {
  constexpr std::size_t label_bytes_max = 63;
  return bucket.size() <= label_bytes_max &&
         std::ranges::all_of(bucket, [](char c) { return is_small_letter_or_digit(c) || c == '-'; });
}

}  // namespace

bool is_region(std::string_view text) {
  constexpr std::size_t region_bytes_max = 40;
  return !text.empty() && text.size() <= region_bytes_max && is_small_letter_or_digit(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_small_letter_or_digit(c) || c == '-'; });
}

RemoteUrl s3_url(const RemoteUrl& object, const S3Access& access) {
  if (access.endpoint) {
    auto url = *access.endpoint;
    if (url.path.ends_with('/')) url.path.pop_back();
    url.path += "/" + object.host + object.path;
    return url;
  }
  RemoteUrl url{.scheme = RemoteUrl::Scheme::https,
                .host = fmt::format("s3.{}.amazonaws.com", access.region),
                .port = 443,
                .path = object.path};
  if (is_label(object.host))
    url.host = object.host + "." + url.host;
  else
    url.path = "/" + object.host + object.path;
  return url;
}

std::string host_header(const RemoteUrl& url) {
  const auto origin = url.origin();
  return origin.substr(origin.find("://") + 3);
}

std::vector<std::pair<std::string, std::string>> s3_headers(const RemoteUrl& url, const S3Access& access,
                                                            Time at) {
  if (!access.keys) return {};
  const auto empty = Digest::of("").hex();
  std::vector<std::pair<std::string, std::string>> headers{
      {"host", host_header(url)}, {"x-amz-content-sha256", empty}, {"x-amz-date", aws_date(at)}};
  if (!access.keys->session_token.empty())
    headers.emplace_back("x-amz-security-token", access.keys->session_token);
  auto authorization = aws_authorization({.path = url.path, .headers = headers, .body_sha256 = empty},
                                         *access.keys, access.region, "s3", at);
  headers.erase(headers.begin());
  headers.emplace_back("authorization", std::move(authorization));
  return headers;
}

std::string s3_error_code(std::string_view body) {
  constexpr std::string_view open = "<Code>";
  constexpr std::size_t code_bytes_max = 60;
  const auto at = body.find(open);
  if (at == std::string_view::npos) return {};
  body.remove_prefix(at + open.size());
  const auto code = body.substr(0, body.find('<'));
  const bool is_word =
      !code.empty() && code.size() <= code_bytes_max &&
      std::ranges::all_of(code, [](char c) { return is_small_letter_or_digit(c) || (c >= 'A' && c <= 'Z'); });
  return is_word ? std::string(code) : std::string();
}

}  // namespace sluice::remote
