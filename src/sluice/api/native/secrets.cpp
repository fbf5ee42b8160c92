#include <fmt/format.h>

#include "sluice/api/native/responses.hpp"
#include "sluice/ir/secret.hpp"

namespace sluice::api {
namespace {

Result<std::string> name_of(const ports::Request& request) {
  for (const auto& word : request.params)
    if (!ir::is_secret_word(word))
      return Fail(user_error(
          Code::invalid_argument,
          fmt::format(
              "`{}` is no name for a secret or its key: write letters, digits, `_` and `-`, at most 100",
              word.substr(0, 100))));
  return request.params.at(0) + "." + request.params.at(1);
}

Result<ports::Response> set(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(name, name_of(request));
  SLUICE_TRY(body, body_of(request));
  SLUICE_TRY(value, text_of(body, "value"));
  SLUICE_DO(api.secrets->set(request.principal, name, std::move(value)));
  auto response = json_response(Struct{});
  response.subject = name;
  return response;
}

Result<ports::Response> remove(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(name, name_of(request));
  SLUICE_DO(api.secrets->remove(request.principal.workspace, name));
  auto response = json_response(Struct{});
  response.subject = name;
  return response;
}

Result<ports::Response> list(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(found, api.secrets->list(request.principal.workspace));
  List out;
  for (const auto& secret : found) {
    Struct s;
    s.set("secret", secret.name);
    s.set("version", secret.version);
    s.set("set", to_iso8601(secret.set));
    s.set("by", secret.by);
    out.emplace_back(std::move(s));
  }
  Struct result;
  result.set("secrets", std::move(out));
  return json_response(result);
}

}  // namespace

void add_secret_routes(const NativeApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "GET",
                    .pattern = "/v1/secrets",
                    .handler = sync_handler([api](const auto& r) { return list(api, r); }),
                    .role = ports::Role::admin});
  routes.push_back({.method = "PUT",
                    .pattern = "/v1/secrets/{}/{}",
                    .handler = sync_handler([api](const auto& r) { return set(api, r); }),
                    .role = ports::Role::admin,
                    .change = "secret.set"});
  routes.push_back({.method = "DELETE",
                    .pattern = "/v1/secrets/{}/{}",
                    .handler = sync_handler([api](const auto& r) { return remove(api, r); }),
                    .role = ports::Role::admin,
                    .change = "secret.remove"});
}

}  // namespace sluice::api
