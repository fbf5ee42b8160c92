// Streamed bodies: their wire format, and clients that are slow or disconnect.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <optional>

#include <gmock/gmock.h>

#include "raw_client.hpp"
#include "result_assertions.hpp"
#include "sluice/net/client.hpp"
#include "sluice/net/server.hpp"

namespace sluice::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// The state that the test and the server's side of a stream share.
struct Tap {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<ports::Stream::Piece> ready;
  std::move_only_function<void(ports::Stream::Piece)> asked;  ///< the pending pull, if any
  int pulls = 0;
  bool broken = false;  ///< pulls are dropped
  bool gone = false;

  void give(ports::Stream::Piece piece) {
    std::unique_lock lock(mutex);
    if (!asked) return ready.push_back(std::move(piece));
    auto done = std::exchange(asked, nullptr);
    lock.unlock();
    done(std::move(piece));
  }
  void wait(const std::function<bool()>& until) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::minutes(1), until));
  }
};

class TapStream final : public ports::Stream {
 public:
  explicit TapStream(Tap& tap) : tap_(tap) {}
  ~TapStream() override {
    const std::lock_guard lock(tap_.mutex);
    tap_.gone = true;
    tap_.changed.notify_all();
  }
  void next(std::move_only_function<void(Piece)> done) override {
    std::unique_lock lock(tap_.mutex);
    ++tap_.pulls;
    tap_.changed.notify_all();
    if (tap_.broken) return;
    if (tap_.ready.empty()) {
      tap_.asked = std::move(done);
      return;
    }
    auto piece = std::move(tap_.ready.front());
    tap_.ready.pop_front();
    lock.unlock();
    done(std::move(piece));
  }

 private:
  Tap& tap_;
};

struct StreamServer {
  explicit StreamServer(HttpServer::Options options = {})
      : server(with_port(std::move(options)), protocols(), clock) {
    EXPECT_TRUE(server.start());
  }
  static HttpServer::Options with_port(HttpServer::Options options) {
    options.listen = "127.0.0.1:0";
    return options;
  }
  std::vector<ports::Protocol> protocols() {
    ports::Protocol protocol{.name = "test", .routes = {}, .error = {}};
    protocol.routes = {
        {.method = "GET",
         .pattern = "/tap",
         .handler =
             [this](ports::Request, ports::Responder respond) {
               respond({.content_type = "text/plain", .stream = std::make_shared<TapStream>(tap)});
             }},
        {.method = "GET", .pattern = "/plain", .handler = [](ports::Request, ports::Responder respond) {
           respond({.content_type = "text/plain", .body = "plain"});
         }}};
    std::vector<ports::Protocol> out;
    out.push_back(std::move(protocol));
    return out;
  }

  Tap tap;
  SystemClock clock;
  HttpServer server;
};

constexpr std::string_view ask = "GET /tap HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST(Streams, AreSentInChunksAsTheyAreProduced) {
  StreamServer s;
  RawClient client(s.server.port());
  client.send(ask);
  const auto head = client.read_until("\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Content-Length")));
  s.tap.give("hello");
  EXPECT_EQ(client.read_until("hello\r\n"), "5\r\nhello\r\n");
  s.tap.give("");  // nothing yet
  s.tap.give(std::string(300, 'x'));
  EXPECT_THAT(client.read_until("x\r\n"), StartsWith("12c\r\nxxx"));
  s.tap.give(std::nullopt);
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
  client.send("GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(client.read_answer(), EndsWith("plain")) << "the connection can be used for another request";
}

TEST(Streams, EndWithTheConnectionForAnOlderClient) {
  StreamServer s;
  RawClient client(s.server.port());
  client.send("GET /tap HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Connection: close\r\n"));
  s.tap.give("hello");
  s.tap.give(std::nullopt);
  EXPECT_EQ(client.read_all(), "hello");
}

