#include "sluice/api/native/native.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "sluice/api/native/responses.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/sent_field.hpp"

namespace sluice::api {

ports::Response json_response(const Value& value, int status) {
  return {.status = status, .body = to_json(value) + "\n"};
}

ports::Response error_response(const Error& error) {
  Struct inner;
  inner.set("code", name(error.code));
  inner.set("blame", error.blame == Blame::user          ? "user"
                     : error.blame == Blame::environment ? "environment"
                                                         : "sluice");
  inner.set("message", error.message);
  if (!error.notes.empty()) inner.set("notes", List(error.notes.begin(), error.notes.end()));
  Struct outer;
  outer.set("error", std::move(inner));
  return json_response(outer, http_status(error.code));
}

ports::Handler sync_handler(std::function<Result<ports::Response>(const ports::Request&)> work) {
  return [work = std::move(work)](const ports::Request& request, ports::Responder respond) {
    auto response = work(request);
    respond(response ? std::move(*response) : error_response(response.error()));
  };
}

Result<Value> body_of(const ports::Request& request) {
  SLUICE_TRY(body, parse_json(request.body, "body"));
  if (!body.is_struct()) return Fail(user_error(Code::invalid_argument, "the body must be a JSON object"));
  return body;
}

Result<Value> optional_body_of(const ports::Request& request) {
  if (request.body.empty() || request.body == "null") return Value(Struct{});
  return body_of(request);
}

Result<std::string> text_of(const Value& body, std::string_view field) {
  const auto* value = body.find(field);
  if (!value || !value->is_string())
    return Fail(user_error(Code::invalid_argument, fmt::format("the body must have a string `{}`", field)));
  return *value->if_string();
}

Result<std::string> text_of(const Value& body, std::string_view field, std::string_view otherwise) {
  const auto* value = sent_field(body, field);
  if (!value) return std::string(otherwise);
  if (const auto* text = value->if_string()) return *text;
  return Fail(user_error(Code::invalid_argument, fmt::format("`{}` must be a string", field)));
}

Result<bool> flag_of(const Value& body, std::string_view field, bool otherwise) {
  const auto* value = sent_field(body, field);
  if (!value) return otherwise;
  if (const auto* flag = value->if_boolean()) return *flag;
  return Fail(user_error(Code::invalid_argument, fmt::format("`{}` must be true or false", field)));
}

Result<ports::NamePage> page_of(const ports::Request& request) {
  SLUICE_TRY(limit, number_of(request, "limit", 50, page_max));
  return ports::NamePage{.after = std::string(request.query_at("after")),
                         .limit = static_cast<std::size_t>(limit)};
}

Result<std::int64_t> number_of(const ports::Request& request, std::string_view name, std::int64_t otherwise,
                               std::int64_t most) {
  const auto text = request.query_at(name);
  if (text.empty()) return otherwise;
  const auto number = parse_integer<std::int64_t>(text);
  if (!number || *number < 0)
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("query parameter `{}` must be a non-negative integer", name)));
  return std::min(*number, most);
}

ports::Protocol native_protocol(const NativeApi& api) {
  ports::Protocol protocol{.name = "native", .routes = {}, .error = error_response};
  protocol.routes.push_back({.method = "GET",
                             .pattern = "/v1/status",
                             .handler = sync_handler([api](const ports::Request&) -> Result<ports::Response> {
                               Struct s;
                               s.set("name", "sluice");
                               s.set("version", api.version);
                               s.set("pid", static_cast<std::int64_t>(::getpid()));
                               s.set("data", api.data.string());
                               return json_response(s);
                             }),
                             .is_brief = [](const ports::Request&) { return true; }});
  add_object_routes(api, protocol);
  add_upload_routes(api, protocol);
  add_run_routes(api, protocol);
  add_event_routes(api, protocol);
  add_log_routes(api, protocol);
  add_model_routes(api, protocol);
  add_endpoint_routes(api, protocol);
  add_access_routes(api, protocol);
  if (api.fetches != nullptr) add_fetch_routes(api, protocol);
  if (api.secrets != nullptr) add_secret_routes(api, protocol);
  if (api.schedules != nullptr) add_schedule_routes(api, protocol);
  if (api.datasets != nullptr) add_dataset_routes(api, protocol);
  if (api.storage != nullptr) add_storage_routes(api, protocol);
  if (api.experiments != nullptr) add_tracked_run_routes(api, protocol);
  return protocol;
}

}  // namespace sluice::api
