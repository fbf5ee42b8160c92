// Large artifacts, sent and fetched in parts: MLflow's server has the addresses of a cloud's store signed for
// that; here they are this server's own.
#include <fmt/format.h>

#include "sluice/api/mlflow/responses.hpp"
#include "sluice/api/mlflow/tasks.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api::mlflow {
namespace {

constexpr std::size_t part_bytes_max = std::size_t{5} << 30;  // as S3 has it
constexpr std::string_view trees = "/mlflow-artifacts/";

/// The address under which the client reached the routes of artifacts, up to "/mlflow-artifacts/".
std::string address_of(const MlflowApi& api, const ports::Request& request) {
  auto scheme = request.header("x-forwarded-proto");  // of a proxy that speaks TLS for this server
  if (scheme != "http" && scheme != "https") scheme = api.is_encrypted ? "https" : "http";
  return fmt::format("{}://{}{}{}", scheme, request.header("host"),
                     request.path.substr(0, request.path.find(trees)), trees);
}

/// The client sends them to that address, and nothing else of what it knows: also what it was admitted with.
void write_headers(JsonObject& object, const ports::Request& request) {
  auto headers = object.object("headers");
  if (const auto shown = request.header("authorization"); !shown.empty())
    headers.text("Authorization", shown);
  headers.end();
}

/// Where the file will be: in the folder of the route, with the last name of the path that the client has it
/// under, on Linux or Windows.
Result<std::string> place_of(const MlflowApi& api, const Fields& fields, const ports::Request& request) {
  SLUICE_TRY(local, fields.needed("path"));
  const auto name = local.substr(local.find_last_of("/\\") + 1);
  if (name.empty() || name == "." || name == "..")
    return Fail(user_error(Code::invalid_argument, "Invalid path"));
  SLUICE_DO(refuse_versions(request.params.at(0)));
  SLUICE_TRY(folder, tracking::checked_artifact_path(request.params.at(0)));
  auto place = folder.empty() ? name : folder + "/" + name;
  SLUICE_DO(admit_to_file(api, request, place));
  return place;
}

Result<ports::Response> create(const MlflowApi& api, const Fields& fields, const ports::Request& request) {
  SLUICE_TRY(place, place_of(api, fields, request));
  SLUICE_TRY(given, fields.integer("num_parts"));
  SLUICE_DO(api.artifacts.check(request.principal, place));
  const auto count = given.value_or(1);
  SLUICE_TRY(id, api.uploads.begin_parts(request.principal, count));
  const auto root = address_of(api, request);
  std::string body;
  JsonObject object(body);
  object.text("upload_id", id);
  auto credentials = object.list("credentials");
  for (std::int64_t number = 1; number <= count; ++number) {
    auto one = credentials.object();
    one.text("url", fmt::format("{}mpu/parts/{}/{}", root, id, number));
    one.integer("part_number", number);
    write_headers(one, request);
    one.end();
  }
  credentials.end();
  object.end();
  return json(std::move(body));
}

Result<ports::Response> put_part(const MlflowApi& api, const ports::Request& request) {
  const auto number = parse_integer<std::int64_t>(request.params.at(1));
  if (!number)
    return Fail(user_error(Code::invalid_argument, "the path of a part ends with its number, from 1"));
  SLUICE_DO(api.uploads.put_part(request.principal, request.params.at(0), *number, request.body_file));
  return empty();
}

/// Whether the client sent the parts that it means to have sent is known by their numbers.
Result<void> check_listed(const Fields& fields) {
  SLUICE_TRY(parts, fields.objects("parts"));
  if (parts.empty()) return Fail(missing_parameter("parts"));
  std::int64_t expected = 1;
  for (const auto& part : parts) {
    SLUICE_TRY(number, part.integer("part_number"));
    if (number != expected)
      return Fail(user_error(
          Code::invalid_argument,
          fmt::format("Invalid value for parameter 'parts' supplied: it lists part_number 1 to the last one, "
                      "in that order; number {} is not where it should be",
                      expected)));
    ++expected;
  }
  return {};
}

Result<ports::Response> complete(const MlflowApi& api, const Fields& fields, const ports::Request& request) {
  SLUICE_TRY(place, place_of(api, fields, request));
  SLUICE_TRY(id, fields.needed("upload_id"));
  SLUICE_DO(check_listed(fields));
  SLUICE_DO(api.artifacts.check(request.principal, place));
  SLUICE_TRY(stored, api.uploads.complete(request.principal, id));
  SLUICE_DO(api.artifacts.put(request.principal, place, stored));
  return empty();
}

Result<ports::Response> abort(const MlflowApi& api, const Fields& fields, const ports::Request& request) {
  SLUICE_DO(place_of(api, fields, request));
  SLUICE_TRY(id, fields.needed("upload_id"));
  SLUICE_DO(api.uploads.cancel(request.principal, id));
  return empty();
}

/// Where ranges of a file can be fetched.
Result<ports::Response> whence(const MlflowApi& api, const ports::Request& request) {
  SLUICE_TRY(path, tracking::checked_artifact_path(request.params.at(0)));
  SLUICE_TRY(file, api.artifacts.find(request.principal, path));
  std::string body;
  JsonObject object(body);
  object.text("url", address_of(api, request) + "artifacts/" + percent_encode(path, "/"));
  write_headers(object, request);
  object.integer("file_size", file.size);
  object.end();
  return json(std::move(body));
}

}  // namespace

void add_artifact_part_routes(const MlflowApi& api, Routes& routes) {
  const auto with = [api](auto work) {
    return handler_of([api, work](const ports::Request& request) -> Result<ports::Response> {
      SLUICE_TRY(fields, Fields::of(request));
      return work(api, fields, request);
    });
  };
  const auto plain = [api](auto work) {
    return handler_of([api, work](const ports::Request& request) { return work(api, request); });
  };
  // A task sends those of its own run: where the file will be is checked first, and the parts of an upload go
  // nowhere without its id, which only the one who began it is told.
  for (const std::string tree : {"/api", "/ajax-api"}) {
    const auto root = tree + "/2.0" + std::string(trees);
    routes.add_plain(
        {.method = "POST", .pattern = root + "mpu/create/{*}", .handler = with(create), .for_tasks = true});
    routes.add_plain({.method = "PUT",
                      .pattern = root + "mpu/parts/{}/{}",
                      .handler = plain(put_part),
                      .body_max = part_bytes_max,
                      .body_to_file = true,
                      .for_tasks = true});
    routes.add_plain({.method = "POST",
                      .pattern = root + "mpu/complete/{*}",
                      .handler = with(complete),
                      .body_max = std::size_t{4} << 20,
                      .for_tasks = true});
    routes.add_plain(
        {.method = "POST", .pattern = root + "mpu/abort/{*}", .handler = with(abort), .for_tasks = true});
    routes.add_plain({.method = "GET", .pattern = root + "presigned/{*}", .handler = plain(whence)});
  }
}

}  // namespace sluice::api::mlflow
