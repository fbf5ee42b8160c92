#include "sluice/stores/sqlite/sqlite_access.hpp"

#include <algorithm>

#include "sluice/stores/sqlite/columns.hpp"
#include "sluice/stores/sqlite/ledger_file.hpp"

namespace sluice::stores {

using sqlite::Connection;

Result<void> SqliteAccess::add_token(const ports::Token& token) {
  return file_->write(ports::Durability::power, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(statement, connection.prepare(R"sql(
      INSERT INTO tokens(name, workspace, principal, role, secret, created_ms, expires_ms) VALUES(?,?,?,?,?,?,?)
      ON CONFLICT(name) DO NOTHING)sql"));
    statement.bind(token.name).bind(token.workspace).bind(token.by).bind(ports::name(token.role));
    statement.bind_blob(sqlite::blob_of(token.secret)).bind(sqlite::milliseconds(token.created));
    if (token.expires)
      statement.bind(sqlite::milliseconds(*token.expires));
    else
      statement.bind_null();
    SLUICE_DO(statement.run());
    if (connection.changes() > 0) return {};
    return Fail(user_error(Code::already_exists,
                           "there is a token `" + token.name +
                               "`; choose another name, or revoke it: sluice token revoke " + token.name));
  });
}

Result<bool> SqliteAccess::remove_token(const std::string& name) {
  bool removed = false;
  SLUICE_DO(file_->write(ports::Durability::power, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(statement, connection.prepare("DELETE FROM tokens WHERE name = ?"));
    SLUICE_DO(statement.bind(name).run());
    removed = connection.changes() > 0;
    return {};
  }));
  return removed;
}

Result<std::vector<ports::Token>> SqliteAccess::tokens() const {
  return file_->read([&](Connection& connection) -> Result<std::vector<ports::Token>> {
    SLUICE_TRY(select, connection.prepare(R"sql(
      SELECT name, workspace, principal, role, secret, created_ms, expires_ms FROM tokens ORDER BY name)sql"));
    std::vector<ports::Token> out;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return out;
      SLUICE_TRY(secret, sqlite::digest_of(select.text(4)));
      // A role that only a newer program knows may not grant more than the least.
      ports::Token token{.name = select.text(0),
                         .workspace = select.text(1),
                         .role = ports::role_named(select.text(3)).value_or(ports::Role::read),
                         .secret = secret,
                         .by = select.text(2),
                         .created = sqlite::time_of(select.integer(5)),
                         .expires = std::nullopt};
      if (!select.is_null(6)) token.expires = sqlite::time_of(select.integer(6));
      out.push_back(std::move(token));
    }
  });
}

Result<void> SqliteAccess::add_change(const ports::Change& change) {
  return file_->write(ports::Durability::process, [&](Connection& connection) -> Result<void> {
    SLUICE_TRY(insert,
               connection.prepare(
                   "INSERT INTO changes(at_ms, workspace, principal, what, subject) VALUES(?,?,?,?,?)"));
    insert.bind(sqlite::milliseconds(change.at)).bind(change.principal.workspace).bind(change.principal.name);
    SLUICE_DO(insert.bind(change.what).bind(change.subject).run());
    // One comes, one goes: the numbers have no gaps.
    SLUICE_TRY(forget, connection.prepare(
                           "DELETE FROM changes WHERE number <= (SELECT max(number) FROM changes) - ?"));
    return forget.bind(kept_max).run();
  });
}

Result<std::vector<ports::Change>> SqliteAccess::changes(std::int64_t before, std::size_t limit) const {
  return file_->read([&](Connection& connection) -> Result<std::vector<ports::Change>> {
    SLUICE_TRY(select, connection.prepare(R"sql(
      SELECT number, at_ms, workspace, principal, what, subject FROM changes
      WHERE number < ? ORDER BY number DESC LIMIT ?)sql"));
    select.bind(before).bind(static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX)));
    std::vector<ports::Change> out;
    for (;;) {
      SLUICE_TRY(has_row, select.step());
      if (!has_row) return out;
      out.push_back({.number = select.integer(0),
                     .at = sqlite::time_of(select.integer(1)),
                     .principal = {.workspace = select.text(2), .name = select.text(3)},
                     .what = select.text(4),
                     .subject = select.text(5)});
    }
  });
}

}  // namespace sluice::stores
