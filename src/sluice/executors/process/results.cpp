#include "sluice/executors/process/results.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "sluice/base/words.hpp"
#include "sluice/executors/process/outputs.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

constexpr std::size_t log_tail_bytes = std::size_t{2} << 10;
constexpr std::size_t last_line_bytes = 500;
constexpr std::size_t page_bytes = 4096;

using engine::Failure;
using engine::Outcome;
using supervisor::Ended;
using supervisor::EndKind;
using supervisor::Step;

std::string_view name(supervisor::Warm warm) {
  switch (warm) {
    case supervisor::Warm::not_asked: break;
    case supervisor::Warm::forked: return "forked";
    case supervisor::Warm::threads: return "threads";
    case supervisor::Warm::no_fork: return "no_fork";
  }
  return "";
}

/// The last lines that the task printed.
std::string log_tail(const std::filesystem::path& log) {
  auto tail = os::read_tail(log, log_tail_bytes).value_or("");
  // It begins with a complete line, if it contains one.
  if (tail.size() == log_tail_bytes)
    if (const auto line = tail.find('\n'); line != std::string::npos && line + 1 < tail.size())
      tail.erase(0, line + 1);
  tail.resize(tail.find_last_not_of(" \t\r\n") + 1);
  return as_utf8(tail);  // it may begin in the middle of a character, and a program may print anything
}

/// Whether not even one page is free on the file system of the log.
bool has_full_disk(const std::filesystem::path& log) {
  std::error_code unknown;
  const auto space = std::filesystem::space(log.parent_path(), unknown);
  return !unknown && space.available < page_bytes;
}

/// Adds the last line to the message, and the last lines as `log`.
Failure with_log(std::string kind, std::string message, const std::filesystem::path& log) {
  Failure failure{.kind = std::move(kind), .message = std::move(message), .payload = {}};
  if (has_full_disk(log))
    failure.message += fmt::format(
        "; the disk that holds its log is full, so the log may be incomplete: free some space in {}",
        log.parent_path().string());
  const auto tail = log_tail(log);
  if (tail.empty()) return failure;
  const auto last = tail.substr(tail.rfind('\n') + 1);
  failure.message += ": " + (last.size() <= last_line_bytes
                                 ? last
                                 : as_utf8(std::string_view(last).substr(0, last_line_bytes)) + "…");
  Struct payload;
  payload.append("log", tail);
  failure.payload = std::move(payload);
  return failure;
}

/// Why the program did not run.
std::string not_started(const Ended& ended) {
  const std::string why = std::strerror(ended.status);
  switch (ended.step) {
    case Step::fork: return "cannot create a process: " + why;
    case Step::log: return "cannot open the log: " + why;
    case Step::directory: return "cannot enter the working directory: " + why;
    case Step::none:
    case Step::execute: break;
  }
  switch (ended.status) {
    case ENOENT:
      return "cannot execute the program: the interpreter that the first line of the script names does not "
             "exist";
    case ENOEXEC:
      return "cannot execute the program: it is neither an executable for this machine nor a script whose "
             "first line names its interpreter (#!/bin/sh)";
    case E2BIG:
      return "cannot execute the program: its arguments and environment are too long for this machine; pass "
             "large values as artifacts";
    default: return "cannot execute the program: " + why;
  }
}

Failure out_of_memory(const ir::Resources& resources, const Places& places) {
  Failure failure{.kind = "memory",
                  .message = fmt::format(
                      "used more than the {} of its `resources.memory`, and its processes were killed; "
                      "raise that limit, or have it use less",
                      human_bytes(static_cast<std::uint64_t>(resources.memory))),
                  .payload = {}};
  if (const auto tail = log_tail(places.log); !tail.empty()) {
    Struct payload;
    payload.append("log", tail);
    failure.payload = std::move(payload);
  }
  return failure;
}

