#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace sluice {

/// One event of a `text/event-stream` (WHATWG HTML, "Server-sent events").
struct ServerSentEvent {
  std::string id;    ///< the most recent id sent, with this event or an earlier one
  std::string type;  ///< "message" if none was sent
  std::string data;
};

/// The text of one event: `id: ID`, `data: DATA`, an empty line; each line of the data has its own `data:`.
std::string event_text(std::string_view id, std::string_view data);
/// The text of an event of a type of its own, without an id: a client that reconnects does not count it.
std::string typed_event_text(std::string_view type, std::string_view data);

/// A comment without content: it only shows that the server is alive.
inline constexpr std::string_view heartbeat_text = ": \n\n";

/// Parses events from the bytes of a stream, which may be split anywhere. Not thread-safe.
class EventReader {
 public:
  /// Calls `on_event` for each event that is complete now.
  void feed(std::string_view bytes, const std::function<void(const ServerSentEvent&)>& on_event);

 private:
  void process_line(std::string_view line, const std::function<void(const ServerSentEvent&)>& on_event);

  std::string partial_line_;  ///< a line whose end has not arrived yet
  bool after_return_ = false;
  std::string id_;
  std::string type_;
  std::string data_;
  bool has_data_ = false;
};

}  // namespace sluice
