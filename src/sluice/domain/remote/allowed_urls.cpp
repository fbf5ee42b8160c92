#include "sluice/domain/remote/allowed_urls.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/words.hpp"

namespace sluice::remote {
namespace {

constexpr std::size_t entries_max = 1000;

/// Whether the path is `prefix`, or below it.
bool is_below(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

Error wrong_pattern(std::string_view text, std::string_view why) {
  return user_error(
      Code::invalid_argument,
      fmt::format("--allow-url `{}`: {}; write https://HOST, https://*.NAME, http://HOST:PORT or "
                  "s3://BUCKET, and a folder after it if only that is meant",
                  as_utf8(text), why));
}

}  // namespace

Result<AllowedUrls::Pattern> AllowedUrls::parse_pattern(std::string_view text) {
  Pattern pattern;
  const auto after_scheme = text.find("://");
  std::string plain(text);
  if (after_scheme != std::string_view::npos) {
    const auto host_at = after_scheme + 3;
    auto host = std::string_view(plain).substr(host_at);
    host = host.substr(0, host.find_first_of(":/"));
    if (host == "*") {
      pattern.any = true;
      plain.replace(host_at, 1, "any");
    } else if (host.starts_with("*.")) {
      pattern.below = true;
      plain.erase(host_at, 2);
    }
  }
  // A bucket alone is no URL of an object; the key stands for one.
  const bool s3 = lower_ascii(plain.substr(0, 5)) == "s3://";
  const bool whole_bucket = s3 && plain.find('/', 5) == std::string::npos;
  if (s3 && (pattern.any || pattern.below))
    return Fail(wrong_pattern(text, "the name of a bucket is written out"));
  const bool whole_folder = s3 && plain.ends_with('/') && plain.find('/', 5) == plain.size() - 1;
  auto url = parse_remote_url(whole_bucket ? plain + "/key" : whole_folder ? plain + "key" : plain);
  if (!url) return Fail(wrong_pattern(text, url.error().message));
  pattern.url = std::move(*url);
  if (whole_bucket || whole_folder) pattern.url.path = "/";
  if (!pattern.url.query.empty()) return Fail(wrong_pattern(text, "it has a query"));
  if (pattern.below && IpAddress::parse(pattern.url.host))
    return Fail(wrong_pattern(text, "an address has no names below it"));
  if (pattern.any) pattern.url.host.clear();
  return pattern;
}

bool AllowedUrls::Pattern::matches(const RemoteUrl& other) const {
  if (other.scheme != url.scheme || other.port != url.port || !is_below(other.path, url.path)) return false;
  if (any) return true;
  if (below) return other.host.size() > url.host.size() && other.host.ends_with("." + url.host);
  return other.host == url.host;
}

bool AllowedUrls::Pattern::names(const IpAddress& address) const {
  if (any || below || url.scheme == RemoteUrl::Scheme::s3) return false;
  if (const auto written = IpAddress::parse(url.host)) return reached_by(*written) == reached_by(address);
  return url.host == "localhost" && special_use(address) == "loopback";
}

Result<AllowedUrls> AllowedUrls::parse(const std::vector<std::string>& patterns,
                                       const std::vector<std::string>& addresses) {
  if (patterns.size() > entries_max || addresses.size() > entries_max)
    return Fail(
        user_error(Code::too_large, "--allow-url and --allow-address take at most 1000 entries each"));
  AllowedUrls allowed;
  for (const auto& text : patterns) {
    SLUICE_TRY(pattern, parse_pattern(text));
    allowed.patterns_.push_back(std::move(pattern));
  }
  for (const auto& text : addresses) {
    const auto range = IpRange::parse(text);
    if (!range)
      return Fail(user_error(
          Code::invalid_argument,
          fmt::format("--allow-address `{}`: not an address or a range such as 10.0.0.0/8", as_utf8(text))));
    allowed.addresses_.push_back(*range);
  }
  return allowed;
}

AllowedUrls AllowedUrls::with(const RemoteUrl& url) const {
  auto more = *this;
  more.patterns_.push_back({.url = url});
  more.patterns_.back().url.path = "/";
  more.patterns_.back().url.query.clear();
  return more;
}

Result<void> AllowedUrls::check(const RemoteUrl& url) const {
  if (std::ranges::any_of(patterns_, [&](const auto& pattern) { return pattern.matches(url); })) return {};
  const auto same_origin = [&](const Pattern& pattern) {
    auto elsewhere = pattern;
    elsewhere.url.path = "/";
    return elsewhere.matches(url);
  };
  if (std::ranges::any_of(patterns_, same_origin))
    return Fail(user_error(Code::permission_denied,
                           fmt::format("{} is not allowed: it is outside of what --allow-url names of {}",
                                       url.shown(), url.origin())));
  return Fail(user_error(Code::permission_denied,
                         fmt::format("{} is not allowed; whoever runs Sluice allows it with `--allow-url {}`",
                                     url.origin(), url.origin())));
}

Result<void> AllowedUrls::check_addresses(const RemoteUrl& url,
                                          const std::vector<IpAddress>& addresses) const {
  for (const auto& address : addresses) {
    const auto use = special_use(address);
    if (use.empty()) continue;
    const auto names = [&](const Pattern& pattern) { return pattern.matches(url) && pattern.names(address); };
    if (std::ranges::any_of(patterns_, names)) continue;
    const auto reached = reached_by(address);
    if (std::ranges::any_of(addresses_, [&](const IpRange& range) {
          return range.contains(address) || range.contains(reached);
        }))
      continue;
    return Fail(user_error(
        Code::permission_denied,
        fmt::format("{} has the {} address {}, which is not allowed; whoever runs Sluice allows it with "
                    "`--allow-address {}`",
                    url.host, use, address.text(), reached.text())));
  }
  return {};
}

}  // namespace sluice::remote
