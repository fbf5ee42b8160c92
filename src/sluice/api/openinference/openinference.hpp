#pragma once
#include <string>

#include "sluice/domain/serving/serving.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::api {

/// The Open Inference Protocol V2 under /v2. `serving` must outlive every server that uses it; `version` is
/// that of this program.
ports::Protocol openinference_protocol(serving::Serving& serving, std::string version);

}  // namespace sluice::api
