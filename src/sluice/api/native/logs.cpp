#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "sluice/api/native/responses.hpp"
#include "sluice/base/hidden_text.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/plan.hpp"

namespace sluice::api {
namespace {

constexpr std::size_t piece_bytes = std::size_t{64} << 10;
constexpr Milliseconds poll_interval = std::chrono::milliseconds(200);  ///< for a file that may have grown

bool has_log(const NativeApi& api, const RunId& run, const std::string& kind, const std::string& path) {
  return !api.log_of(kind, run, path, 1).empty();
}

Error no_such_task(const NativeApi& api, const runs::RunReport& report, const std::string& task) {
  std::string known;
  std::vector<std::string> names;
  for (const auto& operation : report.operations) {
    if (!has_log(api, report.created.run, operation.kind, operation.path)) continue;
    known += (known.empty() ? "`" : ", `") + operation.path + "`";
    names.push_back(operation.path);
  }
  auto hint = did_you_mean(task, names);
  if (hint.empty() && !known.empty()) hint = "; tasks with a log: " + known;
  return user_error(Code::not_found,
                    fmt::format("run {} has no task `{}`{}", report.created.run.text, task, hint));
}

Error no_log(const runs::OperationReport& task) {
  auto error =
      user_error(Code::not_found,
                 fmt::format("task `{}` has written no log{}{}", task.path,
                             task.kind == "service" ? "; it is a service" : "",
                             task.failure.message.empty() ? "" : ", and failed: " + task.failure.message));
  error.notes = runs::remarks_of(task);
  return error;
}

/// The log file of an attempt, 0 for the latest; of a cached task, that of the attempt that produced the
/// outputs. Empty if there was no such attempt.
std::filesystem::path file_of(const NativeApi& api, const RunId& run, const runs::OperationReport& task,
                              const std::string& kind, std::int64_t requested) {
  const auto& holder = task.cached ? task.made_in : run;
  const auto& path = task.cached ? task.made_by : task.path;
  auto attempts = task.attempts;
  if (task.cached)
    if (const auto origin = api.runs.report(holder))
      for (const auto& operation : origin->operations)
        if (operation.path == path) attempts = operation.attempts;
  const auto attempt = requested > 0 ? requested : std::max<std::int64_t>(1, attempts);
  return attempts < attempt ? std::filesystem::path()
                            : api.log_of(kind, holder, path, static_cast<int>(attempt));
}

Result<std::vector<std::string>> hidden_in(const NativeApi& api, const std::string& workspace) {
  if (api.secrets == nullptr) return std::vector<std::string>();
  return api.secrets->values(workspace);
}

Result<std::string> read_log(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in),
                   std::istreambuf_iterator<char>()};  // tasks have a quota
  if (in.bad()) return Fail(environment_error(Code::unavailable, "cannot read " + file.string()));
  return text;
}

Result<ports::Response> log_of(const NativeApi& api, const RunId& run, const std::string& path,
                               std::int64_t attempt) {
  SLUICE_TRY(report, api.runs.report(run));
  // The path becomes part of a file name, so only paths from the journal are accepted.
  const auto found = std::ranges::find(report.operations, path, &runs::OperationReport::path);
  if (found == report.operations.end()) return Fail(no_such_task(api, report, path));
  const auto file = file_of(api, run, *found, found->kind, attempt);
  if (file.empty()) return Fail(no_log(*found));
  // A task that printed nothing has no log file.
  std::error_code failed;
  const bool exists = std::filesystem::exists(file, failed);
  if (failed) return Fail(system_error("access " + file.string(), failed.value()));
  if (!exists) return ports::Response{.content_type = "text/plain; charset=utf-8"};
  SLUICE_TRY(hidden, hidden_in(api, report.created.principal.workspace));
  if (hidden.empty()) return ports::Response{.content_type = "text/plain; charset=utf-8", .body_file = file};
  SLUICE_TRY(text, read_log(file));
  return ports::Response{.content_type = "text/plain; charset=utf-8", .body = hide(text, hidden)};
}

/// The output of a task, attempt after attempt, until it has ended.
class LogStream final : public ports::Stream {
 public:
  LogStream(const NativeApi& api, RunId run, std::string kind, std::string path, std::int64_t attempt,
            HiddenText hidden)
      : api_(api),
        run_(std::move(run)),
        kind_(std::move(kind)),
        path_(std::move(path)),
        requested_(attempt),
        hidden_(std::move(hidden)) {}

