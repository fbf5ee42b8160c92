#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/base/words.hpp"
#include "sluice/net/gate.hpp"
#include "sluice/net/listen.hpp"
#include "sluice/net/target.hpp"

namespace {

using namespace sluice;

const net::Gate& gate() {
  static const net::Gate the_gate = [] {
    const ports::Handler handler = [](ports::Request, ports::Responder) {};
    std::vector<ports::Protocol> protocols;
    protocols.push_back({.name = "p",
                         .routes = {{.method = "GET", .pattern = "/v2", .handler = handler},
                                    {.method = "POST", .pattern = "/v2/models/{}/infer", .handler = handler},
                                    {.method = "GET", .pattern = "/v2/{}/{}", .handler = handler}},
                         .error = {}});
    return net::Gate(std::move(*net::Router::make(std::move(protocols))),
                     net::Guard({.url = "http://localhost:1", .allowed_hosts = {}, .callers = nullptr}));
  }();
  return the_gate;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto target = net::parse_target(text);
  if (target) {
    for (const auto& segment : target->segments)
      SLUICE_CHECK(segment.find('\0') == std::string::npos && is_utf8(segment));
    for (const auto& [key, value] : target->query) SLUICE_CHECK(is_utf8(key) && is_utf8(value));
  }
  const net::Gate::Source owner{.local_ip = "127.0.0.1", .is_owner = true};
  for (const char* method : {"GET", "POST"}) {
    const auto admitted = gate().admit(
        {.method = method, .target = std::string(text), .headers = {{"host", "localhost"}}}, owner);
    if (admitted) SLUICE_CHECK(admitted->route && target);
    const auto by_host =
        gate().admit({.method = method,
                      .target = "/v2",
                      .headers = {{"host", std::string(text)}, {"origin", "http://" + std::string(text)}}},
                     owner);
    if (!by_host) SLUICE_CHECK(by_host.error().status >= 400);
  }
  if (const auto address = net::parse_listen(text))
    SLUICE_CHECK(net::parse_listen(net::print(*address)).has_value());
  return 0;
}
