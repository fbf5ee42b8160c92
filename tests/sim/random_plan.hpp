#pragma once
#include <string>

#include "sluice/base/random.hpp"
#include "sluice/ir/signature.hpp"

namespace sluice::sim {

/// The services that random plans call: `sim.pure` and `sim.effect`, each from `value` to the integer `o`.
ir::Signatures services();

/// The text of a plan that the verifier accepts: every construct, at random, in small numbers.
std::string random_plan(SeededRandom& random);

}  // namespace sluice::sim
