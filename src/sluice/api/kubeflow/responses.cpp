#include "sluice/api/kubeflow/responses.hpp"

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api::kubeflow {
namespace {

/// The numbers of gRPC's codes, and the status that its gateway makes of each.
struct GrpcCode {
  std::int64_t number;
  int status;
};

constexpr std::int64_t unimplemented = 12;
constexpr std::int64_t failed = 13;  // INTERNAL: what a task's failure is reported as

GrpcCode code_of(Code code) {
  switch (code) {
    case Code::cancelled: return {.number = 1, .status = 499};
    case Code::invalid_argument: return {.number = 3, .status = 400};
    case Code::too_large: return {.number = 3, .status = 413};
    case Code::deadline_exceeded: return {.number = 4, .status = 504};
    case Code::not_found: return {.number = 5, .status = 404};
    case Code::already_exists: return {.number = 6, .status = 409};
    case Code::permission_denied: return {.number = 7, .status = 403};
    case Code::exhausted: return {.number = 8, .status = 429};
    case Code::disk_full: return {.number = 8, .status = 507};
    case Code::failed_precondition: return {.number = 9, .status = 400};
    case Code::conflict: return {.number = 10, .status = 409};
    case Code::unavailable: return {.number = 14, .status = 503};
    case Code::data_loss: return {.number = 15, .status = 500};
    case Code::unauthenticated: return {.number = 16, .status = 401};
    case Code::internal: break;
  }
  return {.number = 13, .status = 500};
}

ports::Response refusal(int status, std::int64_t code, const std::string& message) {
  Struct detail;
  detail.set("@type", "type.googleapis.com/google.rpc.Status");
  detail.set("code", code);
  detail.set("message", message);
  Struct body;
  body.set("error", message);
  body.set("code", code);
  body.set("message", message);
  body.set("details", List{Value(std::move(detail))});
  auto response = json(body);
  response.status = status;
  return response;
}

}  // namespace

ports::Response error_response(const Error& error) {
  const auto code = code_of(error.code);
  return refusal(code.status, code.number, error.message);
}

ports::Response not_offered(std::string_view why) {
  constexpr int not_implemented = 501;
  return refusal(not_implemented, unimplemented, std::string(why));
}

ports::Response json(const Struct& value) { return {.body = to_json(value)}; }
ports::Response empty() { return {.body = "{}"}; }

ports::Handler handler_of(Handle work) {
  return [work = std::move(work)](const ports::Request& request, ports::Responder respond) {
    auto response = work(request);
    respond(response ? std::move(*response) : error_response(response.error()));
  };
}

Value time_of(std::optional<Time> time) { return to_iso8601(time.value_or(Time())); }

Value status_of(std::string_view message) {
  Struct status;
  status.set("code", failed);
  status.set("message", message);
  return status;
}

Result<void> check_namespace(const Principal& by, std::string_view wanted) {
  if (wanted.empty() || wanted == by.workspace || by.workspace == Principal().workspace) return {};
  constexpr std::size_t shown_max = 100;
  return Fail(user_error(Code::permission_denied,
                         fmt::format("namespace `{}` is not the workspace of this token, which is `{}`",
                                     as_utf8(wanted.substr(0, shown_max)), by.workspace)));
}

Target target_of(const ports::Request& request) {
  const auto& whole = request.params.at(0);
  const auto colon = whole.rfind(':');
  if (colon == std::string::npos) return {.id = whole, .action = ""};
  return {.id = whole.substr(0, colon), .action = whole.substr(colon + 1)};
}

Error no_action(const Target& target, std::string_view known) {
  constexpr std::size_t shown_max = 100;
  return user_error(Code::not_found, fmt::format("there is no action `{}` here; there are: {}",
                                                 as_utf8(target.action.substr(0, shown_max)), known));
}

}  // namespace sluice::api::kubeflow
