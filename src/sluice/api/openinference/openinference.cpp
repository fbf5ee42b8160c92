#include "sluice/api/openinference/openinference.hpp"

#include "sluice/api/openinference/infer_request.hpp"
#include "sluice/api/openinference/infer_response.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"

namespace sluice::api {
namespace {

constexpr std::size_t infer_body_max = std::size_t{64} << 20;
constexpr std::size_t brief_body_max = std::size_t{64}
                                       << 10;  ///< two of them fit into the buffer of a host's socket

ports::Response json_response(Struct json) { return {.body = to_json(std::move(json))}; }

ports::Response error_response(const Error& error) {
  std::string message = error.message;
  for (const auto& note : error.notes) message += "; " + note;
  Struct json;
  json.set("error", message);
  return {.status = http_status(error.code), .body = to_json(std::move(json))};
}

/// The version in the path, if any: params are NAME and optionally V.
Result<std::optional<std::int64_t>> version_in(const ports::Request& request) {
  if (request.params.size() < 2) return std::optional<std::int64_t>();
  const auto& text = request.params[1];
  const auto version = parse_integer<std::int64_t>(text);
  if (version && *version > 0) return version;
  return Fail(
      user_error(Code::not_found, "`" + text + "` is not a valid version; versions are numbers from 1"));
}

Value tensor(std::string_view name, std::string_view datatype, List shape) {
  Struct json;
  json.set("name", name);
  json.set("datatype", datatype);
  json.set("shape", std::move(shape));
  return json;
}

/// The implementation of the routes. Copied into the handlers.
struct Routes {
  serving::Serving& serving;
  std::string version;

  [[nodiscard]] ports::Response server() const {
    Struct json;
    json.set("name", "sluice");
    json.set("version", version);
    json.set("extensions", List{"binary_tensor_data"});
    return json_response(std::move(json));
  }

  [[nodiscard]] Result<serving::Description> describe(const ports::Request& request) const {
    SLUICE_TRY(number, version_in(request));
    return serving.describe(request.principal.workspace, request.params.at(0), number);
  }

  [[nodiscard]] ports::Response ready(const ports::Request& request) const {
    const auto number = version_in(request);
    if (!number) return error_response(number.error());
    const auto& endpoint = request.params.at(0);
    // Ready even if no host is running: the first request starts one and waits for it.
    if (auto ready = serving.ready(request.principal.workspace, endpoint, *number); !ready)
      return error_response(ready.error());
    Struct json;
    json.set("name", endpoint);
    json.set("ready", true);
    return json_response(std::move(json));
  }

  [[nodiscard]] ports::Response model(const ports::Request& request) const {
    const auto description = describe(request);
    if (!description) return error_response(description.error());
    List versions;
    for (const auto number : description->versions) versions.emplace_back(std::to_string(number));
    List classes;
    for (const auto& name : description->classes) classes.emplace_back(name);
    const auto count = static_cast<std::int64_t>(classes.size());
    Struct parameters;
    parameters.set("model", description->model);
    parameters.set("classes", std::move(classes));
    Struct json;
    json.set("name", description->endpoint);
    json.set("versions", std::move(versions));
    json.set("platform", "onnx_onnxv1");
    json.set("inputs", List{tensor("image", "BYTES", {-1})});
    json.set("outputs", List{tensor("label", "BYTES", {-1}), tensor("probability", "FP32", {-1, count}),
                             tensor("rejected", "BOOL", {-1})});
    json.set("parameters", std::move(parameters));
    return json_response(std::move(json));
  }

  /// An idle host reads a request at once, and a small request fits into the socket's buffer anyway.
  [[nodiscard]] bool is_brief(const ports::Request& request) const {
    if (request.body.size() > brief_body_max) return false;
    const auto number = version_in(request);
    return number && serving.is_idle(request.principal.workspace, request.params.at(0), *number);
  }

  void infer(ports::Request request, ports::Responder respond) const {
    const auto number = version_in(request);
    if (!number) return respond(error_response(number.error()));
    auto read = read_infer_request({.bytes = request.body,
                                    .json_length = request.header("inference-header-content-length"),
                                    .content_type = request.header("content-type")});
    if (!read) return respond(error_response(read.error()));
    request.body = {};
    auto pictures = std::exchange(read->pictures, {});
    const std::string endpoint = request.params.at(0);
    serving.predict(request.principal.workspace, endpoint, *number, std::move(pictures),
                    [parsed = std::move(*read), endpoint,
                     respond = std::move(respond)](Result<serving::PredictResult> result) mutable {
                      if (!result) return respond(error_response(result.error()));
                      auto response = write_infer_response(parsed, endpoint, *result);
                      respond(response ? std::move(*response) : error_response(response.error()));
                    });
  }
};

ports::Handler sync_handler(ports::Response (Routes::*method)(const ports::Request&) const,
                            const Routes& routes) {
  return [method, routes](const ports::Request& request, ports::Responder respond) {
    respond((routes.*method)(request));
  };
}

ports::Handler always(const std::string& key) {
  return [key](const ports::Request&, ports::Responder respond) {
    Struct json;
    json.set(key, true);
    respond(json_response(std::move(json)));
  };
}

}  // namespace

ports::Protocol openinference_protocol(serving::Serving& serving, std::string version) {
  const Routes routes{.serving = serving, .version = std::move(version)};
  const ports::Handler server = [routes](const ports::Request&, ports::Responder respond) {
    respond(routes.server());
  };
  const ports::Handler infer = [routes](ports::Request request, ports::Responder respond) {
    routes.infer(std::move(request), std::move(respond));
  };
  const auto is_brief = [routes](const ports::Request& request) { return routes.is_brief(request); };
  const auto at_once = [](const ports::Request&) { return true; };
  ports::Protocol protocol{.name = "openinference", .routes = {}, .error = error_response};
  protocol.routes = {
      {.method = "GET", .pattern = "/v2", .handler = server},
      {.method = "GET", .pattern = "/v2/health/live", .handler = always("live"), .is_brief = at_once},
      {.method = "GET", .pattern = "/v2/health/ready", .handler = always("ready"), .is_brief = at_once},
      {.method = "GET", .pattern = "/v2/models/{}", .handler = sync_handler(&Routes::model, routes)},
      {.method = "GET",
       .pattern = "/v2/models/{}/versions/{}",
       .handler = sync_handler(&Routes::model, routes)},
      {.method = "GET",
       .pattern = "/v2/models/{}/ready",
       .handler = sync_handler(&Routes::ready, routes),
       .is_brief = at_once},
      {.method = "GET",
       .pattern = "/v2/models/{}/versions/{}/ready",
       .handler = sync_handler(&Routes::ready, routes),
       .is_brief = at_once},
      {.method = "POST",
       .pattern = "/v2/models/{}/infer",
       .handler = infer,
       .body_max = infer_body_max,
       .is_brief = is_brief,
       .role = ports::Role::read},
      {.method = "POST",
       .pattern = "/v2/models/{}/versions/{}/infer",
       .handler = infer,
       .body_max = infer_body_max,
       .is_brief = is_brief,
       .role = ports::Role::read}};
  return protocol;
}

}  // namespace sluice::api
