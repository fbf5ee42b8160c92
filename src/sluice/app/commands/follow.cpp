#include "sluice/app/commands/follow.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "sluice/app/commands/say.hpp"
#include "sluice/app/terminal/live_tree.hpp"
#include "sluice/base/event_stream.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/plan.hpp"

namespace sluice::app {
namespace {

constexpr auto patience = std::chrono::seconds(5);  ///< with a server that is lost
constexpr auto between_tries = std::chrono::milliseconds(200);

/// One line a change that a person wants to see.
void print_change(const runs::OperationReport& row) {
  if (row.kind == "branch" || row.kind == "block" || row.kind == "each" || row.kind == "call") {
    if (row.state != "failed") return;
  }
  if (row.state == "succeeded")
    say(stderr, "  {}  {}\n", row.path,
        row.cached ? "cached"
                   : fmt::format("{:.2f} s",
                                 static_cast<double>((row.usage.ended - row.usage.started).count()) / 1000));
  else if (row.state == "failed" && row.failure.source == row.path)
    say(stderr, "  {}  failed: {}\n", row.path, row.failure.message);
  else if (row.state == "waiting to retry")
    say(stderr, "  {}  failed, will be tried again: {}\n", row.path, row.failure.message);
}

bool has_log(const Value& report, const std::string& path) {
  const auto* tasks = report.find("tasks");
  return tasks && tasks->is_list() && std::ranges::any_of(*tasks->if_list(), [&](const Value& task) {
           return task.text_at("path") == path && task.text_at("kind") == "process";
         });
}

/// A run as its events tell about it. Thread-safe.
class Followed {
 public:
  explicit Followed(Show show) : show_(show) {}

  Result<void> take(const engine::Event& event) {
    const std::lock_guard lock(mutex_);
    if (const auto* created = std::get_if<engine::RunCreated>(&event)) {
      SLUICE_TRY(plan, ir::read_plan(created->plan));
      plan_ = plan;
      reporter_ = runs::Reporter(std::move(plan));
    }
    const auto* changed = reporter_.apply(event);
    const bool told =
        std::holds_alternative<engine::Ended>(event) || std::holds_alternative<engine::RetryAt>(event);
    if (changed && told && show_ == Show::progress && !drawn_) print_change(*changed);
    return {};
  }
  /// A tree shows it from now on, and no lines.
  void is_drawn() { drawn_ = true; }

  [[nodiscard]] bool begun() const {
    const std::lock_guard lock(mutex_);
    return plan_ != nullptr;
  }
  [[nodiscard]] bool ended() const {
    const std::lock_guard lock(mutex_);
    return reporter_.report().result.has_value();
  }
  [[nodiscard]] std::uint64_t length() const {
    const std::lock_guard lock(mutex_);
    return reporter_.report().length;
  }
  [[nodiscard]] Value report() const {
    const std::lock_guard lock(mutex_);
    return runs::to_json(reporter_.report());
  }
  [[nodiscard]] RunPicture picture() const {
    const std::lock_guard lock(mutex_);
    if (!plan_) return {.state = "running", .time = {}, .rows = {}};
    return picture_of(reporter_.report(), *plan_, SystemClock().now());
  }