/// What to do if the last line that a Python program printed says that it lacks a module.
std::string missing_module_hint(std::string_view message, bool has_environment) {
  constexpr std::string_view said = "ModuleNotFoundError: No module named '";
  const auto at = message.find(said);
  if (at == std::string_view::npos) return "";
  const auto module =
      message.substr(at + said.size(), message.find('\'', at + said.size()) - at - said.size());
  const auto package = module.substr(0, module.find('.'));
  if (has_environment)
    return fmt::format("; add the package that has it to the `requirements` of the task's `environment`: {}",
                       package);
  return fmt::format(
      "; declare the packages of the task: `environment: {{requirements: [{}]}}` (an activated virtual "
      "environment "
      "is not used)",
      package);
}

/// The failure of a container whose engine's command exited; nullopt: its program did, in the usual way.
std::optional<Failure> failure_of_container(int status, const ports::Attempt& attempt, const Places& places,
                                            const ports::Containers& containers) {
  constexpr int killed = 128 + SIGKILL;
  if (status == killed && attempt.work.resources.memory > 0)
    return out_of_memory(attempt.work.resources, places);
  auto problem = containers.problem(status, log_tail(places.log));
  if (!problem) return std::nullopt;
  return Failure{.kind = "start", .message = std::move(*problem), .payload = {}};
}

Failure failure_of(const Ended& ended, const ports::Attempt& attempt, const Places& places,
                   const ports::Containers* containers) {
  const bool in_container = attempt.work.kind == engine::TaskSpec::Kind::container;
  switch (ended.kind) {
    case EndKind::exited: {
      if (in_container && containers != nullptr)
        if (auto found = failure_of_container(ended.status, attempt, places, *containers))
          return std::move(*found);
      auto failure = with_log("exit", fmt::format("exit status {}", ended.status), places.log);
      failure.exit_code = ended.status;
      failure.message += missing_module_hint(failure.message, attempt.work.environment.has_value());
      return failure;
    }
    case EndKind::signalled: {
      auto failure = with_log("signal",
                              fmt::format("{}ended by signal {} ({})",
                                          in_container ? "the command of the container engine was " : "",
                                          ended.status, strsignal(ended.status)),
                              places.log);
      failure.signal = ended.status;
      return failure;
    }
    case EndKind::not_started: return {.kind = "start", .message = not_started(ended), .payload = {}};
    case EndKind::log_quota:
      return {
          .kind = "log_quota",
          .message = fmt::format("printed more than {} MiB and was killed; write large results to an output",
                                 log_bytes_max >> 20),
          .payload = {}};
    case EndKind::memory: return out_of_memory(attempt.work.resources, places);
    case EndKind::lost: return {.kind = "lost", .message = "its supervisor died while it ran", .payload = {}};
    case EndKind::forgotten: break;
  }
  return {
      .kind = "lost", .message = "it finished earlier and its result is no longer available", .payload = {}};
}

}  // namespace

Outcome outcome_of(const ports::Attempt& attempt, const Places& places, const Ended& ended,
                   ports::ObjectStore& objects, const ports::Containers* containers) {
  Outcome outcome;
  outcome.usage = {.started = Time(Milliseconds(ended.started_ms)),
                   .ended = Time(Milliseconds(ended.ended_ms)),
                   .cpu_ms = ended.cpu_ms,
                   .memory_peak = ended.memory_peak,
                   .memory_of_tree = ended.memory_of_tree,
                   .interpreter = std::string(name(ended.warm))};
  if (ended.kind == EndKind::lost || ended.kind == EndKind::forgotten) {
    outcome.status = Outcome::Status::lost;
    outcome.failure = failure_of(ended, attempt, places, containers);
  } else if (ended.cancelled) {
    // However it ended: a cancelled attempt is not a success.
    outcome.status = Outcome::Status::cancelled;
    outcome.failure = {.kind = "cancelled", .message = "cancelled", .payload = {}};
  } else if (ended.kind == EndKind::exited && ended.status == 0) {
    auto outputs = read_outputs(attempt, places, objects);
    if (outputs) {
      outcome.outputs = std::move(*outputs);
    } else {
      outcome.status = Outcome::Status::failed;
      outcome.failure = std::move(outputs).error();
    }
  } else {
    outcome.status = Outcome::Status::failed;
    outcome.failure = failure_of(ended, attempt, places, containers);
  }
  return outcome;
}

}  // namespace sluice::executors
