#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sluice/ports/tracking.hpp"

namespace sluice::ports {

enum class LoggedModelStatus { pending, ready, upload_failed };

/// A metric of a logged model, measured by a run, perhaps on a dataset.
struct LoggedModelMetric {
  Metric metric;
  std::string run;
  std::string dataset_name;
  std::string dataset_digest;
};

/// A model that a client logged, before or without its registration: its files are artifacts.
struct LoggedModel {
  std::string id;  ///< unique among all workspaces
  std::int64_t experiment = 0;
  std::string name;
  std::string artifact_location;
  Time created{};
  Time updated{};
  LoggedModelStatus status = LoggedModelStatus::pending;
  std::string type;
  std::string source_run;
  bool active = true;
  std::vector<KeyValue> parameters;  ///< by key
  std::vector<KeyValue> tags;        ///< by key
  std::vector<LoggedModelMetric> metrics;
};

/// What is set is changed, in one transaction.
struct LoggedModelChange {
  std::optional<LoggedModelStatus> status = {};
  std::optional<bool> active = {};
  std::vector<KeyValue> parameters = {};
  std::vector<KeyValue> tags = {};
  std::optional<std::string> removed_tag = {};
  Time at{};
};

/// Models that clients logged. Thread-safe. Code::not_found for what is not in the workspace.
class LoggedModels {
 public:
  struct DatasetFilter {
    std::string name;
    std::string digest;  ///< "": any
  };
  virtual ~LoggedModels() = default;
  virtual Result<void> create_model(const Principal& principal, const LoggedModel& model) = 0;
  [[nodiscard]] virtual Result<LoggedModel> model(const std::string& workspace,
                                                  const std::string& id) const = 0;
  virtual Result<LoggedModel> change_model(const std::string& workspace, const std::string& id,
                                           const LoggedModelChange& change) = 0;
  /// Each once, whatever was logged before; also of models that are not known.
  virtual Result<void> add_metrics(const std::string& id, const std::vector<LoggedModelMetric>& metrics) = 0;
  /// Those with a metric on one of the datasets, if any are given.
  [[nodiscard]] virtual Result<std::vector<LoggedModel>> models(
      const std::string& workspace, const std::vector<std::int64_t>& experiments, const Search& search,
      const std::vector<DatasetFilter>& datasets) const = 0;
};

}  // namespace sluice::ports
