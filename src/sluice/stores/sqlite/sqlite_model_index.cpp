#include "sluice/stores/sqlite/sqlite_model_index.hpp"

#include <algorithm>
#include <unordered_map>

#include "sluice/base/json.hpp"
#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"
#include "sluice/stores/sqlite/search_sql.hpp"

namespace sluice::stores {

using sqlite::Connection;
using sqlite::SqlText;

namespace {

using ports::RegisteredModel;
using ports::RegisteredVersion;
using ports::SearchField;

constexpr std::string_view prompt_tag = "mlflow.prompt.is_prompt";
constexpr std::size_t content_bytes_max = std::size_t{64} << 20;

Struct json_of(const std::vector<ports::KeyValue>& tags) {
  Struct out;
  for (const auto& tag : tags) out.append(tag.key, tag.value);
  return out;
}

std::vector<ports::KeyValue> tags_of(const Value* json) {
  std::vector<ports::KeyValue> out;
  if (json == nullptr || !json->is_struct()) return out;
  for (const auto& [key, value] : *json->if_struct())
    if (const auto* text = value.if_string()) out.push_back({.key = key, .value = *text});
  return out;
}

Struct json_of(const RegisteredVersion& version) {
  Struct out;
  out.append("model", version.model);
  out.append("number", version.number);
  out.append("commit", version.commit);
  out.append("created", sqlite::milliseconds(version.created));
  out.append("updated", sqlite::milliseconds(version.updated));
  out.append("user", version.user);
  out.append("description", version.description);
  out.append("stage", version.stage);
  out.append("source", version.source);
  out.append("storage", version.storage);
  out.append("run", version.run);
  out.append("run_link", version.run_link);
  out.append("logged_model", version.logged_model);
  out.append("tags", json_of(version.tags));
  return out;
}

RegisteredVersion version_of(const Value& json) {
  return {.model = json.text_at("model"),
          .number = json.integer_at("number"),
          .commit = json.text_at("commit"),
          .created = sqlite::time_of(json.integer_at("created")),
          .updated = sqlite::time_of(json.integer_at("updated")),
          .user = json.text_at("user"),
          .description = json.text_at("description"),
          .stage = json.text_at("stage"),
          .source = json.text_at("source"),
          .storage = json.text_at("storage"),
          .run = json.text_at("run"),
          .run_link = json.text_at("run_link"),
          .logged_model = json.text_at("logged_model"),
          .tags = tags_of(json.find("tags")),
          .aliases = {}};
}

Struct json_of(const RegisteredModel& model) {
  Struct out;
  out.append("name", model.name);
  out.append("created", sqlite::milliseconds(model.created));
  out.append("updated", sqlite::milliseconds(model.updated));
  out.append("user", model.user);
  out.append("description", model.description);
  out.append("tags", json_of(model.tags));
  Struct aliases;
  for (const auto& [name, number] : model.aliases) aliases.append(name, number);
  out.append("aliases", std::move(aliases));
  List newest;
  for (const auto& version : model.newest) newest.emplace_back(json_of(version));
  out.append("newest", std::move(newest));
  return out;
}

RegisteredModel model_of(const Value& json) {
  RegisteredModel out{.name = json.text_at("name"),
                      .created = sqlite::time_of(json.integer_at("created")),
                      .updated = sqlite::time_of(json.integer_at("updated")),
                      .user = json.text_at("user"),
                      .description = json.text_at("description"),
                      .tags = tags_of(json.find("tags")),
                      .aliases = {},
                      .newest = {}};
  if (const auto* aliases = json.find("aliases"); aliases != nullptr && aliases->is_struct())
    for (const auto& [name, number] : *aliases->if_struct())
      if (const auto* integer = number.if_integer()) out.aliases.emplace(name, *integer);
  if (const auto* newest = json.find("newest"); newest != nullptr && newest->if_list() != nullptr)
    for (const auto& version : *newest->if_list()) out.newest.push_back(version_of(version));
  return out;
}

Result<Value> parsed(const std::string& content) {
  return parse_json(content, "the index of the registry", {.bytes_max = content_bytes_max});
}

/// The model's row; 0: there is none.
Result<std::int64_t> id_of(Connection& connection, const ports::ModelPlace& place) {
  SLUICE_TRY(select, connection.prepare("SELECT id FROM registered_models WHERE workspace = ? AND name = ?"));
  SLUICE_TRY(has_row, select.bind(place.workspace).bind(place.model).step());
  return has_row ? select.integer(0) : 0;
}

Result<void> put_tags(Connection& connection, const char* remove, const char* insert, std::int64_t id,
                      const std::vector<ports::KeyValue>& tags) {
  {
    SLUICE_TRY(statement, connection.prepare(remove));
    SLUICE_DO(statement.bind(id).run());
  }
  for (const auto& tag : tags) {
    SLUICE_TRY(statement, connection.prepare(insert));
    SLUICE_DO(statement.bind(id).bind(tag.key).bind(tag.value).run());
  }
  return {};
}

Result<void> remove_version(Connection& connection, std::int64_t id) {
  {
    SLUICE_TRY(tags, connection.prepare("DELETE FROM registered_version_tags WHERE version = ?"));
    SLUICE_DO(tags.bind(id).run());
  }
  SLUICE_TRY(statement, connection.prepare("DELETE FROM registered_versions WHERE id = ?"));
  return statement.bind(id).run();
}

Result<std::int64_t> put_model(Connection& connection, const ports::RegisteredContent& content) {
  const auto& model = content.model;
  const auto& workspace = content.workspace;
  const bool is_prompt = std::ranges::any_of(
      model.tags, [](const auto& tag) { return tag.key == prompt_tag && tag.value == "true"; });
  {
    SLUICE_TRY(upsert, connection.prepare(R"sql(
      INSERT INTO registered_models(workspace, principal, name, mark, updated_ms, is_prompt, content)
      VALUES(?,?,?,?,?,?,?)
      ON CONFLICT(workspace, name) DO UPDATE SET principal=excluded.principal, mark=excluded.mark,
        updated_ms=excluded.updated_ms, is_prompt=excluded.is_prompt, content=excluded.content)sql"));
    const auto text = to_json(Value(json_of(model)));
    upsert.bind(workspace).bind(model.user).bind(model.name).bind(content.mark);
    SLUICE_DO(
        upsert.bind(sqlite::milliseconds(model.updated)).bind(std::int64_t{is_prompt}).bind(text).run());
  }
  SLUICE_TRY(id, id_of(connection, {.workspace = workspace, .model = model.name}));
  SLUICE_DO(put_tags(connection, "DELETE FROM registered_model_tags WHERE model = ?",
                     "INSERT INTO registered_model_tags(model, key, value) VALUES(?,?,?)", id, model.tags));
  return id;
}

struct VersionRow {
  std::int64_t id = 0;
  std::string content;
};

Result<std::unordered_map<std::int64_t, VersionRow>> rows_of(Connection& connection, std::int64_t model) {
  std::unordered_map<std::int64_t, VersionRow> out;
  SLUICE_TRY(select,
             connection.prepare("SELECT version, id, content FROM registered_versions WHERE model = ?"));
  select.bind(model);
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return out;
    out.emplace(select.integer(0), VersionRow{.id = select.integer(1), .content = select.text(2)});
  }
}

Result<void> put_version(Connection& connection, const std::string& workspace, std::int64_t model,
                         const RegisteredVersion& version, const std::string& content) {
  std::int64_t id = 0;
  {
    SLUICE_TRY(insert, connection.prepare(R"sql(
      INSERT INTO registered_versions(workspace, principal, model, name, version, created_ms, updated_ms, run,
        source, content) VALUES(?,?,?,?,?,?,?,?,?,?) RETURNING id)sql"));
    insert.bind(workspace).bind(version.user).bind(model).bind(version.model).bind(version.number);
    insert.bind(sqlite::milliseconds(version.created)).bind(sqlite::milliseconds(version.updated));
    SLUICE_TRY(has_row, insert.bind(version.run).bind(version.source).bind(content).step());
    SLUICE_CHECK(has_row);
    id = insert.integer(0);
  }
  return put_tags(connection, "DELETE FROM registered_version_tags WHERE version = ?",
                  "INSERT INTO registered_version_tags(version, key, value) VALUES(?,?,?)", id, version.tags);
}

/// Writes only what is another one than before.
Result<void> put_content(Connection& connection, const ports::RegisteredContent& content) {
  SLUICE_TRY(model, put_model(connection, content));
  SLUICE_TRY(rows, rows_of(connection, model));
  for (const auto& version : content.versions) {
    const auto text = to_json(Value(json_of(version)));
    if (const auto row = rows.find(version.number); row != rows.end()) {
      const bool same = row->second.content == text;
      if (!same) SLUICE_DO(remove_version(connection, row->second.id));
      rows.erase(row);
      if (same) continue;
    }
    SLUICE_DO(put_version(connection, content.workspace, model, version, text));
  }
  for (const auto& [number, row] : rows) SLUICE_DO(remove_version(connection, row.id));
  return {};
}

std::string_view column_of_version(const std::string& key) {
  if (key == "version_number") return "v.version";
  if (key == "run_id") return "v.run";
  if (key == "source_path") return "v.source";
  if (key == "creation_timestamp") return "v.created_ms";
  if (key == "last_updated_timestamp") return "v.updated_ms";
  return "v.name";
}
std::string_view column_of_model(const std::string& key) {
  return key == "last_updated_timestamp" ? "m.updated_ms" : "m.name";
}

using ColumnOf = std::string_view (*)(const std::string& key);

void add_conditions(SqlText& sql, const ports::Search& search, ColumnOf column_of, std::string_view tags) {
  for (const auto& condition : search.conditions) {
    sql.add(" AND ");
    if (condition.field == SearchField::attribute) {
      sql.compare(column_of(condition.key), condition);
      continue;
    }
    sql.add("EXISTS(SELECT 1 FROM ").add(tags).add(" AND t.key = ").value(condition.key).add(" AND ");
    sql.compare("t.value", condition).add(")");
  }
}

void add_page(SqlText& sql, const ports::Search& search, ColumnOf column_of) {
  for (std::size_t i = 0; i < search.order.size(); ++i) {
    sql.add(i == 0 ? " ORDER BY " : ", ").add(column_of(search.order[i].key));
    if (!search.order[i].ascending) sql.add(" DESC");
  }
  sql.add(" LIMIT ").value(static_cast<std::int64_t>(search.limit));
  sql.add(" OFFSET ").value(static_cast<std::int64_t>(search.offset));
}

}  // namespace

Result<std::map<ports::ModelPlace, std::string>> SqliteModelIndex::marks() const {
  return file_->read([&](Connection& connection) -> Result<std::map<ports::ModelPlace, std::string>> {
    std::map<ports::ModelPlace, std::string> out;
    SLUICE_TRY(select, connection.prepare("SELECT workspace, name, mark FROM registered_models"));
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return out;
      out.emplace(ports::ModelPlace{.workspace = select.text(0), .model = select.text(1)}, select.text(2));
    }
  });
}

Result<void> SqliteModelIndex::put(const std::vector<ports::RegisteredContent>& contents) {
  return file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    for (const auto& content : contents) SLUICE_DO(put_content(connection, content));
    return {};
  });
}

