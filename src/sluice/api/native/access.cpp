#include <fmt/format.h>

#include "sluice/api/native/responses.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/sent_field.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api {
namespace {

Struct token_to_json(const ports::Token& token, Time now) {
  Struct s;
  s.set("name", token.name);
  s.set("role", ports::name(token.role));
  s.set("added", to_iso8601(token.created));
  s.set("by", token.by);
  if (token.expires) s.set("expires", to_iso8601(*token.expires));
  s.set("expired", token.expires && *token.expires <= now);
  return s;
}

Result<ports::Response> list(const NativeApi& api) {
  List out;
  for (const auto& token : api.access.list()) out.emplace_back(token_to_json(token, api.clock.now()));
  Struct result;
  result.set("tokens", std::move(out));
  return json_response(result);
}

Result<ports::Response> add(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(body, body_of(request));
  SLUICE_TRY(name, text_of(body, "name"));
  SLUICE_TRY(role_text, text_of(body, "role"));
  const auto role = ports::role_named(role_text);
  if (!role)
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format("`role` is `{}`{}; a token has the role read, run or admin", role_text,
                    did_you_mean(role_text, {ports::role_names.begin(), ports::role_names.end()}))));
  access::NewToken token{.name = std::move(name), .role = *role, .lifetime = std::nullopt};
  if (const auto* seconds = sent_field(body, "expires_in_seconds")) {
    const auto* number = seconds->if_integer();
    if (number == nullptr || *number < 1 || *number > INT64_C(10'000'000'000))
      return Fail(user_error(Code::invalid_argument, "`expires_in_seconds` must be a positive whole number"));
    token.lifetime = std::chrono::seconds(*number);
  }
  SLUICE_TRY(secret, api.access.add(token, request.principal));
  Struct result;
  result.set("name", token.name);
  result.set("role", ports::name(token.role));
  result.set("token", secret);
  auto response = json_response(result, 201);
  response.subject = token.name + " (" + std::string(ports::name(token.role)) + ")";
  return response;
}

Result<ports::Response> revoke(const NativeApi& api, const ports::Request& request) {
  SLUICE_DO(api.access.revoke(request.params.at(0)));
  return json_response(Struct{});
}

Result<ports::Response> changes(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(limit, number_of(request, "limit", 50, page_max));
  SLUICE_TRY(after, number_of(request, "after", INT64_MAX, INT64_MAX));
  SLUICE_TRY(found, api.changes.changes(after, static_cast<std::size_t>(limit) + 1));
  Struct result;
  if (cut_to_page(found, static_cast<std::size_t>(limit)))
    result.set("next", std::to_string(found.back().number));
  List out;
  for (const auto& change : found) {
    Struct s;
    s.set("at", to_iso8601(change.at));
    s.set("by", change.principal.name);
    s.set("what", change.what);
    s.set("subject", change.subject);
    out.emplace_back(std::move(s));
  }
  result.set("changes", std::move(out));
  return json_response(result);
}

}  // namespace

void add_access_routes(const NativeApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "GET",
                    .pattern = "/v1/tokens",
                    .handler = sync_handler([api](const auto&) { return list(api); }),
                    .role = ports::Role::admin});
  routes.push_back({.method = "POST",
                    .pattern = "/v1/tokens",
                    .handler = sync_handler([api](const auto& r) { return add(api, r); }),
                    .role = ports::Role::admin,
                    .change = "token.add"});
  routes.push_back({.method = "DELETE",
                    .pattern = "/v1/tokens/{}",
                    .handler = sync_handler([api](const auto& r) { return revoke(api, r); }),
                    .role = ports::Role::admin,
                    .change = "token.revoke"});
  routes.push_back({.method = "GET",
                    .pattern = "/v1/audit",
                    .handler = sync_handler([api](const auto& r) { return changes(api, r); }),
                    .role = ports::Role::admin});
}

}  // namespace sluice::api
