#pragma once
#include <string>

namespace sluice::ai {

/// The runtime and processor that a host's results depend on besides the model; part of cache keys.
struct Platform {
  std::string runtime;          ///< "openvino 2026.4.1"
  std::string instruction_set;  ///< see base/processor.hpp
  bool operator==(const Platform&) const = default;
};

/// The platform of the hosts that this installation starts on this machine. Does not start one.
Platform this_platform();

}  // namespace sluice::ai
