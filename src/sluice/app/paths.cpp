#include "sluice/app/paths.hpp"

#include <array>
#include <string>

namespace sluice::app {
namespace {

constexpr auto owners = std::to_array<PathOwner>({
    {"/", "console"},
    // Sluice's own API; two of its paths are fixed by clients of other products.
    {"/v1", "native"},
    {"/v1/traces", "mlflow"},
    {"/v1/images:annotate", "google"},
    // Serving.
    {"/v2", "openinference"},
    {"/endpoints", "invocations"},
    {"/invocations", "invocations"},
    {"/ping", "invocations"},
    // MLflow, below a path of its own and at the paths that its client uses without one.
    {"/mlflow", "mlflow"},
    {"/api/2.0/mlflow", "mlflow"},
    {"/api/3.0/mlflow", "mlflow"},
    {"/api/2.0/mlflow-artifacts", "mlflow"},
    {"/ajax-api", "mlflow"},
    {"/graphql", "mlflow"},
    {"/get-artifact", "mlflow"},
    {"/model-versions/get-artifact", "mlflow"},
    {"/static-files", "mlflow"},
    {"/version", "mlflow"},
    {"/health", "mlflow"},
    // Pipelines.
    {"/apis/v2beta1", "kubeflow"},
    // Models.
    {"/openai/v1", "openai"},
    {"/hf", "hub"},
    {"/git", "git"},
    // Clients of the clouds, below one path per cloud and at their own paths where these do not collide.
    {"/google", "google"},
    {"/azure", "azure"},
    {"/customvision", "azure"},
    {"/computervision", "azure"},
    {"/language", "azure"},
});

static_assert(owners.front().prefix == "/", "the first entry is the default owner");

bool is_below(std::string_view path, std::string_view prefix) {
  if (prefix == "/") return true;
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

}  // namespace

std::span<const PathOwner> path_owners() { return owners; }

std::string_view owner_of(std::string_view path) {
  PathOwner best = owners.front();
  for (const auto& owner : owners)
    if (is_below(path, owner.prefix) && owner.prefix.size() > best.prefix.size()) best = owner;
  return best.protocol;
}

Result<void> check_paths(const std::vector<ports::Protocol>& protocols) {
  for (const auto& protocol : protocols)
    for (const auto& route : protocol.routes)
      if (const auto owner = owner_of(route.pattern); owner != protocol.name)
        return Fail(internal_error(Code::internal, "route `" + route.method + " " + route.pattern +
                                                       "` of protocol `" + protocol.name +
                                                       "` belongs to protocol `" + std::string(owner) +
                                                       "`; see path_owners in app/paths.cpp"));
  return {};
}

}  // namespace sluice::app
