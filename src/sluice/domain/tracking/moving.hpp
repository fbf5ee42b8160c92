#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sluice/ports/moving.hpp"

namespace sluice::tracking {

/// What was moved. `seen` is what the source has; `added` is what the target did not have.
struct Moved {
  struct Count {
    std::int64_t seen = 0;
    std::int64_t added = 0;
    std::int64_t changed = 0;  ///< of records that were there: something was added to it, or is different now
  };
  Count experiments, runs, models;
  Count points, parameters, tags, uses;
  Count registered_models, versions, aliases;
  Count traces, spans, assessments;
  Count files;
  std::int64_t bytes = 0;               ///< of files that were added
  std::int64_t unmoved = 0;             ///< how many could not be moved
  std::vector<ports::Unmoved> reasons;  ///< the first of them
  std::vector<std::string> others;      ///< what the source also has, and nothing here can take
};

struct MovingParts {
  ports::TrackingSource& records;
  ports::ArtifactSource& files;
  ports::TrackingTarget& to_records;
  ports::ArtifactTarget& to_files;
  ports::RegistryTarget& to_registry;
  ports::TraceTarget& to_traces;
  /// Is told now and then.
  std::function<void(const Moved& so_far)> progress = {};
};

/// Moves everything that is not there yet, and reads each record back. Ends with an error of the target, or
/// if the source's records cannot be read further; what was moved until then stays, and the next time it
/// continues. What cannot be moved alone is passed over, and listed. Memory is bounded, whatever is moved.
Result<Moved> move_tracking(const MovingParts& parts);

}  // namespace sluice::tracking
