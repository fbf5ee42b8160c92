#include "sluice/environments/uv/uv_environments.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/base/words.hpp"
#include "sluice/environments/uv/confined_program.hpp"
#include "sluice/environments/uv/installed_bytes.hpp"
#include "sluice/environments/uv/interpreters.hpp"
#include "sluice/environments/uv/requirements.hpp"
#include "sluice/os/files.hpp"

namespace sluice::environments {
namespace {

namespace fs = std::filesystem;
using std::chrono::minutes;

constexpr auto lock_limit = minutes(5);
constexpr auto install_limit = minutes(30);
constexpr std::size_t lock_bytes_max = std::size_t{16} << 20;
constexpr std::size_t message_bytes_max = 1'000;

/// What uv says, without its drawing: one line.
std::string said_by_uv(std::string_view output) {
  std::string out;
  for (std::size_t at = 0; at < output.size() && out.size() < message_bytes_max;) {
    const auto byte = static_cast<unsigned char>(output[at]);
    const auto drawn = byte == 0xE2 || (byte == 0xC3 && output.substr(at).starts_with("\u00d7"));
    if (drawn) {
      at += byte == 0xE2 ? 3 : 2;
    } else if (byte <= ' ') {
      if (!out.empty() && out.back() != ' ') out += ' ';
      ++at;
    } else {
      out += output[at++];
    }
  }
  while (out.ends_with(' ')) out.pop_back();
  // The cause, where it tells that it found no versions and then why.
  if (const auto because = out.find("Because "); because != std::string::npos) out.erase(0, because);
  for (const std::string_view start : {"error: ", "warning: "})
    if (out.starts_with(start)) out.erase(0, start.size());
  return as_utf8(out);
}

Error failed(std::string_view what, const Finished& uv, std::chrono::minutes limit) {
  if (uv.timed_out)
    return environment_error(Code::deadline_exceeded,
                             fmt::format("{} took longer than {} minutes; require fewer packages, or exact "
                                         "versions",
                                         what, limit.count()));
  const auto said = said_by_uv(uv.output);
  const auto says = [&](auto... words) { return ((said.find(words) != std::string::npos) || ...); };
  if (says("error sending request", "Failed to fetch", "Could not connect", "dns error", "timed out"))
    return environment_error(
        Code::unavailable,
        fmt::format("{} failed, because an index of packages did not respond: {}", what, said));
  return user_error(
      Code::invalid_argument,
      fmt::format("{} failed: {}{}", what, said,
                  says("no usable wheels")
                      ? "; packages are built from sources with SLUICE_ALLOW_REQUIREMENTS=sources in the "
                        "environment of the server, or of the command that runs without one"
                      : ""));
}

/// Neither this nor what it consists of can be changed. What cannot be done is left: only a task that may
/// not mount could change it then.
void make_read_only(const fs::path& folder) {
  std::error_code ignored;
  constexpr auto write = fs::perms::owner_write | fs::perms::group_write | fs::perms::others_write;
  const auto close = [&](const fs::path& path) {
    fs::permissions(path, write, fs::perm_options::remove, ignored);
  };
  for (fs::recursive_directory_iterator entry(folder, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    if (!entry->is_symlink(ignored)) close(entry->path());
    ignored.clear();
  }
  close(folder);
}

fs::path sources_in(const fs::path& scratch) { return scratch / "sources"; }

/// Holds the lock that a sweep takes before it removes an environment.
class UsedEnvironment final : public ports::Environments::Made {
 public:
  UsedEnvironment(fs::path folder, os::UniqueFd lock) : folder_(std::move(folder)), lock_(std::move(lock)) {}
  [[nodiscard]] const fs::path& folder() const override { return folder_; }

 private:
  fs::path folder_;
  os::UniqueFd lock_;
};

/// The packages of a lock, as uv writes it, each with its name: "numpy==2.1 \\\n    --hash=…\n".
std::map<std::string, std::string> packages_of(std::string_view lock) {
  std::map<std::string, std::string> found;
  std::string name;
  while (!lock.empty()) {
    const auto end = std::min(lock.find('\n'), lock.size() - 1) + 1;
    const auto line = lock.substr(0, end);
    lock.remove_prefix(end);
    if (line.front() != ' ') name = line.substr(0, std::min(line.find_first_of(" =@["), line.size()));
    found[name] += line;
  }
  return found;
}

/// A lock of the packages of both; where both have one, that of `others`.
std::string with_packages(std::string_view lock, std::string_view others) {
  if (others.empty()) return std::string(lock);
  auto all = packages_of(lock);
  for (auto& [name, lines] : packages_of(others)) all[name] = std::move(lines);
  std::string out;
  for (const auto& [name, lines] : all) out += lines + (lines.ends_with('\n') ? "" : "\n");
  return out;
}

using MadeEnvironment = std::shared_ptr<const ports::Environments::Made>;
using Done = std::function<void(Result<MadeEnvironment>)>;

}  // namespace

struct UvEnvironments::Impl {
  Options options;
  ports::ObjectStore& objects;
  mutable Interpreters interpreters;

