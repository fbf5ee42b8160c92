#pragma once
#include <optional>
#include <string>

#include "sluice/base/digest.hpp"

namespace sluice::ports {

/// Remembers what was fetched from where, so that it is not fetched again while it is the same. A cache: it
/// may forget anything at any time, and keeps no object. Thread-safe.
class FetchMemory {
 public:
  virtual ~FetchMemory() = default;
  struct Fetched {
    std::string etag;  ///< a strong one, with its quotes
    Digest digest;
    std::int64_t size = 0;
  };
  /// nullopt: not known.
  [[nodiscard]] virtual std::optional<Fetched> find(const Digest& key) const = 0;
  /// A failure is nobody's concern: it is fetched again.
  virtual void remember(const Digest& key, const Fetched& fetched) = 0;
};

}  // namespace sluice::ports
