#pragma once
#include <stop_token>
#include <string>

#include "sluice/domain/remote/allowed_urls.hpp"
#include "sluice/ports/outbound.hpp"

namespace sluice::remote {

/// Posts a JSON text to a URL that the operator, or the user of this process, has named himself: that allows
/// its origin, and the address if it is written out. Other addresses of the own network have to be in
/// `allowed`. A redirect is an error. Messages name the origin only: the path of such a URL often is its
/// secret. Code::unavailable and Code::deadline_exceeded may pass. Blocks for 20 seconds at most.
Result<void> post(ports::Outbound& outbound, const AllowedUrls& allowed, const RemoteUrl& url,
                  std::string json, const std::stop_token& stop);

}  // namespace sluice::remote
