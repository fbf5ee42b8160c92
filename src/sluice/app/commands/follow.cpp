#include "sluice/app/commands/follow.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "sluice/app/commands/print_text.hpp"
#include "sluice/app/terminal/live_tree.hpp"
#include "sluice/base/event_stream.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/path.hpp"
#include "sluice/ir/plan.hpp"

namespace sluice::app {
namespace {

constexpr auto reconnect_timeout = std::chrono::seconds(5);  ///< for a server that is not reachable
constexpr auto retry_interval = std::chrono::milliseconds(200);

/// Prints one line for a change of interest.
void print_change(const runs::OperationReport& row) {
  const auto path = ir::readable_path(row.path);
  if (row.state == "skipped" || row.state == "blocked")
    return print_text(stderr, "  {}  {}{}{}\n", path, row.state, row.why.empty() ? "" : ": ", row.why);
  if (row.kind == "branch" || row.kind == "block" || row.kind == "each" || row.kind == "call") {
    if (row.state != "failed") return;
  }
  if (row.state == "succeeded")
    print_text(stderr, "  {}  {}\n", path,
               row.cached
                   ? "cached"
                   : fmt::format("{:.2f} s",
                                 static_cast<double>((row.usage.ended - row.usage.started).count()) / 1000));
  else if (row.state == "failed" && runs::failed_itself(row))
    print_text(stderr, "  {}  failed: {}\n", path, row.failure.message);
  else if (row.state == "waiting to retry")
    print_text(stderr, "  {}  failed, will be retried: {}\n", path, row.failure.message);
  else
    return;
  for (const auto& remark : runs::remarks_of(row)) print_text(stderr, "    {}\n", remark);
}

bool has_log(const Value& report, const std::string& path) {
  const auto* tasks = report.find("tasks");
  return tasks && tasks->is_list() && std::ranges::any_of(*tasks->if_list(), [&](const Value& task) {
           return task.text_at("path") == path && runs::has_log(task.text_at("kind"));
         });
}

/// The state of a followed run, built from its events. Thread-safe.
class FollowedRun {
 public:
  explicit FollowedRun(Show show) : show_(show) {}

  Result<void> apply(const engine::Event& event) {
    const std::lock_guard lock(mutex_);
    if (const auto* created = std::get_if<engine::RunCreated>(&event)) {
      SLUICE_TRY(plan, ir::read_plan(created->plan));
      plan_ = plan;
      reporter_ = runs::Reporter(std::move(plan));
    }
    const auto* changed = reporter_.apply(event);
    const bool reported =
        std::holds_alternative<engine::Ended>(event) || std::holds_alternative<engine::RetryAt>(event);
    if (changed && reported && show_ == Show::progress && !drawn_) print_change(*changed);
    return {};
  }
  /// From now on a tree shows the run; no lines are printed.
  void set_drawn() { drawn_ = true; }

  void apply(runs::TasksUnderWay under_way) {
    const std::lock_guard lock(mutex_);
    under_way_ = std::move(under_way);
  }

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
    return picture_of(reporter_.report(), *plan_, SystemClock().now(), under_way_);
  }

