#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "sluice/base/json.hpp"
#include "sluice/ipc/host/channel.hpp"
#include "sluice/ipc/host/message.hpp"
#include "sluice/os/socket.hpp"

namespace sluice::host::protocol {
namespace {

std::array<std::byte, head_bytes> head(std::string_view magic, std::uint32_t json, std::uint64_t payload) {
  std::array<std::byte, head_bytes> out{};
  std::memcpy(out.data(), magic.data(), 4);
  std::memcpy(out.data() + 4, &json, 4);
  std::memcpy(out.data() + 8, &payload, 8);
  return out;
}

Value params() {
  Struct out;
  out.set("path", "a/b");
  return out;
}

TEST(Frame, TheBytesAreThoseOfTheReadme) {
  Struct json;
  json.set("id", 1);
  const auto bytes = encode(json, 300);
  ASSERT_TRUE(bytes);
  using namespace std::string_view_literals;
  EXPECT_EQ(*bytes, "SLH1\x08\0\0\0\x2c\x01\0\0\0\0\0\0{\"id\":1}"sv);
}

TEST(Frame, HeadsOverTheLimitsAreRefused) {
  EXPECT_EQ(decode_header(head("SLH1", 12, 34))->payload_bytes, 34U);
  EXPECT_EQ(decode_header(head("HTTP", 12, 34)).error().message,
            "the other end does not speak the host protocol: a frame must begin with SLH1");
  EXPECT_EQ(decode_header(head("SLH1", 17U << 20, 0)).error().message,
            "a frame's JSON of 17825792 bytes is over the limit of 16 MiB");
  EXPECT_EQ(decode_header(head("SLH1", 2, std::uint64_t{1} << 40)).error().message,
            "a frame's payload of 1099511627776 bytes is over the limit of 256 MiB");
  EXPECT_EQ(encode(Struct{}, payload_bytes_max + 1).error().code, Code::too_large);
  EXPECT_EQ(decode_json("[1]").error().message, "a frame's JSON must be an object, not list");
}

TEST(Message, RequestsRoundTrip) {
  const auto read = request_from(to_value(Request{.id = 7, .method = "predict", .params = params()}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, 7);
  EXPECT_EQ(read->method, "predict");
  EXPECT_EQ(read->params, params());
}

TEST(Message, ResponsesRoundTrip) {
  const auto read = response_from(to_value(Response{.id = 8, .outcome = params()}));
  ASSERT_TRUE(read);
  ASSERT_TRUE(read->outcome);
  EXPECT_EQ(*read->outcome, params());

  const Error error(Code::not_found, "no such head", Blame::environment, {"look again"});
  const auto failed = response_from(to_value(Response{.id = 9, .outcome = Fail(error)}));
  ASSERT_TRUE(failed);
  ASSERT_FALSE(failed->outcome);
  EXPECT_EQ(failed->outcome.error().code, Code::not_found);
  EXPECT_EQ(failed->outcome.error().blame, Blame::environment);
  EXPECT_EQ(failed->outcome.error().message, "no such head");
  EXPECT_EQ(failed->outcome.error().notes, std::vector<std::string>{"look again"});
}

TEST(Message, MalformedOnesAreRefused) {
  const auto read = [](std::string_view text) { return parse_json(text).value(); };
  EXPECT_EQ(request_from(read("{}")).error().message, "malformed frame: `id` must be a whole number");
  EXPECT_EQ(request_from(read(R"({"id": 1})")).error().message, "malformed frame: `method` must be a string");
  EXPECT_EQ(request_from(read(R"({"id": 1, "method": "m", "params": 3})")).error().message,
            "malformed frame: `params` must be an object");
  EXPECT_EQ(response_from(read(R"({"id": 1})")).error().message,
            "malformed frame: a response must have either `result` or `error`");
}

TEST(Channel, FramesCrossASocketBothWaysAtOnce) {
  auto sockets = os::socket_pair();
  ASSERT_TRUE(sockets);
  Channel left(std::move(sockets->first));
  Channel right(std::move(sockets->second));
  const std::string payload(std::size_t{5} << 20, 'x');  // more than a socket's buffer holds
  const auto echo = [](Channel& channel, int count) {
    for (int i = 0; i < count; ++i) {
      auto frame = channel.read();
      ASSERT_TRUE(frame);
      ASSERT_TRUE(channel.write(frame->json, frame->payload));
    }
  };
  std::jthread other([&] { echo(right, 6); });
  std::jthread first([&] {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(left.write(params(), payload));
  });
  std::jthread second([&] {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(left.write(params()));
  });
  std::size_t bytes = 0;
  for (int i = 0; i < 6; ++i) {
    auto frame = left.read();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->json, params());
    bytes += frame->payload.size();
  }
  EXPECT_EQ(bytes, 3 * payload.size());
}

TEST(Channel, AClosedEndIsUnavailable) {
  auto sockets = os::socket_pair();
  ASSERT_TRUE(sockets);
  Channel left(std::move(sockets->first));
  Channel right(std::move(sockets->second));
  std::jthread closer([&] { right.close(); });
  const auto frame = left.read();
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().code, Code::unavailable);
}

}  // namespace
}  // namespace sluice::host::protocol
