#pragma once
// All that was logged to a run, as one text of bytes: what the rows of its metrics, parameters, tags and uses
// hold, once more, so that a page of a search reads one row for each run. Made from the rows again at any
// time.
#include <string>
#include <string_view>

#include "sluice/ports/tracking.hpp"

namespace sluice::stores::sqlite {

/// Metrics, parameters, tags, datasets and uses of models; nothing else of the run.
std::string record_of(const ports::TrackedRun& run);
/// Fills these fields. Code::data_loss if the text is not one of `record_of`.
Result<void> read_record(std::string_view record, ports::TrackedRun& run);

}  // namespace sluice::stores::sqlite
