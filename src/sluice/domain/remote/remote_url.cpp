#include "sluice/domain/remote/remote_url.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "sluice/base/ip_address.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

namespace sluice::remote {
namespace {

constexpr std::size_t url_bytes_max = 8192;
constexpr std::size_t host_bytes_max = 253;  // RFC 1035
constexpr std::size_t name_bytes_max = 200;

using Scheme = RemoteUrl::Scheme;
constexpr std::array schemes{std::pair<std::string_view, Scheme>{"https://", Scheme::https},
                             std::pair<std::string_view, Scheme>{"http://", Scheme::http},
                             std::pair<std::string_view, Scheme>{"s3://", Scheme::s3}};

std::string_view text_of(Scheme scheme) {
  return scheme == Scheme::s3 ? "s3" : scheme == Scheme::http ? "http" : "https";
}

std::uint16_t port_of(Scheme scheme) { return scheme == Scheme::s3 ? 0 : scheme == Scheme::http ? 80 : 443; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter_or_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// pchar of RFC 3986, with `/`; `%` is checked by whoever decodes.
bool may_be_in_path(char c) {
  return is_letter_or_digit(c) || std::string_view("-._~!$&'()*+,;=:@/%").find(c) != std::string_view::npos;
}

auto refuse(std::string_view why) { return Fail(user_error(Code::invalid_argument, std::string(why))); }

bool has_dot_segment(std::string_view decoded) {
  while (true) {
    const auto end = std::min(decoded.find_first_of("/\\"), decoded.size());
    const auto segment = decoded.substr(0, end);
    if (segment == "." || segment == "..") return true;
    if (end == decoded.size()) return false;
    decoded.remove_prefix(end + 1);
  }
}

Result<void> check_path(std::string_view path) {
  if (!std::ranges::all_of(path, may_be_in_path))
    return refuse("the URL has a character that is not allowed in one; percent-encode it");
  const auto decoded = percent_decode(path);
  if (!decoded) return refuse("the URL has a `%` that is not followed by two hexadecimal digits");
  if (decoded->find('\0') != std::string::npos) return refuse("the URL has a NUL byte (%00)");
  if (has_dot_segment(std::string_view(*decoded).substr(1)))
    return refuse("the URL has a segment `.` or `..`; write the path without it");
  return {};
}

Result<void> check_query(std::string_view query) {
  const auto allowed = [](char c) { return may_be_in_path(c) || c == '?'; };
  if (!std::ranges::all_of(query, allowed))
    return refuse("the query of the URL has a character that is not allowed in one; percent-encode it");
  if (!percent_decode(query))
    return refuse("the query of the URL has a `%` that is not followed by two hexadecimal digits");
  return {};
}

/// A name as DNS has it, or an address of version 4: letters, digits, `-`, `_` and dots between.
bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > host_bytes_max || host.front() == '.' || host.back() == '.' ||
      host.find("..") != std::string_view::npos)
    return false;
  return std::ranges::all_of(
      host, [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; });
}

/// As S3 names buckets; those of before 2018 may also have capitals and `_`.
bool is_bucket(std::string_view name) {
  constexpr std::size_t shortest = 3;
  constexpr std::size_t longest = 255;
  return name.size() >= shortest && name.size() <= longest && is_host_name(name);
}

Result<void> read_host_and_port(std::string_view authority, RemoteUrl& url) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto bracket = authority.find(']');
    if (bracket == std::string_view::npos) return refuse("the host of the URL has no closing bracket");
    const auto address = IpAddress::parse(authority.substr(1, bracket - 1));
    if (!address || authority.substr(1, bracket - 1).find(':') == std::string_view::npos)
      return refuse("the URL has no address of IPv6 between its brackets");
    url.host = lower_ascii(authority.substr(1, bracket - 1));
    authority.remove_prefix(bracket + 1);
    if (!authority.empty() && !authority.starts_with(':'))
      return refuse("the URL has something between its host and its port");
    port = authority.substr(std::min<std::size_t>(1, authority.size()));
    if (!authority.empty() && port.empty()) return refuse("the URL has no number after the `:` of its port");
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    url.host = lower_ascii(authority.substr(0, colon));
    // "example.org." is the same host, and would be another name in a list of what is allowed.
    if (url.host.ends_with('.')) url.host.pop_back();
    if (!is_host_name(url.host)) return refuse("the URL has no valid host; write https://HOST/PATH");
    if (colon < authority.size()) port = authority.substr(colon + 1);
    if (colon < authority.size() && port.empty())
      return refuse("the URL has no number after the `:` of its port");
  }
  url.port = port_of(url.scheme);
  if (port.empty()) return {};
  const auto number = parse_integer<std::uint16_t>(port);
  if (!number || *number == 0) return refuse("the port of the URL is not a number from 1 to 65535");
  url.port = *number;
  return {};
}