  struct Job {
    engine::PythonEnvironment environment;
    std::vector<Done> waiting;
  };
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<bool> ending = false;
  std::map<std::string, Job> jobs;  ///< by name of the environment
  std::deque<std::string> queue;
  std::thread worker;

  Impl(Options o, ports::ObjectStore& store)
      : options(std::move(o)), objects(store), interpreters(options.interpreters) {}

  ~Impl() {
    {
      const std::scoped_lock lock(mutex);
      ending = true;
    }
    wake.notify_all();
    if (worker.joinable()) worker.join();
    for (auto& [name, job] : jobs)
      for (auto& done : job.waiting) done(Fail(environment_error(Code::cancelled, "the server ends")));
  }

  static std::string name_of(const engine::PythonEnvironment& environment) {
    return Digest::of(environment.python + "\n" + environment.lock.digest->hex()).hex();
  }
  [[nodiscard]] fs::path folder_of(const std::string& name) const { return options.folder / "made" / name; }

  [[nodiscard]] Result<void> proceed(std::int64_t more_bytes = 0) const {
    if (ending) return Fail(environment_error(Code::cancelled, "the server ends"));
    return options.admit ? options.admit(more_bytes) : Result<void>();
  }

  /// What an installation has written, as far as it was admitted.
  class Growth {
   public:
    /// `folder` was made for it just now.
    Growth(const Impl& impl, const fs::path& folder) : impl_(impl), venv_(folder / "venv") {
      struct stat info{};
      if (stat(folder.c_str(), &info) == 0) since_ = info.st_ctime;
    }
    Result<void> admit() {
      const auto now = installed_bytes(impl_.options.folder / "wheels", venv_, since_);
      SLUICE_DO(impl_.proceed(std::max<std::int64_t>(0, now - admitted_)));
      admitted_ = std::max(admitted_, now);
      return {};
    }

   private:
    const Impl& impl_;
    fs::path venv_;
    std::time_t since_ = 0;
    std::int64_t admitted_ = 0;
  };

  /// Keeps uv's cache from being swept while uv runs.
  Result<os::UniqueFd> use_wheels() const {
    const auto folder = options.folder / "wheels";
    SLUICE_DO(os::make_directories(folder));
    SLUICE_TRY(lock, os::open_file(folder / "used", O_RDWR | O_CREAT, 0600));
    if (flock(lock.get(), LOCK_SH) != 0) return Fail(system_error("lock " + folder.string(), errno));
    static_cast<void>(futimens(lock.get(), nullptr));
    return lock;
  }

