#include "sluice/ipc/supervisor/codec.hpp"

#include <gtest/gtest.h>

namespace sluice::supervisor {
namespace {

std::vector<Request> all_requests() {
  return {Hello{},
          Start{.fence = "f",
                .program = "/bin/true",
                .argv = {"true", ""},
                .env = {"A=1"},
                .cwd = "/",
                .log = "/tmp/log",
                .log_bytes_max = 1ULL << 40,
                .memory_max = 1ULL << 41,
                .mounts = {{.source = "/a", .target = "/b"}},
                .branch = Branch{.of = {.argv = {"python3", "wait"},
                                        .env = {"C=d"},
                                        .mounts = {{.source = "/c", .target = "/d"}}},
                                 .env = {"E=f"},
                                 .modules = {"json"}}},
          Cancel{.fence = "f", .grace_ms = 5000},
          List{.since = 7, .follow = true},
          Acknowledge{.fences = {"a", "b"}},
          Shutdown{.force = true}};
}

std::vector<Response> all_answers() {
  return {Welcome{.pid = 12, .cgroups = true},
          Started{.fence = "f", .pid = 13},
          MountsRefused{.fence = "f", .error = 1},
          Ended{.number = 9,
                .fence = "f",
                .kind = EndKind::not_started,
                .status = -2,
                .step = Step::execute,
                .cancelled = true,
                .started_ms = 1,
                .ended_ms = 2,
                .cpu_ms = 3,
                .memory_peak = 4,
                .memory_of_tree = true,
                .warm = Warm::threads},
          Holding{.running = {"a", ""}, .last = 9},
          Goodbye{.ending = true, .running = 3}};
}

TEST(Messages, AreReadAsTheyWereWritten) {
  for (const auto& request : all_requests()) EXPECT_EQ(*decode_request(encode(request).substr(4)), request);
  for (const auto& response : all_answers())
    EXPECT_EQ(*decode_response(encode(response).substr(4)), response);
}

TEST(Messages, ThatAreCutShortOrTooLongAreRefused) {
  for (const auto& request : all_requests()) {
    const auto content = encode(request).substr(4);
    for (std::size_t length = 0; length < content.size(); ++length)
      EXPECT_FALSE(decode_request(content.substr(0, length)));
    EXPECT_FALSE(decode_request(content + "x"));
  }
}

TEST(Messages, ThatAreUnknownAreNamedByKind) {
  const auto request = decode_request(
      "\x7f"
      "abc");
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().message, "a malformed message of 4 bytes (kind 127)");
  EXPECT_FALSE(decode_request(""));
}

// What a supervisor of another version must still understand.
TEST(Messages, OfTheHandshakeNeverChange) {
  using namespace std::string_literals;
  EXPECT_EQ(encode(Request(Hello{.version = 1})), "\x05\0\0\0\0\x01\0\0\0"s);
  EXPECT_EQ(encode(Request(Shutdown{.force = true})), "\x02\0\0\0\x05\x01"s);
  EXPECT_EQ(encode(Response(Welcome{.version = 1, .pid = 2, .cgroups = true})),
            "\x0a\0\0\0\0\x01\0\0\0\x02\0\0\0\x01"s);
  EXPECT_EQ(encode(Response(Goodbye{.ending = true, .running = 3})), "\x06\0\0\0\x05\x01\x03\0\0\0"s);
}

TEST(Frames, AreReadFromAStreamHoweverItIsSplit) {
  std::string stream;
  for (const auto& request : all_requests()) stream += encode(request);
  for (std::size_t piece = 1; piece < 40; ++piece) {
    FrameReader reader;
    std::vector<Request> got;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(std::string_view(stream).substr(at, piece));
      for (auto frame = reader.next(); *frame; frame = reader.next()) got.push_back(*decode_request(**frame));
    }
    EXPECT_EQ(got, all_requests());
  }
}

TEST(Frames, OverTheLimitAreRefusedBeforeTheyArrive) {
  FrameReader reader;
  reader.feed(std::string_view("\x01\0\x40\0", 4));
  const auto frame = reader.next();
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().message, "a frame of 4194305 bytes, where at most 4194304 are allowed");
  EXPECT_TRUE(fits(std::string(frame_bytes_max + 4, 'x')));
  EXPECT_FALSE(fits(std::string(frame_bytes_max + 5, 'x')));
}

}  // namespace
}  // namespace sluice::supervisor
