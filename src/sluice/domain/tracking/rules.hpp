#pragma once
// Public to other domain modules: what clients may write into the registry of models has the same rules.
// What clients may log: names and sizes, as MLflow's server has them, with its messages, which its clients
// show to people. Lengths count characters, not bytes.
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/ports/tracking.hpp"

namespace sluice::tracking {

inline constexpr std::size_t metrics_max = 1000;         ///< in one batch
inline constexpr std::size_t params_and_tags_max = 100;  ///< of each, in one batch
inline constexpr std::size_t entries_max = 1000;         ///< in one batch, together

/// The message of Python for a wrong value: "Invalid value "X" for parameter 'PATH' supplied: WHY".
Error invalid_value(std::string_view path, std::string_view value, std::string_view why);

/// Where an entry is in a request, for messages: "", or "metrics[3]". It is written only if there is one.
struct EntryPath {
  std::string_view list = {};
  std::size_t index = 0;
  /// "key", or "metrics[3].key".
  [[nodiscard]] std::string of(std::string_view field) const;
};

/// A key of a metric, a parameter or a tag: letters and digits of any script, `_-. :/`, and no path that
/// resolves to another one. `path`: where it is in the request.
Result<void> check_key(const std::string& key, std::string_view path);
/// No path that resolves to another one.
Result<void> check_resolved(const std::string& name, std::string_view path);
/// `what` is the name in the message: "key".
Result<void> check_length(std::string_view what, std::string_view text, std::size_t characters);
Result<void> check_experiment_name(const std::string& name);
Result<void> check_experiment_tag(const ports::KeyValue& tag);
/// A run's id that a client sends.
Result<void> check_run_id(const std::string& id);

/// Checks a parameter or a tag; what is too long of the value is cut.
Result<ports::KeyValue> checked_parameter(ports::KeyValue parameter, const EntryPath& path = {});
Result<ports::KeyValue> checked_tag(ports::KeyValue tag, const EntryPath& path = {});
/// Checks a metric; infinities become the greatest and the least number.
Result<ports::Metric> checked_metric(ports::Metric metric, const EntryPath& path = {});
/// Checks everything of a batch, and its size. Tags that are there twice: the last one counts.
Result<ports::TrackedRunChange> checked_batch(ports::TrackedRunChange change);
/// Checks what a run uses and makes: datasets and models.
Result<void> check_uses(const ports::TrackedRunChange& change);

/// As Python prints it, for messages: `{'key': 'a', 'old_value': 'b', 'new_value': 'c'}`.
std::string python_text(std::string_view text);

}  // namespace sluice::tracking