  Result<Finished> run_uv(std::vector<std::string> arguments, const fs::path& scratch,
                          const Interpreter& python, minutes limit,
                          std::function<Result<void>()> proceeds) const {
    if (::access(options.uv.c_str(), X_OK) != 0)
      return Fail(environment_error(
          Code::not_found,
          fmt::format("there is no {}, which makes Python environments; install Sluice again",
                      options.uv.string())));
    SLUICE_TRY(wheels, use_wheels());
    arguments.insert(arguments.begin(), options.uv.string());
    std::vector<std::string> env{"PATH=/usr/bin:/bin",
                                 "HOME=" + scratch.string(),
                                 "TMPDIR=" + scratch.string(),
                                 "LANG=C.UTF-8",
                                 "NO_COLOR=1",
                                 fmt::format("{}={}", sources_variable, sources_in(scratch).string()),
                                 "UV_CACHE_DIR=" + (options.folder / "wheels").string(),
                                 "UV_LINK_MODE=hardlink",
                                 "UV_NO_CONFIG=1",
                                 "UV_NO_PROGRESS=1",
                                 "UV_PYTHON_DOWNLOADS=never"};
    std::error_code unknown;  // without the program behind a link, it does not start, and says so
    std::vector<fs::path> readable{options.uv.parent_path(),
                                   fs::weakly_canonical(options.uv, unknown).parent_path(),
                                   python.program.parent_path().parent_path()};
    for (const auto& setting : options.settings) {
      env.push_back(setting);
      // Wheels and certificates that lie on this machine.
      const auto value = setting.substr(setting.find('=') + 1);
      for (std::size_t at = 0; at < value.size();) {
        const auto end = std::min(value.find_first_of(", ", at), value.size());
        auto path = value.substr(at, end - at);
        if (path.starts_with("file://")) path.erase(0, std::string_view("file://").size());
        if (path.starts_with('/')) readable.emplace_back(path);
        at = end + 1;
      }
    }
    return run_confined({.program = options.uv,
                         .argv = std::move(arguments),
                         .env = std::move(env),
                         .cwd = scratch,
                         .readable = std::move(readable),
                         .writable = {options.folder, scratch},
                         .limit = limit,
                         .proceed = std::move(proceeds)});
  }

  // Locks

  [[nodiscard]] fs::path lock_file(const ports::EnvironmentRequest& request,
                                   const engine::PythonEnvironment& found) const {
    std::string key = found.python + "\n";
    for (const auto& source : found.sources) key += source.digest->hex() + "\n";
    for (const auto& requirement : request.requirements) key += requirement + "\n";
    for (const auto& requirement : request.without_dependencies) key += "alone " + requirement + "\n";
    for (const auto& setting : options.settings) key += setting + "\n";
    for (const auto& allowed : options.allowed) key += allowed + "\n";
    return options.folder / "locks" / Digest::of(key).hex();
  }

  Result<Artifact> store(std::string_view text) const {
    SLUICE_TRY(stored, objects.put(text));
    SLUICE_DO(objects.make_durable({stored.digest}));
    return lock_artifact(stored.digest, static_cast<std::size_t>(stored.size));
  }
  static Artifact lock_artifact(const Digest& digest, std::size_t size) {
    return {.kind = "python-lock",
            .digest = digest,
            .size = static_cast<std::int64_t>(size),
            .name = "requirements.txt"};
  }

  /// `lock`: it, or what it begins with.
  [[nodiscard]] std::vector<std::string> options_of(std::string_view lock) const {
    auto arguments = index_options(lock);
    const bool may_build = std::ranges::find(options.allowed, "sources") != options.allowed.end();
    if (!may_build) arguments.insert(arguments.end(), {"--only-binary", ":all:"});
    return arguments;
  }

