#include "sluice/base/event_stream.hpp"

#include <algorithm>
#include <utility>

namespace sluice {

namespace {

std::string event_with(std::string_view field, std::string_view value, std::string_view data) {
  std::string out;
  out.reserve(data.size() + value.size() + 16);
  out.append(field).append(": ").append(value).append("\n");
  for (;;) {
    const auto end = data.find('\n');
    out.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + 1);
  }
  return out += "\n";
}

}  // namespace

std::string event_text(std::string_view id, std::string_view data) { return event_with("id", id, data); }

std::string typed_event_text(std::string_view type, std::string_view data) {
  return event_with("event", type, data);
}

void EventReader::feed(std::string_view bytes, const std::function<void(const ServerSentEvent&)>& on_event) {
  while (!bytes.empty()) {
    // "\r\n", "\n" and "\r" each end a line, and the pair may be split between two calls.
    if (after_return_ && bytes.front() == '\n') bytes.remove_prefix(1);
    after_return_ = false;
    const auto end = bytes.find_first_of("\r\n");
    if (end == std::string_view::npos) {
      partial_line_.append(bytes);
      return;
    }
    after_return_ = bytes[end] == '\r';
    if (partial_line_.empty()) {
      process_line(bytes.substr(0, end), on_event);
    } else {
      partial_line_.append(bytes.substr(0, end));
      const auto line = std::exchange(partial_line_, {});
      process_line(line, on_event);
    }
    bytes.remove_prefix(end + 1);
  }
}

void EventReader::process_line(std::string_view line,
                               const std::function<void(const ServerSentEvent&)>& on_event) {
  if (line.empty()) {
    if (has_data_) {
      if (!data_.empty()) data_.pop_back();  // the newline after its last line
      on_event({.id = id_, .type = type_.empty() ? "message" : type_, .data = data_});
    }
    type_.clear();
    data_.clear();
    has_data_ = false;
    return;
  }
  const auto colon = std::min(line.find(':'), line.size());
  const auto field = line.substr(0, colon);
  auto value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "id") {
    id_ = value;
  } else if (field == "event") {
    type_ = value;
  } else if (field == "data") {
    data_.append(value).push_back('\n');
    has_data_ = true;
  }
}

}  // namespace sluice
