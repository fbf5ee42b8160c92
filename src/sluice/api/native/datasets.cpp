#include "sluice/domain/datasets/datasets.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/api/native/responses.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/domain/datasets/label_table.hpp"

namespace sluice::api {
namespace {

Struct to_json(const ports::DatasetVersion& version) {
  Struct s;
  s.set("dataset", version.name);
  s.set("version", version.number);
  s.set("kind", version.kind);
  s.set("digest", version.content.digest->hex());
  s.set("size", version.content.size);
  s.set("examples", version.examples);
  s.set("labels", version.labels);
  s.set("created", to_iso8601(version.created));
  s.set("by", version.principal.name);
  return s;
}

/// As an input of a run.
Value as_input(const ports::DatasetVersion& version) {
  auto artifact = version.content;
  artifact.name = fmt::format("{}@{}", version.name, version.number);
  return to_tagged(Value(std::move(artifact)));
}

Result<std::optional<std::int64_t>> version_in(std::string_view text, std::string_view what) {
  if (text.empty() || text == "latest") return std::nullopt;
  if (const auto number = parse_integer<std::int64_t>(text); number && *number > 0) return number;
  return Fail(user_error(
      Code::invalid_argument,
      fmt::format("{}: `{}` is not the number of a version, nor `latest`", what, text.substr(0, 60))));
}

Result<datasets::Reference> reference_of(const ports::Request& request) {
  SLUICE_TRY(number, version_in(request.params.at(1), "version"));
  return datasets::Reference{.name = request.params.at(0), .number = number};
}

Result<ports::Response> add(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(body, body_of(request));
  const auto* sent = body.find("content");
  if (sent == nullptr) return Fail(invalid_argument("content", "it must be a folder, as an artifact"));
  SLUICE_TRY(content, from_tagged(*sent));
  const auto* artifact = content.if_artifact();
  if (artifact == nullptr) return Fail(invalid_argument("content", "it must be a folder, as an artifact"));
  SLUICE_TRY(added, api.datasets->add(request.principal, request.params.at(0), *artifact));
  auto json = to_json(added.version);
  json.set("new", added.is_new);
  auto response = json_response(json, added.is_new ? 201 : 200);
  response.subject = fmt::format("{}@{}", added.version.name, added.version.number);
  return response;
}

Result<ports::Response> list(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(page, page_of(request));
  const auto limit = page.limit++;
  SLUICE_TRY(rows, api.datasets->list(request.principal.workspace, page));
  Struct result;
  if (cut_to_page(rows, limit)) result.set("next", rows.back().name);
  List out;
  for (const auto& row : rows) out.emplace_back(to_json(row));
  result.set("datasets", std::move(out));
  return json_response(result);
}

Result<ports::Response> versions(const NativeApi& api, const ports::Request& request) {
  constexpr std::int64_t limit_default = 50;
  SLUICE_TRY(limit, number_of(request, "limit", limit_default, page_max));
  SLUICE_TRY(before, number_of(request, "after", INT64_MAX, INT64_MAX));
  SLUICE_TRY(rows, api.datasets->versions(request.principal.workspace, request.params.at(0),
                                          {.before = before, .limit = static_cast<std::size_t>(limit) + 1}));
  Struct result;
  if (cut_to_page(rows, static_cast<std::size_t>(limit))) result.set("next", rows.back().number);
  List out;
  for (const auto& row : rows) out.emplace_back(to_json(row));
  result.set("dataset", request.params.at(0));
  result.set("versions", std::move(out));
  return json_response(result);
}

Result<ports::Response> show(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(reference, reference_of(request));
  SLUICE_TRY(version, api.datasets->find(request.principal.workspace, reference));
  auto json = to_json(version);
  json.set("content", as_input(version));
  SLUICE_TRY(examples, api.datasets->examples(version));
  std::map<std::string, std::int64_t> counts;
  for (const auto& example : examples.all)
    for (const auto& label : example.labels) ++counts[label];
  Struct labels;
  for (const auto& [label, count] : counts) labels.set(label, count);
  json.set("examples_of", std::move(labels));
  return json_response(json);
}

Result<ports::Response> compare(const NativeApi& api, const ports::Request& request) {
  constexpr std::int64_t limit_default = 50;
  SLUICE_TRY(limit, number_of(request, "limit", limit_default, page_max));
  SLUICE_TRY(after, number_of(request, "after", 0, static_cast<std::int64_t>(2 * datasets::examples_max)));
  SLUICE_TRY(from, version_in(request.query_at("from"), "from"));
  SLUICE_TRY(to, version_in(request.query_at("to"), "to"));
  const auto& name = request.params.at(0);
  const auto with = request.query_at("with");  // another data set
  SLUICE_TRY(found,
             api.datasets->difference(request.principal.workspace, {.name = name, .number = from},
                                      {.name = with.empty() ? name : std::string(with), .number = to}));
  Struct result;
  result.set("added", found.added);
  result.set("removed", found.removed);
  result.set("relabelled", found.relabelled);
  const auto total = static_cast<std::int64_t>(found.changes.size());
  const auto end = std::min(total, after + limit);
  List changes;
  for (auto i = after; i < end; ++i) {
    const auto& change = found.changes[static_cast<std::size_t>(i)];
    Struct one;
    one.set("change", datasets::name(change.kind));
    one.set("path", change.path);
    one.set("labels", List(change.labels.begin(), change.labels.end()));
    if (!change.earlier.empty()) one.set("earlier", List(change.earlier.begin(), change.earlier.end()));
    changes.emplace_back(std::move(one));
  }
  result.set("changes", std::move(changes));
  if (end < total && end > after) result.set("next", end);
  return json_response(result);
}

Result<ports::Response> remove(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(reference, reference_of(request));
  SLUICE_DO(api.datasets->remove(request.principal.workspace, reference));
  Struct result;
  result.set("dataset", reference.name);
  return json_response(result);
}

Result<ports::Response> descendants(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(example, Digest::from_hex(request.params.at(0)));
  SLUICE_TRY(page, page_of(request));
  SLUICE_TRY(found, api.datasets->descendants(request.principal.workspace, example, page));
  Struct result;
  List models;
  for (const auto& descendant : found.descendants) {
    Struct one;
    one.set("model", descendant.model);
    one.set("version", descendant.version);
    one.set("run", descendant.run);
    one.set("input", descendant.input);
    if (!descendant.path.empty()) one.set("path", descendant.path);
    models.emplace_back(std::move(one));
  }
  result.set("models", std::move(models));
  if (!found.next.empty()) result.set("next", found.next);
  return json_response(result);
}

}  // namespace

void add_dataset_routes(const NativeApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  const auto get = [&](const char* pattern, auto handler) {
    routes.push_back({.method = "GET",
                      .pattern = pattern,
                      .handler = sync_handler([api, handler](const auto& r) { return handler(api, r); })});
  };
  get("/v1/datasets", list);
  get("/v1/datasets/{}", versions);
  get("/v1/datasets/{}/versions/{}", show);
  get("/v1/datasets/{}/diff", compare);
  get("/v1/examples/{}/models", descendants);
  routes.push_back({.method = "POST",
                    .pattern = "/v1/datasets/{}/versions",
                    .handler = sync_handler([api](const auto& r) { return add(api, r); }),
                    .change = "dataset.add"});
  routes.push_back({.method = "DELETE",
                    .pattern = "/v1/datasets/{}/versions/{}",
                    .handler = sync_handler([api](const auto& r) { return remove(api, r); }),
                    .change = "dataset.remove"});
}

}  // namespace sluice::api
