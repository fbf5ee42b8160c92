#include "sluice/base/event_stream.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace sluice {
namespace {

std::vector<std::string> read(EventReader& reader, std::string_view bytes) {
  std::vector<std::string> out;
  reader.feed(bytes,
              [&](const ServerSentEvent& e) { out.push_back(e.type + " " + e.id + " [" + e.data + "]"); });
  return out;
}
using Seen = std::vector<std::string>;

TEST(EventStream, IsWrittenAndReadBack) {
  EventReader reader;
  EXPECT_EQ(event_text("7", R"({"t":"ended"})"), "id: 7\ndata: {\"t\":\"ended\"}\n\n");
  const auto text =
      event_text("1", "a\n\nb") + std::string(heartbeat_text) + event_text("2", "") + event_text("3", " x");
  EXPECT_EQ(read(reader, text), (Seen{"message 1 [a\n\nb]", "message 2 []", "message 3 [ x]"}));
}

TEST(EventStream, AnEventOfATypeOfItsOwnKeepsTheId) {
  EventReader reader;
  EXPECT_EQ(read(reader, event_text("7", "a") + typed_event_text("odd", "b") + event_text("8", "c")),
            (Seen{"message 7 [a]", "odd 7 [b]", "message 8 [c]"}));
}

TEST(EventStream, IsReadHoweverItIsSplit) {
  const std::string text =
      ": hello\r\nid: 1\r\nevent: odd\r\ndata: a\r\ndata:b\r\n\r\nretry: 9\rdata: c\r\rid\ndata\n\n";
  const Seen all{"odd 1 [a\nb]", "message 1 [c]", "message  []"};
  for (std::size_t size = 1; size <= text.size(); ++size) {
    EventReader reader;
    Seen seen;
    for (std::size_t i = 0; i < text.size(); i += size)
      for (auto& event : read(reader, std::string_view(text).substr(i, size)))
        seen.push_back(std::move(event));
    EXPECT_EQ(seen, all) << "in pieces of " << size;
  }
}

TEST(EventStream, AnIncompleteEventIsNotReported) {
  EventReader reader;
  EXPECT_EQ(read(reader, "id: 4\ndata: x\n"), Seen{});
  EXPECT_EQ(read(reader, "event: odd\n\n"), Seen{"odd 4 [x]"});
  EXPECT_EQ(read(reader, "event: odd\n\n"), Seen{}) << "it had no data";
}

}  // namespace
}  // namespace sluice
