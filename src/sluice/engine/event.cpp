#include "sluice/engine/event.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "sluice/base/json.hpp"

namespace sluice::engine {
namespace {

constexpr std::array<std::string_view, 5> status_names{"succeeded", "failed", "skipped", "blocked",
                                                       "cancelled"};
constexpr std::array<std::string_view, 4> outcome_names{"succeeded", "failed", "cancelled", "lost"};

Error unreadable(std::string what) {
  return internal_error(Code::data_loss, "journal event: " + std::move(what));
}

std::int64_t milliseconds(Time at) { return at.time_since_epoch().count(); }

void write(JsonObject out, const Failure& failure) {
  out.text("kind", failure.kind);
  out.text("message", failure.message);
  if (!failure.payload.is_null()) out.tagged("payload", failure.payload);
  if (!failure.source.empty()) out.text("source", failure.source);
  if (failure.exit_code) out.integer("exit_code", *failure.exit_code);
  if (failure.signal) out.integer("signal", *failure.signal);
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
  if (!outcome.usage.interpreter.empty()) out.text("interpreter", outcome.usage.interpreter);
  out.end();
}

/// Reads the fields of one JSON object of an event. A missing field that is always written, and a field of
/// the wrong kind, mean that the event is damaged: the first problem is kept, and what was read must be
/// discarded.
class EventReader {
 public:
  /// `type` is the event's type and `prefix` the path of this object ("outcome."): both are for messages.
  EventReader(const Value& json, std::string_view type, std::string& problem, std::string prefix = {})
      : json_(json), type_(type), prefix_(std::move(prefix)), problem_(problem) {}

  // Fields that are always written.
  std::string text(std::string_view key) { return text_of(key, required(key)); }
  std::int64_t integer(std::string_view key) { return integer_of(key, required(key), 0); }
  bool boolean(std::string_view key) { return boolean_of(key, required(key)); }
  Time time(std::string_view key) { return Time(Milliseconds(integer(key))); }
  Struct fields(std::string_view key) { return fields_of(key, required(key)); }
  Digest digest(std::string_view key) { return digest_of(key, required(key)).value_or(Digest{}); }
  Status status(std::string_view key) {
    const auto word = text(key);
    const auto read = status_named(word);
    if (!read) fail("unknown status `" + word + "`");
    return read.value_or(Status::failed);
  }
  Principal principal(std::string_view key) {
    auto reader = inside(key, required(key));
    return {.workspace = reader.text("workspace"), .name = reader.text("name")};
  }
  std::optional<Trigger> optional_trigger(std::string_view key) {
    const auto* found = json_.find(key);
    if (!found) return std::nullopt;
    auto reader = inside(key, found);
    return Trigger{.schedule = {reader.text("schedule")},
                   .name = reader.text("name"),
                   .instant = reader.time("instant")};
  }
  Failure failure(std::string_view key) { return failure_of(key, required(key)); }
  Outcome outcome(std::string_view key) {
    auto reader = inside(key, required(key));
    const auto status = reader.outcome_status("status");
    return {.status = status,
            .outputs = reader.optional_fields("outputs"),
            .failure = status == Outcome::Status::succeeded ? reader.optional_failure("failure")
                                                            : reader.failure("failure"),
            .environment = reader.optional_value("environment"),
            .usage = {.started = reader.time("started"),
                      .ended = reader.time("ended"),
                      .cpu_ms = reader.integer("cpu_ms"),
                      .memory_peak = reader.integer("memory_peak"),
                      .memory_of_tree = reader.optional_boolean("memory_of_tree"),
                      .interpreter = reader.optional_text("interpreter")}};
  }

  // Fields that are written only if they differ from their default.
  std::string optional_text(std::string_view key) { return text_of(key, json_.find(key)); }
  std::int64_t optional_integer(std::string_view key, std::int64_t otherwise = 0) {
    return integer_of(key, json_.find(key), otherwise);
  }
  std::optional<std::int64_t> integer_or_none(std::string_view key) {
    const auto* field = json_.find(key);
    return field ? std::optional(integer_of(key, field, 0)) : std::nullopt;
  }
  bool optional_boolean(std::string_view key) { return boolean_of(key, json_.find(key)); }
  Struct optional_fields(std::string_view key) { return fields_of(key, json_.find(key)); }
  List optional_list(std::string_view key) {
    const auto read = optional_value(key);
    if (const auto* list = read.if_list()) return *list;
    if (json_.find(key)) fail_kind(key, "an array");
    return {};
  }
  std::vector<std::int64_t> optional_integers(std::string_view key) {
    std::vector<std::int64_t> out;
    for (const auto& item : optional_list(key)) {
      const auto* integer = item.if_integer();
      if (!integer) fail_kind(key, "an array of integers");
      out.push_back(integer ? *integer : 0);
    }
    return out;
  }
  Value optional_value(std::string_view key) { return value_of(json_.find(key)); }
  std::optional<Digest> optional_digest(std::string_view key) { return digest_of(key, json_.find(key)); }
  Failure optional_failure(std::string_view key) {
    const auto* found = json_.find(key);
    return found ? failure_of(key, found) : Failure{};
  }

