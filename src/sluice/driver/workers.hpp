#pragma once
#include <functional>

#include "sluice/base/ids.hpp"

namespace sluice::driver {

/// Where the dispatcher has jobs done that may wait: for a disk, a repository, a ledger behind a network.
class Workers {
 public:
  virtual ~Workers() = default;
  /// What follows from a job, on the dispatcher's thread.
  using Then = std::move_only_function<void()>;
  /// Runs the job on another thread, and what it returns on the dispatcher's. Jobs of a run are begun in
  /// order; runs take turns.
  virtual void run(const RunId& run, std::move_only_function<Then()> job) = 0;
};

}  // namespace sluice::driver
