#pragma once
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "sluice/base/clock.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/domain/remote/allowed_urls.hpp"
#include "sluice/ports/fetch_memory.hpp"
#include "sluice/ports/object_store.hpp"
#include "sluice/ports/outbound.hpp"
#include "sluice/ports/secrets.hpp"

namespace sluice::remote {

struct S3Access;

/// Fetches files from hosts that the operator allows into the object store, and posts to such hosts. Every
/// request, and so every redirect, is checked: its URL, and all addresses of its host, of which it then
/// connects to one. Thread-safe. The ports must outlive it.
class RemoteFiles {
 public:
  struct Ports {
    ports::Outbound& outbound;
    ports::ObjectStore& objects;
    const ports::Secrets& secrets;
    ports::FetchMemory& memory;
    const Clock& clock;
  };
  struct Limits {
    std::int64_t bytes_max = std::int64_t{10} << 30;
    Milliseconds time_max = std::chrono::hours(1);  ///< of one fetch, with its redirects
    Milliseconds silence_max = std::chrono::seconds(60);
  };
  RemoteFiles(Ports ports, AllowedUrls allowed, Limits limits)
      : ports_(ports), allowed_(std::move(allowed)), limits_(limits) {}

  /// A file elsewhere, and who wants it.
  struct Source {
    std::string workspace;
    std::string url;
    /// The name of a secret: for https its key `authorization` (the whole header) or `token` (of a bearer);
    /// for s3 `access_key_id`, `secret_access_key`, `session_token`, `region` and `endpoint`. "": none.
    std::string secret = {};
    std::string kind = "any";  ///< of the artifact
  };
  struct Fetched {
    Artifact artifact;   ///< a file in the store, named by the end of the URL
    std::string from;    ///< the URL without its query
    bool is_new = true;  ///< false: it was in the store, and the other side said that it is the same
  };
  using Report = std::function<void(std::int64_t received, std::optional<std::int64_t> total)>;

  /// What can be refused without asking anybody: the URL, and whether it is allowed. Returns the URL.
  [[nodiscard]] Result<RemoteUrl> check(const Source& source) const;
  /// Blocks until it is there. `report` is called as bytes arrive, on this thread. Messages name no query and
  /// no value of a secret. Code::permission_denied for what is not allowed, Code::too_large, and
  /// Code::cancelled after `stop`.
  Result<Fetched> fetch(const Source& source, const Report& report, const std::stop_token& stop);

 private:
  class Fetch;
  [[nodiscard]] Result<std::string> authorization_of(const Source& source) const;
  [[nodiscard]] Result<S3Access> s3_access_of(const Source& source) const;
  [[nodiscard]] Result<std::string> value_of(const Source& source, std::string_view key) const;

  Ports ports_;
  AllowedUrls allowed_;
  Limits limits_;
};

}  // namespace sluice::remote
