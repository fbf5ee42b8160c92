#pragma once
// Spans as clients send them, and how they are stored: as the JSON that MLflow's client has for spans.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/ports/traces.hpp"

namespace sluice::tracking {

struct SpanEvent {
  std::string name;
  std::int64_t at_ns = 0;
  Struct attributes;
};

/// Ids are hexadecimal digits: 32 of a trace, 16 of a span.
struct SpanLink {
  std::string trace;
  std::string span;
  Struct attributes;
};

struct NewSpan {
  enum class Status { unset, ok, error };
  std::string trace;
  std::string id;
  std::string parent;  ///< "": none
  std::string name;
  std::int64_t started_ns = 0;
  std::int64_t ended_ns = 0;  ///< 0: it is not known
  Status status = Status::unset;
  std::string message;
  Struct attributes;
  std::vector<SpanEvent> events;
  std::vector<SpanLink> links;
  std::shared_ptr<const Struct> resource;  ///< what made it; null: nothing is known
};

/// The id of a trace with these hexadecimal digits.
std::string trace_id_of(std::string_view digits);

/// Spans of any traces, by trace, with what they say of them: time, state, previews, tags, session, user and
/// what they used. The experiment and the artifact's location are not set.
std::vector<ports::TraceSpans> by_trace(const std::vector<NewSpan>& spans);

/// JSON with a space behind each comma and colon, as Python writes it, so that texts in filters fit.
std::string spaced_json(const Value& value);

}  // namespace sluice::tracking
