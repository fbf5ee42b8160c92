#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/mlflow_interface.hpp"
#include "sluice/app/sweep_policy.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/net/server.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

struct UpOptions {
  std::string data;
  std::string listen = "127.0.0.1:8080";
  std::string token_file;
  std::string tls_cert;
  std::string tls_key;
  bool insecure = false;
  std::vector<std::string> allowed_hosts;
  double idle_seconds = 60;
  double host_timeout_seconds = 120;
  std::vector<std::string> run_limits;
  std::string slots;
  KeepOptions keep{.keep_runs = {}, .keep_last = {}, .keep_removed = {}, .cache_bytes = "20GB"};
  double sweep_seconds = 3600;
  std::string quota_bytes;
  RemoteOptions remote;
  std::string on_end;
  bool durable = false;
  std::string mlflow_ui;
  bool json = false;
};

/// Of the disk that holds both the objects and the ledger, so that this can grow while runs are ended: a
/// hundredth, and no more than 256 MB. Where the ledger has a disk of its own, objects may fill theirs.
std::int64_t reserve_of(const DataFolder& data) {
  constexpr std::uintmax_t most = 256'000'000;
  struct stat objects{};
  struct stat ledger{};
  if (stat(data.objects().c_str(), &objects) == 0 && stat(data.root.c_str(), &ledger) == 0 &&
      objects.st_dev != ledger.st_dev)
    return 0;
  std::error_code failed;
  const auto space = std::filesystem::space(data.root, failed);
  return failed ? 0 : static_cast<std::int64_t>(std::min(space.capacity / 100, most));
}

Result<engine::Limits> run_limits_of(const std::vector<std::string>& settings) {
  engine::Limits limits;
  for (const auto& setting : settings) {
    const auto equals = std::min(setting.find('='), setting.size());
    const auto name = setting.substr(0, equals);
    const auto amount = bytes_of(setting.substr(std::min(equals + 1, setting.size())));
    if (name != "operations" && name != "events" && name != "bytes")
      return Fail(
          user_error(Code::invalid_argument,
                     fmt::format("--run-limit `{}`: unknown limit `{}`{}; a run has limits for "
                                 "operations, events and bytes",
                                 setting, name, did_you_mean(name, {"operations", "events", "bytes"}))));
    if (!amount || *amount == 0)
      return Fail(user_error(
          Code::invalid_argument,
          fmt::format("--run-limit `{}`: the value must be a positive number, such as operations=250000, "
                      "events=20M or bytes=4GB",
                      setting)));
    if (name == "operations") limits.operations = *amount;
    if (name == "events") limits.events = *amount;
    if (name == "bytes") limits.bytes = *amount;
  }
  return limits;
}

/// Waits for a signal to stop. The signals were blocked before the first thread started.
void wait_for_stop_signal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  int signal = 0;
  sigwait(&signals, &signal);
}

Result<void> up(const UpOptions& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  if (options.tls_cert.empty() != options.tls_key.empty())
    return Fail(user_error(Code::invalid_argument,
                           "--tls-cert needs --tls-key: the certificate and its key belong together"));
  SLUICE_TRY(data, find_data_folder(options.data));
  SLUICE_TRY(token, read_token(options.token_file));
  SLUICE_TRY(run_limits, run_limits_of(options.run_limits));
  SLUICE_TRY(policy, policy_of(options.keep));
  std::int64_t quota = 0;
  if (!options.quota_bytes.empty()) {
    SLUICE_TRY(bytes, bytes_option("--quota-bytes", options.quota_bytes));
    quota = bytes;
  }
  SLUICE_TRY(remote, remote_policy_of(options.remote));
  SLUICE_TRY(mlflow_interface, find_mlflow_interface(options.mlflow_ui));
  std::optional<EndNotice> on_end;
  if (!options.on_end.empty()) {
    SLUICE_TRY(notice, EndNotice::parse(options.on_end));
    on_end = std::move(notice);
  }
  SLUICE_DO(os::make_directories(data.root));
  SLUICE_TRY(
      platform,
      Platform::open(
          {.data = data,
           .holder = "sluice up",
           .host_idle = Milliseconds(static_cast<std::int64_t>(options.idle_seconds * 1000)),
           .host_silence = Milliseconds(static_cast<std::int64_t>(options.host_timeout_seconds * 1000)),
           .run_limits = run_limits,
           .slots = options.slots,
           .token = token,
           .quota = {.bytes = quota, .reserve = reserve_of(data)},
           .remote = std::move(remote),
           .on_end = std::move(on_end),
           .sweeps = storage::Storage::Automatic{.policy = policy,
                                                 .every = Milliseconds(static_cast<std::int64_t>(
                                                     options.sweep_seconds * 1000))},
           .durable_tracking = options.durable,
           .mlflow_interface = std::move(mlflow_interface),
           .is_encrypted = !options.tls_cert.empty()}));
  net::HttpServer::Options reached{.listen = options.listen,
                                   .callers = &platform->callers(),
                                   .allowed_hosts = options.allowed_hosts,
                                   .socket = data.socket(),
                                   .allow_plain = options.insecure,
                                   .scratch = data.unfinished()};
  if (!options.tls_cert.empty()) reached.tls = {.certificate = options.tls_cert, .key = options.tls_key};
  net::HttpServer server(std::move(reached), platform->protocols(), platform->clock());
  SLUICE_DO(server.start());
  platform->served_at({.url = server.url(), .from_elsewhere = server.url_from_elsewhere()});
  SLUICE_DO(announce(data, {.url = server.url(), .token = token.value_or(""), .socket = data.socket()}));
  SLUICE_TRY(resumed, platform->runs().resume_all());
  SLUICE_DO(platform->begin_schedules());
  if (options.json) {
    Struct s;
    s.set("url", server.url());
    s.set("pid", static_cast<std::int64_t>(::getpid()));
    s.set("data", data.root.string());
    s.set("resumed", static_cast<std::int64_t>(resumed));
    fmt::print("{}\n", to_json(s));
  } else {
    fmt::print("listening on {}\n", server.url());
    if (resumed > 0) fmt::print("resumed {} run{}\n", resumed, resumed == 1 ? "" : "s");
  }
  std::fflush(stdout);
  platform->warm_up();
  wait_for_stop_signal();
  std::error_code ignored;
  std::filesystem::remove(data.server(), ignored);
  std::filesystem::remove(data.socket(), ignored);
  server.stop();
  return {};
}

}  // namespace

