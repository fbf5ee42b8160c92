#include "sluice/net/gate.hpp"

#include <algorithm>

#include "sluice/base/words.hpp"
#include "sluice/net/target.hpp"

namespace sluice::net {
namespace {

/// The effective host of the request, or why there is none.
Result<std::string> host_of(const RequestHead& head, const Target& target) {
  const auto is_host = [](const auto& header) { return header.first == "host"; };
  const auto hosts = std::ranges::count_if(head.headers, is_host);
  if (hosts > 1) return Fail(user_error(Code::invalid_argument, "the request has more than one Host header"));
  if (!target.authority.empty()) return target.authority;
  if (hosts == 1) return std::ranges::find_if(head.headers, is_host)->second;
  if (head.version_1_0)
    return std::string("localhost");  // older than the Host header; browsers do not use it
  return Fail(user_error(Code::invalid_argument, "the request has no Host header, which HTTP/1.1 requires"));
}

std::string_view header_of(const RequestHead& head, std::string_view name) {
  for (const auto& [key, value] : head.headers)
    if (key == name) return value;
  return {};
}

/// Whether a proxy says that it forwards the request (RFC 7239, RFC 9110).
bool is_forwarded(const RequestHead& head) {
  return std::ranges::any_of(head.headers, [](const auto& header) {
    return header.first == "forwarded" || header.first == "via" || header.first.starts_with("x-forwarded-");
  });
}

/// Who sends the request, if it may come from where it comes from.
Result<ports::Caller> caller_of(const Guard& guard, const RequestHead& head, const Target& target,
                                const Gate::Source& source) {
  SLUICE_TRY(host, host_of(head, target));
  SLUICE_DO(guard.check_host(host, source.local_ip));
  const bool changes = head.method != "GET" && head.method != "HEAD" && head.method != "OPTIONS";
  const Guard::Page page{.origin = header_of(head, "origin"),
                         .fetch_site = header_of(head, "sec-fetch-site")};
  SLUICE_DO(guard.check_page(host, page, changes));
  return guard.caller_of(header_of(head, "authorization"), source.is_owner && !is_forwarded(head));
}

Error role_missing(const ports::Caller& caller, const ports::Route& route) {
  if (caller.task)
    return user_error(
        Code::permission_denied,
        "the token of the task `" + caller.task->path + "` may look at everything, and log to its own run; " +
            route.method + " " + route.pattern + " needs one with the role `" +
            std::string(ports::name(route.needed_role())) +
            "`: make one with `sluice token add NAME --role " +
            std::string(ports::name(route.needed_role())) +
            "`, and pass it to the task as a secret: `env: {MLFLOW_TRACKING_TOKEN: {secret: NAME.KEY}}`");
  return user_error(Code::permission_denied, "the token `" + caller.principal.name + "` has the role `" +
                                                 std::string(ports::name(caller.role)) + "`; " +
                                                 route.method + " " + route.pattern + " needs one with `" +
                                                 std::string(ports::name(route.needed_role())) +
                                                 "`: `sluice token add NAME --role " +
                                                 std::string(ports::name(route.needed_role())) + "`");
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace

std::expected<Admission, ports::Response> Gate::admit(RequestHead head, const Source& source) const {
  auto target = parse_target(head.target);
  const auto refuse = [&](const Error& error) {
    auto response = router_.error(target ? target->segments : leading_segments(head.target), error);
    if (error.code == Code::unauthenticated) response.headers.emplace_back("WWW-Authenticate", "Bearer");
    return std::unexpected(std::move(response));
  };
  const auto refuse_coding = [&](const CodingRefusal& why) {
    auto refusal = refuse(user_error(Code::invalid_argument, why.message));
    refusal.error().status = why.status;
    return refusal;
  };
  if (!target) return refuse(target.error());
  auto caller = caller_of(guard_, head, *target, source);
  if (!caller) return refuse(caller.error());
  if (const auto refusal = refuse_transfer_coding(head.headers)) return refuse_coding(*refusal);

  auto match = router_.find(head.method, target->segments);
  if (!match.route && match.allowed.empty())
    return refuse(user_error(Code::not_found, "no route matches `" + target->path + "`; see /v1"));
  if (!match.route) {
    auto refusal =
        refuse(user_error(Code::invalid_argument, "method " + head.method + " is not allowed for `" +
                                                      target->path + "`; allowed: " + joined(match.allowed)));
    refusal.error().status = 405;
    refusal.error().headers.emplace_back("Allow", joined(match.allowed));
    return refusal;
  }
  if (caller->role < match.route->needed_role() && !(caller->task && match.route->for_tasks))
    return refuse(role_missing(*caller, *match.route));
  if (head.content_length && *head.content_length > match.route->body_max)
    return refuse(body_too_large(*match.route));
  const bool has_body = head.chunked || head.content_length.value_or(0) > 0;
  const auto coding = has_body ? content_coding_of(head.headers) : ContentCoding::identity;
  if (!coding) {
    auto refusal = refuse_coding(coding.error());
    refusal.error().headers.emplace_back("Accept-Encoding", accepted_codings);
    return refusal;
  }

  Admission admission{
      .route = match.route, .segments = std::move(target->segments), .coding = *coding, .request = {}};
  admission.request.principal = std::move(caller->principal);
  admission.request.task = std::move(caller->task);
  admission.request.method = std::move(head.method);
  admission.request.path = std::move(target->path);
  admission.request.params = std::move(match.params);
  admission.request.query = std::move(target->query);
  std::erase_if(head.headers, [](const auto& header) { return header.first == "content-encoding"; });
  admission.request.headers = std::move(head.headers);
  return admission;
}

Error body_too_large(const ports::Route& route) {
  return user_error(Code::too_large, "the request body is larger than " + route.method + " " + route.pattern +
                                         " accepts (" + human_bytes(route.body_max) +
                                         "); send less per request");
}

}  // namespace sluice::net
