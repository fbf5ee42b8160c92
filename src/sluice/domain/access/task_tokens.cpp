#include "sluice/domain/access/task_tokens.hpp"

#include <algorithm>

#include "sluice/base/hmac.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"

namespace sluice::access {
namespace {

/// Base64 for headers and URLs (RFC 4648, section 5), without padding.
std::string encode(std::string_view bytes) {
  auto text = base64_encode(bytes);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  text.resize(text.find_last_not_of('=') + 1);
  return text;
}

std::optional<std::string> decode(std::string_view text) {
  std::string standard(text);
  std::ranges::replace(standard, '-', '+');
  std::ranges::replace(standard, '_', '/');
  constexpr std::size_t group = 4;
  standard.append((group - standard.size() % group) % group, '=');
  return base64_decode(standard);
}

}  // namespace

std::string TaskTokens::token_of(const ports::TaskCaller& task, const Principal& principal) const {
  Struct claims;
  claims.append("run", task.run.text);
  claims.append("path", task.path);
  claims.append("attempt", task.attempt);
  claims.append("fence", task.fence.text);
  claims.append("workspace", principal.workspace);
  claims.append("principal", principal.name);
  auto token = std::string(prefix) + encode(to_json(Value(std::move(claims))));
  token += "." + hmac(key_, token).hex();
  return token;
}

std::optional<ports::Caller> TaskTokens::caller_of(std::string_view token) const {
  if (!token.starts_with(prefix) || token.size() > bytes_max) return std::nullopt;
  const auto dot = token.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto signature = Digest::from_hex(token.substr(dot + 1));
  // Of digests: the time that this takes says nothing about the right one.
  if (!signature || Digest::of(signature->hex()) != Digest::of(hmac(key_, token.substr(0, dot)).hex()))
    return std::nullopt;
  const auto bytes = decode(token.substr(prefix.size(), dot - prefix.size()));
  if (!bytes) return std::nullopt;
  const auto claims = parse_json(*bytes, "token");
  if (!claims) return std::nullopt;
  return ports::Caller{
      .principal = {.workspace = claims->text_at("workspace"), .name = claims->text_at("principal")},
      .role = ports::Role::read,
      .task = ports::TaskCaller{.run = {claims->text_at("run")},
                                .path = claims->text_at("path"),
                                .attempt = claims->integer_at("attempt"),
                                .fence = {claims->text_at("fence")}}};
}

}  // namespace sluice::access