  Result<engine::PythonEnvironment> lock(const ports::EnvironmentRequest& request) const {
    for (const auto* list : {&request.requirements, &request.without_dependencies})
      SLUICE_DO(check_allowed(*list, options.allowed));
    SLUICE_TRY(python, interpreters.nearest(request.python));
    engine::PythonEnvironment found{.python = python.version};
    SLUICE_TRY(sources, store_sources(request.requirements, objects));
    SLUICE_TRY(sources_alone, store_sources(request.without_dependencies, objects));
    found.sources = sources;
    found.sources.insert(found.sources.end(), sources_alone.begin(), sources_alone.end());
    const auto known = lock_file(request, found);
    if (const auto text = os::read_file(known)) {
      const auto digest = Digest::from_hex(*text);
      // Renewed before it is read: a sweep leaves it to us then.
      if (digest && objects.has(*digest))
        if (const auto bytes = objects.get(*digest, lock_bytes_max)) {
          found.lock = lock_artifact(*digest, bytes->size());
          return found;
        }
    }
    const auto required = text_for_uv(request.requirements, sources);
    const auto alone = text_for_uv(request.without_dependencies, sources_alone);
    const auto indexes = required.indexes + alone.indexes;
    SLUICE_TRY(packages, resolve({.indexes = indexes, .packages = required.packages}, sources, {}, python));
    SLUICE_TRY(packages_alone, resolve({.indexes = indexes, .packages = alone.packages}, sources_alone,
                                       {"--no-deps"}, python));
    const auto text = indexes + with_packages(packages, packages_alone);
    SLUICE_TRY(lock, store(text));
    SLUICE_DO(os::make_directories(known.parent_path()));
    SLUICE_DO(os::write_file_atomically(known, lock.digest->hex(), os::Sync::no, 0600));
    found.lock = std::move(lock);
    return found;
  }

  /// The versions of packages, and of what they depend on; nothing for no packages.
  Result<std::string> resolve(const TextForUv& text, const std::vector<Artifact>& sources,
                              const std::vector<std::string>& more_options, const Interpreter& python) const {
    if (text.packages.empty()) return std::string();
    SLUICE_TRY(scratch, os::TemporaryDirectory::make_in_tmp("sluice-lock-"));
    SLUICE_DO(copy_sources(sources, objects, sources_in(scratch.path())));
    const auto in = scratch.path() / "requirements.in";
    const auto out = scratch.path() / "requirements.txt";
    SLUICE_DO(os::write_file(in, text.indexes + text.packages, 0600));
    std::vector<std::string> arguments{
        "pip",           "compile",           "--quiet",  "--no-header",
        "--no-annotate", "--generate-hashes", "--python", python.program.string(),
        "--output-file", out.string(),        in.string()};
    std::ranges::copy(options_of(text.indexes), std::back_inserter(arguments));
    std::ranges::copy(more_options, std::back_inserter(arguments));
    SLUICE_TRY(
        uv, run_uv(std::move(arguments), scratch.path(), python, lock_limit, [this] { return proceed(); }));
    if (uv.killed || uv.status != 0)
      return Fail(failed("finding versions of these packages", uv, lock_limit));
    return os::read_file(out, lock_bytes_max);
  }

  // Environments

  /// nullptr: it is not there.
  [[nodiscard]] MadeEnvironment use(const std::string& name) const {
    const auto folder = folder_of(name);
    auto lock = os::open_file(folder / "used", O_RDWR);
    if (!lock || flock(lock->get(), LOCK_SH | LOCK_NB) != 0) return nullptr;
    static_cast<void>(futimens(lock->get(), nullptr));
    // After it was locked: a sweep may have moved it away before.
    if (!os::exists(folder / "complete")) return nullptr;
    return std::make_shared<UsedEnvironment>(folder / "venv", std::move(*lock));
  }

  Result<MadeEnvironment> install(const std::string& name,
                                  const engine::PythonEnvironment& environment) const {
    SLUICE_DO(proceed());
    SLUICE_TRY(python, interpreters.exactly(environment.python));
    SLUICE_TRY(text, objects.get(*environment.lock.digest, lock_bytes_max));
    const auto folder = folder_of(name);
    SLUICE_DO(os::remove_tree(folder));  // what a killed server began
    SLUICE_DO(os::make_directories(folder));
    SLUICE_TRY(lock, os::open_file(folder / "used", O_RDWR | O_CREAT, 0600));
    if (flock(lock.get(), LOCK_SH | LOCK_NB) != 0)
      return Fail(system_error("lock " + folder.string(), errno));
    if (auto filled = fill(folder, text, environment.sources, python); !filled) {
      static_cast<void>(os::remove_tree(folder));
      const auto code = filled.error().code;
      if (code == Code::exhausted || code == Code::disk_full) remove_packages(text, python);
      return Fail(std::move(filled).error());
    }
    // Thousands of files: one call for all. After a power failure, what is complete is whole.
    if (syncfs(lock.get()) != 0) return Fail(system_error("sync " + folder.string(), errno));
    SLUICE_DO(os::write_file(folder / "complete", "", 0600));
    return MadeEnvironment(std::make_shared<const UsedEnvironment>(folder / "venv", std::move(lock)));
  }

