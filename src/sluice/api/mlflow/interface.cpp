// The static files of MLflow's own interface, which finds the API beside its page.
#include <array>

#include "sluice/api/mlflow/responses.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api::mlflow {
namespace {

constexpr auto types = std::to_array<std::pair<std::string_view, std::string_view>>({
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff", "font/woff"},
    {".woff2", "font/woff2"},
    {".ttf", "font/ttf"},
    {".wasm", "application/wasm"},
    {".map", "application/json"},
});

// Its pages may run their scripts, which compile some of their own, and talk to this server alone.
constexpr std::string_view policy =
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' "
    "'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; "
    "worker-src 'self' blob:; frame-src 'self' data: blob:; object-src 'none'; frame-ancestors 'self'";

std::string_view type_of(std::string_view path) {
  for (const auto& [ending, type] : types)
    if (path.ends_with(ending)) return type;
  return "application/octet-stream";
}

ports::Response file_of(const MlflowApi& api, const std::string& path) {
  const auto file = api.interface_file(path);
  if (file.empty())
    return error_response(
        user_error(Code::not_found,
                   "MLflow's interface has no file `" + as_utf8(path.substr(0, 200)) +
                       "`; where the interface itself is missing: install the package `mlflow`, and name its "
                       "folder `mlflow/server/js/build` with `sluice up --mlflow-ui`"));
  // The names of all but the first page change with their content.
  const bool is_first = path == "index.html";
  return {.content_type = std::string(type_of(path)),
          .headers = {{"Content-Security-Policy", std::string(policy)},
                      {"X-Frame-Options", "SAMEORIGIN"},
                      {"Cache-Control", is_first ? "no-cache" : "public, max-age=2419200"}},
          .body_file = file};
}

}  // namespace

void add_interface_routes(const MlflowApi& api, ports::Protocol& protocol) {
  protocol.routes.push_back({.method = "GET",
                             .pattern = "/mlflow",
                             .handler = [api](const ports::Request& request, ports::Responder respond) {
                               // Its links are relative to the folder.
                               if (!request.path.ends_with('/'))
                                 return respond({.status = 308, .headers = {{"Location", "/mlflow/"}}});
                               respond(file_of(api, "index.html"));
                             }});
  for (const std::string_view above : {"", "/mlflow"})
    protocol.routes.push_back({.method = "GET",
                               .pattern = std::string(above) + "/static-files/{*}",
                               .handler = [api](const ports::Request& request, ports::Responder respond) {
                                 respond(file_of(api, request.params.at(0)));
                               }});
}

}  // namespace sluice::api::mlflow
