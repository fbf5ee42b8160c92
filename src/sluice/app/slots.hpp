#pragma once
#include <string>

#include "sluice/base/result.hpp"
#include "sluice/driver/slots.hpp"

namespace sluice::app {

/// The slots of a server: as many CPU slots as it has processors, and this machine's memory, except for what
/// `setting` says: "cpu=8,memory=24GiB,gpu=2,downloads=4". A name that is not a resource is a pool.
Result<driver::Capacity> slots_of(const std::string& setting);

}  // namespace sluice::app
