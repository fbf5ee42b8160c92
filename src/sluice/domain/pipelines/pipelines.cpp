#include "sluice/domain/pipelines/pipelines.hpp"

#include <fmt/format.h>

#include "sluice/base/words.hpp"
#include "sluice/domain/pipelines/fields.hpp"

namespace sluice::pipelines {
namespace {

/// As a message shows it.
std::string shown(const std::string& id) {
  constexpr std::size_t shown_max = 100;
  return as_utf8(id.size() > shown_max ? id.substr(0, shown_max) + "…" : id);
}

Error no_pipeline(const std::string& id) {
  return user_error(Code::not_found, fmt::format("there is no pipeline `{}`", shown(id)));
}

Error no_version(const std::string& id) {
  return user_error(Code::not_found, fmt::format("there is no pipeline version `{}`", shown(id)));
}

}  // namespace

Result<ports::PipelineVersion> Pipelines::prepare(const Principal& by, const std::string& pipeline,
                                                  const NewVersion& version) {
  SLUICE_DO(check_name("the name of the version", version.name));
  const auto& display_name = version.display_name.empty() ? version.name : version.display_name;
  SLUICE_DO(check_name("the display name of the version", display_name));
  SLUICE_DO(check_text("the description of the version", version.description));
  SLUICE_DO(check_text("the address of the version's code", version.source_url));
  SLUICE_DO(check_tags(version.tags));
  if (version.text.size() > text_bytes_max)
    return Fail(user_error(Code::too_large,
                           fmt::format("the plan has {}; at most {} are supported",
                                       human_bytes(version.text.size()), human_bytes(text_bytes_max))));
  SLUICE_TRY(plan, runs::compile(version.text, version.file, dialects_));
  SLUICE_TRY(stored, ports_.objects.put(version.text));
  const auto now = ports_.clock.now();
  return ports::PipelineVersion{.id = new_ulid(now, ports_.random),
                                .pipeline = pipeline,
                                .principal = by,
                                .name = version.name,
                                .display_name = display_name,
                                .description = version.description,
                                .source_url = version.source_url,
                                .tags = version.tags,
                                .text = stored.digest,
                                .file = version.file,
                                .created = now};
}

Result<ports::NamedPipeline> Pipelines::create(const Principal& by, NewPipeline pipeline,
                                               const NewVersion* version) {
  SLUICE_DO(check_name("the name of the pipeline", pipeline.name));
  if (pipeline.display_name.empty()) pipeline.display_name = pipeline.name;
  SLUICE_DO(check_name("the display name of the pipeline", pipeline.display_name));
  SLUICE_DO(check_text("the description of the pipeline", pipeline.description));
  SLUICE_DO(check_tags(pipeline.tags));
  const auto now = ports_.clock.now();
  ports::NamedPipeline made{.id = new_ulid(now, ports_.random),
                            .principal = by,
                            .name = std::move(pipeline.name),
                            .display_name = std::move(pipeline.display_name),
                            .description = std::move(pipeline.description),
                            .tags = std::move(pipeline.tags),
                            .created = now};
  if (version == nullptr) {
    SLUICE_DO(ports_.store.add_pipeline(made, nullptr));
    return made;
  }
  SLUICE_TRY(first, prepare(by, made.id, *version));
  SLUICE_DO(ports_.store.add_pipeline(made, &first));
  return made;
}

Result<ports::PipelineVersion> Pipelines::add_version(const Principal& by, const std::string& pipeline,
                                                      const NewVersion& version) {
  SLUICE_TRY(found, find(by.workspace, pipeline));
  SLUICE_TRY(made, prepare(by, found.id, version));
  SLUICE_DO(ports_.store.add_version(made));
  return made;
}

Result<ports::NamedPipeline> Pipelines::find(const std::string& workspace, const std::string& id) const {
  SLUICE_TRY(found, ports_.store.pipeline(workspace, id));
  if (!found) return Fail(no_pipeline(id));
  return std::move(*found);
}

Result<ports::NamedPipeline> Pipelines::find_named(const std::string& workspace,
                                                   const std::string& name) const {
  SLUICE_TRY(found, ports_.store.pipeline_named(workspace, name));
  if (!found) return Fail(no_pipeline(name));
  return std::move(*found);
}

Result<ports::PipelineVersion> Pipelines::find_version(const std::string& workspace,
                                                       const std::string& pipeline,
                                                       const std::string& version) const {
  if (version.empty()) {
    SLUICE_TRY(named, find(workspace, pipeline));
    SLUICE_TRY(newest, ports_.store.newest_version(workspace, named.id));
    if (newest) return std::move(*newest);
    return Fail(user_error(Code::not_found,
                           fmt::format("pipeline `{}` has no version; upload one first", named.name)));
  }
  SLUICE_TRY(found, ports_.store.version(workspace, version));
  if (!found) return Fail(no_version(version));
  if (!pipeline.empty() && found->pipeline != pipeline)
    return Fail(
        user_error(Code::not_found, fmt::format("pipeline `{}` has no version `{}`; it is one of `{}`",
                                                shown(pipeline), version, found->pipeline)));
  return std::move(*found);
}

Result<std::string> Pipelines::text_of(const Digest& text) const {
  return ports_.objects.get(text, text_bytes_max);
}

Result<ports::ListPage<ports::PipelineVersion>> Pipelines::versions(const std::string& workspace,
                                                                    const std::string& pipeline,
                                                                    const ports::ListQuery& query) const {
  SLUICE_TRY(named, find(workspace, pipeline));
  return ports_.store.versions(workspace, named.id, query);
}

namespace {

Result<void> check(const ports::PipelineChange& change) {
  if (change.display_name) SLUICE_DO(check_name("the display name", *change.display_name));
  if (change.tags) SLUICE_DO(check_tags(*change.tags));
  if (change.display_name || change.tags) return {};
  return Fail(user_error(Code::invalid_argument, "nothing is changed: give `display_name` or `tags`"));
}

}  // namespace

Result<ports::NamedPipeline> Pipelines::change(const std::string& workspace, const std::string& id,
                                               const ports::PipelineChange& change) {
  SLUICE_DO(check(change));
  SLUICE_TRY(found, ports_.store.change_pipeline(workspace, id, change));
  if (!found) return Fail(no_pipeline(id));
  return find(workspace, id);
}

Result<ports::PipelineVersion> Pipelines::change_version(const std::string& workspace,
                                                         const std::string& pipeline,
                                                         const std::string& version,
                                                         const ports::PipelineChange& change) {
  SLUICE_DO(check(change));
  SLUICE_TRY(known, find_version(workspace, pipeline, version));
  SLUICE_TRY(found, ports_.store.change_version(workspace, known.id, change));
  if (!found) return Fail(no_version(version));
  return find_version(workspace, pipeline, version);
}

Result<void> Pipelines::remove(const std::string& workspace, const std::string& id, bool with_versions) {
  SLUICE_TRY(named, find(workspace, id));
  if (!with_versions) {
    SLUICE_TRY(newest, ports_.store.newest_version(workspace, id));
    if (newest)
      return Fail(user_error(
          Code::failed_precondition,
          fmt::format("pipeline `{}` has versions, such as `{}`; delete them first, or pass cascade=true",
                      named.name, newest->id)));
  }
  SLUICE_TRY(found, ports_.store.remove_pipeline(workspace, id));
  return found ? Result<void>() : Fail(no_pipeline(id));
}

Result<void> Pipelines::remove_version(const std::string& workspace, const std::string& pipeline,
                                       const std::string& version) {
  SLUICE_TRY(known, find_version(workspace, pipeline, version));
  SLUICE_TRY(found, ports_.store.remove_version(workspace, known.id));
  return found ? Result<void>() : Fail(no_version(version));
}

}  // namespace sluice::pipelines
