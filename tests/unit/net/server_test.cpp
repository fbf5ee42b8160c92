#include "sluice/net/server.hpp"

#include <future>

#include <gmock/gmock.h>

#include "one_token.hpp"
#include "raw_client.hpp"
#include "sluice/net/client.hpp"
#include "sluice/net/head.hpp"
#include "test_server.hpp"

namespace sluice::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view host = " HTTP/1.1\r\nHost: localhost\r\n";

std::string get(std::string_view target, std::string_view more = "") {
  return "GET " + std::string(target) + std::string(host) + std::string(more) + "\r\n";
}

TEST(HttpServer, AnswersOnAKeptConnection) {
  TestServer test;
  ASSERT_TRUE(test.started);
  RawClient client(test.port());
  client.send(get("/echo/a%20b?x=%C3%A4"));
  const std::string answer = client.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: text/plain\r\nX-Content-Type-Options: "
                                "nosniff\r\nContent-Security-Policy: sandbox\r\n"
                                "Content-Length: 25\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_THAT(answer, EndsWith("GET /echo/a b {a b} x=ä\n"));
  client.send(get("/echo/again", "Connection: close\r\n"));
  EXPECT_THAT(client.read_all(), EndsWith("Connection: close\r\n\r\nGET /echo/again {again}\n"));
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  TestServer test;
  RawClient client(test.port());
  client.send(get("/echo/later") + get("/echo/2") + "POST /echo/3" + std::string(host) +
              "Content-Length: 3\r\n\r\nabc" + get("/echo/4"));
  EXPECT_THAT(client.read_answer(), EndsWith("\r\n\r\nlater"));
  EXPECT_THAT(client.read_answer(), EndsWith("{2}\n"));
  EXPECT_THAT(client.read_answer(), EndsWith("{3}\nabc"));
  EXPECT_THAT(client.read_answer(), EndsWith("{4}\n"));
}

TEST(HttpServer, WritesErrorsInTheFormOfTheNearestProtocol) {
  TestServer test;
  RawClient client(test.port());
  client.send(get("/echo/x/y"));
  std::string answer = client.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(answer, EndsWith("test: no route matches `/echo/x/y`; see /v1"));
  client.send("DELETE /echo/x" + std::string(host) + "\r\n");
  answer = client.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nAllow: GET, POST\r\n"));
  EXPECT_THAT(answer, EndsWith("test: method DELETE is not allowed for `/echo/x`; allowed: GET, POST"));
  client.send(get("/else"));
  EXPECT_THAT(client.read_answer(), EndsWith(R"({"error":"no route matches `/else`; see /v1"})"));
  client.send(get("/echo/a%00"));
  EXPECT_THAT(client.read_answer(), HasSubstr("contains a NUL byte (%00)"));
}

