#pragma once
// What commands share: their options, how they reach the platform, how they speak.
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sluice/app/backend.hpp"
#include "sluice/app/command_line.hpp"
#include "sluice/app/data_folder.hpp"
#include "sluice/app/platform.hpp"

namespace sluice::app {

struct CommonOptions {
  std::string data;
  bool json = false;
};

/// Of a command that needs the platform.
struct SessionOptions : CommonOptions {
  std::string server;  ///< a URL; "" : the data folder's server, or this process
  std::string token_file;
};

/// A command's own door to the platform: a server's, or one in this process that ends with it.
struct Session {
  DataFolder data;
  std::unique_ptr<Platform> platform;  ///< null: a server is used
  std::unique_ptr<Backend> backend;
  std::string again;  ///< the options that lead here again, for hints: " --server URL"
};
Result<Session> open_session(const SessionOptions& options, std::string_view command);
/// Opens a session and hands it to `work`; a failure is told.
Exit with_session(const SessionOptions& options, std::string_view command,
                  const std::function<Result<Exit>(Session&)>& work);

/// Writes an error for the person at the terminal; answers the exit status that fits.
Exit report(const Error& error);
void print_json(const Value& value);
/// Of a plan's file: as much as front-ends read.
inline constexpr std::size_t plan_bytes_max = std::size_t{64} << 20;
/// A file that the person named: that it cannot be read is theirs to mend.
Result<std::string> read_given_file(const std::string& file, std::size_t bytes_max);
/// The token that the file holds; absent where no file is given.
Result<std::optional<std::string>> read_token(const std::string& file);

/// Adds `--data` and `--json`, and an example below the help.
void add_common(Command& command, CommonOptions& options, const std::string& example);
/// Those, `--server` and `--token-file`.
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
void add_models(CommandLine& program);
void add_endpoints(CommandLine& program);
void add_deploy(CommandLine& program);
void add_undeploy(CommandLine& program);
void add_predict(CommandLine& program);
void add_doctor(CommandLine& program);
void add_completion(CommandLine& program);
void add_complete(CommandLine& program);

}  // namespace sluice::app
