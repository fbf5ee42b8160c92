#pragma once
#include <filesystem>
#include <vector>

#include "sluice/app/backend.hpp"
#include "sluice/base/digest.hpp"

namespace sluice::app {

/// Those of `digests` that the server lacks. Asks about any number of them, in parts.
Result<std::vector<Digest>> missing_on_server(Backend& backend, const std::vector<Digest>& digests);

/// Sends the file with this digest to the server: in one request, or, if it is large, in parts, so that it
/// continues where it ended, in this command or the next one. Waits a minute for a server that does not
/// respond.
Result<void> send_object(Backend& backend, const Digest& digest, const std::filesystem::path& file);

}  // namespace sluice::app
