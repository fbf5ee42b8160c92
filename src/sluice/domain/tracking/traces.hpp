#pragma once
#include <string>
#include <vector>

#include "sluice/base/random.hpp"
#include "sluice/domain/tracking/spans.hpp"
#include "sluice/ports/traces.hpp"

namespace sluice::tracking {

inline constexpr std::string_view trace_name_tag = "mlflow.traceName";
/// Where the files of a trace are, for clients.
inline constexpr std::string_view trace_location_tag = "mlflow.artifactLocation";
/// Says that the spans are stored here, and not in a file.
inline constexpr std::string_view spans_location_tag = "mlflow.trace.spansLocation";

/// How two filters of traces go together: normalized pointwise mutual information.
struct TraceCorrelation {
  std::optional<double> npmi;
  std::optional<double> smoothed;
  std::int64_t first = 0;
  std::int64_t second = 0;
  std::int64_t both = 0;
  std::int64_t all = 0;
};

/// The use cases of traces, by the rules that clients of MLflow know. Thread-safe. The ports must outlive it.
class Traces {
 public:
  Traces(ports::Traces& store, const ports::Tracking& experiments, const Clock& clock, Random& random)
      : store_(store), experiments_(experiments), clock_(clock), random_(random) {}

  /// What a client says of a whole trace, at its end.
  Result<ports::Trace> put(const Principal& principal, ports::Trace trace);
  /// Stores spans of any traces; a trace that is not known yet is made. If there is a run, the traces that
  /// have ended belong to it.
  Result<void> add_spans(const Principal& principal, std::int64_t experiment,
                         const std::vector<NewSpan>& spans, const std::string& run);
  /// The contents of all spans. Code::not_found while some of them have not come.
  [[nodiscard]] Result<std::vector<std::string>> spans(const Principal& principal, const ports::Trace& trace,
                                                       bool partial) const;

  /// A trace that begins, as old clients say it.
  Result<ports::Trace> begin(const Principal& principal, ports::Trace trace);
  /// Its end: metadata and tags are added.
  Result<ports::Trace> end(const Principal& principal, const std::string& id, std::int64_t at_ms,
                           const ports::Trace& more);

  Result<void> set_tag(const Principal& principal, const std::string& id, ports::KeyValue tag);
  Result<void> remove_tag(const Principal& principal, const std::string& id, const std::string& key);
  Result<std::int64_t> remove(const Principal& principal, const ports::TraceSelection& selection);
  Result<void> link_run(const Principal& principal, const std::vector<std::string>& ids,
                        const std::string& run);
  Result<void> link_prompts(const Principal& principal, const std::string& id,
                            const std::vector<std::string>& prompts);

  /// Without an id or times: they are made here.
  Result<ports::Assessment> assess(const Principal& principal, const std::string& trace,
                                   ports::Assessment assessment);
  Result<ports::Assessment> reassess(const Principal& principal, const std::string& trace,
                                     const std::string& id, ports::AssessmentChange change);
  Result<void> remove_assessment(const Principal& principal, const std::string& trace, const std::string& id);

  [[nodiscard]] Result<TraceCorrelation> correlation(const Principal& principal,
                                                     const std::vector<std::int64_t>& experiments,
                                                     const std::vector<ports::SearchCondition>& first,
                                                     const std::vector<ports::SearchCondition>& second,
                                                     const std::vector<ports::SearchCondition>& base) const;
  [[nodiscard]] const ports::Traces& store() const { return store_; }

 private:
  Result<void> prepare(const Principal& principal, ports::Trace& trace) const;
  Result<ports::Assessment> prepared(ports::Assessment assessment);

  ports::Traces& store_;
  const ports::Tracking& experiments_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace sluice::tracking
