#include <gmock/gmock.h>

#include "raw_client.hpp"
#include "result_assertions.hpp"
#include "sluice/net/client.hpp"
#include "test_server.hpp"

namespace sluice::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string post(std::string_view target, std::string_view headers, std::string_view body = "") {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) + "\r\n" +
         std::string(body);
}

TEST(HttpBodies, AreReceivedInChunks) {
  TestServer test;
  RawClient client(test.port());
  client.send(post("/echo/x", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"));
  client.send("4;note=1\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n");
  EXPECT_THAT(client.read_answer(), EndsWith("{x}\nabcdefg"));
  client.send(post("/echo/y", "Content-Length: 0\r\n"));
  EXPECT_THAT(client.read_answer(), EndsWith("{y}\n"));
}

TEST(HttpBodies, TooLargeIsReportedBeforeTheyAreRead) {
  TestServer test;
  RawClient client(test.port());
  client.send(post("/echo/x", "Content-Length: 100001\r\n", "first bytes"));
  const std::string answer = client.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
  EXPECT_THAT(
      answer,
      EndsWith(
          "test: the request body is larger than POST /echo/{} accepts (100 kB); send less per request"));
}

TEST(HttpBodies, TooLargeIsReportedWhileChunksArrive) {
  TestServer test;
  RawClient client(test.port());
  client.send(post("/echo/x", "Transfer-Encoding: chunked\r\n"));
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  client.send(chunk);
  client.send(chunk);
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
}

TEST(HttpBodies, SmallUnwantedOnesDoNotCostTheConnection) {
  TestServer test;
  RawClient client(test.port());
  client.send(post("/nowhere", "Content-Length: 5\r\n", "hello"));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  client.send(post("/echo/x", "Content-Length: 5\r\n", "hello"));
  EXPECT_THAT(client.read_answer(), EndsWith("{x}\nhello"));
}

TEST(HttpBodies, AreSentAfter100Continue) {
  TestServer test;
  RawClient client(test.port());
  client.send(post("/echo/x", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  EXPECT_THAT(client.read_answer(), EndsWith("{x}\nhello"));
  client.send(post("/echo/x", "Content-Length: 500000\r\nExpect: 100-continue\r\n"));
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
}

TEST(HttpBodies, GoThroughAFile) {
  TestServer test;
  auto client = HttpClient::make({.url = test.server().url()});
  ASSERT_TRUE(client);
  std::string bytes(5'000'000, '\0');
  std::size_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 1000);
  for (const unsigned char c : bytes) sum = sum * 31 + c;
  std::ofstream(test.folder() / "sent", std::ios::binary) << bytes;
  const auto response =
      client->request({.method = "POST", .target = "/echo/upload", .body_file = test.folder() / "sent"});
  ASSERT_OK(response);
  EXPECT_EQ(response->body, "5000000 " + std::to_string(sum) + " 1");
  EXPECT_EQ(files_in(test.folder() / "bodies"), 0U)
      << "a client that has its response finds nothing of its body";
  const auto empty = client->request({.method = "POST", .target = "/echo/upload"});
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->body, "0 0 1");
  const auto refused =
      client->request({.method = "POST", .target = "/echo/small-upload", .body = "twelve bytes"});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 413);
  test.server().stop();
  EXPECT_EQ(files_in(test.folder() / "bodies"), 0U);
}

TEST(HttpBodies, ResponsesAreSentFromFiles) {
  TestServer test;
  auto client = HttpClient::make({.url = test.server().url()});
  std::string bytes(3'000'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 11 + i / 777);
  std::ofstream(test.folder() / "big", std::ios::binary) << bytes;
  std::ofstream(test.folder() / "empty", std::ios::binary);
  const auto whole = client->request({.target = "/echo/download/big"});
  ASSERT_OK(whole);
  EXPECT_TRUE(whole->body == bytes);
  const auto saved = client->request({.target = "/echo/download/big", .save_to = test.folder() / "saved"});
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->body_file, test.folder() / "saved");
  EXPECT_EQ(std::filesystem::file_size(test.folder() / "saved"), bytes.size());
  EXPECT_EQ(client->request({.target = "/echo/download/empty"})->body, "");
  const auto head = client->request({.method = "HEAD", .target = "/echo/download/big"});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->body, "");
  const auto missing = client->request({.target = "/echo/download/none"});
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 500);
  EXPECT_THAT(missing->body, HasSubstr("cannot read the file of a response"));
}

TEST(HttpBodies, LargeOnesAreSentBackComplete) {
  TestServer test;
  auto client = HttpClient::make({.url = test.server().url()});
  const std::string bytes(99'000, 'y');
  const auto response = client->request({.method = "POST", .target = "/echo/x", .body = bytes});
  ASSERT_TRUE(response);
  EXPECT_THAT(response->body, EndsWith(bytes));
}

}  // namespace
}  // namespace sluice::net
