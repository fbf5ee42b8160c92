#include "sluice/engine/event.hpp"

#include <algorithm>
#include <array>

#include "sluice/base/json.hpp"

namespace sluice::engine {
namespace {

constexpr std::array<std::string_view, 5> status_names{"succeeded", "failed", "skipped", "blocked",
                                                       "cancelled"};
constexpr std::array<std::string_view, 4> outcome_names{"succeeded", "failed", "cancelled", "lost"};

Error unreadable(std::string what) {
  return {.code = Code::data_loss, .message = "journal event: " + std::move(what), .blame = Blame::sluice};
}

std::int64_t milliseconds(Time at) { return at.time_since_epoch().count(); }
Time time_at(const Value& json, std::string_view key) { return Time(Milliseconds(json.integer_at(key))); }

void write(JsonObject out, const Failure& failure) {
  out.text("kind", failure.kind);
  out.text("message", failure.message);
  if (!failure.payload.is_null()) out.tagged("payload", failure.payload);
  if (!failure.source.empty()) out.text("source", failure.source);
  out.end();
}

void write(JsonObject out, const Outcome& outcome) {
  out.text("status", outcome_names[static_cast<std::size_t>(outcome.status)]);
  if (!outcome.outputs.empty()) out.tagged("outputs", outcome.outputs);
  if (outcome.status != Outcome::Status::succeeded) write(out.object("failure"), outcome.failure);
  if (!outcome.environment.is_null()) out.tagged("environment", outcome.environment);
  out.integer("started", milliseconds(outcome.usage.started));
  out.integer("ended", milliseconds(outcome.usage.ended));
  out.integer("cpu_ms", outcome.usage.cpu_ms);
  out.integer("memory_peak", outcome.usage.memory_peak);
  if (outcome.usage.memory_of_tree) out.boolean("memory_of_tree", true);
  out.end();
}

/// Reads the fields of one event; the first thing that is wrong is kept in `problem`.
class Reader {
 public:
  explicit Reader(const Value& json) : json_(json) {}

  std::string text(std::string_view key) { return json_.text_at(key); }
  std::int64_t integer(std::string_view key, std::int64_t otherwise = 0) {
    return json_.integer_at(key, otherwise);
  }
  bool boolean(std::string_view key, bool otherwise = false) { return json_.boolean_at(key, otherwise); }
  Time time(std::string_view key) { return time_at(json_, key); }
  Struct fields(std::string_view key) { return fields_of(json_, key); }
  List list(std::string_view key) {
    const auto* there = json_.find(key);
    if (!there) return {};
    auto read = keep(from_tagged(*there));
    const auto* list = read.if_list();
    return list ? *list : List{};
  }
  std::optional<Digest> digest(std::string_view key) {
    const auto hex = json_.text_at(key);
    if (hex.empty()) return std::nullopt;
    auto read = Digest::from_hex(hex);
    if (!read) problem_ = read.error().message;
    return read ? std::optional(*read) : std::nullopt;
  }
  Status status(std::string_view key) {
    const auto read = status_named(json_.text_at(key));
    if (!read) problem_ = "unknown status `" + json_.text_at(key) + "`";
    return read.value_or(Status::failed);
  }
  Failure failure(std::string_view key) {
    const auto* there = json_.find(key);
    return there ? failure_of(*there) : Failure{};
  }
  Outcome outcome(std::string_view key) {
    const auto* there = json_.find(key);
    if (!there) {
      problem_ = "no outcome";
      return {};
    }
    Outcome out;
    const auto word = there->text_at("status");
    const auto known = std::ranges::find(outcome_names, word);
    if (known == outcome_names.end())
      problem_ = "unknown outcome `" + word + "`";
    else
      out.status = static_cast<Outcome::Status>(known - outcome_names.begin());
    out.outputs = fields_of(*there, "outputs");
    if (const auto* failure = there->find("failure")) out.failure = failure_of(*failure);
    if (const auto* environment = there->find("environment"))
      out.environment = keep(from_tagged(*environment));
    out.usage = {.started = time_at(*there, "started"),
                 .ended = time_at(*there, "ended"),
                 .cpu_ms = there->integer_at("cpu_ms"),
                 .memory_peak = there->integer_at("memory_peak"),
                 .memory_of_tree = there->boolean_at("memory_of_tree")};
    return out;
  }
  Principal principal(std::string_view key) {
    const auto* there = json_.find(key);
    return there ? Principal{.workspace = there->text_at("workspace", "default"),
                             .name = there->text_at("name", "default")}
                 : Principal{};
  }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  Value keep(Result<Value> read) {
    if (read) return std::move(*read);
    problem_ = read.error().message;
    return {};
  }
  Struct fields_of(const Value& json, std::string_view key) {
    const auto* there = json.find(key);
    if (!there) return {};
    auto read = keep(from_tagged(*there));
    const auto* fields = read.if_struct();
    return fields ? *fields : Struct{};
  }
  Failure failure_of(const Value& json) {
    Failure out{.kind = json.text_at("kind"), .message = json.text_at("message")};
    if (const auto* payload = json.find("payload")) out.payload = keep(from_tagged(*payload));
    out.source = json.text_at("source");
    return out;
  }

