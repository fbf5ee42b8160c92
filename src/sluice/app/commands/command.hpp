#pragma once
// What commands share: their options, access to the platform, output.
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sluice/app/backend.hpp"
#include "sluice/app/command_line.hpp"
#include "sluice/app/data_folder.hpp"
#include "sluice/app/platform.hpp"

namespace sluice::app {

/// Options of all commands that use a data folder.
struct CommonOptions {
  std::string data;
  bool json = false;
};

/// Options of a command that needs the platform.
struct SessionOptions : CommonOptions {
  std::string server;  ///< a URL; "": the data folder's server, or this process
  std::string token_file;
  std::string ca;        ///< for a URL with https
  RemoteOptions remote;  ///< for a platform in this process
};

/// A command's access to the platform: a server, or a platform in this process that ends with it.
struct Session {
  DataFolder data;
  std::unique_ptr<Platform> platform;  ///< null if a server is used
  std::shared_ptr<void> for_tasks;  ///< the server by which tasks log to that platform; null: there is none
  std::unique_ptr<Backend> backend;
  std::string hint_options;  ///< the options that select this platform, for hints: " --server URL"
};
Result<Session> open_session(const SessionOptions& options, std::string_view command);
/// Opens a session and passes it to `work`; reports a failure.
Exit with_session(const SessionOptions& options, std::string_view command,
                  const std::function<Result<Exit>(Session&)>& work);

Exit exit_status_of(const Error& error);
/// Prints an error on stderr; returns the matching exit status.
Exit report(const Error& error);
void print_json(const Value& value);
/// The list in a field of a response; empty if there is none.
const List& list_at(const Value& value, std::string_view key);
/// The size limit of a plan's file: as much as front ends read.
inline constexpr std::size_t plan_bytes_max = std::size_t{64} << 20;
/// Reads a file that the user named: an error is the user's to fix.
Result<std::string> read_given_file(const std::string& file, std::size_t bytes_max);
/// The token in the file; nullopt if `file` is empty.
Result<std::optional<std::string>> read_token(const std::string& file);

/// Adds `--data` and `--json`, and an example at the end of the help.
void add_common(Command& command, CommonOptions& options, const std::string& example);
/// Adds the same, `--server` and `--token-file`.
void add_session(Command& command, SessionOptions& options, const std::string& example);

/// Each adds its command to the program.
void add_up(CommandLine& program);
void add_run(CommandLine& program);
void add_resume(CommandLine& program);
void add_cancel(CommandLine& program);
void add_compile(CommandLine& program);
void add_runs(CommandLine& program);
void add_show(CommandLine& program);
void add_logs(CommandLine& program);
void add_get(CommandLine& program);
void add_metrics(CommandLine& program);
void add_models(CommandLine& program);
void add_versions(CommandLine& program);
void add_endpoints(CommandLine& program);
void add_deploy(CommandLine& program);
void add_undeploy(CommandLine& program);
void add_predict(CommandLine& program);
void add_token(CommandLine& program);
void add_audit(CommandLine& program);
void add_data(CommandLine& program);
void add_schedule(CommandLine& program);
void add_schedules(CommandLine& program);
void add_secrets(CommandLine& program);
void add_gc(CommandLine& program);
void add_df(CommandLine& program);
void add_fsck(CommandLine& program);
void add_backup(CommandLine& program);
void add_restore(CommandLine& program);
void add_import(CommandLine& program);
void add_export(CommandLine& program);
void add_doctor(CommandLine& program);
void add_completion(CommandLine& program);
void add_complete(CommandLine& program);

}  // namespace sluice::app