 private:
  void fail(std::string what) {
    if (problem_.empty()) problem_ = std::move(what);
  }
  void fail_kind(std::string_view key, std::string_view kind) {
    fail("field `" + prefix_ + std::string(key) + "` in `" + std::string(type_) + "` must be " +
         std::string(kind));
  }
  /// Null if it is missing, which is recorded as a problem.
  const Value* required(std::string_view key) {
    const auto* found = json_.find(key);
    if (!found) fail("missing field `" + prefix_ + std::string(key) + "` in `" + std::string(type_) + "`");
    return found;
  }

  // The value of a field; the default if `field` is null.
  std::string text_of(std::string_view key, const Value* field) {
    const auto* text = field ? field->if_string() : nullptr;
    if (field && !text) fail_kind(key, "a string");
    return text ? *text : "";
  }
  std::int64_t integer_of(std::string_view key, const Value* field, std::int64_t otherwise) {
    const auto* integer = field ? field->if_integer() : nullptr;
    if (field && !integer) fail_kind(key, "an integer");
    return integer ? *integer : otherwise;
  }
  bool boolean_of(std::string_view key, const Value* field) {
    const auto* boolean = field ? field->if_boolean() : nullptr;
    if (field && !boolean) fail_kind(key, "true or false");
    return boolean && *boolean;
  }
  Value value_of(const Value* field) {
    if (!field) return {};
    auto read = from_tagged(*field);
    if (read) return std::move(*read);
    fail(read.error().message);
    return {};
  }
  Struct fields_of(std::string_view key, const Value* field) {
    const auto read = value_of(field);
    const auto* fields = read.if_struct();
    if (field && !fields) fail_kind(key, "an object");
    return fields ? *fields : Struct{};
  }
  std::optional<Digest> digest_of(std::string_view key, const Value* field) {
    if (!field) return std::nullopt;
    auto read = Digest::from_hex(text_of(key, field));
    if (read) return *read;
    fail(read.error().message);
    return std::nullopt;
  }
  Outcome::Status outcome_status(std::string_view key) {
    const auto word = text(key);
    const auto known = std::ranges::find(outcome_names, word);
    if (known != outcome_names.end()) return static_cast<Outcome::Status>(known - outcome_names.begin());
    fail("unknown outcome `" + word + "`");
    return Outcome::Status::lost;
  }
  Failure failure_of(std::string_view key, const Value* field) {
    auto reader = inside(key, field);
    return {.kind = reader.text("kind"),
            .message = reader.text("message"),
            .payload = reader.optional_value("payload"),
            .source = reader.optional_text("source"),
            .exit_code = reader.integer_or_none("exit_code"),
            .signal = reader.integer_or_none("signal")};
  }
  /// A reader of an object inside this one.
  EventReader inside(std::string_view key, const Value* field) {
    static const Value nothing;
    if (field && !field->is_struct()) fail_kind(key, "an object");
    return {field ? *field : nothing, type_, problem_, prefix_ + std::string(key) + "."};
  }

