#include "sluice/runtimes/openvino/instruction_set.hpp"

#include "sluice/base/processor.hpp"

namespace sluice::runtimes {

std::string_view instruction_set() { return sluice::instruction_set(); }

}  // namespace sluice::runtimes
