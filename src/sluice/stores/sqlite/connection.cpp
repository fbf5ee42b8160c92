#include "sluice/stores/sqlite/connection.hpp"

#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <string_view>

#include <sqlite3.h>

#include "sluice/base/pattern.hpp"

namespace sluice::stores::sqlite {
namespace {

constexpr int busy_timeout_ms = 10'000;

bool lacks_memory(int code) { return (code & 0xff) == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM; }

/// SQL's `text REGEXP pattern`. Of a long text, only the beginning is looked at, so that a search ends.
void regexp(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  constexpr std::size_t text_bytes_max = std::size_t{64} << 10;
  const auto text_of = [](sqlite3_value* value) {
    const auto* data = static_cast<const char*>(sqlite3_value_blob(value));
    return data == nullptr ? std::string_view()
                           : std::string_view(data, static_cast<std::size_t>(sqlite3_value_bytes(value)));
  };
  if (sqlite3_value_type(values[1]) == SQLITE_NULL) return;
  const auto* pattern = static_cast<const Pattern*>(sqlite3_get_auxdata(context, 0));
  std::optional<Pattern> compiled;
  if (pattern == nullptr) {
    auto made = Pattern::compile(text_of(values[0]));
    if (!made) {
      sqlite3_result_error(context, made.error().message.c_str(), -1);
      return;
    }
    compiled = *made;
    pattern = &*compiled;
  }
  sqlite3_result_int(context, pattern->is_in(text_of(values[1]).substr(0, text_bytes_max)) ? 1 : 0);
  // SQLite may take it away at once, so it is the last thing that is done with it.
  if (compiled)
    sqlite3_set_auxdata(
        context, 0, std::make_unique<Pattern>(std::move(*compiled)).release(),
        [](void* kept) { const std::unique_ptr<Pattern> owned(static_cast<Pattern*>(kept)); });
}

Error error_of(const std::filesystem::path& file, int code, const std::string& reason) {
  const auto failed = [&](Code kind, std::string_view hint) {
    return environment_error(kind, file.string() + ": " + reason + std::string(hint));
  };
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return failed(Code::unavailable, "; another program keeps the ledger locked; end it and try again");
    case SQLITE_FULL: return failed(Code::disk_full, "; free some space");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return failed(Code::data_loss, "; restore this file from a backup, or use another data folder");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return failed(Code::permission_denied, "; check that the folder exists and that you may write there");
    case SQLITE_MISUSE:
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT: return internal_error(Code::internal, file.string() + ": " + reason);
    default: return failed(Code::unavailable, "");
  }
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      statement_(other.statement_),
      once_(other.once_),
      bound_(other.bound_),
      problem_(other.problem_) {
  other.statement_ = nullptr;
}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  if (once_) {
    sqlite3_finalize(statement_);
    return;
  }
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

// A value that cannot be bound is reported by the next step.
Statement& Statement::bind(std::int64_t value) {
  if (const int code = sqlite3_bind_int64(statement_, ++bound_, value); code != SQLITE_OK) problem_ = code;
  return *this;
}
Statement& Statement::bind(double value) {
  if (const int code = sqlite3_bind_double(statement_, ++bound_, value); code != SQLITE_OK) problem_ = code;
  return *this;
}
Statement& Statement::bind(std::string_view text) {
  const char* data = text.data() != nullptr ? text.data() : "";  // a null pointer would be NULL, not ""
  if (const int code =
          sqlite3_bind_text64(statement_, ++bound_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
      code != SQLITE_OK)
    problem_ = code;
  return *this;
}
Statement& Statement::bind_blob(std::string_view bytes) {
  if (const int code = sqlite3_bind_blob64(statement_, ++bound_, bytes.data(), bytes.size(), SQLITE_STATIC);
      code != SQLITE_OK)
    problem_ = code;
  return *this;
}
Statement& Statement::bind_null() {
  ++bound_;
  return *this;
}

Result<bool> Statement::step() {
  const int code = problem_ != 0 ? problem_ : sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return Fail(connection_.failure(code));
}

Result<void> Statement::run() {
  SLUICE_TRY(row, step());
  SLUICE_CHECK(!row);
  return {};
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Statement::real(int column) const {
  return is_null(column) ? std::numeric_limits<double>::quiet_NaN()
                         : sqlite3_column_double(statement_, column);
}
bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::string Statement::text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  // Null is an empty blob, or a want of memory.
  if (data == nullptr && lacks_memory(sqlite3_errcode(sqlite3_db_handle(statement_)))) throw std::bad_alloc();
  return data != nullptr
             ? std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)))
             : "";
}

