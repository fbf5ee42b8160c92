#include "sluice/app/commands/fetch_input.hpp"

#include <optional>

#include <fmt/format.h>

#include "sluice/base/event_stream.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"

namespace sluice::app {
namespace {

/// A tenth, or 100 MB where the size is not known, is worth a line.
class Progress {
 public:
  explicit Progress(const std::function<void(const std::string&)>& say) : say_(say) {}
  void at(std::int64_t received, std::int64_t total) {
    constexpr std::int64_t worth_a_line = 100'000'000;
    const auto step = std::max(total / 10, worth_a_line);
    if (received < said_ + step) return;
    said_ = received;
    const auto shown = [](std::int64_t n) { return human_bytes(static_cast<std::uint64_t>(n)); };
    say_(total > 0 ? fmt::format("  fetched {} of {}", shown(received), shown(total))
                   : fmt::format("  fetched {}", shown(received)));
  }

 private:
  const std::function<void(const std::string&)>& say_;
  std::int64_t said_ = 0;
};

}  // namespace

Result<Value> fetch_input(Backend& backend, const RemoteInput& input,
                          const std::function<void(const std::string&)>& say) {
  Struct body;
  body.set("url", input.url);
  body.set("kind", input.kind);
  if (!input.secret.empty()) body.set("secret", input.secret);
  Progress progress(say);
  std::optional<Result<Value>> end;
  EventReader reader;
  const auto take = [&](const ServerSentEvent& event) {
    auto json = parse_json(event.data, "event");
    if (!json) {
      end = Fail(std::move(json).error());
    } else if (event.type == "progress") {
      progress.at(json->integer_at("received"), json->integer_at("total"));
    } else if (event.type == "failed") {
      end = Fail(error_of({.status = 500, .body = event.data}));
    } else if (event.type == "fetched") {
      const auto* artifact = json->find("artifact");
      end = from_tagged(artifact == nullptr ? Value() : *artifact);
      if (*end)
        say(fmt::format("{} {}", json->boolean_at("new") ? "fetched" : "unchanged:", json->text_at("from")));
    }
  };
  SLUICE_DO(stream(backend, {.method = "POST",
                             .target = "/v1/fetches",
                             .headers = {{"content-type", "application/json"}},
                             .body = to_json(Value(std::move(body))),
                             .on_bytes =
                                 [&](std::string_view bytes) {
                                   reader.feed(bytes, take);
                                   return !end;
                                 },
                             .may_be_silent = true}));
  if (!end)
    return Fail(
        environment_error(Code::unavailable, "the server stopped before the file was fetched; try again"));
  return std::move(*end);
}

}  // namespace sluice::app
