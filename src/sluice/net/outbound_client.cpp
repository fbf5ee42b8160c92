#include "sluice/net/outbound_client.hpp"

#include "sluice/net/client.hpp"

namespace sluice::net {
namespace {

constexpr std::uint64_t kept_bytes_max = std::uint64_t{64} << 10;

}  // namespace

Result<ports::Response> OutboundClient::request(const Request& request) {
  const bool v6 = request.host.find(':') != std::string::npos;
  SLUICE_TRY(client,
             HttpClient::make(
                 {.url = (request.tls ? "https://" : "http://") +
                         (v6 ? "[" + request.host + "]" : request.host) + ":" + std::to_string(request.port),
                  .token = std::nullopt,
                  .ca = {},
                  .socket = {},
                  .connect_timeout = std::chrono::seconds(10),
                  .answer_timeout = request.silence_max,
                  .body_max = kept_bytes_max,
                  .elsewhere = HttpClient::Options::Elsewhere{.check_addresses = request.check_addresses,
                                                              .time_max = request.time_max,
                                                              .stop = request.stop}}));
  ClientRequest sent{
      .method = request.method, .target = request.target, .headers = request.headers, .body = request.body};
  sent.headers.emplace_back("User-Agent", "sluice");  // some servers refuse requests without one
  ports::Response head;
  if (request.on_bytes) {
    sent.on_head = [&](const ports::Response& response) { head = response; };
    sent.on_bytes = [&](std::string_view bytes) { return request.on_bytes(head, bytes); };
  }
  return client.request(sent);
}

}  // namespace sluice::net
