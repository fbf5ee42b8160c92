// Named pipelines and their versions.
#include <array>

#include <fmt/format.h>

#include "sluice/api/kubeflow/lists.hpp"
#include "sluice/api/kubeflow/plan_text.hpp"
#include "sluice/api/kubeflow/responses.hpp"
#include "sluice/base/form.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/packages/package.hpp"

namespace sluice::api::kubeflow {
namespace {

using Kind = ListField::Kind;
constexpr auto pipeline_fields = std::to_array<ListField>({
    {.name = "pipeline_id", .key = "id", .kind = Kind::id},
    {.name = "id", .key = "id", .kind = Kind::id},
    {.name = "display_name", .key = "display_name"},
    {.name = "name", .key = "name"},
    {.name = "description", .key = "description"},
    {.name = "created_at", .key = "created_at", .kind = Kind::time},
});
constexpr auto version_fields = std::to_array<ListField>({
    {.name = "pipeline_version_id", .key = "id", .kind = Kind::id},
    {.name = "id", .key = "id", .kind = Kind::id},
    {.name = "pipeline_id", .key = "pipeline", .kind = Kind::id},
    {.name = "display_name", .key = "display_name"},
    {.name = "name", .key = "name"},
    {.name = "description", .key = "description"},
    {.name = "created_at", .key = "created_at", .kind = Kind::time},
});

using NewPipeline = pipelines::Pipelines::NewPipeline;
using NewVersion = pipelines::Pipelines::NewVersion;

constexpr std::size_t upload_more = std::size_t{64} << 10;  // what a form has around its file

Struct shape_of(const ports::NamedPipeline& pipeline) {
  Struct out;
  out.set("pipeline_id", pipeline.id);
  out.set("display_name", pipeline.display_name);
  out.set("name", pipeline.name);
  out.set("description", pipeline.description);
  out.set("created_at", time_of(pipeline.created));
  out.set("namespace", pipeline.principal.workspace);
  if (!pipeline.tags.empty()) out.set("tags", pipeline.tags);
  return out;
}

/// Without its specification.
Struct outline_of(const ports::PipelineVersion& version) {
  Struct out;
  out.set("pipeline_id", version.pipeline);
  out.set("pipeline_version_id", version.id);
  out.set("display_name", version.display_name);
  out.set("name", version.name);
  out.set("description", version.description);
  out.set("created_at", time_of(version.created));
  if (!version.source_url.empty()) out.set("code_source_url", version.source_url);
  if (!version.tags.empty()) out.set("tags", version.tags);
  return out;
}

Result<ports::Response> whole_version(const KubeflowApi& api, const ports::PipelineVersion& version) {
  SLUICE_TRY(text, api.pipelines.text_of(version.text));
  SLUICE_TRY(spec, spec_of_text(text));
  auto out = outline_of(version);
  out.set("pipeline_spec", std::move(spec));
  auto response = json(out);
  response.subject = version.name;
  return response;
}

Result<Struct> tags_of(std::string_view text) {
  if (text.empty()) return Struct{};
  constexpr std::size_t depth_max = 4;
  SLUICE_TRY(tags, parse_json(text, "tags", {.depth_max = depth_max}));
  if (const auto* fields = tags.if_struct()) return *fields;
  return Fail(user_error(Code::invalid_argument, "`tags` must be a JSON object of texts"));
}

/// A file of a form, and what the query says about it.
struct Upload {
  std::string name;
  std::string display_name;
  std::string description;
  std::string source_url;
  Struct tags;
  std::string text;
  std::string file;
};
Result<Upload> upload_of(const ports::Request& request) {
  SLUICE_TRY(form, read_form(request.body, request.header("content-type")));
  for (const auto& field : form) {
    if (field.name != "uploadfile" || field.is_unselected_file()) continue;
    const auto file = field.file_name.value_or("pipeline.yaml");
    SLUICE_TRY(read, packages::text_of(std::string(field.content), file, pipelines::text_bytes_max));
    SLUICE_TRY(tags, tags_of(request.query_at("tags")));
    Upload upload{.name = std::string(request.query_at("name")),
                  .display_name = std::string(request.query_at("display_name")),
                  .description = std::string(request.query_at("description")),
                  .source_url = std::string(request.query_at("code_source_url")),
                  .tags = std::move(tags),
                  .text = std::move(read.text),
                  .file = std::move(read.file)};
    if (upload.name.empty()) upload.name = upload.display_name.empty() ? file : upload.display_name;
    return upload;
  }
  return Fail(user_error(Code::invalid_argument,
                         "the form has no file in the field `uploadfile`, which holds the pipeline"));
}

NewVersion version_of(Upload upload, Struct tags) {
  return {.name = std::move(upload.name),
          .display_name = std::move(upload.display_name),
          .description = std::move(upload.description),
          .source_url = std::move(upload.source_url),
          .tags = std::move(tags),
          .text = std::move(upload.text),
          .file = std::move(upload.file)};
}

Result<ports::Response> upload(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_DO(check_namespace(request.principal, request.query_at("namespace")));
  SLUICE_TRY(upload, upload_of(request));
  NewPipeline pipeline{.name = upload.name,
                       .display_name = upload.display_name,
                       .description = upload.description,
                       .tags = upload.tags};
  const auto version = version_of(std::move(upload), {});
  SLUICE_TRY(made, api.pipelines.create(request.principal, std::move(pipeline), &version));
  auto response = json(shape_of(made));
  response.subject = made.name;
  return response;
}

Result<ports::Response> upload_version(const KubeflowApi& api, const ports::Request& request) {
  const auto pipeline = std::string(request.query_at("pipelineid"));
  if (pipeline.empty())
    return Fail(user_error(Code::invalid_argument, "the query parameter `pipelineid` is missing"));
  SLUICE_TRY(upload, upload_of(request));
  auto tags = upload.tags;
  SLUICE_TRY(made, api.pipelines.add_version(request.principal, pipeline,
                                             version_of(std::move(upload), std::move(tags))));
  return whole_version(api, made);
}

Result<NewPipeline> pipeline_of(const Fields& body) {
  SLUICE_TRY(name, body.text("name"));
  SLUICE_TRY(display_name, body.text("display_name"));
  SLUICE_TRY(description, body.text("description"));
  SLUICE_TRY(tags, body.map("tags"));
  if (name.empty()) name = display_name;
  return NewPipeline{.name = std::move(name),
                     .display_name = std::move(display_name),
                     .description = std::move(description),
                     .tags = std::move(tags)};
}

/// `otherwise`: its name, if it has none.
Result<NewVersion> version_of(const Fields& body, const std::string& otherwise) {
  SLUICE_TRY(name, body.text("name"));
  SLUICE_TRY(display_name, body.text("display_name"));
  SLUICE_TRY(description, body.text("description"));
  SLUICE_TRY(source_url, body.text("code_source_url"));
  SLUICE_TRY(tags, body.map("tags"));
  if (name.empty()) name = display_name.empty() ? otherwise : display_name;
  const auto* spec = body.find("pipeline_spec");
  if (spec == nullptr || !spec->is_struct())
    return Fail(user_error(
        Code::invalid_argument,
        body.find("package_url") != nullptr
            ? "`package_url` is not fetched here; send the pipeline as `pipeline_spec`, or upload its file"
            : "`pipeline_spec` must be an object: the compiled pipeline"));
  return NewVersion{.name = name,
                    .display_name = std::move(display_name),
                    .description = std::move(description),
                    .source_url = std::move(source_url),
                    .tags = std::move(tags),
                    .text = text_of_spec(*spec),
                    .file = name};
}

Result<ports::Response> create(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_TRY(body, Fields::of(request));
  SLUICE_TRY(wanted, body.text("namespace"));
  SLUICE_DO(check_namespace(request.principal, wanted));
  SLUICE_TRY(pipeline, pipeline_of(body));
  SLUICE_TRY(made, api.pipelines.create(request.principal, std::move(pipeline), nullptr));
  auto response = json(shape_of(made));
  response.subject = made.name;
  return response;
}

Result<ports::Response> create_both(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_TRY(body, Fields::of(request));
  SLUICE_TRY(first, body.object("pipeline"));
  SLUICE_TRY(second, body.object("pipeline_version"));
  SLUICE_TRY(wanted, first.text("namespace"));
  SLUICE_DO(check_namespace(request.principal, wanted));
  SLUICE_TRY(pipeline, pipeline_of(first));
  SLUICE_TRY(version, version_of(second, pipeline.name));
  if (pipeline.name.empty()) pipeline.name = version.name;
  SLUICE_TRY(made, api.pipelines.create(request.principal, std::move(pipeline), &version));
  auto response = json(shape_of(made));
  response.subject = made.name;
  return response;
}

Result<ports::Response> create_version(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_TRY(body, Fields::of(request));
  SLUICE_TRY(version, version_of(body, ""));
  SLUICE_TRY(made, api.pipelines.add_version(request.principal, request.params.at(0), version));
  return whole_version(api, made);
}

Result<ports::Response> list(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_DO(check_namespace(request.principal, request.query_at("namespace")));
  SLUICE_TRY(wanted, list_request(request, pipeline_fields));
  SLUICE_TRY(page, api.pipelines.list(request.principal.workspace, wanted.query));
  return list_response("pipelines", page, token_of(wanted, page.next), shape_of);
}

Result<ports::Response> list_versions(const KubeflowApi& api, const ports::Request& request) {
  SLUICE_TRY(wanted, list_request(request, version_fields));
  SLUICE_TRY(page, api.pipelines.versions(request.principal.workspace, request.params.at(0), wanted.query));
  return list_response("pipeline_versions", page, token_of(wanted, page.next), outline_of);
}

Result<ports::PipelineChange> change_of(const ports::Request& request) {
  SLUICE_TRY(body, Fields::of(request));
  ports::PipelineChange change;
  if (body.find("display_name") != nullptr) {
    SLUICE_TRY(name, body.text("display_name"));
    change.display_name = std::move(name);
  }
  if (body.find("tags") != nullptr) {
    SLUICE_TRY(tags, body.map("tags"));
    change.tags = std::move(tags);
  }
  return change;
}

}  // namespace

void add_pipeline_routes(const KubeflowApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  const auto add = [&](std::string_view method, std::string_view pattern, auto work, std::string_view change,
                       std::size_t body_max = std::size_t{1} << 20) {
    routes.push_back({.method = std::string(method),
                      .pattern = "/apis/v2beta1/pipelines" + std::string(pattern),
                      .handler = handler_of([api, work](const auto& r) { return work(api, r); }),
                      .body_max = body_max,
                      .change = std::string(change)});
  };
  constexpr auto text_max = pipelines::text_bytes_max;
  add("POST", "/upload", upload, "pipeline.create", text_max + upload_more);
  add("POST", "/upload_version", upload_version, "pipeline.add_version", text_max + upload_more);
  add("POST", "", create, "pipeline.create");
  add("POST", "/create", create_both, "pipeline.create", text_max);
  add("POST", "/{}/versions", create_version, "pipeline.add_version", text_max);
  add("GET", "", list, "");
  add("GET", "/{}/versions", list_versions, "");
  add(
      "GET", "/{}",
      [](const KubeflowApi& api, const ports::Request& r) -> Result<ports::Response> {
        SLUICE_TRY(found, api.pipelines.find(r.principal.workspace, r.params.at(0)));
        return json(shape_of(found));
      },
      "");
  add(
      "GET", "/names/{}",
      [](const KubeflowApi& api, const ports::Request& r) -> Result<ports::Response> {
        SLUICE_DO(check_namespace(r.principal, r.query_at("namespace")));
        SLUICE_TRY(found, api.pipelines.find_named(r.principal.workspace, r.params.at(0)));
        return json(shape_of(found));
      },
      "");
  add(
      "GET", "/{}/versions/{}",
      [](const KubeflowApi& api, const ports::Request& r) -> Result<ports::Response> {
        SLUICE_TRY(found, api.pipelines.find_version(r.principal.workspace, r.params.at(0), r.params.at(1)));
        return whole_version(api, found);
      },
      "");
  add(
      "PATCH", "/{}",
      [](const KubeflowApi& api, const ports::Request& r) -> Result<ports::Response> {
        SLUICE_TRY(change, change_of(r));
        SLUICE_TRY(changed, api.pipelines.change(r.principal.workspace, r.params.at(0), change));
        return json(shape_of(changed));
      },
      "pipeline.change");
  add(
      "PATCH", "/{}/versions/{}",
      [](const KubeflowApi& api, const ports::Request& r) -> Result<ports::Response> {
        SLUICE_TRY(change, change_of(r));
        SLUICE_TRY(changed, api.pipelines.change_version(r.principal.workspace, r.params.at(0),
                                                         r.params.at(1), change));
        return whole_version(api, changed);
      },
      "pipeline.change_version");
  add(
      "DELETE", "/{}",
      [](const KubeflowApi& api, const ports::Request& r) -> Result<ports::Response> {
        SLUICE_DO(api.pipelines.remove(r.principal.workspace, r.params.at(0),
                                       lower_ascii(r.query_at("cascade")) == "true"));
        return empty();
      },
      "pipeline.remove");
  add(
      "DELETE", "/{}/versions/{}",
      [](const KubeflowApi& api, const ports::Request& r) -> Result<ports::Response> {
        SLUICE_DO(api.pipelines.remove_version(r.principal.workspace, r.params.at(0), r.params.at(1)));
        auto response = empty();
        response.subject = r.params.at(1);
        return response;
      },
      "pipeline.remove_version");
}

}  // namespace sluice::api::kubeflow