 private:
  mutable std::mutex mutex_;
  Show show_;
  bool drawn_ = false;
  std::shared_ptr<const ir::Plan> plan_;
  runs::Reporter reporter_;
};

/// One stream of events, from where the last one stopped. `answered`: the server was there.
Result<void> listen_to(Session& session, const RunId& run, Followed& followed, bool& answered) {
  EventReader reader;
  Result<void> wrong;
  Listening listening{.target = fmt::format("/v1/runs/{}/events", run.text),
                      .headers = {{"accept", "text/event-stream"}},
                      .on_bytes = {}};
  if (const auto length = followed.length(); length > 0)
    listening.headers.emplace_back("last-event-id", std::to_string(length - 1));
  listening.on_bytes = [&](std::string_view bytes) {
    answered = true;  // a stream that has nothing to say begins with a heartbeat
    reader.feed(bytes, [&](const ServerSentEvent& sent) {
      if (!wrong) return;
      if (sent.id != std::to_string(followed.length())) {
        wrong = Fail(Error{.code = Code::internal,
                           .message = fmt::format("the server sent event {} of run {} where {} was due",
                                                  sent.id, run.text, followed.length()),
                           .blame = Blame::sluice});
        return;
      }
      const auto event = engine::decode(sent.data);
      wrong = event ? followed.take(*event) : Fail(event.error());
    });
    return wrong.has_value() && !followed.ended();
  };
  const auto heard = listen(*session.backend, listening);
  return wrong ? heard : wrong;
}

Error stopped(const RunId& run, const std::string& again) {
  return environment_error(Code::unavailable,
                           fmt::format("run {0} stopped before its end; the messages of its server tell why, "
                                       "`sluice resume {0}{1}` goes on with it",
                                       run.text, again));
}

Result<void> listen_to_the_end(Session& session, const RunId& run, Followed& followed) {
  using std::chrono::steady_clock;
  steady_clock::time_point given_up{};
  for (bool lost = false;;) {
    bool answered = false;
    const auto heard = listen_to(session, run, followed, answered);
    if (followed.ended()) return {};
    if (answered || !lost) given_up = steady_clock::now() + patience;
    if (!heard && (session.platform || heard.error().code != Code::unavailable)) return heard;
    // A server that has just come back may not have gone on with the run yet.
    if (heard && !lost) return Fail(stopped(run, session.again));
    lost = true;
    if (steady_clock::now() > given_up) {
      if (heard) return Fail(stopped(run, session.again));
      auto error = heard.error();
      error.notes.push_back(
          fmt::format("run {0} is kept there; `sluice resume {0}{1}` follows it once the server is back",
                      run.text, session.again));
      return Fail(std::move(error));
    }
    std::this_thread::sleep_for(between_tries);
  }
}

/// What Ctrl-C says. A server's run goes on without us; one of this process stops with it, but for its tasks.
std::string last_words(const Session& session, const RunId& run) {
  return fmt::format("\nsluice: run {0} {1}; `sluice resume {0}{3}` {2}, `sluice cancel {0}{3}` ends it\n",
                     run.text, session.platform ? "is interrupted" : "goes on",
                     session.platform ? "goes on with it" : "follows it again", session.again);
}

}  // namespace

Result<Value> follow(Session& session, const RunId& run, Show show, Interrupts& interrupts) {
  Followed followed(show);
  std::optional<LiveTree> tree;
  if (show == Show::progress && can_draw_over_lines()) {
    followed.is_drawn();
    tree.emplace([&followed] { return followed.picture(); }, wants_colours());
  }
  if (show == Show::progress)
    interrupts.say([&tree, words = last_words(session, run)] {
      if (tree) tree->finish();
      say(stderr, "{}", words);
      std::fflush(stderr);
    });
  auto heard = listen_to_the_end(session, run, followed);
  interrupts.say({});
  if (tree) tree->finish();
  if (!heard) return Fail(std::move(heard).error());
  return followed.report();
}

Exit conclude(const Value& report, bool json, const std::string& again) {
  const auto status = report.text_at("status");
  if (json) {
    print_json(report);
  } else {
    say(stdout, "run {} {} in {:.2f} s\n", report.text_at("run"), status, report.number_at("seconds"));
    if (const auto* outputs = report.find("outputs"); outputs && outputs->is_struct())
      for (const auto& [name, value] : *outputs->if_struct())
        say(stdout, "  {} = {}\n", name, to_json(value));
    if (const auto message = report.text_at("message"); !message.empty()) {
      say(stderr, "sluice: {}: {}\n", report.text_at("failed_at"), message);
      const auto run = report.text_at("run");
      const auto where = report.text_at("failed_at");
      say(stderr, "  `sluice show {}{}` tells more", run, again);
      if (has_log(report, where))
        say(stderr, ", `sluice logs {} {}{}` what the task printed", run, shell_word(where), again);
      say(stderr, "\n");
    }
  }
  return status == "succeeded" ? Exit::ok : Exit::failed;
}

}  // namespace sluice::app
