#pragma once
#include "sluice/base/ids.hpp"

namespace sluice::ports {

/// Notes the run that is being decided, where the note survives the death of the process: a run that ends one
/// process after the other can then be set aside. One thread at a time.
class DecisionNote {
 public:
  virtual ~DecisionNote() = default;
  /// Called before every decision; as cheap as writing to memory.
  virtual void begin(const RunId& run) = 0;
  /// Called after it, and not if the process died.
  virtual void end() = 0;
};

}  // namespace sluice::ports
