#pragma once
#include <string>

#include "sluice/base/random.hpp"
#include "sluice/ir/signature.hpp"

namespace sluice::sim {

/// The services that random plans call: `sim.pure` and `sim.effect`, each with the input `value` and the
/// integer output `o`.
ir::Signatures services();

/// The text of a random plan that the verifier accepts, with all constructs, in small numbers.
std::string random_plan(SeededRandom& random);

}  // namespace sluice::sim
