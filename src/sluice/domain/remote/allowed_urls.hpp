#pragma once
#include <string>
#include <vector>

#include "sluice/base/ip_address.hpp"
#include "sluice/domain/remote/remote_url.hpp"

namespace sluice::remote {

/// What the operator allows to be reached. Nothing, unless he names it. Immutable.
class AllowedUrls {
 public:
  /// One thing that is allowed: `https://HOST[:PORT][/PREFIX]`, the same with `http`, or
  /// `s3://BUCKET[/PREFIX]`. HOST may be `*.NAME` (any name below it) or `*` (any). A prefix ends with a
  /// segment.
  struct Pattern {
    RemoteUrl url;       ///< what stands before the wildcard's place in `host`
    bool below = false;  ///< `*.NAME`: `url.host` is NAME
    bool any = false;    ///< `*`
    [[nodiscard]] bool matches(const RemoteUrl& other) const;
    /// Whether it names a host in the operator's own network itself: an address that is written out, or
    /// `localhost`.
    [[nodiscard]] bool names(const IpAddress& address) const;
  };
  static Result<Pattern> parse_pattern(std::string_view text);

  AllowedUrls() = default;
  /// `addresses`: addresses and ranges in the operator's own networks that names may lead to.
  /// Code::invalid_argument names the entry that is wrong.
  static Result<AllowedUrls> parse(const std::vector<std::string>& patterns,
                                   const std::vector<std::string>& addresses);
  /// The same, and this origin.
  [[nodiscard]] AllowedUrls with(const RemoteUrl& url) const;

  /// Code::permission_denied, with what to allow.
  [[nodiscard]] Result<void> check(const RemoteUrl& url) const;
  /// Of a URL that is allowed: whether all these addresses of its host are. Those that are not hosts of the
  /// public Internet have to be named. Code::permission_denied, likewise.
  [[nodiscard]] Result<void> check_addresses(const RemoteUrl& url,
                                             const std::vector<IpAddress>& addresses) const;

 private:
  std::vector<Pattern> patterns_;
  std::vector<IpRange> addresses_;
};

}  // namespace sluice::remote
