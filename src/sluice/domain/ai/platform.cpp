#include "sluice/domain/ai/platform.hpp"

#include "sluice/base/processor.hpp"

namespace sluice::ai {

Platform this_platform() {
  return {.runtime = SLUICE_INFERENCE_RUNTIME, .instruction_set = std::string(instruction_set())};
}

}  // namespace sluice::ai