TEST(HttpServer, HeadHasNoBody) {
  TestServer test;
  RawClient client(test.port());
  client.send("HEAD /echo/x" + std::string(host) + "\r\n" + get("/echo/y"));
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Length: 17\r\n"));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(HttpServer, RefusesForeignHostsAndOrigins) {
  TestServer test;
  RawClient client(test.port());
  client.send("GET /echo/x HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  std::string answer = client.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  EXPECT_THAT(answer,
              EndsWith("test: host `evil.example` is not a name of this server; use " + test.server().url() +
                       ", or start the server with `--allow-host evil.example`"));
  client.send(get("/echo/x", "Origin: http://evil.example\r\n"));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  client.send("GET http://evil.example/echo/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  client.send(get("/echo/x", "Origin: http://localhost:9\r\n"));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  client.send(get("/echo/x", "Sec-Fetch-Site: cross-site\r\n"));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200 OK\r\n")) << "a link";
  client.send("GET /echo/x HTTP/1.1\r\n\r\n");
  EXPECT_THAT(client.read_answer(), HasSubstr("no Host header"));
  client.send(get("/echo/x", "Host: localhost\r\n"));
  EXPECT_THAT(client.read_answer(), HasSubstr("more than one Host header"));
  client.send("GET /echo/x HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(HttpServer, KnowsItsOwner) {
  for (const auto& listen : {"127.0.0.1:0", "[::1]:0"}) {
    const OneToken ann("s3cret", ports::Role::run);
    TestServer test({.listen = listen, .callers = &ann});
    ASSERT_TRUE(test.started);
    auto client = HttpClient::make({.url = test.server().url()});
    EXPECT_EQ(client->request({.target = "/echo/x"})->status, 200) << listen;
  }
}

TEST(HttpServer, AProxySpeaksForStrangers) {
  TestServer test;
  RawClient client(test.port());
  for (const auto* header : {"Forwarded: for=10.1.2.3", "X-Forwarded-For: 10.1.2.3",
                             "x-forwarded-proto: https", "Via: 1.1 proxy"}) {
    client.send(get("/echo/x", std::string(header) + "\r\n"));
    const std::string answer = client.read_answer();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 Forbidden\r\n"));
    EXPECT_THAT(answer,
                EndsWith("others need a token, which its owner makes: `sluice token add NAME --role read`"));
  }
}

TEST(HttpServer, RequiresItsTokenOfOthers) {
  const OneToken ann("s3cret", ports::Role::read);
  TestServer test({.callers = &ann});
  ASSERT_TRUE(test.started);
  RawClient client(test.port());
  client.send(get("/echo/x", "Via: 1.1 proxy\r\n"));
  const std::string answer = client.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 401 Unauthorized\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nWWW-Authenticate: Bearer\r\n"));
  EXPECT_THAT(answer, EndsWith("test: this server requires a token; send `Authorization: Bearer TOKEN` with "
                               "one that `sluice token add` made"));
  client.send(get("/echo/x", "Via: 1.1 proxy\r\nAuthorization: Bearer s3cret\r\n"));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(HttpServer, AsksForTheRoleOfTheRoute) {
  const OneToken reader("s3cret", ports::Role::read);
  TestServer test({.callers = &reader});
  RawClient client(test.port());
  const std::string stranger = "Via: 1.1 proxy\r\nAuthorization: Bearer s3cret\r\n";
  client.send("POST /echo/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" + stranger + "\r\n");
  const std::string answer = client.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  EXPECT_THAT(answer,
              EndsWith("test: the token `ann` has the role `read`; POST /echo/{} needs one with `run`: "
                       "`sluice token add NAME --role run`"));
  client.send(get("/echo/x", stranger));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(HttpServer, ListensBeyondLoopbackOnlyWithATokenAndTls) {
  TestServer open({.listen = "0.0.0.0:0", .allow_plain = true});
  ASSERT_FALSE(open.started);
  EXPECT_THAT(open.started.error().message, HasSubstr("`sluice token add NAME --role run`"));
  const OneToken ann("x", ports::Role::run);
  TestServer plain({.listen = "0.0.0.0:0", .callers = &ann});
  ASSERT_FALSE(plain.started);
  EXPECT_THAT(plain.started.error().message, HasSubstr("`--tls-cert FILE --tls-key FILE`"));
  TestServer locked({.listen = "0.0.0.0:0", .callers = &ann, .allow_plain = true});
  ASSERT_TRUE(locked.started);
  EXPECT_THAT(locked.server().url(), StartsWith("http://127.0.0.1:"));
  EXPECT_THAT(locked.server().url_from_elsewhere(), Not(HasSubstr("127.0.0.1")));
  RawClient client(locked.port());
  client.send(get("/echo/x", "Authorization: Bearer x\r\n"));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(HttpServer, NamesAPortInUse) {
  TestServer first;
  const std::string address = "127.0.0.1:" + std::to_string(first.port());
  TestServer second({.listen = address});
  ASSERT_FALSE(second.started);
  EXPECT_EQ(second.started.error().message,
            "cannot listen on " + address +
                ": address already in use; is another `sluice up` running? `--listen 127.0.0.1:0` "
                "picks a free port");
}

TEST(HttpServer, RefusesWhatIsNotHttp) {
  TestServer test({.head_max = 1024});
  RawClient noise(test.port());
  noise.send("\x16\x03\x01 hello\r\n\r\n");
  const std::string answer = noise.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(answer, HasSubstr("malformed HTTP/1.1 request"));
  RawClient long_head(test.port());
  long_head.send(get("/echo/x", "X-Long: " + std::string(3000, 'x') + "\r\n"));
  EXPECT_THAT(long_head.read_all(), StartsWith("HTTP/1.1 431 "));
  RawClient smuggler(test.port());
  smuggler.send("POST /echo/x" + std::string(host) +
                "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_THAT(smuggler.read_all(), StartsWith("HTTP/1.1 400 "));
  RawClient odd(test.port());
  odd.send("POST /echo/x" + std::string(host) + "Transfer-Encoding: gzip\r\n\r\n");
  EXPECT_THAT(odd.read_all(),
              HasSubstr("the transfer coding `gzip` is not supported; the only one is `chunked`"));
}

TEST(HttpServer, SlowHeadsAndIdleConnectionsEnd) {
  TestServer test({.read_timeout = Milliseconds(100), .idle_timeout = Milliseconds(150)});
  RawClient slow(test.port());
  slow.send("GET /echo/x HTTP/1.1\r\nHo");
  EXPECT_EQ(slow.read_all(), "");
  RawClient body(test.port());
  body.send("POST /echo/x" + std::string(host) + "Content-Length: 10\r\n\r\nabc");
  EXPECT_EQ(body.read_all(), "");
  RawClient idle(test.port());
  EXPECT_EQ(idle.read_all(), "");
}

TEST(HttpServer, RefusesConnectionsBeyondItsLimit) {
  TestServer test({.connections_max = 1});
  RawClient first(test.port());
  first.send(get("/echo/x"));
  EXPECT_THAT(first.read_answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
  RawClient second(test.port());
  EXPECT_THAT(second.read_all(), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
}

TEST(HttpServer, AHandlerThatNeverRespondsIsAnInternalError) {
  TestServer test;
  RawClient client(test.port());
  for (const char* target : {"/echo/silent", "/echo/thrown", "/brief/echo/silent", "/brief/echo/thrown"}) {
    client.send(get(target));
    const std::string answer = client.read_answer();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
    EXPECT_THAT(answer, EndsWith("test: internal error: no response was produced; see the server log"));
  }
}

TEST(HttpServer, BriefHandlersNeedNoWorker) {
  TestServer test({.worker_threads = 1});
  RawClient blocked(test.port());
  blocked.send(get("/block"));
  test.blocking.wait();
  RawClient client(test.port());
  client.send(get("/brief/echo/later") + get("/brief/echo/2") + get("/brief/echo/3?long=yes"));
  EXPECT_THAT(client.read_answer(), EndsWith("\r\n\r\nlater"));
  EXPECT_THAT(client.read_answer(), EndsWith("{2}\n"));
  test.unblock.count_down();
  EXPECT_THAT(client.read_answer(), EndsWith("{3} long=yes\n"));  // not brief: it waited for the worker
  EXPECT_THAT(blocked.read_answer(), EndsWith("unblocked"));
}

TEST(HttpServer, SendsTheRestWhenTheSocketIsFull) {
  TestServer test;
  std::string numbers;
  for (int i = 0; numbers.size() < 3'000'000; ++i) numbers += std::to_string(i) + " ";
  RawClient client(test.port(), 4096);
  for (const std::size_t bytes : {0UZ, 1UZ, 200'000UZ, 262'144UZ, 262'145UZ, 3'000'000UZ}) {
    client.send(get("/echo/numbers/" + std::to_string(bytes)));
    const std::string answer = client.read_answer();
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + numbers.substr(0, bytes))) << bytes;
  }
  std::string many;  // more than the kernel buffers for a client that does not read
  for (int i = 0; i < 40; ++i) many += get("/echo/numbers/250000");
  client.send(many);
  for (int i = 0; i < 40; ++i)
    ASSERT_TRUE(client.read_answer().ends_with("\r\n\r\n" + numbers.substr(0, 250'000))) << i;
  client.send("HEAD /echo/numbers/200000" + std::string(host) + "\r\n" + get("/echo/next"));
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("\r\nContent-Length: 200000\r\n"));
  EXPECT_THAT(client.read_answer(), EndsWith("{next}\n"));
}

TEST(HttpServer, NoHandlerCanStartAnotherHeader) {
  TestServer test;
  RawClient client(test.port());
  client.send(get("/echo/split"));
  const std::string answer = client.read_until("\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("\r\nX-Note: oneSet-Cookie: two\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(answer, Not(HasSubstr("Bad Name")));
}

TEST(HttpServer, StopWaitsForRequestsInFlight) {
  TestServer test({.stop_grace = std::chrono::minutes(1)});
  RawClient busy(test.port());
  RawClient idle(test.port());
  idle.send(get("/echo/x"));
  idle.read_answer();
  busy.send(get("/echo/hold"));
  auto respond = test.held();
  std::thread stopping([&] { test.server().stop(); });
  EXPECT_EQ(idle.read_all(), "");  // the server is stopping
  respond({.content_type = "text/plain", .body = "done"});
  EXPECT_THAT(busy.read_all(), EndsWith("Connection: close\r\n\r\ndone"));
  stopping.join();
  EXPECT_EQ(test.server().connections(), 0U);
  RawClient late(test.port());
  EXPECT_FALSE(late.connected());
}

TEST(HttpServer, ResponsesAfterStopAreDropped) {
  std::promise<ports::Responder> caught;
  SystemClock clock;
  {
    ports::Protocol protocol{
        .name = "p",
        .routes = {{.method = "GET",
                    .pattern = "/hang",
                    .handler = [&](ports::Request,
                                   ports::Responder respond) { caught.set_value(std::move(respond)); }}},
        .error = {}};
    std::vector<ports::Protocol> protocols;
    protocols.push_back(std::move(protocol));
    HttpServer server({.listen = "127.0.0.1:0", .stop_grace = Milliseconds(10)}, std::move(protocols), clock);
    ASSERT_TRUE(server.start());
    RawClient client(server.port());
    client.send(get("/hang"));
    auto respond = caught.get_future().get();
    server.stop();
    EXPECT_EQ(client.read_all(), "");
    respond({.body = "too late"});
    caught = std::promise<ports::Responder>();
  }
}

TEST(HttpServer, HoldsManyIdleConnections) {
  TestServer test;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 800; ++i) clients.push_back(std::make_unique<RawClient>(test.port()));
  for (auto& client : clients) ASSERT_TRUE(client->send(get("/echo/x")));
  for (auto& client : clients) EXPECT_THAT(client->read_answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(test.server().connections(), 800U);
}

TEST(HttpServer, WritesDatesAsHttpDoes) {
  EXPECT_EQ(http_date(Time(std::chrono::milliseconds(1'795'510'136'123))), "Tue, 24 Nov 2026 08:48:56 GMT");
  EXPECT_EQ(http_date(Time{}), "Thu, 01 Jan 1970 00:00:00 GMT");
}

}  // namespace
}  // namespace sluice::net
