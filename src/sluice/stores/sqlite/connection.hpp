#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::stores::sqlite {

/// A statement in use. Values are bound in order from the first `?`; columns count from 0. At the end of its
/// scope the statement is reset, and stays prepared.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(std::int64_t value);
  Statement& bind(double value);           ///< NaN is stored as null
  Statement& bind(std::string_view text);  ///< must live until the statement is reset
  Statement& bind_blob(std::string_view bytes);
  Statement& bind_null();
  /// True: a row is available. False: done.
  Result<bool> step();
  /// For statements without rows.
  Result<void> run();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;  ///< NaN for null
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::string text(int column) const;  ///< of blobs too

 private:
  friend class Connection;
  Statement(class Connection& connection, sqlite3_stmt* statement, bool once = false)
      : connection_(connection), statement_(statement), once_(once) {}
  class Connection& connection_;
  sqlite3_stmt* statement_;
  bool once_;  ///< does not stay prepared
  int bound_ = 0;
  int problem_ = 0;
};

/// One connection to a file. Not thread-safe. When SQLite has no memory left, `std::bad_alloc` is thrown, as
/// by everything else that needs memory.
class Connection {
 public:
  /// `look`: of a file of another program, which is never changed, and may be in a folder that cannot be.
  enum class Use { write, read, look };
  static Result<std::unique_ptr<Connection>> open(const std::filesystem::path& file, Use use);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// `sql` is a literal: statements are kept by its address.
  Result<Statement> prepare(const char* sql);
  /// For a text that was composed: the statement does not stay prepared.
  Result<Statement> prepare_once(const std::string& sql);
  /// One or more statements without values.
  Result<void> execute(const char* sql);
  /// The first column of the first row, or "".
  Result<std::string> query_value(const char* sql);
  static std::string library_version();
  /// From now on this connection writes nothing back from the log by itself, and knows how long the log is.
  void follow_log();
  /// Pages in the log after the last commit of this connection.
  [[nodiscard]] int log_pages() const { return log_pages_; }
  /// How many rows the last statement changed.
  [[nodiscard]] std::int64_t changes() const;

 private:
  friend class Statement;
  Connection(std::filesystem::path file, sqlite3* handle) : file_(std::move(file)), handle_(handle) {}
  [[nodiscard]] Error failure(int code) const;

  std::filesystem::path file_;
  sqlite3* handle_;
  int log_pages_ = 0;
  std::map<const char*, sqlite3_stmt*> prepared_;
};

/// A write transaction; it rolls back at the end of its scope unless it was committed.
class Transaction {
 public:
  static Result<Transaction> begin(Connection& connection);
  Transaction(Transaction&& other) noexcept : connection_(other.connection_) { other.connection_ = nullptr; }
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}
  Connection* connection_;
};

/// A read transaction; it ends with its scope. All statements in it see one state of the file, and only the
/// first and the last of them take and release its locks.
class Snapshot {
 public:
  static Result<Snapshot> begin(Connection& connection);
  Snapshot(Snapshot&& other) noexcept : connection_(other.connection_) { other.connection_ = nullptr; }
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot();

 private:
  explicit Snapshot(Connection& connection) : connection_(&connection) {}
  Connection* connection_;
};

}  // namespace sluice::stores::sqlite
