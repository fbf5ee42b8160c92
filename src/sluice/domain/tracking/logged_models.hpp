#pragma once
#include <string>
#include <vector>

#include "sluice/base/random.hpp"
#include "sluice/ports/logged_models.hpp"

namespace sluice::tracking {

/// The use cases of logged models. Thread-safe. The ports must outlive it.
class LoggedModels {
 public:
  LoggedModels(ports::LoggedModels& store, const ports::Tracking& experiments, const Clock& clock,
               Random& random)
      : store_(store), experiments_(experiments), clock_(clock), random_(random) {}

  struct NewModel {
    std::int64_t experiment = 0;
    std::string name;  ///< "": an invented one
    std::string type;
    std::string source_run;
    std::vector<ports::KeyValue> parameters;
    std::vector<ports::KeyValue> tags;
  };
  Result<ports::LoggedModel> create(const Principal& principal, NewModel model);
  Result<ports::LoggedModel> finalize(const Principal& principal, const std::string& id,
                                      ports::LoggedModelStatus status);
  Result<void> remove(const Principal& principal, const std::string& id);
  Result<void> log_parameters(const Principal& principal, const std::string& id,
                              std::vector<ports::KeyValue> parameters);
  Result<void> set_tags(const Principal& principal, const std::string& id, std::vector<ports::KeyValue> tags);
  Result<void> remove_tag(const Principal& principal, const std::string& id, const std::string& key);
  Result<void> log_metric(const std::string& id, ports::LoggedModelMetric metric);
  /// Code::not_found also for a removed one, unless they are wanted.
  [[nodiscard]] Result<ports::LoggedModel> find(const Principal& principal, const std::string& id,
                                                bool removed_too = false) const;
  [[nodiscard]] const ports::LoggedModels& store() const { return store_; }

 private:
  ports::LoggedModels& store_;
  const ports::Tracking& experiments_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace sluice::tracking