Result<std::unique_ptr<Connection>> Connection::open(const std::filesystem::path& file, Use use) {
  // Otherwise each allocation takes a lock, to count it. Refused, and harmless, once the library is in use.
  static const int uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(uncounted);
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (use == Use::look ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                    (use == Use::write ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Connection> connection(new Connection(file, handle));
  if (code != SQLITE_OK) return Fail(connection->failure(code));
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  // Pages that one transaction after the other changes stay in memory.
  if (use == Use::write) SLUICE_DO(connection->execute("PRAGMA cache_size=-6000"));
  const int made = sqlite3_create_function_v2(handle, "regexp", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                              nullptr, regexp, nullptr, nullptr, nullptr);
  if (made != SQLITE_OK) return Fail(connection->failure(made));
  if (use == Use::read) SLUICE_DO(connection->execute("PRAGMA query_only=ON; PRAGMA case_sensitive_like=ON"));
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, statement] : prepared_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Error Connection::failure(int code) const {
  if (lacks_memory(code)) throw std::bad_alloc();
  return error_of(file_, code, handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code));
}

Result<Statement> Connection::prepare(const char* sql) {
  auto& statement = prepared_[sql];
  if (statement == nullptr) {
    const int code = sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) {
      prepared_.erase(sql);
      return Fail(failure(code));
    }
  }
  SLUICE_CHECK(sqlite3_stmt_busy(statement) == 0);
  return Statement(*this, statement);
}

Result<Statement> Connection::prepare_once(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return Fail(failure(code));
  return Statement(*this, statement, true);
}

Result<void> Connection::execute(const char* sql) {
  if (const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr); code != SQLITE_OK)
    return Fail(failure(code));
  return {};
}

Result<std::string> Connection::query_value(const char* sql) {
  SLUICE_TRY(statement, prepare(sql));
  SLUICE_TRY(row, statement.step());
  return row ? statement.text(0) : std::string();
}

std::string Connection::library_version() { return sqlite3_libversion(); }

void Connection::follow_log() {
  const auto note = [](void* connection, sqlite3*, const char*, int pages) {
    static_cast<Connection*>(connection)->log_pages_ = pages;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(handle_, note, this);  // in the place of the one that writes back
}

std::int64_t Connection::changes() const { return sqlite3_changes64(handle_); }

Result<Transaction> Transaction::begin(Connection& connection) {
  // IMMEDIATE: a transaction that will write waits for others here, not in the middle.
  SLUICE_TRY(statement, connection.prepare("BEGIN IMMEDIATE"));
  SLUICE_DO(statement.run());
  return Transaction(connection);
}

Transaction::~Transaction() {
  // After some failures SQLite has already rolled back by itself; then this does nothing.
  if (connection_ != nullptr) static_cast<void>(connection_->execute("ROLLBACK"));
}

Result<void> Transaction::commit() {
  SLUICE_TRY(statement, connection_->prepare("COMMIT"));
  SLUICE_DO(statement.run());
  connection_ = nullptr;
  return {};
}

Result<Snapshot> Snapshot::begin(Connection& connection) {
  SLUICE_TRY(statement, connection.prepare("BEGIN DEFERRED"));
  SLUICE_DO(statement.run());
  return Snapshot(connection);
}

Snapshot::~Snapshot() {
  if (connection_ == nullptr) return;
  // A statement that failed may have ended it.
  auto statement = connection_->prepare("COMMIT");
  if (statement) static_cast<void>(statement->step());
}

}  // namespace sluice::stores::sqlite
