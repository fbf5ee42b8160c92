#include "sluice/app/end_notice.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <csignal>
#include <mutex>

#include <fmt/format.h>
#include <unistd.h>

#include "sluice/base/json.hpp"
#include "sluice/domain/remote/post.hpp"
#include "sluice/os/process.hpp"

namespace sluice::app {
namespace {

constexpr auto command_time_max = std::chrono::seconds(60);
constexpr std::size_t variable_bytes_max = 8192;
constexpr std::array pauses{std::chrono::seconds(1), std::chrono::seconds(5)};

/// A pause that ends early when it is stopped.
void pause(std::chrono::seconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

bool may_pass(const Error& error) {
  return error.code == Code::unavailable || error.code == Code::deadline_exceeded;
}

Result<void> run_command(const std::string& command, const Value& message, const std::stop_token& stop) {
  std::vector<std::string> env;
  for (char** entry = environ; *entry != nullptr; ++entry) env.emplace_back(*entry);
  const auto* failure = message.find("first_failure");
  for (const auto& [name, value] :
       {std::pair<std::string, std::string>{"SLUICE_RUN", message.text_at("run")},
        {"SLUICE_STATUS", message.text_at("status")},
        {"SLUICE_FAILURE", failure == nullptr ? std::string() : failure->text_at("message")}}) {
    std::erase_if(env, [&](const std::string& entry) { return entry.starts_with(name + "="); });
    // A variable ends at a NUL, and has at most 128 KiB.
    env.push_back(name + "=" + value.substr(0, std::min(value.find('\0'), variable_bytes_max)));
  }
  // Of a group of its own, so that all of it is ended.
  SLUICE_TRY(process, os::spawn({.program = "/bin/sh",
                                 .argv = {"/bin/sh", "-c", command},
                                 .env = std::move(env),
                                 .fds = {{STDERR_FILENO, STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}},
                                 .new_group = true}));
  constexpr auto interval = std::chrono::milliseconds(100);
  for (auto left = std::chrono::milliseconds(command_time_max); left.count() > 0; left -= interval) {
    SLUICE_TRY(ended, process.wait_for(interval));
    if (ended && ended->succeeded()) return {};
    if (ended)
      return Fail(user_error(Code::failed_precondition,
                             ended->signal != 0 ? fmt::format("the command ended by signal {}", ended->signal)
                                                : fmt::format("the command ended with {}", ended->status)));
    if (stop.stop_requested()) break;
  }
  ::kill(-process.pid(), SIGKILL);
  SLUICE_DO(process.wait());
  return Fail(user_error(Code::deadline_exceeded, "the command was ended: it had not ended within 60 s"));
}

}  // namespace

Value end_message(const Value& report) {
  Struct message;
  message.set("run", report.text_at("run"));
  message.set("status", report.text_at("status"));
  message.set("name", report.text_at("name"));
  message.set("pipeline", report.text_at("pipeline"));
  message.set("started", report.text_at("created"));
  message.set("ended", report.text_at("ended"));
  if (report.find("failed_at") == nullptr && report.find("message") == nullptr) return message;
  Struct failure;
  const auto path = report.text_at("failed_at");
  failure.set("path", path);
  if (const auto* tasks = report.find("tasks"); tasks != nullptr && tasks->is_list())
    for (const auto& task : *tasks->if_list())
      if (const auto* own = task.find("failure"); own != nullptr && task.text_at("path") == path)
        failure.set("kind", own->text_at("kind"));
  failure.set("message", report.text_at("message"));
  message.set("first_failure", std::move(failure));
  return message;
}

Result<EndNotice> EndNotice::parse(const std::string& text) {
  EndNotice notice;
  if (!text.starts_with("http://") && !text.starts_with("https://")) {
    notice.command_ = text;
    return notice;
  }
  auto url = remote::parse_remote_url(text);
  if (!url) return Fail(std::move(url).error().at("--on-end"));
  notice.url_ = std::move(*url);
  return notice;
}

Result<void> EndNotice::tell(const Value& report, ports::Outbound& outbound,
                             const remote::AllowedUrls& allowed, const std::stop_token& stop) const {
  const auto message = end_message(report);
  if (!url_) return run_command(command_, message, stop);
  for (const auto* next = pauses.begin();; ++next) {
    auto posted = remote::post(outbound, allowed, *url_, to_json(message), stop);
    if (posted || next == pauses.end() || !may_pass(posted.error()) || stop.stop_requested()) return posted;
    pause(*next, stop);
  }
}

}  // namespace sluice::app
