#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace sluice {

/// One event of a `text/event-stream` (WHATWG HTML, "Server-sent events").
struct ServerSentEvent {
  std::string id;    ///< the newest that was sent, also with an earlier event
  std::string type;  ///< "message" where none was sent
  std::string data;
};

/// `id: ID`, `data: DATA`, an empty line; data of several lines takes several `data:` lines.
std::string event_text(std::string_view id, std::string_view data);

/// A line that says nothing but that the server is there.
inline constexpr std::string_view heartbeat_text = ": \n\n";

/// Puts events together from the bytes of a stream, however they are cut. One thread.
class EventReader {
 public:
  /// Calls back with each event that is whole now.
  void feed(std::string_view bytes, const std::function<void(const ServerSentEvent&)>& on_event);

 private:
  void take_line(std::string_view line, const std::function<void(const ServerSentEvent&)>& on_event);

  std::string rest_;  ///< of a line that is not whole yet
  bool after_return_ = false;
  std::string id_;
  std::string type_;
  std::string data_;
  bool has_data_ = false;
};

}  // namespace sluice
