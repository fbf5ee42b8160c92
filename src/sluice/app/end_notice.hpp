#pragma once
#include <optional>
#include <stop_token>
#include <string>

#include "sluice/base/value.hpp"
#include "sluice/domain/remote/allowed_urls.hpp"
#include "sluice/ports/outbound.hpp"

namespace sluice::app {

/// What is done when a run has ended: a command, or a POST to a URL. Named by whoever started this process on
/// his command line, never by a request. Immutable.
class EndNotice {
 public:
  /// "https://…" and "http://…" are URLs; all else is a command line for /bin/sh.
  static Result<EndNotice> parse(const std::string& text);

  /// Tells it about a run, by its report (runs::to_json): posts JSON, up to three times while the failure may
  /// pass; or runs the command, for a minute at most, with SLUICE_RUN, SLUICE_STATUS and SLUICE_FAILURE in
  /// its environment and its output on stderr. Blocks. The error is for whoever named it.
  [[nodiscard]] Result<void> tell(const Value& report, ports::Outbound& outbound,
                                  const remote::AllowedUrls& allowed, const std::stop_token& stop) const;

 private:
  std::string command_;
  std::optional<remote::RemoteUrl> url_;
};

/// What is told about a run: {"run", "status", "name", "pipeline", "started", "ended", "first_failure":
/// {"path", "kind", "message"}}; the last only if it did not succeed.
Value end_message(const Value& report);

}  // namespace sluice::app
