#include <fmt/format.h>

#include "sluice/api/native/responses.hpp"
#include "sluice/base/event_stream.hpp"
#include "sluice/base/json.hpp"

namespace sluice::api {
namespace {

using remote::Fetches;

std::string progress_text(const Fetches::Fetch::State& state) {
  Struct s;
  s.set("received", state.received);
  if (state.total) s.set("total", *state.total);
  return typed_event_text("progress", to_json(s));
}

std::string end_text(const Result<remote::RemoteFiles::Fetched>& result) {
  if (!result) {
    auto error = error_response(result.error()).body;
    error.pop_back();  // its line end
    return typed_event_text("failed", error);
  }
  Struct s;
  s.set("artifact", to_tagged(Value(result->artifact)));
  s.set("from", result->from);
  s.set("new", result->is_new);
  return typed_event_text("fetched", to_json(s));
}

/// Says how far a fetch is, and how it ended. Whoever disconnects cancels it.
class FetchStream final : public ports::Stream {
 public:
  explicit FetchStream(std::shared_ptr<Fetches::Fetch> fetch) : fetch_(std::move(fetch)) {}
  ~FetchStream() override { fetch_->cancel(); }
  FetchStream(const FetchStream&) = delete;
  FetchStream& operator=(const FetchStream&) = delete;

  void next(std::move_only_function<void(Piece)> done) override {
    if (ended_) return done(std::nullopt);
    const auto state = fetch_->state();
    if (state.result) {
      ended_ = true;
      return done(end_text(*state.result));
    }
    if (!sent_ || state.changes > *sent_) {
      sent_ = state.changes;
      return done(progress_text(state));
    }
    fetch_->notify_when_changed(*sent_, [done = std::move(done)]() mutable { done(std::string()); });
  }

 private:
  std::shared_ptr<Fetches::Fetch> fetch_;
  std::optional<std::uint64_t> sent_;  ///< how many changes the client knows
  bool ended_ = false;
};

Result<ports::Response> fetch(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(body, body_of(request));
  SLUICE_TRY(url, text_of(body, "url"));
  SLUICE_TRY(secret, text_of(body, "secret", ""));
  SLUICE_TRY(kind, text_of(body, "kind", "any"));
  SLUICE_TRY(parsed, remote::parse_remote_url(url));
  SLUICE_TRY(fetch, api.fetches->begin({.workspace = request.principal.workspace,
                                        .url = std::move(url),
                                        .secret = std::move(secret),
                                        .kind = std::move(kind)}));
  return ports::Response{.content_type = "text/event-stream",
                         .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}},
                         .stream = std::make_shared<FetchStream>(std::move(fetch)),
                         .subject = parsed.shown()};
}

}  // namespace

void add_fetch_routes(const NativeApi& api, ports::Protocol& protocol) {
  protocol.routes.push_back({.method = "POST",
                             .pattern = "/v1/fetches",
                             .handler = sync_handler([api](const auto& r) { return fetch(api, r); }),
                             .body_max = std::size_t{64} << 10,
                             .change = "input.fetch"});
}

}  // namespace sluice::api
