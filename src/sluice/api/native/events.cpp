#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "sluice/api/native/responses.hpp"
#include "sluice/base/event_stream.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"

namespace sluice::api {
namespace {

constexpr std::size_t events_per_response = 10'000;
constexpr std::size_t piece_bytes = std::size_t{64} << 10;
constexpr std::size_t buffered_events = 1000;  ///< per stream, however slow its client is
constexpr std::size_t tasks_max = 200;         ///< in one report of those that are under way

std::string text_of(const std::vector<ports::TaskUnderWay>& tasks) { return to_json(runs::to_json(tasks)); }

/// A run's journal as server-sent events, up to the run's end, and between them how far its tasks are, if
/// that has changed. Ends early if the run is not running in this process.
class EventStream final : public ports::Stream {
 public:
  EventStream(const NativeApi& api, RunId run, std::uint64_t from)
      : api_(api), run_(std::move(run)), next_(from) {}

  void next(std::move_only_function<void(Piece)> done) override {
    if (at_ == buffered_.size()) {
      const bool running =
          api_.runs.is_running(run_);  // read first: if false, the events read below are complete
      auto events = api_.runs.events(run_, next_, buffered_events);
      if (!events) return;  // the client sees that the stream was cut off, and may reconnect
      if (events->empty() && !running) return done(std::nullopt);
      if (events->empty()) return wait(std::move(done));
      buffered_ = std::move(*events);
      at_ = 0;
    }
    std::string piece = under_way_text();
    for (; at_ < buffered_.size() && piece.size() < piece_bytes; ++at_, ++next_)
      piece += event_text(std::to_string(next_), std::exchange(buffered_[at_], {}));
    send(std::move(piece), std::move(done));
  }

 private:
  void send(std::string piece, std::move_only_function<void(Piece)> done) {
    sent_at_ = api_.clock.steady();
    done(std::move(piece));
  }

  void wait(std::move_only_function<void(Piece)> done) {
    if (auto text = under_way_text(); !text.empty()) return send(std::move(text), std::move(done));
    // A stream without events begins with a heartbeat.
    if (!sent_at_ || api_.clock.steady() - *sent_at_ >= api_.heartbeat)
      return send(std::string(heartbeat_text), std::move(done));
    api_.runs.notify_when_longer(run_, next_, std::min(api_.heartbeat, api_.progress_interval),
                                 [done = std::move(done)]() mutable { done(std::string()); });
  }

  /// "" if it is too early, or nothing has changed.
  std::string under_way_text() {
    const auto now = api_.clock.steady();
    if (looked_at_ && now - *looked_at_ < api_.progress_interval) return {};
    looked_at_ = now;
    auto text = text_of(api_.runs.under_way(run_, tasks_max));
    if (text == under_way_) return {};
    under_way_ = std::move(text);
    return typed_event_text("under_way", under_way_);
  }

  NativeApi api_;
  RunId run_;
  std::uint64_t next_;                 ///< number of the next event to send
  std::vector<std::string> buffered_;  ///< events not sent yet, from `at_` on
  std::size_t at_ = 0;
  std::optional<std::chrono::nanoseconds> sent_at_;    ///< the last piece; by the steady clock, as the next
  std::optional<std::chrono::nanoseconds> looked_at_;  ///< when it was last asked what is under way
  std::string under_way_ = text_of({});                ///< what was sent of that
};

/// The journal from `from` on, in stored form: the events are JSON texts already.
Result<ports::Response> as_list(const NativeApi& api, const RunId& run, std::uint64_t from) {
  const bool running = api.runs.is_running(run);  // read first: if false, the events below are complete
  SLUICE_TRY(events, api.runs.events(run, from, events_per_response));
  std::string body = fmt::format(R"({{"from":{},"goes_on":{},"events":[)", from, running);
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i > 0) body += ",";
    body += events[i];
  }
  body += "]}\n";
  return ports::Response{.body = std::move(body)};
}

Result<ports::Response> as_stream(const NativeApi& api, const ports::RunRow& row, std::uint64_t from) {
  // A browser reconnects when a stream ends, unless it receives status 204.
  if (row.status != "running") {
    SLUICE_TRY(left, api.runs.events(row.id, from, 1));
    if (left.empty()) return ports::Response{.status = 204};
  }
  return ports::Response{.content_type = "text/event-stream",
                         .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}},
                         .stream = std::make_shared<EventStream>(api, row.id, from)};
}

/// The number of the event after the last one that the client has received.
Result<std::uint64_t> first_event(const ports::Request& request) {
  SLUICE_TRY(from, number_of(request, "from", 0, INT64_MAX));
  const auto last = request.header("last-event-id");
  if (last.empty()) return static_cast<std::uint64_t>(from);
  const auto number = parse_integer<std::uint64_t>(last);
  if (!number || *number >= INT64_MAX)
    return Fail(user_error(Code::invalid_argument, "the header Last-Event-ID must be an event number"));
  return *number + 1;
}

Result<ports::Response> events(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(from, first_event(request));
  SLUICE_TRY(row, api.runs.find(request.principal.workspace, request.params.at(0)));
  const bool streamed = request.header("accept").find("text/event-stream") != std::string_view::npos;
  return streamed ? as_stream(api, row, from) : as_list(api, row.id, from);
}

}  // namespace

void add_event_routes(const NativeApi& api, ports::Protocol& protocol) {
  protocol.routes.push_back({.method = "GET",
                             .pattern = "/v1/runs/{}/events",
                             .handler = sync_handler([api](const auto& r) { return events(api, r); })});
}

}  // namespace sluice::api
