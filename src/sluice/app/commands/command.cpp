#include "sluice/app/commands/command.hpp"

#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "sluice/base/json.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {

Result<Session> open_session(const CommonOptions& options, std::string_view command) {
  SLUICE_TRY(data, find_data_folder(options.data));
  SLUICE_TRY(server, running_server(data));
  Session session{.data = data};
  if (server) {
    SLUICE_TRY(remote, connect(server->url, server->token));
    session.backend = std::move(remote);
    return session;
  }
  SLUICE_TRY(platform, Platform::open({.data = data, .holder = fmt::format("sluice {}", command)}));
  SLUICE_TRY(backend, local_backend(platform->protocols()));
  session.platform = std::move(platform);
  session.backend = std::move(backend);
  return session;
}

Exit report(const Error& error) {
  fmt::print(stderr, "sluice: {}\n", error.message);
  for (const auto& note : error.notes) fmt::print(stderr, "  {}\n", note);
  return error.blame == Blame::user ? Exit::usage : Exit::machine;
}

void print_json(const Value& value) { fmt::print("{}\n", to_json(value, JsonStyle::pretty)); }

Result<std::string> read_given_file(const std::string& file, std::size_t bytes_max) {
  auto text = os::read_file(file, bytes_max);
  if (!text) text.error().blame = Blame::user;
  return text;
}

void add_common(CLI::App& app, CommonOptions& options, const std::string& example) {
  app.add_option("--data", options.data, "data folder; default $SLUICE_DATA, else ~/.local/share/sluice")
      ->type_name("DIR");
  app.add_flag("--json", options.json, "print JSON");
  app.footer("example:\n  " + example);
}

}  // namespace sluice::app
