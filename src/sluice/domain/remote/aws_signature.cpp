#include "sluice/domain/remote/aws_signature.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/hmac.hpp"

namespace sluice::remote {
namespace {

std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

}  // namespace

std::string aws_date(Time at) {
  auto text = to_iso8601(at);  // 2026-11-24T08:48:56.123Z
  text.resize(text.find('.'));
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text + "Z";
}

std::string aws_authorization(const AwsRequest& request, const AwsKeys& keys, const std::string& region,
                              const std::string& service, Time at) {
  std::string names;
  std::string canonical = fmt::format("{}\n{}\n{}\n", request.method, request.path, request.query);
  for (const auto& [name, value] : request.headers) {
    canonical += fmt::format("{}:{}\n", name, value);
    names += (names.empty() ? "" : ";") + name;
  }
  canonical += fmt::format("\n{}\n{}", names, request.body_sha256);

  const auto date = aws_date(at);
  const auto day = date.substr(0, 8);
  const auto scope = fmt::format("{}/{}/{}/aws4_request", day, region, service);
  const auto to_sign = fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", date, scope, Digest::of(canonical).hex());

  auto key = hmac("AWS4" + keys.secret, day);
  for (const std::string_view part :
       {std::string_view(region), std::string_view(service), std::string_view("aws4_request")})
    key = hmac(bytes_of(key), part);
  return fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}", keys.id, scope,
                     names, hmac(bytes_of(key), to_sign).hex());
}

}  // namespace sluice::remote