  void next(std::move_only_function<void(Piece)> done) override {
    const bool running =
        api_.runs.is_running(run_);  // read first: if false, the events read below are complete
    if (!read_events()) return;
    const auto& operations = reporter_.report().operations;
    const auto task = std::ranges::find(operations, path_, &runs::OperationReport::path);
    if (task == operations.end()) return running ? wait(std::move(done)) : done(std::nullopt);
    if (attempt_ == 0) attempt_ = requested_ > 0 ? requested_ : std::max<std::int64_t>(1, task->attempts);
    const bool finished = !running || task->ended || task->attempts > attempt_;
    auto piece = read_file(file_of(api_, run_, *task, kind_, task->cached ? requested_ : attempt_));
    if (!piece.empty()) return done(hidden_.add(piece));
    if (!finished) return wait(std::move(done));
    if (auto rest = hidden_.finish(); !rest.empty()) return done(std::move(rest));
    if (requested_ > 0 || task->cached || task->attempts <= attempt_) return done(std::nullopt);
    ++attempt_;
    offset_ = 0;
    done(std::string());
  }

 private:
  bool read_events() {
    const auto events = api_.runs.events(run_, reporter_.report().length);
    if (!events) return false;
    for (const auto& text : *events) {
      const auto event = engine::decode(text);
      if (!event) return false;
      reporter_.apply(*event);
    }
    return true;
  }

  std::string read_file(const std::filesystem::path& file) {
    std::string bytes(piece_bytes, '\0');
    std::ifstream in(file, std::ios::binary);  // a task that has not printed anything has no file
    in.seekg(static_cast<std::streamoff>(offset_));
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
    offset_ += bytes.size();
    return bytes;
  }

  void wait(std::move_only_function<void(Piece)> done) {
    api_.runs.notify_when_longer(run_, reporter_.report().length, poll_interval,
                                 [done = std::move(done)]() mutable { done(std::string()); });
  }

  NativeApi api_;
  RunId run_;
  std::string kind_;  ///< the kind of the task; events alone do not contain it
  std::string path_;
  std::int64_t requested_;    ///< the requested attempt; 0: all
  std::int64_t attempt_ = 0;  ///< the attempt whose file is read; 0: not known yet
  std::uint64_t offset_ = 0;
  HiddenText hidden_;
  runs::Reporter reporter_;
};

/// Waits for a task that has not started yet, if it is in the plan and the run has not ended.
Result<ports::Response> follow(const NativeApi& api, const RunId& run, const std::string& path,
                               std::int64_t attempt) {
  SLUICE_TRY(report, api.runs.report(run));
  const auto found = std::ranges::find(report.operations, path, &runs::OperationReport::path);
  std::string kind;
  if (found != report.operations.end()) {
    kind = found->kind;
    if (!has_log(api, run, kind, path)) return Fail(no_log(*found));
  } else {
    SLUICE_TRY(plan, ir::read_plan(report.created.plan));
    const auto* planned = runs::operation_at(*plan, report.created.pipeline, path);
    if (planned) kind = runs::kind_of(*planned);
    if (report.result || !planned || !has_log(api, run, kind, path))
      return Fail(no_such_task(api, report, path));
  }
  SLUICE_TRY(hidden, hidden_in(api, report.created.principal.workspace));
  return ports::Response{
      .content_type = "text/plain; charset=utf-8",
      .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}},
      .stream = std::make_shared<LogStream>(api, run, kind, path, attempt, HiddenText(std::move(hidden)))};
}

Result<ports::Response> log(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(row, api.runs.find(request.principal.workspace, request.params.at(0)));
  const std::string task(request.query_at("task"));
  SLUICE_TRY(attempt, number_of(request, "attempt", 0, 1'000'000));
  SLUICE_TRY(follows, number_of(request, "follow", 0, 1));
  return follows > 0 ? follow(api, row.id, task, attempt) : log_of(api, row.id, task, attempt);
}

}  // namespace

void add_log_routes(const NativeApi& api, ports::Protocol& protocol) {
  protocol.routes.push_back({.method = "GET",
                             .pattern = "/v1/runs/{}/log",
                             .handler = sync_handler([api](const auto& r) { return log(api, r); })});
}

}  // namespace sluice::api
