#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/ids.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ports/moving.hpp"

namespace sluice::tracking {

/// Adds to the trace what MLflow's protocol says of it in JSON: times, state, previews, assessments; tags and
/// metadata, if there are any. An error for what is none of that.
Result<void> add_written(const Value& written, ports::Trace& trace);
/// A span, by its content, which stays as it is.
Result<ports::TraceSpan> span_in(std::string content);
/// The contents of the spans in a file `traces.json`.
Result<std::vector<std::string>> spans_in_file(std::string_view text);

/// The platform's own traces, as where those of others go. The port must outlive it.
class KeptTraceTarget final : public ports::TraceTarget {
 public:
  KeptTraceTarget(ports::Traces& traces, Principal principal)
      : traces_(traces), principal_(std::move(principal)) {}
  Result<ports::Lack> put(const ports::Trace& trace, const std::vector<ports::TraceSpan>& spans,
                          const std::vector<std::string>& runs) override;
  Result<ports::Lack> lack_of(const ports::Trace& trace, const std::vector<ports::TraceSpan>& spans) override;

 private:
  struct Missing;
  Result<Missing> missing_of(const ports::Trace& trace, const std::vector<ports::TraceSpan>& spans) const;

  ports::Traces& traces_;
  Principal principal_;
};

}  // namespace sluice::tracking
