#include "sluice/domain/remote/post.hpp"

#include <fmt/format.h>

namespace sluice::remote {

Result<void> post(ports::Outbound& outbound, const AllowedUrls& allowed, const RemoteUrl& url,
                  std::string json, const std::stop_token& stop) {
  const auto with_this = allowed.with(url);
  auto response = outbound.request(
      {.method = "POST",
       .tls = url.scheme == RemoteUrl::Scheme::https,
       .host = url.host,
       .port = url.port,
       .target = url.path + url.query,
       .headers = {{"content-type", "application/json"}},
       .body = std::move(json),
       .check_addresses = [&](const auto& addresses) { return with_this.check_addresses(url, addresses); },
       .time_max = std::chrono::seconds(20),
       .silence_max = std::chrono::seconds(20),
       .stop = stop});
  if (!response) return Fail(std::move(response).error().at(url.origin()));
  if (response->status >= 200 && response->status < 300) return {};
  auto message = fmt::format("{} responded with status {}", url.origin(), response->status);
  const bool may_pass = response->status == 429 || response->status >= 500;
  return Fail(
      environment_error(may_pass ? Code::unavailable : Code::failed_precondition, std::move(message)));
}

}  // namespace sluice::remote
