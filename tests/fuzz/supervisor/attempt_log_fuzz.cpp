// Fuzzes a supervisor's log with any content: it opens, and opening the repaired log again gives the same
// state.
#include <cstdint>
#include <cstdlib>
#include <string>

#include <unistd.h>

#include "sluice/os/files.hpp"
#include "sluice/supervisor/attempt_log.hpp"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto folder = os::TemporaryDirectory::make("/tmp", "sluice-fuzz-");
  const auto file = folder->path() / "log";
  if (!os::write_file(file, {reinterpret_cast<const char*>(data), size})) std::abort();
  const auto log = supervisor::AttemptLog::open(file, "boot");
  if (!log) std::abort();
  const auto again = supervisor::AttemptLog::open(file, "boot");
  if (!again || again->ends() != log->ends() || again->begun().size() != log->begun().size() ||
      again->last_number() != log->last_number())
    std::abort();
  return 0;
}
