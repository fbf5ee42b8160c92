#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/ports/tracking.hpp"

namespace sluice::ports {

enum class TraceState { unspecified, in_progress, ok, error };
enum class AssessmentKind { feedback, expectation, issue };

/// What somebody or something says about a trace. Values are JSON.
struct Assessment {
  std::string id;
  AssessmentKind kind = AssessmentKind::feedback;
  std::string name;
  std::string value = "null";
  std::string error = {};  ///< a JSON object; "": none
  std::string source_type;
  std::string source_id;
  std::string run = {};
  std::string span = {};
  std::optional<std::string> rationale = {};
  std::vector<KeyValue> metadata = {};  ///< by key
  std::string overrides = {};           ///< the assessment that this one replaces
  bool valid = true;                    ///< false: another one replaces it
  Time created{};
  Time updated{};
};

/// What a client recorded about one request: its spans are beside it.
struct Trace {
  std::string id;  ///< unique in the workspace
  std::int64_t experiment = 0;
  std::int64_t at_ms = 0;
  std::optional<std::int64_t> duration_ms;
  TraceState state = TraceState::unspecified;
  std::optional<std::string> client_request;
  std::optional<std::string> request_preview;
  std::optional<std::string> response_preview;
  std::vector<KeyValue> metadata;       ///< by key
  std::vector<KeyValue> tags;           ///< by key
  std::vector<Assessment> assessments;  ///< in the order in which they were made
  std::int64_t spans = 0;               ///< how many are stored
};

struct TraceSpan {
  std::string id;
  std::string parent;  ///< "": it is the root
  std::string name;
  std::string type;
  std::string status;  ///< "OK", "ERROR", "UNSET"
  std::int64_t started_ns = 0;
  std::int64_t ended_ns = 0;
  std::string content;  ///< all of it, as a JSON object
  std::string usage;    ///< the tokens that it used, a JSON object; "": not known
  std::string cost;     ///< likewise
  std::string model;
  std::string provider;
};

/// Spans of one trace. What is said of the trace counts unless it is known already.
struct TraceSpans {
  Trace trace;  ///< without assessments; its tags replace those that are there
  std::vector<TraceSpan> spans;
  /// What the metadata say of all spans of the trace, the stored ones (without their contents) and these.
  /// Called in the transaction.
  std::function<std::vector<KeyValue>(const std::vector<TraceSpan>&)> sum;
};

/// What is set is changed, in one transaction.
struct AssessmentChange {
  std::optional<std::string> name = {};
  std::optional<AssessmentKind> kind = {};  ///< of the new value: it has to be the assessment's
  std::optional<std::string> value = {};
  std::optional<std::string> error = {};
  std::optional<std::string> rationale = {};
  std::vector<KeyValue> metadata = {};  ///< added
  Time at{};
};

/// Which traces are removed: all that fit.
struct TraceSelection {
  std::int64_t experiment = 0;
  std::optional<std::int64_t> at_ms_max = {};
  std::optional<std::int64_t> most = {};  ///< the oldest
  std::vector<std::string> ids = {};      ///< none: any
};

/// Numbers about many traces: one point for each combination of dimensions.
struct TraceMetricQuery {
  enum class View { traces, spans, assessments };
  enum class Aggregation { count, sum, average, least, greatest, percentile };
  struct Wanted {
    Aggregation aggregation = Aggregation::count;
    double percentile = 0;  ///< 0 to 100
  };
  View view = View::traces;
  std::string metric;
  std::vector<Wanted> wanted;
  std::vector<std::string> dimensions;
  std::vector<SearchCondition> conditions;  ///< of the view's entries: attributes; of traces: metadata, tags
  std::optional<std::int64_t> bucket_ms;
  std::optional<std::int64_t> first_ms;
  std::optional<std::int64_t> last_ms;
  std::size_t limit = 1000;
};
struct TraceMetricPoint {
  std::optional<std::int64_t> bucket_ms;
  std::vector<std::optional<std::string>> dimensions;  ///< as asked for
  std::vector<std::optional<double>> values;           ///< as wanted
};

/// Traces that clients recorded, with their spans and assessments. Thread-safe. A call that returns an error
/// has changed nothing. Code::not_found for what is not in the workspace.
class Traces {
 public:
  virtual ~Traces() = default;

  /// Stores what a client says of a whole trace. If spans of it came first, this replaces what is said of it,
  /// and adds tags, metadata and assessments.
  virtual Result<Trace> put_trace(const Principal& principal, const Trace& trace) = 0;
  /// Stores spans; those that are stored already are replaced. Code::too_large if a trace had too many.
  virtual Result<void> add_spans(const Principal& principal, const std::vector<TraceSpans>& traces) = 0;

  [[nodiscard]] virtual Result<Trace> trace(const std::string& workspace, const std::string& id) const = 0;
  /// Those of them that are there, in this order.
  [[nodiscard]] virtual Result<std::vector<Trace>> traces_of(const std::string& workspace,
                                                             const std::vector<std::string>& ids) const = 0;
  /// The contents of its spans, the root first, then by start. Code::too_large if they have more bytes.
  [[nodiscard]] virtual Result<std::vector<std::string>> spans(const std::string& workspace,
                                                               const std::string& id,
                                                               std::size_t bytes_max) const = 0;
  [[nodiscard]] virtual Result<std::vector<Trace>> traces(const std::string& workspace,
                                                          const std::vector<std::int64_t>& experiments,
                                                          const Search& search) const = 0;
  /// How many fit all of these conditions.
  [[nodiscard]] virtual Result<std::int64_t> count(const std::string& workspace,
                                                   const std::vector<std::int64_t>& experiments,
                                                   const std::vector<SearchCondition>& conditions) const = 0;
  [[nodiscard]] virtual Result<std::vector<TraceMetricPoint>> metrics(
      const std::string& workspace, const std::vector<std::int64_t>& experiments,
      const TraceMetricQuery& query) const = 0;

  virtual Result<void> set_tag(const std::string& workspace, const std::string& id, const KeyValue& tag) = 0;
  /// Code::not_found also if it is not there.
  virtual Result<void> remove_tag(const std::string& workspace, const std::string& id,
                                  const std::string& key) = 0;
  /// Returns how many there were.
  virtual Result<std::int64_t> remove(const std::string& workspace, const TraceSelection& selection) = 0;
  /// Those of the traces that are there belong to the run from now on, too.
  virtual Result<void> link_run(const std::string& workspace, const std::vector<std::string>& ids,
                                const std::string& run) = 0;
  /// `prompts`: "NAME/VERSION".
  virtual Result<void> link_prompts(const std::string& workspace, const std::string& id,
                                    const std::vector<std::string>& prompts) = 0;

  virtual Result<Assessment> add_assessment(const std::string& workspace, const std::string& trace,
                                            const Assessment& assessment) = 0;
  [[nodiscard]] virtual Result<Assessment> assessment(const std::string& workspace, const std::string& trace,
                                                      const std::string& id) const = 0;
  virtual Result<Assessment> change_assessment(const std::string& workspace, const std::string& trace,
                                               const std::string& id, const AssessmentChange& change) = 0;
  /// Nothing happens if it is not there. What it replaced is valid again.
  virtual Result<void> remove_assessment(const std::string& workspace, const std::string& trace,
                                         const std::string& id) = 0;
};

}  // namespace sluice::ports