 private:
  mutable std::mutex mutex_;
  Show show_;
  bool drawn_ = false;
  std::shared_ptr<const ir::Plan> plan_;
  runs::Reporter reporter_;
  runs::TasksUnderWay under_way_;
};

/// Reads one stream of events, continuing after the last event. `answered`: set if the server responded.
Result<void> stream_events(Session& session, const RunId& run, FollowedRun& followed, bool& answered) {
  EventReader reader;
  Result<void> applied;
  StreamRequest request{.target = fmt::format("/v1/runs/{}/events", run.text),
                        .headers = {{"accept", "text/event-stream"}},
                        .on_bytes = {}};
  if (const auto length = followed.length(); length > 0)
    request.headers.emplace_back("last-event-id", std::to_string(length - 1));
  request.on_bytes = [&](std::string_view bytes) {
    answered = true;  // a stream without events begins with a heartbeat
    reader.feed(bytes, [&](const ServerSentEvent& sent) {
      if (!applied) return;
      if (sent.type == "under_way") {
        if (const auto json = parse_json(sent.data, "event")) followed.apply(runs::under_way_from(*json));
        return;
      }
      if (sent.id != std::to_string(followed.length())) {
        applied = Fail(internal_error(
            Code::internal, fmt::format("the server sent event {} of run {}, but event {} was expected",
                                        sent.id, run.text, followed.length())));
        return;
      }
      const auto event = engine::decode(sent.data);
      applied = event ? followed.apply(*event) : Fail(event.error());
    });
    return applied.has_value() && !followed.ended();
  };
  const auto streamed = stream(*session.backend, request);
  return applied ? streamed : applied;
}

Error stopped(const RunId& run, const std::string& options) {
  return environment_error(Code::unavailable,
                           fmt::format("run {0} stopped before it ended; see the log of its server; "
                                       "`sluice resume {0}{1}` resumes it",
                                       run.text, options));
}

/// Reads events until the run has ended; reconnects if the server is lost for a moment.
Result<void> follow_events(Session& session, const RunId& run, FollowedRun& followed) {
  using std::chrono::steady_clock;
  steady_clock::time_point deadline{};
  for (bool lost = false;;) {
    bool answered = false;
    const auto streamed = stream_events(session, run, followed, answered);
    if (followed.ended()) return {};
    if (answered || !lost) deadline = steady_clock::now() + reconnect_timeout;
    if (!streamed && (session.platform || streamed.error().code != Code::unavailable)) return streamed;
    // A server that has just restarted may not have resumed the run yet.
    if (streamed && !lost) return Fail(stopped(run, session.hint_options));
    lost = true;
    if (steady_clock::now() > deadline) {
      if (streamed) return Fail(stopped(run, session.hint_options));
      auto error = streamed.error();
      error.notes.push_back(
          fmt::format("run {0} is stored there; `sluice resume {0}{1}` follows it once the server is back",
                      run.text, session.hint_options));
      return Fail(std::move(error));
    }
    std::this_thread::sleep_for(retry_interval);
  }
}

/// The message on Ctrl-C. A run on a server continues without this process; a run in this process stops with
/// it, except for its tasks.
std::string interrupt_message(const Session& session, const RunId& run) {
  return fmt::format("\nsluice: run {0} {1}; `sluice resume {0}{3}` {2}, `sluice cancel {0}{3}` cancels it\n",
                     run.text, session.platform ? "was interrupted" : "is still running",
                     session.platform ? "resumes it" : "follows it again", session.hint_options);
}

}  // namespace

Result<Value> follow(Session& session, const RunId& run, Show show, Interrupts& interrupts) {
  FollowedRun followed(show);
  std::optional<LiveTree> tree;
  if (show == Show::progress && can_redraw()) {
    followed.set_drawn();
    tree.emplace([&followed] { return followed.picture(); }, wants_colors());
  }
  if (show == Show::progress)
    interrupts.before_exit([&tree, message = interrupt_message(session, run)] {
      if (tree) tree->finish();
      print_text(stderr, "{}", message);
      std::fflush(stderr);
    });
  auto streamed = follow_events(session, run, followed);
  interrupts.before_exit({});
  if (tree) tree->finish();
  if (!streamed) return Fail(std::move(streamed).error());
  return followed.report();
}

Exit print_result(const Value& report, bool json, const std::string& hint_options) {
  const auto status = report.text_at("status");
  if (json) {
    print_json(report);
  } else {
    print_text(stdout, "run {} {} in {:.2f} s\n", report.text_at("run"), status, report.number_at("seconds"));
    if (const auto* outputs = report.find("outputs"); outputs && outputs->is_struct())
      for (const auto& [name, value] : *outputs->if_struct())
        print_text(stdout, "  {} = {}\n", name, to_json(value));
    if (const auto message = report.text_at("message"); !message.empty()) {
      const auto run = report.text_at("run");
      const auto where = report.text_at("failed_at");  // empty: an output of the pipeline failed
      const auto readable = ir::readable_path(where);
      print_text(stderr, "sluice: {}{}{}\n", readable, where.empty() ? "" : ": ", message);
      print_text(stderr, "  see `sluice show {}{}`", run, hint_options);
      if (has_log(report, where))
        print_text(stderr, ", and `sluice logs {} {}{}` for the output of the task", run,
                   shell_word(readable), hint_options);
      print_text(stderr, "\n");
    }
  }
  return status == "succeeded" ? Exit::ok : Exit::failed;
}

}  // namespace sluice::app
