#include <optional>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "compressed.hpp"
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

std::string header_of(const ports::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
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

std::string with_length(std::string_view headers, std::string_view body) {
  return post("/echo/x", std::string(headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n",
              body);
}

TEST(HttpBodies, AreDecompressed) {
  TestServer test;
  RawClient client(test.port());
  const std::string text(90'000, 'z');
  for (const int form : {gzip_form, zlib_form, raw_form}) {
    client.send(
        with_length(form == gzip_form ? "Content-Encoding: gzip\r\n" : "Content-Encoding: Deflate\r\n",
                    compressed(text, form)));
    EXPECT_THAT(client.read_answer(), EndsWith("{x}\n" + text));
  }
  client.send(with_length("Content-Encoding: identity\r\n", "as it is"));
  EXPECT_THAT(client.read_answer(), EndsWith("{x}\nas it is"));
  client.send(post("/echo/x", "Content-Encoding: gzip\r\nContent-Length: 0\r\n"));
  EXPECT_THAT(client.read_answer(), EndsWith("{x}\n"));
  client.send(post("/echo/x", "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"));
  for (const char byte : compressed("in chunks", gzip_form))
    client.send("1\r\n" + std::string(1, byte) + "\r\n");
  client.send("0\r\n\r\n");
  EXPECT_THAT(client.read_answer(), EndsWith("{x}\nin chunks"));
}

TEST(HttpBodies, AreDecompressedIntoAFile) {
  TestServer test;
  auto client = HttpClient::make({.url = test.server().url()});
  const std::string bytes(5'000'000, '\0');
  const auto response = client->request({.method = "POST",
                                         .target = "/echo/upload",
                                         .headers = {{"Content-Encoding", "gzip"}},
                                         .body = compressed(bytes, gzip_form)});
  ASSERT_OK(response);
  EXPECT_EQ(response->body, "5000000 0 1 hashed");
}

TEST(HttpBodies, ThatDecompressToTooMuchAreRefused) {
  TestServer test;
  const std::string too_large =
      "test: decompressed: the request body is larger than POST /echo/{} accepts (100 kB); send less per "
      "request";
  for (const int form : {gzip_form, zlib_form, raw_form}) {
    RawClient client(test.port());
    client.send(
        with_length(form == gzip_form ? "Content-Encoding: gzip\r\n" : "Content-Encoding: deflate\r\n",
                    compressed(std::string(10'000'000, '\0'), form)));
    const std::string answer = client.read_all();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
    EXPECT_THAT(answer, EndsWith(too_large));
  }
  // Compressed data that never decompresses to anything is limited as well.
  RawClient endless(test.port());
  endless.send(post("/echo/x", "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"));
  const auto nothing = compressed("", gzip_form);
  std::string chunk;
  while (chunk.size() < 50'000) chunk += nothing;
  chunk = fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
  for (int i = 0; i < 3; ++i) endless.send(chunk);
  EXPECT_THAT(endless.read_all(), StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
  RawClient file(test.port());
  const auto bomb = compressed(std::string(1000, 'x'), gzip_form);
  file.send(post("/echo/small-upload", "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                 fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", bomb.size(), bomb)));
  EXPECT_THAT(file.read_all(), StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
}

TEST(HttpBodies, OfAnotherContentAreRefused) {
  TestServer test;
  RawClient client(test.port());
  client.send(with_length("Content-Encoding: zstd\r\n", "hello"));
  const std::string answer = client.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 415 Unsupported Media Type\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nAccept-Encoding: gzip, deflate\r\n"));
  EXPECT_THAT(answer, EndsWith("test: the content coding `zstd` is not supported; send the body as it is, or "
                               "compressed once with `gzip` or `deflate`"));
  client.send(with_length("Content-Encoding: gzip\r\nContent-Encoding: br\r\n", "hello"));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 415 "));
  client.send(post("/nowhere", "Content-Encoding: zstd\r\nContent-Length: 5\r\n", "hello"));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 404 ")) << "the connection was kept";
  client.send("GET /echo/x HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: zstd\r\n\r\n");
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200 ")) << "there is no body";
  client.send(with_length("Content-Encoding: gzip\r\n", "hello"));
  EXPECT_THAT(
      client.read_all(),
      EndsWith("test: cannot decompress the request body (Content-Encoding: gzip): incorrect header check"));
  RawClient half(test.port());
  half.send(with_length("Content-Encoding: gzip\r\n", compressed("hello", gzip_form).substr(0, 15)));
  EXPECT_THAT(
      half.read_all(),
      EndsWith("test: cannot decompress the request body (Content-Encoding: gzip): it ends too early"));
}

TEST(HttpBodies, ShareTheMemoryForDecompression) {
  TestServer test({.bodies_max = 100'000});
  std::optional<RawClient> first;
  // Chunks of a second body are refused only while the first is being decompressed: its first byte may arrive
  // later, or so late that it is the one that is refused.
  for (bool refused = false; !refused;) {
    if (!first || first->is_readable()) {
      first.emplace(test.port());
      first->send(
          post("/echo/hold", "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "1\r\n\x1f\r\n"));
    }
    RawClient second(test.port());
    second.send(with_length("Content-Encoding: gzip\r\n", compressed("hello", gzip_form)));
    const auto answer = second.read_answer();
    refused = answer.starts_with("HTTP/1.1 503 ");
    if (refused) {
      EXPECT_THAT(answer, EndsWith("test: too much request data is buffered; retry shortly"));
    }
  }
  first->send("0\r\n\r\n");
  EXPECT_THAT(first->read_all(), HasSubstr("it ends too early"));
  RawClient third(test.port());
  third.send(with_length("Content-Encoding: gzip\r\n", compressed("hello", gzip_form)));
  EXPECT_THAT(third.read_answer(), EndsWith("{x}\nhello"));
}

TEST(HttpBodies, WithAnUnknownEndCloseTheConnection) {
  TestServer test;
  const auto answer_to = [&](const std::string& headers) {
    RawClient client(test.port());
    client.send(post("/echo/x", headers,
                     "5\r\nhello\r\n0\r\n\r\nGET /echo/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    return client.read_all();
  };
  for (const char* headers : {"Transfer-Encoding: gzip, chunked\r\n",
                              "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"}) {
    const auto answer = answer_to(headers);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 501 Not Implemented\r\n"));
    EXPECT_THAT(answer,
                EndsWith("test: the transfer coding `gzip, chunked` is not supported; the only one is "
                         "`chunked`, and Content-Encoding says how a body is compressed"));
  }
  for (const char* headers : {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: chunked, gzip\r\n",
                              "Content-Length: 5\r\nTransfer-Encoding: identity\r\n"}) {
    const auto answer = answer_to(headers);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << headers;
    EXPECT_THAT(answer, ::testing::Not(HasSubstr("smuggled")));
  }
  RawClient old(test.port());
  old.send(
      "POST /echo/x HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  const auto answer = old.read_all();
  EXPECT_THAT(answer, EndsWith("{x}\nhello"));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
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
  EXPECT_EQ(response->body, "5000000 " + std::to_string(sum) + " 1 hashed");
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

TEST(HttpBodies, PartsOfFilesAreSent) {
  TestServer test;
  auto client = HttpClient::make({.url = test.server().url()});
  std::string bytes(3'000'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 11 + i / 777);
  std::ofstream(test.folder() / "big", std::ios::binary) << bytes;
  const auto part = [&](const std::string& range, std::pair<std::string, std::string> more = {"x", "y"},
                        const std::string& method = "GET") {
    return client
        ->request({.method = method,
                   .target = "/echo/download/big",
                   .headers = {{"range", range}, std::move(more)}})
        .value();
  };
  for (const auto& [range, first, size] : std::vector<std::tuple<const char*, std::size_t, std::size_t>>{
           {"bytes=0-9", 0, 10},
           {"bytes=1000000-2999998", 1'000'000, 1'999'999},
           {"bytes=-5", 2'999'995, 5}}) {
    const auto response = part(range);
    EXPECT_EQ(response.status, 206);
    EXPECT_TRUE(response.body == bytes.substr(first, size)) << range;
    EXPECT_EQ(header_of(response, "content-range"),
              "bytes " + std::to_string(first) + "-" + std::to_string(first + size - 1) + "/3000000");
  }
  const auto behind = part("bytes=3000000-");
  EXPECT_EQ(behind.status, 416);
  EXPECT_EQ(header_of(behind, "content-range"), "bytes */3000000");
  EXPECT_THAT(behind.body, HasSubstr("the range is behind the end, at byte 3000000"));
  for (const auto& whole :
       {part("bytes=1-2,5-6"), part("bytes=0-1", {"if-range", "\"another\""}), part("lines=1-2")}) {
    EXPECT_EQ(whole.status, 200);
    EXPECT_TRUE(whole.body == bytes);
    EXPECT_EQ(header_of(whole, "accept-ranges"), "bytes");
  }
  EXPECT_EQ(part("bytes=0-1", {"x", "y"}, "HEAD").status, 200);
  EXPECT_EQ(client->request({.target = "/echo/x", .headers = {{"range", "bytes=0-1"}}})->status, 200)
      << "what is not a file has no parts";
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