Result<void> SqliteModelIndex::remove(const ports::ModelPlace& place) {
  return file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(id, id_of(connection, place));
    if (id == 0) return {};
    SLUICE_TRY(rows, rows_of(connection, id));
    for (const auto& [number, row] : rows) SLUICE_DO(remove_version(connection, row.id));
    {
      SLUICE_TRY(tags, connection.prepare("DELETE FROM registered_model_tags WHERE model = ?"));
      SLUICE_DO(tags.bind(id).run());
    }
    SLUICE_TRY(statement, connection.prepare("DELETE FROM registered_models WHERE id = ?"));
    return statement.bind(id).run();
  });
}

Result<std::vector<RegisteredModel>> SqliteModelIndex::models(const std::string& workspace,
                                                              const Query& query) const {
  SqlText sql;
  sql.add("SELECT m.content FROM registered_models m WHERE m.workspace = ").value(workspace);
  if (!query.prompts) sql.add(" AND m.is_prompt = 0");
  add_conditions(sql, query.search, column_of_model, "registered_model_tags t WHERE t.model = m.id");
  add_page(sql, query.search, column_of_model);
  return file_->read([&](Connection& connection) -> Result<std::vector<RegisteredModel>> {
    SLUICE_TRY(select, sql.prepare(connection));
    std::vector<RegisteredModel> found;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return found;
      SLUICE_TRY(json, parsed(select.text(0)));
      found.push_back(model_of(json));
    }
  });
}

Result<std::vector<RegisteredVersion>> SqliteModelIndex::versions(const std::string& workspace,
                                                                  const Query& query) const {
  SqlText sql;
  sql.add("SELECT v.content FROM registered_versions v WHERE v.workspace = ").value(workspace);
  // A model is a prompt's if one of its versions is.
  if (!query.prompts)
    sql.add(
           " AND v.model NOT IN (SELECT p.model FROM registered_version_tags t JOIN registered_versions p "
           "ON p.id = t.version WHERE t.key = ")
        .value(std::string(prompt_tag))
        .add(" AND t.value = 'true')");
  add_conditions(sql, query.search, column_of_version, "registered_version_tags t WHERE t.version = v.id");
  add_page(sql, query.search, column_of_version);
  return file_->read([&](Connection& connection) -> Result<std::vector<RegisteredVersion>> {
    SLUICE_TRY(select, sql.prepare(connection));
    std::vector<RegisteredVersion> found;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return found;
      SLUICE_TRY(json, parsed(select.text(0)));
      found.push_back(version_of(json));
    }
  });
}

}  // namespace sluice::stores