  /// Makes the environment `folder/venv` of what the lock says.
  Result<void> fill(const fs::path& folder, const std::string& lock, const std::vector<Artifact>& sources,
                    const Interpreter& python) const {
    SLUICE_TRY(scratch, os::TemporaryDirectory::make_in_tmp("sluice-install-"));
    SLUICE_DO(copy_sources(sources, objects, sources_in(scratch.path())));
    const auto venv = folder / "venv";
    Growth growth(*this, folder);
    const auto admits = [&] { return growth.admit(); };
    SLUICE_TRY(made,
               run_uv({"venv", "--quiet", "--no-project", "--python", python.program.string(), venv.string()},
                      scratch.path(), python, install_limit, admits));
    if (made.killed || made.status != 0) return Fail(failed("making the environment", made, install_limit));
    if (!lock.empty()) {
      const auto requirements = scratch.path() / "requirements.txt";
      SLUICE_DO(os::write_file(requirements, lock, 0600));
      std::vector<std::string> arguments{"pip",
                                         "install",
                                         "--quiet",
                                         "--no-deps",
                                         "--python",
                                         (venv / "bin" / "python").string(),
                                         "--requirements",
                                         requirements.string()};
      std::ranges::copy(options_of(lock), std::back_inserter(arguments));
      // What comes from a git repository has the name of a commit instead, and a folder's path here its
      // digest.
      if (!lock.contains(" @ git+") &&
          std::ranges::find(sources, Form::directory, &Artifact::form) == sources.end())
        arguments.emplace_back("--require-hashes");
      SLUICE_TRY(installed, run_uv(std::move(arguments), scratch.path(), python, install_limit, admits));
      if (installed.killed || installed.status != 0)
        return Fail(failed("installing the packages", installed, install_limit));
      SLUICE_DO(compile(venv, python, scratch.path()));
    }
    SLUICE_DO(growth.admit());
    make_read_only(venv);
    return {};
  }

  /// From uv's cache, for want of room: the packages of this lock, and what was left in the middle.
  void remove_packages(std::string_view lock, const Interpreter& python) const {
    const auto scratch = os::TemporaryDirectory::make_in_tmp("sluice-remove-");
    if (!scratch) return;
    std::vector<std::string> clean{"cache", "clean", "--quiet"};
    const auto without_names = clean.size();
    for (std::size_t at = 0; at < lock.size(); at = std::min(lock.find('\n', at), lock.size() - 1) + 1) {
      const auto line = lock.substr(at, lock.find('\n', at) - at);
      const auto name = line.substr(0, line.find_first_of(" ="));
      if (!name.empty() && !std::string_view("#-$").contains(name.front())) clean.emplace_back(name);
    }
    if (clean.size() == without_names) return;  // everything would be cleaned
    for (const auto& arguments : {clean, {"cache", "prune", "--quiet"}})
      static_cast<void>(run_uv(arguments, scratch->path(), python, minutes(1), [this] {
        return ending ? Result<void>(Fail(environment_error(Code::cancelled, "the server ends")))
                      : Result<void>();
      }));
  }

