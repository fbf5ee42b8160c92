#pragma once
#include <string>

namespace sluice::ai {

/// What the numbers of a host depend on besides the model: enters cache keys.
struct Platform {
  std::string runtime;          ///< "openvino 2026.4.1"
  std::string instruction_set;  ///< base/processor.hpp
  bool operator==(const Platform&) const = default;
};

/// That of the hosts that this installation starts on this machine. Starts none.
Platform this_platform();

}  // namespace sluice::ai
