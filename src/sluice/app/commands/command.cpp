#include "sluice/app/commands/command.hpp"

#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "sluice/app/commands/print_text.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/net/server.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {

namespace {

/// What may be fetched is decided where it is fetched.
Result<void> check_without_server(const SessionOptions& options) {
  if (!options.remote.names_any()) return {};
  return Fail(
      user_error(Code::invalid_argument,
                 "--allow-url, --allow-address and --fetch-… are for a run without a server; here a server "
                 "fetches the inputs, and `sluice up --allow-url` allows it"));
}

/// Without it the run goes on, and its tasks have nowhere to log to.
std::shared_ptr<void> serve_tasks(Platform& platform, const DataFolder& data) {
  auto server = std::make_shared<net::HttpServer>(net::HttpServer::Options{.listen = "127.0.0.1:0",
                                                                           .callers = &platform.callers(),
                                                                           .allowed_hosts = {},
                                                                           .socket = {},
                                                                           .tls = std::nullopt,
                                                                           .scratch = data.unfinished(),
                                                                           .io_threads = 1,
                                                                           .worker_threads = 2},
                                                  platform.protocols(), platform.clock());
  if (const auto started = server->start(); !started) {
    print_text(stderr, "sluice: warning: tasks cannot log to MLflow: {}\n", started.error().message);
    return nullptr;
  }
  platform.served_at({.url = server->url(), .from_elsewhere = server->url_from_elsewhere()});
  return server;
}

}  // namespace

Result<Session> open_session(const SessionOptions& options, std::string_view command) {
  SLUICE_TRY(data, find_data_folder(options.data));
  Session session{.data = data};
  if (!options.server.empty()) {
    SLUICE_DO(check_without_server(options));
    SLUICE_TRY(token, read_token(options.token_file));
    SLUICE_TRY(remote, connect({.url = options.server, .token = token.value_or(""), .ca = options.ca}));
    session.backend = std::move(remote);
    session.hint_options = " --server " + shell_word(options.server);
    if (token) session.hint_options += " --token-file " + shell_word(options.token_file);
    if (!options.ca.empty()) session.hint_options += " --ca " + shell_word(options.ca);
    return session;
  }
  if (!options.data.empty()) session.hint_options = " --data " + shell_word(options.data);
  SLUICE_TRY(server, running_server(data));
  if (server) {
    SLUICE_DO(check_without_server(options));
    SLUICE_TRY(remote, connect({.url = server->url, .token = server->token, .socket = server->socket}));
    session.backend = std::move(remote);
    return session;
  }
  SLUICE_TRY(policy, remote_policy_of(options.remote));
  SLUICE_TRY(platform,
             Platform::open(
                 {.data = data, .holder = fmt::format("sluice {}", command), .remote = std::move(policy)}));
  SLUICE_TRY(backend, local_backend(platform->protocols()));
  if (command == "run" || command == "resume") session.for_tasks = serve_tasks(*platform, data);
  session.platform = std::move(platform);
  session.backend = std::move(backend);
  return session;
}

Exit with_session(const SessionOptions& options, std::string_view command,
                  const std::function<Result<Exit>(Session&)>& work) {
  auto session = open_session(options, command);
  if (!session) return report(session.error());
  const auto done = work(*session);
  return done ? *done : report(done.error());
}

Exit exit_status_of(const Error& error) { return error.blame == Blame::user ? Exit::usage : Exit::machine; }

Exit report(const Error& error) {
  print_text(stderr, "sluice: {}\n", error.message);
  for (const auto& note : error.notes) print_text(stderr, "  {}\n", note);
  return exit_status_of(error);
}

void print_json(const Value& value) { fmt::print("{}\n", to_json(value, JsonStyle::pretty)); }

const List& list_at(const Value& value, std::string_view key) {
  static const List empty;
  const auto* found = value.find(key);
  return found && found->is_list() ? *found->if_list() : empty;
}

Result<std::string> read_given_file(const std::string& file, std::size_t bytes_max) {
  auto text = os::read_file(file, bytes_max);
  if (!text) text.error().blame = Blame::user;
  return text;
}

Result<std::optional<std::string>> read_token(const std::string& file) {
  if (file.empty()) return std::nullopt;
  SLUICE_TRY(text, read_given_file(file, 4096));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  constexpr std::size_t token_least = 16;
  if (text.size() < token_least || text.find_first_of(" \t\r\n") != std::string::npos)
    return Fail(
        user_error(Code::invalid_argument,
                   fmt::format("--token-file {}: the token must be one word of at least {} characters", file,
                               token_least)));
  return std::optional(text);
}

void add_common(Command& command, CommonOptions& options, const std::string& example) {
  command.option("--data", options.data, "data folder; default $SLUICE_DATA, else ~/.local/share/sluice",
                 {.name = "DIR"});
  command.flag("--json", options.json, "print JSON");
  command.example(example);
}

void add_session(Command& command, SessionOptions& options, const std::string& example) {
  add_common(command, options, example);
  command.option("--server", options.server,
                 "use this server; default: the server of the data folder, if one is running",
                 {.name = "URL"});
  command.option("--token-file", options.token_file, "file with the server's token",
                 {.name = "FILE", .needs = "--server"});
  command.option("--ca", options.ca,
                 "the authority that vouches for an https server, in PEM form; default: those of the system",
                 {.name = "FILE", .needs = "--server"});
}

}  // namespace sluice::app