void add_up(CommandLine& program) {
  auto options = std::make_shared<UpOptions>();
  auto& command = program.add("up", "serve a data folder: runs, models and endpoints");
  command.option("--data", options->data, "data folder; default $SLUICE_DATA, else ~/.local/share/sluice",
                 {.name = "DIR"});
  command.option("--listen", options->listen,
                 "address and port to listen on; port 0 picks a free port; default 127.0.0.1:8080");
  command.option("--token-file", options->token_file,
                 "file with a token of an administrator; `sluice token` makes others", {.name = "FILE"});
  command.option(
      "--tls-cert", options->tls_cert,
      "serve https with this certificate, followed by those of its authorities, in PEM form; it is "
      "read again when it changes",
      {.name = "FILE"});
  command.option("--tls-key", options->tls_key, "the certificate's key, in PEM form",
                 {.name = "FILE", .needs = "--tls-cert"});
  command.flag("--insecure", options->insecure, "allow plain http beyond loopback");
  command.option("--allow-host", options->allowed_hosts,
                 "additional host name under which clients may reach this server");
  command.option("--idle", options->idle_seconds,
                 "stop a model's host after this many seconds without a request; default 60",
                 {.range = ValueRules::Range{0.1, 1e6}});
  command.option(
      "--host-timeout", options->host_timeout_seconds,
      "replace a model's host that works on something and reports nothing for this many seconds; default 120",
      {.range = ValueRules::Range{0.1, 1e6}});
  command.option(
      "--slots", options->slots,
      "what tasks may occupy together: cpu, memory, gpu, and the size of each pool; default: the processors "
      "and the memory of this machine",
      {.name = "cpu=N,NAME=N"});
  command.option("--run-limit", options->run_limits,
                 "what one run may use: operations at once, events and bytes in its journal; default "
                 "operations=250000, events=20M, bytes=4GB",
                 {.name = "NAME=AMOUNT"});
  add_keep(command, options->keep, "20GB");
  command.option("--sweep-every", options->sweep_seconds, "sweep after this many seconds; default 3600",
                 {.range = ValueRules::Range{0.1, 1e6}});
  command.option("--quota-bytes", options->quota_bytes,
                 "refuse to store more than this in the data folder; default: no quota", {.name = "SIZE"});
  add_remote(command, options->remote);
  command.option(
      "--on-end", options->on_end,
      "when a run has ended, run this command, with SLUICE_RUN, SLUICE_STATUS and SLUICE_FAILURE in its "
      "environment, or post JSON to this URL",
      {.name = "COMMAND|URL"});
  command.flag("--durable", options->durable,
               "what clients log survives a power cut once they are told that it is stored; it survives the "
               "death of this process in any case");
  command.option("--mlflow-ui", options->mlflow_ui,
                 "folder with the static files of MLflow's interface; default: that of the active virtual "
                 "environment, or of the `mlflow` on PATH",
                 {.name = "DIR"});
  command.flag("--json", options->json, "print JSON");
  command.example("sluice up --data ./data --listen 127.0.0.1:0");
  command.when_called([options] {
    const auto done = up(*options);
    return done ? Exit::ok : report(done.error());
  });
}

}  // namespace sluice::app