TEST(Streams, HaveNoBodyForHead) {
  StreamServer s;
  RawClient client(s.server.port());
  client.send("HEAD /tap HTTP/1.1\r\nHost: localhost\r\n\r\nGET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(client.read_answer(), EndsWith("plain"));
  EXPECT_EQ(s.tap.pulls, 0);
}

TEST(Streams, AreCutOffWithoutALastChunkWhenBroken) {
  StreamServer s;
  s.tap.give("half");
  RawClient client(s.server.port());
  client.send(ask);
  client.read_until("4\r\nhalf\r\n");
  {
    const std::lock_guard lock(s.tap.mutex);
    s.tap.broken = true;
  }
  s.tap.give("");  // the pending pull ends, and the next one is dropped
  EXPECT_EQ(client.read_all(), "") << "without the last chunk";
}

class DisconnectingClient : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Streams, DisconnectingClient, ::testing::Bool());

TEST_P(DisconnectingClient, EndsTheStreamAtOnce) {
  StreamServer s;
  const bool reads = GetParam();  // if not, closing resets the connection
  {
    RawClient client(s.server.port());
    client.send(ask);
    if (reads) client.read_until("\r\n\r\n");
    s.tap.wait([&] { return s.tap.pulls == 1; });
  }
  s.tap.wait([&] { return s.tap.gone; });  // although no piece was ever sent
  s.tap.give("late");
  RawClient next(s.server.port());
  next.send("GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(next.read_answer(), EndsWith("plain"));
}

TEST(Streams, AreDroppedAfterAFewPiecesWhenTheClientDoesNotRead) {
  StreamServer s({.read_timeout = Milliseconds(200)});
  constexpr int many = 1000;
  for (int i = 0; i < many; ++i) s.tap.give(std::string(std::size_t{64} << 10, 'x'));
  RawClient client(s.server.port());
  client.send(ask);
  s.tap.wait([&] { return s.tap.gone; });
  EXPECT_LT(s.tap.pulls, many) << "no more than what the system buffers";
}

TEST(Streams, EndWithTheServer) {
  StreamServer s({.stop_grace = std::chrono::minutes(5)});
  RawClient client(s.server.port());
  client.send(ask);
  client.read_until("\r\n\r\n");
  s.tap.wait([&] { return s.tap.pulls == 1; });
  s.server.stop();  // does not wait for `stop_grace`
  EXPECT_EQ(client.read_all(), "");
  EXPECT_TRUE(s.tap.gone);
}

TEST(Streams, ArePassedToOurClientAsTheyArrive) {
  StreamServer s;
  auto client = HttpClient::make({.url = s.server.url()});
  std::string seen;
  s.tap.give("one");
  const auto response = client->request({.target = "/tap", .on_bytes = [&](std::string_view bytes) {
                                           seen += bytes;
                                           if (seen == "one") s.tap.give("two");
                                           if (seen == "onetwo") s.tap.give(std::nullopt);
                                           return true;
                                         }});
  ASSERT_OK(response);
  EXPECT_EQ(seen, "onetwo");
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(client->request({.target = "/plain"})->body, "plain");
}

TEST(Streams, OurClientMayEndThem) {
  StreamServer s;
  auto client = HttpClient::make({.url = s.server.url()});
  s.tap.give("one");
  ASSERT_TRUE(client->request({.target = "/tap", .on_bytes = [](std::string_view) { return false; }}));
  s.tap.wait([&] { return s.tap.gone; });
  EXPECT_EQ(client->request({.target = "/plain"})->body, "plain");
}

TEST(Streams, OurClientDistinguishesACutOffFromAnEnd) {
  StreamServer s;
  auto client = HttpClient::make({.url = s.server.url()});
  s.tap.give("one");
  const auto response = client->request({.target = "/tap", .on_bytes = [&](std::string_view) {
                                           const std::lock_guard lock(s.tap.mutex);
                                           s.tap.broken = true;
                                           if (s.tap.asked) s.tap.asked = nullptr;
                                           return true;
                                         }});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::unavailable);
  EXPECT_THAT(response.error().message, HasSubstr("lost the connection to the server"));
}

}  // namespace
}  // namespace sluice::net
