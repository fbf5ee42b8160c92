#include "sluice/net/outbound_client.hpp"

#include <thread>

#include <gmock/gmock.h>

#include "result_assertions.hpp"
#include "test_server.hpp"

namespace sluice::net {
namespace {

using ::testing::HasSubstr;

ports::Outbound::Request to(TestServer& test, std::string target, std::string host = "127.0.0.1") {
  return {.tls = false,
          .host = std::move(host),
          .port = test.port(),
          .target = std::move(target),
          .check_addresses = [](const auto&) { return Result<void>(); }};
}

TEST(OutboundClient, PassesTheAddressesBeforeItConnects) {
  TestServer test;
  OutboundClient client;
  auto request = to(test, "/echo/x", "localhost");
  std::vector<std::string> seen;
  request.check_addresses = [&](const std::vector<IpAddress>& addresses) -> Result<void> {
    for (const auto& address : addresses) seen.push_back(address.text());
    return {};
  };
  ASSERT_OK(client.request(request));
  EXPECT_THAT(seen, ::testing::Contains("127.0.0.1"));
  request.check_addresses = [](const auto&) -> Result<void> {
    return Fail(user_error(Code::permission_denied, "not there"));
  };
  const auto before = test.server().connections();
  EXPECT_EQ(client.request(request).error().message, "not there");
  EXPECT_LE(test.server().connections(), before);
}

TEST(OutboundClient, SaysTheHostAndNoTarget) {
  OutboundClient client;
  auto request = [] {
    TestServer test;
    return to(test, "/x?signature=secret");
  }();
  EXPECT_EQ(client.request(request).error().message, "cannot connect to 127.0.0.1: connection refused");
  request.host = "no-such-host.invalid";
  EXPECT_THAT(client.request(request).error().message,
              HasSubstr("cannot connect to no-such-host.invalid: host not found"));
  TestServer test;
  auto tls = to(test, "/x?signature=secret");
  tls.tls = true;
  EXPECT_THAT(client.request(tls).error().message, HasSubstr("no TLS with 127.0.0.1: "));
}

TEST(OutboundClient, EndsByTimeAndWhenItIsStopped) {
  TestServer test;
  OutboundClient client;
  auto request = to(test, "/block");
  request.time_max = Milliseconds(50);
  const auto late = client.request(request);
  EXPECT_EQ(late.error().code, Code::deadline_exceeded);
  EXPECT_THAT(late.error().message, HasSubstr("no complete response from 127.0.0.1 within 1 s"));
  test.unblock.count_down();  // whether it has arrived or not
  std::stop_source stop;
  auto stopped = to(test, "/echo/hold");
  stopped.stop = stop.get_token();
  ports::Responder held;  // kept until the client has ended: its end would be a response, too
  std::thread stopping([&] {
    held = test.held();  // the request has arrived
    stop.request_stop();
  });
  EXPECT_EQ(client.request(stopped).error().code, Code::cancelled);
  stopping.join();
  EXPECT_EQ(client.request(stopped).error().code, Code::cancelled) << "stopped before it begins";
}

TEST(OutboundClient, PassesOnTheHeadAndTheBody) {
  TestServer test;
  OutboundClient client;
  auto request = to(test, "/echo/x");
  std::string body;
  request.on_bytes = [&](const ports::Response& head, std::string_view bytes) {
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.content_type, "text/plain");
    body += bytes;
    return true;
  };
  ASSERT_OK(client.request(request));
  EXPECT_THAT(body, HasSubstr("GET /echo/x"));
  request.on_bytes = [](const auto&, auto) { return false; };
  EXPECT_OK(client.request(request));
  request.target = "/nowhere";
  request.on_bytes = [](const auto&, auto) {
    ADD_FAILURE() << "not of an error";
    return true;
  };
  const auto missing = client.request(request);
  ASSERT_OK(missing);
  EXPECT_EQ(missing->status, 404);
}

}  // namespace
}  // namespace sluice::net