  const Value& json_;
  std::string problem_;
};

struct Writer {
  JsonObject out;

  void head(std::string_view type) {
    out.text("t", type);
    out.integer("v", 1);
  }
  void ending(Status status, const Struct& outputs, const Failure& failure) {
    out.text("status", name(status));
    if (!outputs.empty()) out.tagged("outputs", outputs);
    if (!failure.kind.empty()) write(out.object("failure"), failure);
  }

  void operator()(const RunCreated& e) {
    head("run_created");
    out.text("run", e.run.text);
    auto who = out.object("principal");
    who.text("workspace", e.principal.workspace);
    who.text("name", e.principal.name);
    who.end();
    out.text("name", e.name);
    out.text("pipeline", e.pipeline);
    out.text("plan", e.plan);
    out.text("plan_digest", e.plan_digest.hex());
    out.tagged("inputs", e.inputs);
    out.tagged("code", e.code);
    out.boolean("cache", e.cache);
    out.integer("at", milliseconds(e.at));
  }
  void operator()(const Opened& e) {
    head("opened");
    out.text("path", e.path);
    if (e.arm >= 0) out.integer("arm", e.arm);
    if (!e.items.empty()) out.tagged("items", e.items);
    if (e.limit > 0) out.integer("limit", e.limit);
    if (!e.inputs.empty()) out.tagged("inputs", e.inputs);
  }
  void operator()(const IterationOpened& e) {
    head("iteration_opened");
    out.text("path", e.path);
    out.integer("index", e.index);
  }
  void operator()(const IterationEnded& e) {
    head("iteration_ended");
    out.text("path", e.path);
    out.integer("index", e.index);
    ending(e.status, e.outputs, e.failure);
  }
  void operator()(const TaskReady& e) {
    head("task_ready");
    out.text("path", e.path);
    out.tagged("call", e.call);
    if (e.cacheable) out.boolean("cacheable", true);
  }
  void operator()(const CacheHit& e) {
    head("cache_hit");
    out.text("path", e.path);
    out.text("key", e.key.hex());
    out.tagged("outputs", e.outputs);
    out.text("run", e.run.text);
    out.text("made_by", e.made_by);
    out.integer("at", milliseconds(e.at));
  }
  void operator()(const Scheduled& e) {
    head("scheduled");
    out.text("path", e.path);
    out.integer("number", e.number);
    out.text("fence", e.fence.text);
    if (e.key) out.text("key", e.key->hex());
    out.integer("at", milliseconds(e.at));
  }
  void operator()(const AttemptEnded& e) {
    head("attempt_ended");
    out.text("path", e.path);
    out.integer("number", e.number);
    write(out.object("outcome"), e.outcome);
  }
  void operator()(const RetryAt& e) {
    head("retry_at");
    out.text("path", e.path);
    out.integer("due", milliseconds(e.due));
    out.integer("policy", e.policy);
  }
  void operator()(const TimedOut& e) {
    head("timed_out");
    out.text("path", e.path);
    out.integer("number", e.number);
  }
  void operator()(const Stopping& e) {
    head("stopping");
    out.text("path", e.path);
    out.text("reason", e.reason);
  }
  void operator()(const Ended& e) {
    head("ended");
    out.text("path", e.path);
    ending(e.status, e.outputs, e.failure);
    out.integer("at", milliseconds(e.at));
  }
  void operator()(const RunEnded& e) {
    head("run_ended");
    ending(e.status, e.outputs, e.failure);
    out.integer("at", milliseconds(e.at));
  }
};

Result<Event> event_of(const std::string& type, Reader& r) {
  if (type == "run_created") {
    const auto plan_digest = r.digest("plan_digest");
    return RunCreated{.run = {r.text("run")},
                      .principal = r.principal("principal"),
                      .name = r.text("name"),
                      .pipeline = r.text("pipeline"),
                      .plan = r.text("plan"),
                      .plan_digest = plan_digest.value_or(Digest{}),
                      .inputs = r.fields("inputs"),
                      .code = r.fields("code"),
                      .cache = r.boolean("cache", true),
                      .at = r.time("at")};
  }
  if (type == "opened")
    return Opened{.path = r.text("path"),
                  .arm = r.integer("arm", -1),
                  .items = r.list("items"),
                  .limit = r.integer("limit"),
                  .inputs = r.fields("inputs")};
  if (type == "iteration_opened") return IterationOpened{.path = r.text("path"), .index = r.integer("index")};
  if (type == "iteration_ended")
    return IterationEnded{.path = r.text("path"),
                          .index = r.integer("index"),
                          .status = r.status("status"),
                          .outputs = r.fields("outputs"),
                          .failure = r.failure("failure")};
  if (type == "task_ready")
    return TaskReady{.path = r.text("path"), .call = r.fields("call"), .cacheable = r.boolean("cacheable")};
  if (type == "cache_hit") {
    const auto key = r.digest("key");
    return CacheHit{.path = r.text("path"),
                    .key = key.value_or(Digest{}),
                    .outputs = r.fields("outputs"),
                    .run = {r.text("run")},
                    .made_by = r.text("made_by"),
                    .at = r.time("at")};
  }
  if (type == "scheduled")
    return Scheduled{.path = r.text("path"),
                     .number = r.integer("number", 1),
                     .fence = {r.text("fence")},
                     .key = r.digest("key"),
                     .at = r.time("at")};
  if (type == "attempt_ended")
    return AttemptEnded{
        .path = r.text("path"), .number = r.integer("number", 1), .outcome = r.outcome("outcome")};
  if (type == "retry_at")
    return RetryAt{.path = r.text("path"), .due = r.time("due"), .policy = r.integer("policy")};
  if (type == "timed_out") return TimedOut{.path = r.text("path"), .number = r.integer("number", 1)};
  if (type == "stopping") return Stopping{.path = r.text("path"), .reason = r.text("reason")};
  if (type == "ended")
    return Ended{.path = r.text("path"),
                 .status = r.status("status"),
                 .outputs = r.fields("outputs"),
                 .failure = r.failure("failure"),
                 .at = r.time("at")};
  if (type == "run_ended")
    return RunEnded{.status = r.status("status"),
                    .outputs = r.fields("outputs"),
                    .failure = r.failure("failure"),
                    .at = r.time("at")};
  return Fail(unreadable("unknown type `" + type + "`; was it written by a later version?"));
}

}  // namespace

std::string_view name(Status status) { return status_names[static_cast<std::size_t>(status)]; }

std::optional<Status> status_named(std::string_view name) {
  for (std::size_t i = 0; i < status_names.size(); ++i)
    if (status_names[i] == name) return static_cast<Status>(i);
  return std::nullopt;
}

std::string encode(const Event& event) {
  constexpr std::size_t usual_bytes = 320;
  std::string text;
  text.reserve(usual_bytes);
  Writer writer{JsonObject(text)};
  std::visit(writer, event);
  writer.out.end();
  text.shrink_to_fit();
  return text;
}

Result<Event> decode(std::string_view json) {
  SLUICE_TRY(read, parse_json(json, "journal event", {.depth_max = 1000, .bytes_max = std::size_t{1} << 30}));
  if (read.integer_at("v") != 1)
    return Fail(unreadable("version " + std::to_string(read.integer_at("v")) +
                           " is not known here; was it written by a later version?"));
  Reader reader(read);
  SLUICE_TRY(event, event_of(read.text_at("t"), reader));
  if (!reader.problem().empty()) return Fail(unreadable(reader.problem()));
  return event;
}

}  // namespace sluice::engine
