#include "sluice/net/client.hpp"

#include <gmock/gmock.h>

#include "one_token.hpp"
#include "result_assertions.hpp"
#include "test_server.hpp"

namespace sluice::net {
namespace {

using ::testing::HasSubstr;

TEST(HttpClient, ReportsAnUnreachableServer) {
  std::uint16_t port = 0;
  {
    TestServer test;
    port = test.port();
  }
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  auto client = HttpClient::make({.url = url});
  ASSERT_TRUE(client);
  const auto response = client->request({.target = "/echo/x"});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().message,
            "cannot reach the server at " + url + ": connection refused; is `sluice up` running?");
  EXPECT_EQ(response.error().code, Code::unavailable);
}

TEST(HttpClient, RefusesInvalidUrls) {
  for (const char* url : {"ftp://127.0.0.1:1", "127.0.0.1:80", "http://", "http://x/y", "http://x:99999",
                          "http://[::1", "http://x:"})
    EXPECT_THAT(HttpClient::make({.url = url}).error().message, HasSubstr("write http://")) << url;
  EXPECT_TRUE(HttpClient::make({.url = "http://localhost:8080/"}));
}

TEST(HttpClient, KeepsItsConnection) {
  TestServer test;
  auto client = HttpClient::make({.url = test.server().url() + "/"});
  for (int i = 0; i < 3; ++i) {
    const auto response =
        client->request({.target = "/echo/x?i=" + std::to_string(i), .headers = {{"X-Note", "y"}}});
    ASSERT_OK(response);
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->content_type, "text/plain");
    EXPECT_EQ(response->body, "GET /echo/x {x} i=" + std::to_string(i) + "\n");
  }
  EXPECT_EQ(test.server().connections(), 1U);
}

TEST(HttpClient, ReconnectsAfterTheServerClosedAKeptConnection) {
  auto test = std::make_unique<TestServer>();
  const auto address = "127.0.0.1:" + std::to_string(test->port());
  auto client = HttpClient::make({.url = test->server().url()});
  ASSERT_TRUE(client->request({.target = "/echo/x"}));
  test.reset();
  TestServer next({.listen = address});
  ASSERT_OK(next.started);
  const auto response = client->request({.method = "POST", .target = "/echo/x", .body = "again"});
  ASSERT_OK(response);
  EXPECT_EQ(response->body, "POST /echo/x {x}\nagain");
}

TEST(HttpClient, SendsItsToken) {
  const OneToken ann("s3cret", ports::Role::read);
  TestServer test({.callers = &ann});
  auto with = HttpClient::make({.url = test.server().url(), .token = "s3cret"});
  const std::vector<std::pair<std::string, std::string>> of_a_stranger{{"via", "1.1 proxy"}};
  EXPECT_EQ(with->request({.target = "/echo/x", .headers = of_a_stranger})->status, 200);
  auto without = HttpClient::make({.url = test.server().url()});
  EXPECT_EQ(without->request({.target = "/echo/x", .headers = of_a_stranger})->status, 401);
}

TEST(HttpClient, NamesAMissingFile) {
  TestServer test;
  auto client = HttpClient::make({.url = test.server().url()});
  const auto missing = client->request({.method = "POST", .target = "/echo/x", .body_file = "/no/such/file"});
  EXPECT_EQ(missing.error().message, "cannot read /no/such/file to send it");
  const auto present = client->request({.target = "/echo/x", .save_to = "/"});
  EXPECT_EQ(present.error().message, "cannot make /: File exists");
  EXPECT_EQ(client->request({.target = "/echo/a b"}).error().message,
            "the target `/echo/a b` is not percent-encoded");
  EXPECT_EQ(client->request({.target = "/echo/x"})->status, 200);
}

TEST(HttpClient, ReportsASlowServer) {
  TestServer test({.stop_grace = Milliseconds(0)});
  auto hasty = HttpClient::make({.url = test.server().url(), .answer_timeout = Milliseconds(10)});
  const auto slow = hasty->request({.target = "/echo/hold"});
  ASSERT_FALSE(slow);
  EXPECT_THAT(slow.error().message, HasSubstr("has not responded to GET /echo/hold for 0 s"));
}

TEST(HttpClient, ReportsALostConnection) {
  TestServer test({.stop_grace = Milliseconds(0)});
  auto client = HttpClient::make({.url = test.server().url()});
  ports::Responder respond;
  std::thread stopping([&] {
    respond = test.held();
    test.server().stop();
  });
  const auto lost = client->request({.method = "POST", .target = "/echo/hold", .body = "x"});
  stopping.join();
  ASSERT_FALSE(lost);
  EXPECT_THAT(lost.error().message, HasSubstr("lost the connection to the server at " + test.server().url() +
                                              " during POST /echo/hold: "));
}

}  // namespace
}  // namespace sluice::net
