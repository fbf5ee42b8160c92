#include "sluice/stores/sqlite/sqlite_datasets.hpp"

#include <fmt/format.h>

#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"

namespace sluice::stores {

using sqlite::blob_of;
using sqlite::Connection;
using sqlite::milliseconds;
using sqlite::Statement;
using sqlite::time_of;

namespace {

Result<std::vector<ports::DatasetVersion>> rows_of(Statement& select) {
  std::vector<ports::DatasetVersion> out;
  for (;;) {
    SLUICE_TRY(has_row, select.step());
    if (!has_row) return out;
    SLUICE_TRY(digest, sqlite::digest_of(select.text(5)));
    ports::DatasetVersion version{.principal = {.workspace = select.text(0), .name = select.text(1)},
                                  .name = select.text(2),
                                  .number = select.integer(3),
                                  .kind = select.text(4),
                                  .content = {.kind = "directory"},
                                  .examples = select.integer(7),
                                  .labels = select.integer(8),
                                  .created = time_of(select.integer(9))};
    version.content.form = Form::directory;
    version.content.digest = digest;
    version.content.size = select.integer(6);
    version.content.name = version.name;
    out.push_back(std::move(version));
  }
}

struct Last {
  std::int64_t number = 0;  ///< also of one that was removed
  std::int64_t versions = 0;
  std::optional<ports::DatasetVersion> newest;
};

Result<std::optional<ports::DatasetVersion>> newest_of(Connection& connection, const std::string& workspace,
                                                       const std::string& name) {
  SLUICE_TRY(
      select,
      connection.prepare(
          "SELECT workspace, principal, name, number, kind, digest, size, examples, labels, created_ms "
          "FROM datasets WHERE workspace = ? AND name = ? AND digest IS NOT NULL ORDER BY number DESC LIMIT "
          "1"));
  select.bind(workspace).bind(name);
  SLUICE_TRY(rows, rows_of(select));
  return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
}

Result<Last> last_of(Connection& connection, const std::string& workspace, const std::string& name) {
  Last last;
  SLUICE_TRY(select, connection.prepare(
                         "SELECT max(number), count(digest) FROM datasets WHERE workspace = ? AND name = ?"));
  SLUICE_TRY(has_row, select.bind(workspace).bind(name).step());
  if (has_row) {
    last.number = select.integer(0);
    last.versions = select.integer(1);
  }
  SLUICE_TRY(newest, newest_of(connection, workspace, name));
  last.newest = std::move(newest);
  return last;
}

Result<void> check_room(Connection& connection, const ports::DatasetVersion& version, const Last& last) {
  if (last.versions >= ports::Datasets::versions_max)
    return Fail(user_error(
        Code::exhausted,
        fmt::format(
            "data set `{}` has {} versions, as many as there may be; remove some with `sluice data rm`",
            version.name, last.versions)));
  if (last.number > 0) return {};
  SLUICE_TRY(select, connection.prepare("SELECT count(DISTINCT name) FROM datasets WHERE workspace = ?"));
  SLUICE_TRY(has_row, select.bind(version.principal.workspace).step());
  if (has_row && select.integer(0) >= ports::Datasets::datasets_max)
    return Fail(user_error(Code::exhausted, "there are as many data sets as there may be"));
  return {};
}

}  // namespace

Result<ports::Datasets::Added> SqliteDatasets::add(const ports::DatasetVersion& version) {
  Added added;
  SLUICE_DO(file_->write(ports::Durability::power, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(last, last_of(connection, version.principal.workspace, version.name));
    if (last.newest && last.newest->content.digest == version.content.digest) {
      added = {.number = last.newest->number, .is_new = false};
      return {};
    }
    SLUICE_DO(check_room(connection, version, last));
    added.number = last.number + 1;
    SLUICE_TRY(insert, connection.prepare(R"sql(
      INSERT INTO datasets(workspace, principal, name, number, kind, digest, size, examples, labels, created_ms)
      VALUES(?,?,?,?,?,?,?,?,?,?))sql"));
    insert.bind(version.principal.workspace)
        .bind(version.principal.name)
        .bind(version.name)
        .bind(added.number);
    insert.bind(version.kind).bind_blob(blob_of(*version.content.digest)).bind(version.content.size);
    return insert.bind(version.examples).bind(version.labels).bind(milliseconds(version.created)).run();
  }));
  return added;
}

Result<bool> SqliteDatasets::remove(const std::string& workspace, const std::string& name,
                                    std::int64_t number) {
  bool removed = false;
  SLUICE_DO(file_->write(ports::Durability::power, [&](Connection& connection) -> Result<void> {
    // The row stays: its number is not used again.
    SLUICE_TRY(update, connection.prepare(
                           "UPDATE datasets SET digest = NULL, size = 0 WHERE workspace = ? AND name = ? AND "
                           "number = ? AND digest IS NOT NULL"));
    SLUICE_DO(update.bind(workspace).bind(name).bind(number).run());
    removed = connection.changes() > 0;
    return {};
  }));
  return removed;
}

Result<std::optional<ports::DatasetVersion>> SqliteDatasets::find(
    const std::string& workspace, const std::string& name, const std::optional<std::int64_t>& number) const {
  return file_->read([&](Connection& connection) -> Result<std::optional<ports::DatasetVersion>> {
    if (!number) return newest_of(connection, workspace, name);
    SLUICE_TRY(
        select,
        connection.prepare(
            "SELECT workspace, principal, name, number, kind, digest, size, examples, labels, created_ms "
            "FROM datasets WHERE workspace = ? AND name = ? AND number = ? AND digest IS NOT NULL"));
    select.bind(workspace).bind(name).bind(*number);
    SLUICE_TRY(rows, rows_of(select));
    return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
  });
}

Result<std::vector<ports::DatasetVersion>> SqliteDatasets::list(const std::string& workspace,
                                                                const ports::NamePage& page) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<ports::DatasetVersion>> {
    SLUICE_TRY(select, connection.prepare(R"sql(
      SELECT workspace, principal, name, max(number), kind, digest, size, examples, labels, created_ms FROM datasets
      WHERE workspace = ? AND name > ? AND digest IS NOT NULL GROUP BY name ORDER BY name LIMIT ?)sql"));
    select.bind(workspace).bind(page.after).bind(static_cast<std::int64_t>(page.limit));
    return rows_of(select);
  });
}

Result<std::vector<ports::DatasetVersion>> SqliteDatasets::versions(const std::string& workspace,
                                                                    const std::string& name,
                                                                    const ports::VersionPage& page) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<ports::DatasetVersion>> {
    SLUICE_TRY(select, connection.prepare(R"sql(
      SELECT workspace, principal, name, number, kind, digest, size, examples, labels, created_ms FROM datasets
      WHERE workspace = ? AND name = ? AND number < ? AND digest IS NOT NULL ORDER BY number DESC LIMIT ?)sql"));
    select.bind(workspace).bind(name).bind(page.before).bind(static_cast<std::int64_t>(page.limit));
    return rows_of(select);
  });
}

}  // namespace sluice::stores
