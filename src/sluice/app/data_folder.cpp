#include "sluice/app/data_folder.hpp"

#include <cstdlib>

#include <unistd.h>

#include "sluice/base/json.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {

Result<DataFolder> find_data_folder(const std::string& given) {
  std::filesystem::path root = given;
  if (root.empty())
    if (const char* set = std::getenv("SLUICE_DATA"); set && *set) root = set;
  if (root.empty()) {
    const char* home = std::getenv("HOME");
    if (!home || !*home)
      return Fail(
          user_error(Code::invalid_argument, "no data folder: neither --data, SLUICE_DATA nor HOME is set"));
    root = std::filesystem::path(home) / ".local" / "share" / "sluice";
  }
  std::error_code failed;
  auto absolute = std::filesystem::absolute(root, failed);
  if (!failed) absolute = std::filesystem::weakly_canonical(absolute, failed);
  if (failed) return Fail(system_error("use the data folder " + root.string(), failed.value()));
  return DataFolder{.root = std::move(absolute)};
}

Result<void> announce(const DataFolder& data, const RunningServer& server) {
  Struct s;
  s.set("url", server.url);
  s.set("pid", static_cast<std::int64_t>(::getpid()));
  if (!server.token.empty()) s.set("token", server.token);
  return os::write_file_atomically(data.server(), to_json(s) + "\n", os::Sync::no, 0600);
}

Result<std::optional<RunningServer>> running_server(const DataFolder& data) {
  if (!os::exists(data.lock())) return std::nullopt;
  SLUICE_TRY(holder, os::FileLock::holder_of(data.lock()));
  if (!holder) return std::nullopt;
  if (!holder->starts_with("sluice up"))
    return Fail(user_error(Code::failed_precondition,
                           "the data folder " + data.root.string() + " is in use by " + *holder +
                               "; wait until it has ended, or run both commands against a `sluice up`"));
  auto text = os::read_file(data.server(), 1 << 16);
  if (!text)
    return Fail(
        environment_error(Code::unavailable, "a server holds the data folder " + data.root.string() +
                                                 " but has not published its address yet; retry shortly"));
  SLUICE_TRY(json, parse_json(*text, data.server().string()));
  return RunningServer{.url = json.text_at("url"), .token = json.text_at("token"), .socket = data.socket()};
}

}  // namespace sluice::app
