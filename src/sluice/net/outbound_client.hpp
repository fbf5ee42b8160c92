#pragma once
#include "sluice/ports/outbound.hpp"

namespace sluice::net {

/// Sends each request on a connection of its own, over TLS with the certificates that the system trusts (and
/// those of SSL_CERT_FILE). No proxy is used.
class OutboundClient final : public ports::Outbound {
 public:
  Result<ports::Response> request(const Request& request) override;
};

}  // namespace sluice::net
