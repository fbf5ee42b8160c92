#include "sluice/stores/sqlite/sqlite_pipelines.hpp"

#include <array>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/list_sql.hpp"

namespace sluice::stores {

using sqlite::blob_of;
using sqlite::Connection;
using sqlite::ListColumn;
using sqlite::milliseconds;
using sqlite::SqlText;
using sqlite::Statement;
using sqlite::time_of;

namespace {

constexpr auto attributes = std::to_array<ListColumn>({
    {.key = "id", .sql = "id", .rare = true},
    {.key = "name", .sql = "lower(name)", .folded = true, .rare = true},
    {.key = "display_name", .sql = "lower(display_name)", .folded = true, .rare = true},
    {.key = "description", .sql = "lower(description)", .folded = true},
    {.key = "created_at", .sql = "created_ms", .is_text = false},
    {.key = "pipeline", .sql = "pipeline"},
});
constexpr sqlite::ListTable pipeline_table{
    .columns = "id, workspace, principal, name, display_name, description, tags, created_ms",
    .from = "pipelines",
    .first = "pipelines",
    .id = "id",
    .attributes = std::span(attributes).first<5>()};
constexpr sqlite::ListTable version_table{
    .columns =
        "id, pipeline, workspace, principal, name, display_name, description, source_url, tags, text, "
        "file, created_ms",
    .from = "pipeline_versions",
    .first = "pipeline_versions",
    .id = "id",
    .attributes = attributes};

Result<Struct> struct_of(const std::string& text) {
  SLUICE_TRY(value, parse_json(text, "ledger"));
  const auto* fields = value.if_struct();
  return fields == nullptr ? Struct{} : *fields;
}

/// Of a row with the columns of the table, from column 1 on.
Result<ports::NamedPipeline> pipeline_of(const Statement& select) {
  SLUICE_TRY(tags, struct_of(select.text(7)));
  return ports::NamedPipeline{.id = select.text(1),
                              .principal = {.workspace = select.text(2), .name = select.text(3)},
                              .name = select.text(4),
                              .display_name = select.text(5),
                              .description = select.text(6),
                              .tags = std::move(tags),
                              .created = time_of(select.integer(8))};
}

Result<ports::PipelineVersion> version_of(const Statement& select) {
  SLUICE_TRY(tags, struct_of(select.text(9)));
  SLUICE_TRY(text, sqlite::digest_of(select.text(10)));
  return ports::PipelineVersion{.id = select.text(1),
                                .pipeline = select.text(2),
                                .principal = {.workspace = select.text(3), .name = select.text(4)},
                                .name = select.text(5),
                                .display_name = select.text(6),
                                .description = select.text(7),
                                .source_url = select.text(8),
                                .tags = std::move(tags),
                                .text = text,
                                .file = select.text(11),
                                .created = time_of(select.integer(12))};
}

template <typename Entry, typename Read>
Result<std::optional<Entry>> only_one(Statement select, Read read) {
  SLUICE_TRY(has_row, select.step());
  if (!has_row) return std::nullopt;
  SLUICE_TRY(entry, read(select));
  return entry;
}

Result<void> insert(Connection& connection, const ports::PipelineVersion& version) {
  const auto tags = to_json(version.tags);
  SLUICE_TRY(statement, connection.prepare(R"sql(
    INSERT INTO pipeline_versions(id, pipeline, workspace, principal, name, display_name, description, source_url,
      tags, text, file, created_ms) VALUES(?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING)sql"));
  statement.bind(version.id).bind(version.pipeline).bind(version.principal.workspace);
  statement.bind(version.principal.name).bind(version.name).bind(version.display_name);
  statement.bind(version.description).bind(version.source_url).bind(tags);
  statement.bind_blob(blob_of(version.text)).bind(version.file).bind(milliseconds(version.created));
  SLUICE_DO(statement.run());
  if (connection.changes() == 0)
    return Fail(user_error(Code::already_exists,
                           fmt::format("the pipeline has a version `{}` already", version.name)));
  return {};
}

}  // namespace

SqlitePipelines::SqlitePipelines(std::shared_ptr<sqlite::LedgerFile> file) : file_(std::move(file)) {}
SqlitePipelines::~SqlitePipelines() = default;

Result<void> SqlitePipelines::add_pipeline(const ports::NamedPipeline& pipeline,
                                           const ports::PipelineVersion* version) {
  return file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    const auto tags = to_json(pipeline.tags);
    SLUICE_TRY(statement, connection.prepare(R"sql(
      INSERT INTO pipelines(id, workspace, principal, name, display_name, description, tags, created_ms)
      VALUES(?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING)sql"));
    statement.bind(pipeline.id).bind(pipeline.principal.workspace).bind(pipeline.principal.name);
    statement.bind(pipeline.name).bind(pipeline.display_name).bind(pipeline.description).bind(tags);
    SLUICE_DO(statement.bind(milliseconds(pipeline.created)).run());
    if (connection.changes() == 0)
      return Fail(
          user_error(Code::already_exists, fmt::format("there is a pipeline `{}` already", pipeline.name)));
    return version == nullptr ? Result<void>() : insert(connection, *version);
  });
}

Result<void> SqlitePipelines::add_version(const ports::PipelineVersion& version) {
  return file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    // In the same transaction: it may have been removed meanwhile.
    SLUICE_TRY(known, connection.prepare("SELECT 1 FROM pipelines WHERE id = ? AND workspace = ?"));
    SLUICE_TRY(has_row, known.bind(version.pipeline).bind(version.principal.workspace).step());
    if (!has_row)
      return Fail(user_error(Code::not_found, fmt::format("there is no pipeline `{}`", version.pipeline)));
    return insert(connection, version);
  });
}

Result<std::optional<ports::NamedPipeline>> SqlitePipelines::pipeline(const std::string& workspace,
                                                                      const std::string& id) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::NamedPipeline>> {
    SLUICE_TRY(select,
               connection.prepare("SELECT '', id, workspace, principal, name, display_name, description, "
                                  "tags, created_ms FROM pipelines WHERE id = ? AND workspace = ?"));
    select.bind(id).bind(workspace);
    return only_one<ports::NamedPipeline>(std::move(select), pipeline_of);
  });
}

