#include "sluice/net/guard.hpp"

#include <algorithm>

#include "sluice/base/words.hpp"
#include "sluice/net/listen.hpp"

namespace sluice::net {
namespace {

/// "name" of "name:port"; "::1" of "[::1]:port"; "" if it is neither.
std::string name_of(std::string_view host) {
  std::string_view name = host;
  std::string_view port;
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == std::string_view::npos) return {};
    name = host.substr(1, end - 1);
    port = host.substr(end + 1);
    if (!port.empty() && port.front() != ':') return {};
    if (!port.empty()) port.remove_prefix(1);
  } else if (const auto colon = host.find(':'); colon != std::string_view::npos) {
    name = host.substr(0, colon);
    port = host.substr(colon + 1);
  }
  if (!std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; })) return {};
  return lower_ascii(name);
}

/// "name:port" in lower case, with the port that `scheme` implies if none is given.
std::string with_port(std::string_view host, std::string_view scheme) {
  const bool has_port = host.find(':', host.starts_with('[') ? std::min(host.find(']'), host.size()) : 0) !=
                        std::string_view::npos;
  return lower_ascii(host) + (has_port ? "" : scheme == "https" ? ":443" : ":80");
}

/// Whether a page of this origin was loaded from the server that is reached as `host`. A proxy may have added
/// TLS, so that the scheme is not ours to compare.
bool is_origin_of(std::string_view origin, std::string_view host) {
  const auto end = origin.find("://");
  if (end == std::string_view::npos) return false;  // `null`: a sandbox, a file, a redirect
  const auto scheme = lower_ascii(origin.substr(0, end));
  if (scheme != "http" && scheme != "https") return false;
  return with_port(origin.substr(end + 3), scheme) == with_port(host, scheme);
}

/// Untrusted text, made safe for a message.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, 100));
  std::ranges::replace_if(out, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return out;
}

/// The token of "Bearer TOKEN"; "" if it is not of this form.
std::string_view bearer_of(std::string_view authorization) {
  const auto space = std::min(authorization.find(' '), authorization.size());
  if (lower_ascii(authorization.substr(0, space)) != "bearer") return {};
  auto token = authorization.substr(space);
  while (token.starts_with(' ')) token.remove_prefix(1);
  return token;
}

}  // namespace

Guard::Guard(Options options) : options_(std::move(options)) {
  for (auto& host : options_.allowed_hosts) host = lower_ascii(host);
}

bool Guard::is_own_host(std::string_view host, std::string_view local_ip) const {
  const std::string name = name_of(host);
  if (name.empty()) return false;
  if (name == "localhost" || std::ranges::find(options_.allowed_hosts, name) != options_.allowed_hosts.end())
    return true;
  const std::string ip = canonical_ip(name);
  return !ip.empty() && (ip == "127.0.0.1" || ip == "::1" || ip == canonical_ip(local_ip));
}

Result<void> Guard::check_host(std::string_view host, std::string_view local_ip) const {
  if (is_own_host(host, local_ip)) return {};
  const std::string name = printable(name_of(host).empty() ? host : name_of(host));
  return Fail(user_error(Code::permission_denied,
                         "host `" + name + "` is not a name of this server; use " + options_.url +
                             ", or start the server with `--allow-host " + name + "`"));
}

Result<void> Guard::check_page(std::string_view host, const Page& page, bool changes) const {
  const bool is_own_site =
      !changes || page.fetch_site.empty() || page.fetch_site == "same-origin" || page.fetch_site == "none";
  if (is_own_site && (page.origin.empty() || is_origin_of(page.origin, host))) return {};
  const std::string whose = page.origin.empty() ? std::string("a page of another origin")
                                                : "origin `" + printable(page.origin) + "`";
  return Fail(user_error(Code::permission_denied, "requests from " + whose +
                                                      " are not allowed; only pages of " + options_.url +
                                                      " itself may use this server"));
}

Result<ports::Caller> Guard::caller_of(std::string_view authorization, bool is_owner) const {
  const auto token = bearer_of(authorization);
  if (options_.callers != nullptr && !token.empty())
    if (auto caller = options_.callers->caller_of(token)) {
      auto refusal = caller->task ? options_.callers->refusal_of(*caller) : std::nullopt;
      if (refusal) return Fail(std::move(*refusal));
      return std::move(*caller);
    }
  if (is_owner) return ports::owner();
  if (options_.callers == nullptr || !options_.callers->any())
    return Fail(user_error(
        Code::permission_denied,
        "this server is for the user who started it, and the kernel does not say that this request "
        "is theirs; others need a token, which its owner makes: `sluice token add NAME --role read`"));
  return Fail(user_error(
      Code::unauthenticated,
      std::string(token.empty() ? "this server requires a token" : "the token is not valid, or has expired") +
          "; send `Authorization: Bearer TOKEN` with one that `sluice token add` made"));
}

}  // namespace sluice::net
