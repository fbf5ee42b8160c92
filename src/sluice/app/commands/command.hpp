#pragma once
// What commands share: their options, how they reach the platform, how they speak.
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sluice/app/backend.hpp"
#include "sluice/app/data_folder.hpp"
#include "sluice/app/platform.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): theirs
class App;
}

namespace sluice::app {

/// What a shell sees.
enum class Exit : int { ok = 0, failed = 1, usage = 2, machine = 3 };

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
void add_common(CLI::App& app, CommonOptions& options, const std::string& example);
/// Those, `--server` and `--token-file`.
void add_session(CLI::App& app, SessionOptions& options, const std::string& example);

/// Each adds its command to the program; `exit` is set when it has run.
void add_up(CLI::App& program, Exit& exit);
void add_run(CLI::App& program, Exit& exit);
void add_resume(CLI::App& program, Exit& exit);
void add_cancel(CLI::App& program, Exit& exit);
void add_compile(CLI::App& program, Exit& exit);
void add_runs(CLI::App& program, Exit& exit);
void add_show(CLI::App& program, Exit& exit);
void add_logs(CLI::App& program, Exit& exit);
void add_models(CLI::App& program, Exit& exit);
void add_endpoints(CLI::App& program, Exit& exit);
void add_deploy(CLI::App& program, Exit& exit);
void add_undeploy(CLI::App& program, Exit& exit);
void add_predict(CLI::App& program, Exit& exit);
void add_doctor(CLI::App& program, Exit& exit);
void add_completion(CLI::App& program, Exit& exit);
void add_complete(CLI::App& program, Exit& exit);

}  // namespace sluice::app