Result<std::optional<ports::NamedPipeline>> SqlitePipelines::pipeline_named(const std::string& workspace,
                                                                            const std::string& name) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::NamedPipeline>> {
    SLUICE_TRY(select,
               connection.prepare("SELECT '', id, workspace, principal, name, display_name, description, "
                                  "tags, created_ms FROM pipelines WHERE workspace = ? AND name = ?"));
    select.bind(workspace).bind(name);
    return only_one<ports::NamedPipeline>(std::move(select), pipeline_of);
  });
}

Result<std::optional<ports::PipelineVersion>> SqlitePipelines::version(const std::string& workspace,
                                                                       const std::string& id) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::PipelineVersion>> {
    SLUICE_TRY(select, connection.prepare(
                           "SELECT '', id, pipeline, workspace, principal, name, display_name, description, "
                           "source_url, tags, text, file, created_ms FROM pipeline_versions "
                           "WHERE id = ? AND workspace = ?"));
    select.bind(id).bind(workspace);
    return only_one<ports::PipelineVersion>(std::move(select), version_of);
  });
}

Result<std::optional<ports::PipelineVersion>> SqlitePipelines::newest_version(
    const std::string& workspace, const std::string& pipeline) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::PipelineVersion>> {
    SLUICE_TRY(select, connection.prepare(
                           "SELECT '', id, pipeline, workspace, principal, name, display_name, description, "
                           "source_url, tags, text, file, created_ms FROM pipeline_versions "
                           "WHERE pipeline = ? AND workspace = ? ORDER BY created_ms DESC, id DESC LIMIT 1"));
    select.bind(pipeline).bind(workspace);
    return only_one<ports::PipelineVersion>(std::move(select), version_of);
  });
}

Result<ports::ListPage<ports::NamedPipeline>> SqlitePipelines::pipelines(
    const std::string& workspace, const ports::ListQuery& query) const {
  return file_->read([&](Connection& connection) {
    const auto where = SqlText().add("workspace = ").value(workspace);
    return sqlite::list_page<ports::NamedPipeline>(connection, pipeline_table, where, query, pipeline_of);
  });
}

Result<ports::ListPage<ports::PipelineVersion>> SqlitePipelines::versions(
    const std::string& workspace, const std::string& pipeline, const ports::ListQuery& query) const {
  return file_->read([&](Connection& connection) {
    const auto where = SqlText().add("pipeline = ").value(pipeline).add(" AND workspace = ").value(workspace);
    return sqlite::list_page<ports::PipelineVersion>(connection, version_table, where, query, version_of);
  });
}

namespace {

/// Both statements take a value, an id and a workspace.
Result<bool> change(sqlite::LedgerFile& file, const std::string& workspace, const std::string& id,
                    const ports::PipelineChange& change, const char* set_name, const char* set_tags) {
  bool found = false;
  SLUICE_DO(file.write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    const auto set = [&](const char* sql, const std::string& value) -> Result<void> {
      SLUICE_TRY(update, connection.prepare(sql));
      SLUICE_DO(update.bind(value).bind(id).bind(workspace).run());
      found = connection.changes() > 0;
      return {};
    };
    if (change.display_name) SLUICE_DO(set(set_name, *change.display_name));
    if (change.tags) SLUICE_DO(set(set_tags, to_json(*change.tags)));
    return {};
  }));
  return found;
}

}  // namespace

Result<bool> SqlitePipelines::change_pipeline(const std::string& workspace, const std::string& id,
                                              const ports::PipelineChange& change) {
  return stores::change(*file_, workspace, id, change,
                        "UPDATE pipelines SET display_name = ? WHERE id = ? AND workspace = ?",
                        "UPDATE pipelines SET tags = ? WHERE id = ? AND workspace = ?");
}

Result<bool> SqlitePipelines::change_version(const std::string& workspace, const std::string& id,
                                             const ports::PipelineChange& change) {
  return stores::change(*file_, workspace, id, change,
                        "UPDATE pipeline_versions SET display_name = ? WHERE id = ? AND workspace = ?",
                        "UPDATE pipeline_versions SET tags = ? WHERE id = ? AND workspace = ?");
}

Result<bool> SqlitePipelines::remove_pipeline(const std::string& workspace, const std::string& id) {
  bool found = false;
  SLUICE_DO(file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(versions,
               connection.prepare("DELETE FROM pipeline_versions WHERE pipeline = ? AND workspace = ?"));
    SLUICE_DO(versions.bind(id).bind(workspace).run());
    SLUICE_TRY(remove, connection.prepare("DELETE FROM pipelines WHERE id = ? AND workspace = ?"));
    SLUICE_DO(remove.bind(id).bind(workspace).run());
    found = connection.changes() > 0;
    return {};
  }));
  return found;
}

Result<bool> SqlitePipelines::remove_version(const std::string& workspace, const std::string& id) {
  bool found = false;
  SLUICE_DO(file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(remove, connection.prepare("DELETE FROM pipeline_versions WHERE id = ? AND workspace = ?"));
    SLUICE_DO(remove.bind(id).bind(workspace).run());
    found = connection.changes() > 0;
    return {};
  }));
  return found;
}

}  // namespace sluice::stores