  /// By an interpreter that does not look at what was installed (-I -S): uv's own way would run what packages
  /// put into their .pth files. A file that is no valid Python is left as it is.
  Result<void> compile(const fs::path& venv, const Interpreter& python, const fs::path& scratch) const {
    SLUICE_TRY(compiled, run_confined({.program = python.program,
                                       .argv = {python.program.string(), "-I", "-S", "-m", "compileall", "-q",
                                                "-j", "0", (venv / "lib").string()},
                                       .env = {"TMPDIR=" + scratch.string(), "LANG=C.UTF-8"},
                                       .cwd = scratch,
                                       .readable = {python.program.parent_path().parent_path()},
                                       .writable = {venv, scratch, "/dev/shm"},
                                       .limit = install_limit}));
    if (compiled.timed_out) return Fail(failed("compiling the packages", compiled, install_limit));
    return {};
  }

  void work() {
    for (;;) {
      std::string name;
      engine::PythonEnvironment environment;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return ending || !queue.empty(); });
        if (ending) return;
        name = queue.front();
        queue.pop_front();
        environment = jobs.at(name).environment;
      }
      auto made = install(name, environment);
      std::vector<Done> waiting;
      {
        const std::scoped_lock lock(mutex);
        waiting = std::move(jobs.at(name).waiting);
        jobs.erase(name);
      }
      for (auto& done : waiting) done(made);
    }
  }
};

std::vector<std::string> UvEnvironments::settings_of(const char* const* environment) {
  constexpr std::array names{
      "UV_DEFAULT_INDEX", "UV_INDEX",          "UV_INDEX_URL",     "UV_EXTRA_INDEX_URL",
      "UV_FIND_LINKS",    "UV_INDEX_STRATEGY", "UV_INSECURE_HOST", "UV_NATIVE_TLS",
      "UV_SYSTEM_CERTS",  "UV_OFFLINE",        "UV_HTTP_TIMEOUT",  "SSL_CERT_FILE",
      "HTTPS_PROXY",      "HTTP_PROXY",        "ALL_PROXY",        "NO_PROXY"};
  std::vector<std::string> found;
  for (; *environment != nullptr; ++environment) {
    const std::string_view variable(*environment);
    if (std::ranges::find(names, variable.substr(0, variable.find('='))) != names.end())
      found.emplace_back(variable);
  }
  std::ranges::sort(found);
  return found;
}

std::vector<std::string> UvEnvironments::allowed_of(const char* const* environment) {
  constexpr std::string_view name = "SLUICE_ALLOW_REQUIREMENTS=";
  std::vector<std::string> allowed;
  for (; *environment != nullptr; ++environment) {
    std::string_view rest(*environment);
    if (!rest.starts_with(name)) continue;
    rest.remove_prefix(name.size());
    while (!rest.empty()) {
      const auto end = std::min(rest.find_first_of(", "), rest.size());
      auto word = rest.substr(0, end);
      if (constexpr std::string_view file = "file://"; word.starts_with(file))
        word.remove_prefix(file.size());
      if (!word.empty()) allowed.emplace_back(word);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return allowed;
}

UvEnvironments::UvEnvironments(Options options, ports::ObjectStore& objects)
    : impl_(std::make_unique<Impl>(std::move(options), objects)) {}

UvEnvironments::~UvEnvironments() = default;

Result<engine::PythonEnvironment> UvEnvironments::lock(const ports::EnvironmentRequest& request) {
  return impl_->lock(request);
}

void UvEnvironments::make(const engine::PythonEnvironment& environment,
                          std::function<void(Result<std::shared_ptr<const Made>>)> done) {
  const auto name = Impl::name_of(environment);
  if (auto made = impl_->use(name)) return done(std::move(made));
  const std::scoped_lock lock(impl_->mutex);
  const auto [job, fresh] =
      impl_->jobs.try_emplace(name, Impl::Job{.environment = environment, .waiting = {}});
  job->second.waiting.push_back(std::move(done));
  if (!fresh) return;
  impl_->queue.push_back(name);
  if (!impl_->worker.joinable()) impl_->worker = std::thread([impl = impl_.get()] { impl->work(); });
  impl_->wake.notify_one();
}

}  // namespace sluice::environments
