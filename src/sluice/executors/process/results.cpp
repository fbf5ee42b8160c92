#include "sluice/executors/process/results.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/inputs.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

constexpr std::size_t value_bytes_max = std::size_t{64} << 10;
constexpr std::size_t log_tail_bytes = std::size_t{2} << 10;

using engine::Failure;
using engine::Outcome;

/// The end of what the task printed, as text that can stand in a message.
std::string log_tail(const Places& places) {
  auto tail = os::read_tail(places.log, log_tail_bytes).value_or("");
  if (tail.size() == log_tail_bytes)
    if (const auto line = tail.find('\n'); line != std::string::npos) tail.erase(0, line + 1);
  while (!tail.empty() && (tail.back() == '\n' || tail.back() == ' ')) tail.pop_back();
  if (is_utf8(tail)) return tail;
  std::string plain;
  for (const char c : tail) plain.push_back(static_cast<unsigned char>(c) < 0x80 ? c : '?');
  return plain;
}

Failure with_log(Failure failure, const Places& places) {
  const auto tail = log_tail(places);
  if (tail.empty()) return failure;
  Struct payload;
  payload.set("log", tail);
  failure.payload = std::move(payload);
  const auto last_line = tail.substr(tail.rfind('\n') == std::string::npos ? 0 : tail.rfind('\n') + 1);
  failure.message += ": " + last_line.substr(0, 500);
  return failure;
}

Failure failure_of(const supervisor::Ended& ended, const Places& places) {
  using supervisor::EndKind;
  switch (ended.kind) {
    case EndKind::exited:
      return with_log({.kind = "exit", .message = fmt::format("exit status {}", ended.status)}, places);
    case EndKind::signalled:
      return with_log(
          {.kind = "signal",
           .message = fmt::format("ended by signal {} ({})", ended.status, strsignal(ended.status))},
          places);
    case EndKind::not_started:
      return {
          .kind = "start",
          .message = fmt::format("cannot {}: {}",
                                 ended.step == supervisor::Step::execute     ? "execute the program"
                                 : ended.step == supervisor::Step::log       ? "open the log"
                                 : ended.step == supervisor::Step::directory ? "enter the working directory"
                                                                             : "make a process",
                                 std::strerror(ended.status))};
    case EndKind::log_quota:
      return {.kind = "log_quota",
              .message = "printed more than 64 MiB; write large results to an output instead"};
    case EndKind::forgotten:
      return {.kind = "lost", .message = "its end was acknowledged before it was stored"};
    case EndKind::lost: return {.kind = "lost", .message = "its supervisor died"};
  }
  return {.kind = "lost", .message = "ended in an unknown way"};
}

/// A text output as a value of its declared type.
Result<Value> value_from_text(const std::string& text, const ir::Type& type) {
  using Kind = ir::Type::Kind;
  if (type.kind == Kind::string || type.kind == Kind::any) return Value(text);
  auto trimmed = std::string_view(text);
  while (!trimmed.empty() && std::isspace(static_cast<unsigned char>(trimmed.back())) != 0)
    trimmed.remove_suffix(1);
  while (!trimmed.empty() && std::isspace(static_cast<unsigned char>(trimmed.front())) != 0)
    trimmed.remove_prefix(1);
  if (type.kind == Kind::boolean) {
    if (trimmed == "true" || trimmed == "True") return Value(true);
    if (trimmed == "false" || trimmed == "False") return Value(false);
  }
  return parse_json(trimmed, "output");
}

class Reader {
 public:
  Reader(const ports::Attempt& attempt, const Places& places, ports::ObjectStore& objects)
      : attempt_(attempt), places_(places), objects_(objects) {}

