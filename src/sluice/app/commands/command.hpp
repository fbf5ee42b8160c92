#pragma once
// What commands share: their options, how they reach the platform, how they speak.
#include <memory>
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

/// A command's own door to the platform: a server's, or one in this process that ends with it.
struct Session {
  DataFolder data;
  std::unique_ptr<Platform> platform;  ///< null: a server is used
  std::unique_ptr<Backend> backend;
};
Result<Session> open_session(const CommonOptions& options, std::string_view command);

/// Writes an error for the person at the terminal; answers the exit status that fits.
Exit report(const Error& error);
void print_json(const Value& value);
/// A file that the person named: that it cannot be read is theirs to mend.
Result<std::string> read_given_file(const std::string& file, std::size_t bytes_max);

/// Adds `--data` and `--json`, and an example below the help.
void add_common(CLI::App& app, CommonOptions& options, const std::string& example);

/// Each adds its command to the program; `exit` is set when it has run.
void add_up(CLI::App& program, Exit& exit);
void add_run(CLI::App& program, Exit& exit);
void add_resume(CLI::App& program, Exit& exit);
void add_compile(CLI::App& program, Exit& exit);
void add_runs(CLI::App& program, Exit& exit);
void add_show(CLI::App& program, Exit& exit);
void add_logs(CLI::App& program, Exit& exit);
void add_models(CLI::App& program, Exit& exit);
void add_endpoints(CLI::App& program, Exit& exit);
void add_deploy(CLI::App& program, Exit& exit);
void add_undeploy(CLI::App& program, Exit& exit);
void add_predict(CLI::App& program, Exit& exit);

}  // namespace sluice::app
