#include "sluice/net/codings.hpp"

#include <gmock/gmock.h>

#include "compressed.hpp"
#include "result_assertions.hpp"
#include "sluice/net/decoder.hpp"

namespace sluice::net {
namespace {

std::string refusal_of(const Headers& headers) {
  const auto coding = content_coding_of(headers);
  return coding ? "" : std::to_string(coding.error().status) + " " + coding.error().message;
}

TEST(ContentCoding, IsReadFromTheHeader) {
  const auto of = [](const std::string& value) {
    return content_coding_of({{"content-encoding", value}}).value();
  };
  EXPECT_EQ(content_coding_of({}), ContentCoding::identity);
  for (const char* plain : {"", "identity", "Identity", " , "})
    EXPECT_EQ(of(plain), ContentCoding::identity) << plain;
  for (const char* gzip : {"gzip", "GZIP", "x-gzip", " gzip ,"})
    EXPECT_EQ(of(gzip), ContentCoding::gzip) << gzip;
  EXPECT_EQ(of("deflate"), ContentCoding::deflate);
}

TEST(ContentCoding, OthersAreRefusedByName) {
  const auto message = [](const std::string& coding) {
    return "415 the content coding `" + coding +
           "` is not supported; send the body as it is, or compressed once with `gzip` or `deflate`";
  };
  for (const char* coding : {"br", "zstd", "compress", "aws-chunked", "gzip;q=1"})
    EXPECT_EQ(refusal_of({{"content-encoding", coding}}), message(coding));
  EXPECT_EQ(refusal_of({{"content-encoding", "gzip,GZIP"}}), message("gzip, gzip"));
  EXPECT_EQ(refusal_of({{"content-encoding", "identity"}, {"accept", "x"}, {"content-encoding", "gzip"}}),
            message("identity, gzip"));
}

TEST(TransferCoding, IsOnlyChunked) {
  const auto status = [](const std::vector<std::string>& lines) {
    Headers headers{{"host", "x"}};
    for (const auto& line : lines) headers.emplace_back("transfer-encoding", line);
    const auto refusal = refuse_transfer_coding(headers);
    return refusal ? refusal->status : 200;
  };
  EXPECT_EQ(status({}), 200);
  EXPECT_EQ(status({"chunked"}), 200);
  EXPECT_EQ(status({" Chunked ,"}), 200);
  EXPECT_EQ(status({"gzip, chunked"}), 501);
  EXPECT_EQ(status({"gzip", "chunked"}), 501);
  EXPECT_EQ(status({"identity, chunked"}), 501);
  EXPECT_EQ(status({"chunked, chunked"}), 501);
  EXPECT_EQ(status({"gzip"}), 400);
  EXPECT_EQ(status({"chunked, gzip"}), 400);
  EXPECT_EQ(status({"chunked;x=y"}), 400);
  EXPECT_EQ(status({"identity"}), 400);
  EXPECT_EQ(status({""}), 400);
  EXPECT_EQ(
      refuse_transfer_coding({{"transfer-encoding", "GZip,chunked"}})->message,
      "the transfer coding `gzip, chunked` is not supported; the only one is `chunked`, and Content-Encoding "
      "says how a body is compressed");
}

Result<std::string> decoded(ContentCoding coding, std::string_view bytes, std::size_t piece = 1 << 16) {
  Decoder decoder(coding);
  std::string out;
  const auto sink = [&out](std::string_view got) {
    EXPECT_LE(got.size(), std::size_t{16} << 10);
    out += got;
    return Result<void>{};
  };
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    SLUICE_DO(decoder.add(bytes.substr(0, piece), sink));
  SLUICE_DO(decoder.finish());
  return out;
}

std::string mixed(std::size_t size) {
  std::string out;
  for (std::size_t i = 0; out.size() < size; ++i) out += std::to_string(i * i) + "\n";
  return out;
}

TEST(Decoder, ReadsEachForm) {
  for (const auto& data : {std::string(), std::string("x"), mixed(300'000), std::string(3'000'000, '\0')})
    for (const std::size_t piece : {std::size_t{1}, std::size_t{8192}, std::size_t{1} << 30})
      for (const int level : {0, 1, 9}) {
        EXPECT_EQ(test::value_of(decoded(ContentCoding::gzip, compressed(data, gzip_form, level), piece)),
                  data);
        EXPECT_EQ(test::value_of(decoded(ContentCoding::deflate, compressed(data, zlib_form, level), piece)),
                  data);
        EXPECT_EQ(test::value_of(decoded(ContentCoding::deflate, compressed(data, raw_form, level), piece)),
                  data);
      }
}

TEST(Decoder, ReadsSeveralMembersOfGzip) {
  const auto twice = compressed("one ", gzip_form) + compressed("", gzip_form) + compressed("two", gzip_form);
  EXPECT_EQ(test::value_of(decoded(ContentCoding::gzip, twice)), "one two");
  EXPECT_EQ(test::value_of(decoded(ContentCoding::gzip, twice, 1)), "one two");
}

TEST(Decoder, NothingAtAllIsNothing) {
  EXPECT_EQ(test::value_of(decoded(ContentCoding::gzip, "")), "");
  EXPECT_EQ(test::value_of(decoded(ContentCoding::deflate, "")), "");
}

TEST(Decoder, DamageIsReported) {
  const auto message = [](ContentCoding coding, const std::string& bytes) {
    return test::message_of(decoded(coding, bytes));
  };
  const std::string gzip = "cannot decompress the request body (Content-Encoding: gzip): ";
  const std::string deflate = "cannot decompress the request body (Content-Encoding: deflate): ";
  const auto whole = compressed(mixed(5000), gzip_form);
  EXPECT_EQ(message(ContentCoding::gzip, whole.substr(0, whole.size() - 1)), gzip + "it ends too early");
  EXPECT_EQ(message(ContentCoding::gzip, whole.substr(0, 1)), gzip + "it ends too early");
  EXPECT_EQ(message(ContentCoding::gzip, whole + compressed("x", gzip_form).substr(0, 5)),
            gzip + "it ends too early");
  EXPECT_EQ(message(ContentCoding::gzip, R"({"inputs": []})"), gzip + "incorrect header check");
  EXPECT_EQ(message(ContentCoding::gzip, whole + "more"), gzip + "incorrect header check");
  auto wrong = whole;
  wrong[wrong.size() - 5] ^= 1;
  EXPECT_EQ(message(ContentCoding::gzip, wrong), gzip + "incorrect data check");
  EXPECT_EQ(message(ContentCoding::deflate, compressed("x", zlib_form) + "more"),
            deflate + "there are more bytes after its end");
  EXPECT_EQ(message(ContentCoding::deflate, compressed("x", gzip_form)), deflate + "invalid block type");
  EXPECT_EQ(message(ContentCoding::deflate, compressed("xx", zlib_form, 9, "xxxx")),
            deflate + "it needs a dictionary");
}

TEST(Decoder, EndsWithTheErrorOfItsSink) {
  const auto bomb = compressed(std::string(100'000'000, '\0'), gzip_form);
  Decoder decoder(ContentCoding::gzip);
  std::size_t out = 0;
  const auto added = decoder.add(bomb, [&out](std::string_view got) -> Result<void> {
    out += got.size();
    if (out > 100'000) return Fail(user_error(Code::too_large, "too much"));
    return {};
  });
  EXPECT_EQ(test::message_of(added), "too much");
  EXPECT_LE(out, 100'000U + (16U << 10));
}

}  // namespace
}  // namespace sluice::net