  /// Nothing: it is optional and was not written.
  std::expected<std::optional<Value>, Failure> read(const ir::TaskOutput& output) const {
    auto path = places_.out(output.name);
    if (!output.from.empty()) {
      const auto slash = output.from.find('/');
      path = places_.out(output.from.substr(0, slash));
      if (slash != std::string::npos) path /= output.from.substr(slash + 1);
    }
    std::error_code failed;
    const auto status = std::filesystem::symlink_status(path, failed);
    if (!std::filesystem::exists(status)) {
      if (output.optional) return std::nullopt;
      return wrong(
          output,
          fmt::format(
              "did not write its output `{}`; a program writes it at the path that it gets as ${{out.{}}}",
              output.name, output.name));
    }
    if (output.type.kind == ir::Type::Kind::artifact) return artifact(output, path, status);
    if (!std::filesystem::is_regular_file(status))
      return wrong(output, fmt::format("wrote its output `{}` as something that is no file", output.name));
    const auto text = os::read_file(path, value_bytes_max);
    if (!text)
      return wrong(
          output,
          text.error().code == Code::too_large
              ? fmt::format("wrote more than 64 KiB as its output `{}`; declare it with `type: artifact`",
                            output.name)
              : text.error().message);
    auto value = output.encoding == ir::TaskOutput::Encoding::text ? value_from_text(*text, output.type)
                                                                   : parse_json(*text, "output");
    if (!value)
      return wrong(
          output,
          fmt::format(
              "wrote its output `{}` as something that is not JSON ({}); declare `form: text` for plain text",
              output.name, value.error().message));
    if (const auto misfit = ir::misfit(*value, output.type, false))
      return wrong(output, fmt::format("wrote its output `{}` wrongly: {}", output.name, *misfit));
    return std::move(*value);
  }

 private:
  std::expected<std::optional<Value>, Failure> artifact(const ir::TaskOutput& output,
                                                        const std::filesystem::path& path,
                                                        const std::filesystem::file_status& status) const {
    const bool folder = std::filesystem::is_directory(status);
    if (folder != (output.form == Form::directory) || (!folder && !std::filesystem::is_regular_file(status)))
      return wrong(output, fmt::format("wrote its output `{}` as a {}, declared is a {}", output.name,
                                       folder ? "folder" : "file", folder ? "file" : "folder"));
    const auto stored = folder ? objects_.put_directory(path, {}) : objects_.put_file(path, nullptr);
    if (!stored)
      return wrong(output,
                   fmt::format("its output `{}` cannot be stored: {}", output.name, stored.error().message));
    return Value(Artifact{.kind = output.type.artifact_kind,
                          .form = output.form,
                          .digest = stored->digest,
                          .size = stored->size,
                          .name = output.name});
  }

  std::unexpected<Failure> wrong(const ir::TaskOutput&, std::string what) const {
    return std::unexpected(
        Failure{.kind = "output", .message = fmt::format("task `{}` {}", attempt_.path, what)});
  }

  const ports::Attempt& attempt_;
  const Places& places_;
  ports::ObjectStore& objects_;
};

}  // namespace

std::expected<Struct, Failure> read_outputs(const ports::Attempt& attempt, const Places& places,
                                            ports::ObjectStore& objects) {
  const Reader reader(attempt, places, objects);
  Struct outputs;
  for (const auto& output : attempt.work.outputs) {
    auto value = reader.read(output);
    if (!value) return std::unexpected(std::move(value.error()));
    if (*value) outputs.append(output.name, std::move(**value));
  }
  return outputs;
}

Outcome outcome_of(const ports::Attempt& attempt, const Places& places, const supervisor::Ended& ended,
                   ports::ObjectStore& objects) {
  Outcome outcome;
  outcome.usage = {.started = Time(Milliseconds(ended.started_ms)),
                   .ended = Time(Milliseconds(ended.ended_ms)),
                   .cpu_ms = ended.cpu_ms,
                   .memory_peak = ended.memory_peak,
                   .memory_of_tree = ended.memory_of_tree};
  if (ended.kind == supervisor::EndKind::lost || ended.kind == supervisor::EndKind::forgotten) {
    outcome.status = Outcome::Status::lost;
    outcome.failure = failure_of(ended, places);
  } else if (ended.kind == supervisor::EndKind::exited && ended.status == 0) {
    auto outputs = read_outputs(attempt, places, objects);
    if (outputs) {
      outcome.outputs = std::move(*outputs);
    } else {
      outcome.status = Outcome::Status::failed;
      outcome.failure = std::move(outputs.error());
    }
  } else if (ended.cancelled) {
    outcome.status = Outcome::Status::cancelled;
    outcome.failure = {.kind = "cancelled", .message = "cancelled"};
  } else {
    outcome.status = Outcome::Status::failed;
    outcome.failure = failure_of(ended, places);
  }
  return outcome;
}

}  // namespace sluice::executors