Result<RemoteUrl> parse_s3(std::string_view rest) {
  RemoteUrl url{.scheme = Scheme::s3};
  const auto slash = std::min(rest.find('/'), rest.size());
  url.host = std::string(rest.substr(0, slash));
  if (!is_bucket(url.host)) return refuse("the URL names no bucket; write s3://BUCKET/KEY");
  const auto key = rest.substr(slash);
  if (key.size() < 2) return refuse("the URL names no object; write s3://BUCKET/KEY");
  if (!is_utf8(key)) return refuse("the key of the URL is not UTF-8");
  if (key.find('\0') != std::string_view::npos) return refuse("the URL has a NUL byte");
  if (has_dot_segment(key.substr(1)))
    return refuse("the key of the URL has a segment `.` or `..`, which Sluice does not fetch");
  url.path = percent_encode(key, "/~");
  return url;
}

/// RFC 3986, section 5.2.4.
std::string without_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  path.remove_prefix(1);
  while (true) {
    const auto end = std::min(path.find('/'), path.size());
    const auto segment = path.substr(0, end);
    const bool last = end == path.size();
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
      if (last) kept.emplace_back();
    } else if (segment == ".") {
      if (last) kept.emplace_back();
    } else {
      kept.push_back(segment);
    }
    if (last) break;
    path.remove_prefix(end + 1);
  }
  std::string out;
  for (const auto segment : kept) out.append("/").append(segment);
  return out.empty() ? "/" : out;
}

bool has_scheme(std::string_view text) {
  const auto colon = text.find(':');
  return colon != std::string_view::npos && colon > 0 && colon < text.find_first_of("/?#");
}

}  // namespace

std::string RemoteUrl::origin() const {
  const bool v6 = host.find(':') != std::string::npos;
  auto out = fmt::format("{}://{}", text_of(scheme), v6 ? "[" + host + "]" : host);
  if (port != port_of(scheme)) out += fmt::format(":{}", port);
  return out;
}

std::string RemoteUrl::file_name() const {
  auto decoded = as_utf8(percent_decode(path).value_or(""));
  while (decoded.ends_with('/')) decoded.pop_back();
  auto name = decoded.substr(decoded.find_last_of("/\\") + 1);
  std::erase_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  // Not in the middle of a character.
  auto end = std::min(name.size(), name_bytes_max);
  while (end < name.size() && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
  name.resize(end);
  return name.empty() || name == "." || name == ".." ? "file" : name;
}

bool is_remote_url(std::string_view text) {
  const auto start = lower_ascii(text.substr(0, 8));
  return std::ranges::any_of(schemes, [&](const auto& scheme) { return start.starts_with(scheme.first); });
}

Result<RemoteUrl> parse_remote_url(std::string_view text) {
  if (text.size() > url_bytes_max) return refuse("the URL is longer than 8192 bytes");
  const auto start = lower_ascii(text.substr(0, 8));
  const auto* found =
      std::ranges::find_if(schemes, [&](const auto& scheme) { return start.starts_with(scheme.first); });
  if (found == schemes.end()) return refuse("not a URL with https, http or s3");
  const auto rest = text.substr(found->first.size());
  if (found->second == Scheme::s3) return parse_s3(rest);
  if (rest.find('#') != std::string_view::npos)
    return refuse("the URL has a fragment (`#`); leave it out, or write %23");
  RemoteUrl url{.scheme = found->second};
  const auto authority = rest.substr(0, std::min(rest.find_first_of("/?"), rest.size()));
  if (authority.find('@') != std::string_view::npos)
    return refuse(
        "the URL has a user name or a password, which would be shown; put it into a secret (`sluice secrets "
        "set`) and name that with --input-secret");
  SLUICE_DO(read_host_and_port(authority, url));
  const auto path = rest.substr(authority.size());
  const auto question = std::min(path.find('?'), path.size());
  url.path = question == 0 ? "/" : std::string(path.substr(0, question));
  url.query = std::string(path.substr(question));
  if (url.query == "?") url.query.clear();
  SLUICE_DO(check_path(url.path));
  SLUICE_DO(check_query(url.query));
  return url;
}

Result<RemoteUrl> resolve_reference(const RemoteUrl& base, std::string_view reference) {
  reference = reference.substr(0, reference.find('#'));
  if (reference.size() > url_bytes_max) return refuse("the URL is longer than 8192 bytes");
  if (has_scheme(reference)) return parse_remote_url(reference);
  if (reference.starts_with("//"))
    return parse_remote_url(fmt::format("{}:{}", text_of(base.scheme), reference));
  const auto question = std::min(reference.find('?'), reference.size());
  const auto path = reference.substr(0, question);
  std::string joined;
  if (path.empty())
    joined = base.path;
  else if (path.starts_with('/'))
    joined = without_dot_segments(path);
  else
    joined = without_dot_segments(base.path.substr(0, base.path.rfind('/') + 1) + std::string(path));
  const std::string query(question < reference.size() ? reference.substr(question)
                          : path.empty()              ? base.query
                                                      : "");
  return parse_remote_url(base.origin() + joined + query);
}

}  // namespace sluice::remote
