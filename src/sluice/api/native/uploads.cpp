#include <fmt/format.h>

#include "sluice/api/native/responses.hpp"

namespace sluice::api {
namespace {

constexpr std::size_t part_max = std::size_t{16} << 20;

Struct upload_to_json(const ports::Upload& upload) {
  Struct s;
  s.set("upload", upload.id);
  s.set("size", upload.size);
  s.set("received", upload.received);
  s.set("part_max", static_cast<std::int64_t>(part_max));
  return s;
}

ports::Response stored_response(const Digest& digest, std::int64_t size, int status) {
  Struct s;
  s.set("digest", digest.hex());
  s.set("size", size);
  return json_response(s, status);
}

Result<ports::Response> begin(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(body, body_of(request));
  const auto* given = body.find("size");
  const auto* size = given ? given->if_integer() : nullptr;
  if (!size) return Fail(user_error(Code::invalid_argument, "the body must have an integer `size`"));
  SLUICE_TRY(hex, text_of(body, "digest", ""));
  std::optional<Digest> digest;
  if (!hex.empty()) {
    SLUICE_TRY(read, Digest::from_hex(hex));
    digest = read;
    if (api.objects.has(*digest)) return stored_response(*digest, *size, 200);
  }
  SLUICE_TRY(upload, api.uploads.begin(request.principal, *size, digest));
  return json_response(upload_to_json(upload), 201);
}

Result<ports::Response> show(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(upload, api.uploads.find(request.principal, request.params.at(0)));
  return json_response(upload_to_json(upload));
}

Result<ports::Response> append(const NativeApi& api, const ports::Request& request) {
  if (request.query_at("offset").empty())
    return Fail(user_error(Code::invalid_argument,
                           "query parameter `offset` is missing: the number of the part's first byte"));
  SLUICE_TRY(offset, number_of(request, "offset", 0, INT64_MAX));
  SLUICE_TRY(received, api.uploads.append(request.principal, request.params.at(0), offset, request.body));
  if (received.stored) return stored_response(received.stored->digest, received.stored->size, 201);
  return json_response(upload_to_json(received.upload));
}

Result<ports::Response> cancel(const NativeApi& api, const ports::Request& request) {
  SLUICE_DO(api.uploads.cancel(request.principal, request.params.at(0)));
  return json_response(Struct{});
}

}  // namespace

void add_upload_routes(const NativeApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "POST", .pattern = "/v1/uploads", .handler = sync_handler([api](const auto& r) {
                                                                  return begin(api, r);
                                                                })});
  routes.push_back({.method = "GET",
                    .pattern = "/v1/uploads/{}",
                    .handler = sync_handler([api](const auto& r) { return show(api, r); })});
  routes.push_back({.method = "PATCH",
                    .pattern = "/v1/uploads/{}",
                    .handler = sync_handler([api](const auto& r) { return append(api, r); }),
                    .body_max = part_max});
  routes.push_back({.method = "DELETE",
                    .pattern = "/v1/uploads/{}",
                    .handler = sync_handler([api](const auto& r) { return cancel(api, r); })});
}

}  // namespace sluice::api
