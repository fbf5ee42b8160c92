#pragma once
// What the outputs of a task say about it, by the kinds of artifacts: it is logged to the task's tracked run.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/value.hpp"
#include "sluice/ports/tracking.hpp"

namespace sluice::tracking {

/// Of one task.
struct LoggedOutputs {
  struct File {
    std::string path;       ///< below the artifacts of the tracked run
    std::string text = {};  ///< its bytes, if it is no object
    std::optional<Artifact> object = {};
  };
  std::vector<ports::Metric> metrics;
  std::vector<File> files;
  [[nodiscard]] bool empty() const { return metrics.empty() && files.empty(); }
};

/// The numbers in the metadata of artifacts of kind `system.Metrics` are metrics; the metadata of
/// `system.ClassificationMetrics` (also of slices) is a file NAME.json; what is of kind `system.HTML` or
/// `system.Markdown` is a file NAME.html, NAME.md. A key that two artifacts have is NAME/KEY from the second
/// one on; characters that keys of metrics cannot have become `_`.
LoggedOutputs logged_outputs(const Struct& outputs, Time at);

/// Whether a stored event (engine::encode) may be the end of a task with such outputs; cheap.
bool may_have_logged_outputs(std::string_view event);

}  // namespace sluice::tracking
