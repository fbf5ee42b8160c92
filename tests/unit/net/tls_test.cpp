// HTTPS, and the Unix socket.
#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "one_token.hpp"
#include "raw_client.hpp"
#include "result_assertions.hpp"
#include "sluice/net/client.hpp"
#include "test_server.hpp"

namespace sluice::net {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A self-signed certificate for `name`, and its key.
struct TestCertificate {
  explicit TestCertificate(const std::string& name = "127.0.0.1") { make(name); }
  void make(const std::string& name) const {
    const std::string kind = name.front() >= '0' && name.front() <= '9' ? "IP:" : "DNS:";
    const auto command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" + name +
        " -addext subjectAltName=" + kind + name + " -keyout " + key().string() + ".new -out " +
        file().string() + ".new 2>/dev/null && mv " + key().string() + ".new " + key().string() + " && mv " +
        file().string() + ".new " + file().string();
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }
  [[nodiscard]] std::filesystem::path file() const { return folder.path / "cert.pem"; }
  [[nodiscard]] std::filesystem::path key() const { return folder.path / "key.pem"; }
  [[nodiscard]] HttpServer::Options::Tls tls() const { return {.certificate = file(), .key = key()}; }
  Scratch folder;
};

Result<ports::Response> ask(const TestServer& test, const std::string& url, const std::filesystem::path& ca,
                            ClientRequest request = {.target = "/echo/x"}) {
  static_cast<void>(test);
  SLUICE_TRY(client, HttpClient::make({.url = url, .ca = ca}));
  return client.request(request);
}

TEST(Tls, AnswersClientsThatVerifyTheServer) {
  const TestCertificate certificate;
  TestServer test({.tls = certificate.tls()});
  ASSERT_OK(test.started);
  EXPECT_THAT(test.server().url(), StartsWith("https://127.0.0.1:"));
  const auto answer = ask(test, test.server().url(), certificate.file());
  ASSERT_OK(answer);
  EXPECT_EQ(answer->body, "GET /echo/x {x}\n");
  const std::string large(90'000, 'x');
  const auto echoed = ask(test, test.server().url(), certificate.file(),
                          {.method = "POST", .target = "/echo/x", .body = large});
  ASSERT_OK(echoed);
  EXPECT_EQ(echoed->body, "POST /echo/x {x}\n" + large);
}

TEST(Tls, KeepsItsConnection) {
  const TestCertificate certificate;
  TestServer test({.tls = certificate.tls()});
  auto client = test::value_of(HttpClient::make({.url = test.server().url(), .ca = certificate.file()}));
  for (int i = 0; i < 20; ++i) {
    const auto answer = client.request({.target = "/echo/numbers/" + std::to_string(i * 20'000)});
    ASSERT_OK(answer);
    EXPECT_EQ(answer->body.size(), static_cast<std::size_t>(i * 20'000));
  }
  EXPECT_EQ(test.server().connections(), 1U);
}

TEST(Tls, SendsAndReceivesFiles) {
  const TestCertificate certificate;
  TestServer test({.tls = certificate.tls()});
  const std::string bytes(3'000'000, 'y');
  std::ofstream(test.folder() / "file") << bytes;
  auto client = test::value_of(HttpClient::make({.url = test.server().url(), .ca = certificate.file()}));
  const auto answer = client.request({.target = "/echo/download/file"});
  ASSERT_OK(answer);
  EXPECT_EQ(answer->body, bytes);
  const auto uploaded =
      client.request({.method = "POST", .target = "/echo/upload", .body_file = test.folder() / "file"});
  ASSERT_OK(uploaded);
  EXPECT_THAT(uploaded->body, StartsWith("3000000 "));
}

TEST(Tls, IsRefusedByClientsThatDoNotKnowTheAuthority) {
  const TestCertificate certificate;
  TestServer test({.tls = certificate.tls()});
  EXPECT_THAT(ask(test, test.server().url(), {}).error().message,
              HasSubstr("is not trusted: self-signed certificate; `--ca FILE` names the authority"));
  const TestCertificate other("sluice.example");
  TestServer elsewhere({.tls = other.tls()});
  EXPECT_THAT(ask(elsewhere, elsewhere.server().url(), other.file()).error().message,
              HasSubstr("is not trusted: "));
}

TEST(Tls, TellsAClientThatSpeaksPlainHttp) {
  const TestCertificate certificate;
  TestServer test({.tls = certificate.tls()});
  RawClient client(test.port());
  client.send("GET /echo/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto answer = client.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nthis server speaks TLS"));
}

TEST(Tls, SurvivesNoise) {
  const TestCertificate certificate;
  TestServer test({.tls = certificate.tls()});
  {
    RawClient client(test.port());
    client.send(std::string("\x16\x03\x01\xff\xff", 5) + std::string(70'000, '\xff'));
    EXPECT_EQ(client.read_all().substr(0, 1), "\x15") << "an alert";
  }
  {
    const RawClient silent(test.port());
  }
  EXPECT_OK(ask(test, test.server().url(), certificate.file()));
}

TEST(Tls, TakesARenewedCertificateForNewConnections) {
  const TestCertificate certificate;
  TestServer test({.tls = certificate.tls()});
  auto kept = test::value_of(HttpClient::make({.url = test.server().url(), .ca = certificate.file()}));
  ASSERT_OK(kept.request({.target = "/echo/x"}));
  certificate.make("127.0.0.1");
  EXPECT_OK(ask(test, test.server().url(), certificate.file())) << "with the new one";
  EXPECT_OK(kept.request({.target = "/echo/x"}));
  std::ofstream(certificate.key()) << "damaged";
  EXPECT_OK(ask(test, test.server().url(), certificate.file())) << "the one before is still used";
}

TEST(Tls, NamesWhatIsWrongWithItsFiles) {
  const TestCertificate one;
  const TestCertificate two;
  const auto problem = [](HttpServer::Options::Tls tls) {
    const TestServer test({.tls = std::move(tls)});
    return test.started ? std::string() : test.started.error().message;
  };
  EXPECT_THAT(problem({.certificate = "/nowhere.pem", .key = one.key()}),
              StartsWith("/nowhere.pem: cannot be read as a certificate in PEM form ("));
  EXPECT_THAT(problem({.certificate = one.key(), .key = one.key()}),
              HasSubstr("cannot be read as a certificate in PEM form"));
  EXPECT_THAT(problem({.certificate = one.file(), .key = one.file()}),
              HasSubstr("cannot be read as a private key in PEM form without a password"));
  EXPECT_THAT(problem({.certificate = one.file(), .key = two.key()}),
              HasSubstr("is not the key of the certificate"));
}

TEST(UnixSocket, KnowsItsOwner) {
  const NoToken nobody;
  const Scratch folder;
  const auto socket = folder.path / std::string(100, 'd') / "sluice.sock";
  std::filesystem::create_directory(socket.parent_path());
  TestServer test({.callers = &nobody, .socket = socket});
  ASSERT_OK(test.started);
  struct stat status{};
  ASSERT_EQ(::stat(socket.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  auto client = test::value_of(HttpClient::make({.url = test.server().url(), .socket = socket}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.request({.target = "/echo/x"})->status, 200);
  const auto through_a_proxy = client.request({.target = "/echo/x", .headers = {{"via", "1.1 proxy"}}});
  EXPECT_EQ(through_a_proxy->status, 403);
  const TestCertificate certificate;
  TestServer encrypted({.socket = folder.path / "other.sock", .tls = certificate.tls()});
  ASSERT_OK(encrypted.started);
  auto plain =
      test::value_of(HttpClient::make({.url = "http://localhost", .socket = folder.path / "other.sock"}));
  EXPECT_EQ(plain.request({.target = "/echo/x"})->status, 200) << "the socket needs no TLS";
}

}  // namespace
}  // namespace sluice::net
