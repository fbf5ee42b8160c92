#pragma once
#include <memory>

#include "sluice/ports/access.hpp"
#include "sluice/ports/http.hpp"
#include "sluice/ports/service.hpp"

namespace sluice::access {

/// Where changes are recorded; what it refers to must outlive what is recorded with it.
struct Record {
  ports::ChangeLog& log;
  const Clock& clock;
};

/// The same protocol, whose successful changes (Route::change) are recorded before they are answered.
ports::Protocol recorded(ports::Protocol protocol, Record record);

/// The same service; if it has effects, each that happened is recorded as a change by the run's principal.
std::unique_ptr<ports::Service> recorded(std::unique_ptr<ports::Service> service, Record record);

}  // namespace sluice::access
