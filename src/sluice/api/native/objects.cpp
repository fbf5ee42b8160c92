#include <fmt/format.h>

#include "sluice/api/native/responses.hpp"

namespace sluice::api {
namespace {

constexpr std::size_t object_max = std::size_t{64} << 20;  // larger ones come in parts: /v1/uploads
constexpr std::size_t digests_max = 1'000'000;

Result<ports::Response> missing(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(body, body_of(request));
  const auto* list = body.find("digests");
  if (!list || !list->is_list() || list->if_list()->size() > digests_max)
    return Fail(
        user_error(Code::invalid_argument,
                   fmt::format("the body must have a list `digests` of at most {} entries", digests_max)));
  std::vector<Digest> digests;
  for (const auto& item : *list->if_list()) {
    const auto* text = item.if_string();
    SLUICE_TRY(digest, Digest::from_hex(text ? *text : ""));
    digests.push_back(digest);
  }
  List lacking;
  for (const auto& digest : api.objects.missing(digests)) lacking.emplace_back(digest.hex());
  Struct result;
  result.set("missing", std::move(lacking));
  return json_response(result);
}

Result<ports::Response> put(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(digest, Digest::from_hex(request.params.at(0)));
  SLUICE_TRY(stored, api.objects.put_file(request.body_file, &digest));
  Struct result;
  result.set("digest", stored.digest.hex());
  result.set("size", stored.size);
  return json_response(result, 201);
}

Result<ports::Response> get(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(digest, Digest::from_hex(request.params.at(0)));
  if (!api.objects.has(digest))
    return Fail(user_error(Code::not_found, "object " + digest.hex() + " is not in the store"));
  return ports::Response{
      .content_type = "application/octet-stream",
      .headers = {{"Content-Disposition", "attachment"}, {"ETag", "\"" + digest.hex() + "\""}},
      .body_file = api.objects.path_of(digest)};
}

Result<ports::Response> parts(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(digest, Digest::from_hex(request.params.at(0)));
  SLUICE_TRY(digests, api.objects.closure({.form = Form::directory, .digest = digest}));
  // Written directly: as values, those of a large folder would take several times the memory.
  std::string body = "{\"digests\":[";
  body.reserve(body.size() + digests.size() * 67 + 4);
  for (const auto& part : digests)
    body.append(body.back() == '[' ? "\"" : ",\"").append(part.hex()).append("\"");
  body += "]}\n";
  return ports::Response{.body = std::move(body)};
}

}  // namespace

void add_object_routes(const NativeApi& api, ports::Protocol& protocol) {
  protocol.routes.push_back({.method = "POST",
                             .pattern = "/v1/objects/missing",
                             .handler = sync_handler([api](const auto& r) { return missing(api, r); }),
                             .body_max = std::size_t{72} << 20});
  protocol.routes.push_back({.method = "PUT",
                             .pattern = "/v1/objects/{}",
                             .handler = sync_handler([api](const auto& r) { return put(api, r); }),
                             .body_max = object_max,
                             .body_to_file = true});
  protocol.routes.push_back({.method = "GET",
                             .pattern = "/v1/objects/{}",
                             .handler = sync_handler([api](const auto& r) { return get(api, r); })});
  protocol.routes.push_back({.method = "GET",
                             .pattern = "/v1/objects/{}/parts",
                             .handler = sync_handler([api](const auto& r) { return parts(api, r); })});
}

}  // namespace sluice::api