  const Value& json_;
  std::string_view type_;
  std::string prefix_;
  std::string& problem_;
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
    if (!e.environments.empty()) out.tagged("environments", e.environments);
    if (!e.images.empty()) out.tagged("images", e.images);
    out.boolean("cache", e.cache);
    if (e.trigger) {
      auto trigger = out.object("trigger");
      trigger.text("schedule", e.trigger->schedule.text);
      trigger.text("name", e.trigger->name);
      trigger.integer("instant", milliseconds(e.trigger->instant));
      trigger.end();
    }
    out.integer("at", milliseconds(e.at));
  }
  void operator()(const Claimed& e) {
    head("claimed");
    out.integer("epoch", e.epoch);
    out.integer("at", milliseconds(e.at));
  }
  void operator()(const RegionStarted& e) {
    head("opened");
    out.text("path", e.path);
    if (e.arm >= 0) out.integer("arm", e.arm);
    if (!e.items.empty()) out.tagged("items", e.items);
    if (e.limit > 0) out.integer("limit", e.limit);
    if (!e.inputs.empty()) out.tagged("inputs", e.inputs);
  }
  void operator()(const IterationStarted& e) {
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
    if (!e.gpus.empty()) out.tagged("gpus", List(e.gpus.begin(), e.gpus.end()));
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
    if (e.limit) out.boolean("limit", true);
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

Result<Event> event_of(const std::string& type, EventReader& r) {
  if (type == "run_created")
    return RunCreated{.run = {r.text("run")},
                      .principal = r.principal("principal"),
                      .name = r.text("name"),
                      .pipeline = r.text("pipeline"),
                      .plan = r.text("plan"),
                      .plan_digest = r.digest("plan_digest"),
                      .inputs = r.fields("inputs"),
                      .code = r.fields("code"),
                      .environments = r.optional_fields("environments"),
                      .images = r.optional_fields("images"),
                      .cache = r.boolean("cache"),
                      .trigger = r.optional_trigger("trigger"),
                      .at = r.time("at")};
  if (type == "claimed") return Claimed{.epoch = r.integer("epoch"), .at = r.time("at")};
  if (type == "opened")
    return RegionStarted{.path = r.text("path"),
                         .arm = r.optional_integer("arm", -1),
                         .items = r.optional_list("items"),
                         .limit = r.optional_integer("limit"),
                         .inputs = r.optional_fields("inputs")};
  if (type == "iteration_opened")
    return IterationStarted{.path = r.text("path"), .index = r.integer("index")};
  if (type == "iteration_ended")
    return IterationEnded{.path = r.text("path"),
                          .index = r.integer("index"),
                          .status = r.status("status"),
                          .outputs = r.optional_fields("outputs"),
                          .failure = r.optional_failure("failure")};
  if (type == "task_ready")
    return TaskReady{
        .path = r.text("path"), .call = r.fields("call"), .cacheable = r.optional_boolean("cacheable")};
  if (type == "cache_hit")
    return CacheHit{.path = r.text("path"),
                    .key = r.digest("key"),
                    .outputs = r.fields("outputs"),
                    .run = {r.text("run")},
                    .made_by = r.text("made_by"),
                    .at = r.time("at")};
  if (type == "scheduled")
    return Scheduled{.path = r.text("path"),
                     .number = r.integer("number"),
                     .fence = {r.text("fence")},
                     .key = r.optional_digest("key"),
                     .gpus = r.optional_integers("gpus"),
                     .at = r.time("at")};
  if (type == "attempt_ended")
    return AttemptEnded{
        .path = r.text("path"), .number = r.integer("number"), .outcome = r.outcome("outcome")};
  if (type == "retry_at")
    return RetryAt{.path = r.text("path"), .due = r.time("due"), .policy = r.integer("policy")};
  if (type == "timed_out") return TimedOut{.path = r.text("path"), .number = r.integer("number")};
  if (type == "stopping")
    return Stopping{.path = r.text("path"), .reason = r.text("reason"), .limit = r.optional_boolean("limit")};
  if (type == "ended")
    return Ended{.path = r.text("path"),
                 .status = r.status("status"),
                 .outputs = r.optional_fields("outputs"),
                 .failure = r.optional_failure("failure"),
                 .at = r.time("at")};
  if (type == "run_ended")
    return RunEnded{.status = r.status("status"),
                    .outputs = r.optional_fields("outputs"),
                    .failure = r.optional_failure("failure"),
                    .at = r.time("at")};
  return Fail(unreadable("unknown type `" + type + "`; was it written by a later release?"));
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
  if (!read.is_struct()) return Fail(unreadable("it must be a JSON object"));
  for (const auto* key : {"v", "t"})
    if (!read.find(key)) return Fail(unreadable("missing field `" + std::string(key) + "`"));
  if (read.integer_at("v") != 1)
    return Fail(unreadable("unsupported version " + to_json(*read.find("v")) +
                           "; was it written by a later release?"));
  const auto type = read.text_at("t");
  std::string problem;
  EventReader reader(read, type, problem);
  SLUICE_TRY(event, event_of(type, reader));
  if (!problem.empty()) return Fail(unreadable(std::move(problem)));
  return event;
}

}  // namespace sluice::engine
