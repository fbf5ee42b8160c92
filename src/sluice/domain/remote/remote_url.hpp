#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"

namespace sluice::remote {

/// The address of a file elsewhere: `https://HOST[:PORT]/PATH[?QUERY]`, the same with `http`, or
/// `s3://BUCKET/KEY`. A query may be a signature, so it is shown to nobody.
struct RemoteUrl {
  enum class Scheme { http, https, s3 };
  Scheme scheme = Scheme::https;
  std::string host;        ///< in lower case, an address without brackets; of s3: the bucket
  std::uint16_t port = 0;  ///< 0: of s3
  std::string path;        ///< begins with `/`, percent-encoded; of s3: the key, encoded likewise
  std::string query;       ///< "", or begins with `?`

  /// "https://data.example.org", with a port that is not the scheme's own; "s3://bucket".
  [[nodiscard]] std::string origin() const;
  /// The URL without its query.
  [[nodiscard]] std::string shown() const { return origin() + path; }
  /// What of the path names a file, decoded and without what a name of a file cannot have; "file" if nothing
  /// is left.
  [[nodiscard]] std::string file_name() const;
  bool operator==(const RemoteUrl&) const = default;
};

/// Whether this is meant as a URL, and not as a path.
bool is_remote_url(std::string_view text);

/// Parses a URL. Refused: user names and passwords, fragments, segments `.` and `..` (also encoded: a server
/// may follow them out of an allowed folder), and whatever RFC 3986 does not allow in a URL. The key of an s3
/// URL is written as it is, not percent-encoded. Messages show nothing of the text but its scheme and host.
Result<RemoteUrl> parse_remote_url(std::string_view text);

/// The URL that `Location: reference` names in a response from `base` (RFC 3986, section 5.2), parsed as
/// above.
Result<RemoteUrl> resolve_reference(const RemoteUrl& base, std::string_view reference);

}  // namespace sluice::remote
