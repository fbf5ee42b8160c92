#include "sluice/executors/process/programs.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/executors/process/function_call.hpp"
#include "sluice/ir/secret.hpp"
#include "sluice/os/files.hpp"
#include "sluice/os/process.hpp"

namespace sluice::executors {
namespace {

constexpr std::size_t stamps_max = 10'000;

/// The first argument, if it is known before the task starts.
const Value* first_argument(const engine::TaskSpec& work) {
  static const Value python(python_program);
  if (work.is_python()) return &python;
  for (const auto& value : work.argv) {
    const auto* list = value.if_list();
    if (list == nullptr) return &value;
    if (!list->empty()) return &list->front();
  }
  return nullptr;
}

Struct described(std::string executable, const Digest* digest) {
  Struct s;
  s.append("pinned", false);
  s.append("executable", std::move(executable));
  if (digest != nullptr) s.append("digest", digest->hex());
  return s;
}

}  // namespace

Result<std::filesystem::path> find_program_of(const std::string& name, const std::string& path,
                                              const std::filesystem::path& cwd) {
  if (name.find('/') == std::string::npos) {
    if (auto found = os::find_program(name, path)) return std::move(*found);
    return Fail(user_error(
        Code::not_found,
        fmt::format(
            "there is no program `{}` in PATH={}; write a program that comes with `code:` with its path, "
            "`./{}`",
            name, path, name)));
  }
  const bool relative = name.front() != '/';
  auto program = relative ? cwd / name : std::filesystem::path(name);
  struct stat info{};
  if (stat(program.c_str(), &info) != 0)
    return Fail(
        user_error(Code::not_found, fmt::format("there is no program `{}`{}", name,
                                                relative ? " below the folder that `code:` names" : "")));
  if (S_ISDIR(info.st_mode))
    return Fail(user_error(Code::invalid_argument, fmt::format("`{}` is a folder, not a program", name)));
  if (access(program.c_str(), X_OK) != 0)
    return Fail(user_error(
        Code::permission_denied,
        fmt::format("`{}` is not executable; make it so (chmod +x), or write its interpreter before it",
                    name)));
  return program;
}

Result<ProgramDigests::Program> ProgramDigests::of(const std::filesystem::path& program) {
  struct stat info{};
  if (stat(program.c_str(), &info) != 0) return Fail(system_error("stat " + program.string(), errno));
  const Stamp stamp(program.string(), info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                    info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(stamp); known != known_.end()) return known->second;
  }
  SLUICE_TRY(fd, os::open_file(program, O_RDONLY));
  Hasher hasher;
  SLUICE_DO(os::read_blocks(fd.get(), program, [&](std::string_view bytes) -> Result<void> {
    hasher.update(bytes);
    return {};
  }));
  std::error_code failed;
  const auto real = std::filesystem::canonical(program, failed);
  Program found{.real = (failed ? program : real).string(), .digest = hasher.finish()};
  const std::lock_guard lock(mutex_);
  if (known_.size() >= stamps_max) known_.clear();
  known_.emplace(stamp, found);
  return found;
}

namespace {

Result<Struct> executable_of(const engine::TaskSpec& work, ProgramDigests& digests) {
  const auto* first = first_argument(work);
  if (first == nullptr)
    return Fail(user_error(Code::invalid_argument, "the command has no program: every argument is absent"));
  if (first->is_artifact() || first->if_late() != nullptr) return described("input", nullptr);
  const auto* name = first->if_string();
  if (name == nullptr) return Fail(user_error(Code::invalid_argument, "argv[0] must be a string"));
  if (work.code && name->find('/') != std::string::npos && name->front() != '/')
    return described(*name, nullptr);
  std::string path(task_path);
  if (const auto* set = work.env.find("PATH")) {
    const auto* text = set->if_string();
    if (text == nullptr)
      return Fail(user_error(Code::invalid_argument, "PATH is known only when the task starts"));
    path = *text;
  }
  // The lock, which is in the key, says what an environment has; what it lacks is the system's.
  if (work.environment && name->find('/') == std::string::npos && !os::find_program(*name, path))
    return described(*name, nullptr);
  SLUICE_TRY(program, find_program_of(*name, path, "/nonexistent"));
  SLUICE_TRY(found, digests.of(program));
  return described(found.real, &found.digest);
}

}  // namespace

bool uses_secrets(const engine::TaskSpec& work) {
  return std::ranges::any_of(work.env,
                             [](const auto& variable) { return ir::secret_in(variable.second).has_value(); });
}

Result<Value> environment_of(const engine::TaskSpec& work, ProgramDigests& digests,
                             const ports::Secrets* secrets) {
  Struct environment;
  if (work.kind == engine::TaskSpec::Kind::container) {
    if (work.image.empty()) return Fail(user_error(Code::not_found, "its image is not known"));
    environment.append("pinned", true);
    environment.append("image", work.image);
  } else {
    SLUICE_TRY(executable, executable_of(work, digests));
    environment = std::move(executable);
  }
  if (work.environment) {
    Struct python;
    python.set("version", work.environment->python);
    python.set("lock", work.environment->lock.digest->hex());
    environment.set("python", std::move(python));
  }
  Struct versions;
  for (const auto& [variable, value] : work.env) {
    const auto named = ir::secret_in(value);
    if (!named) continue;
    if (secrets == nullptr) return Fail(user_error(Code::not_found, "there are no secrets here"));
    SLUICE_TRY(secret, secrets->find(Principal{}.workspace, named->name));
    if (!secret && !named->optional)
      return Fail(user_error(Code::not_found, "there is no secret `" + named->name + "`"));
    versions.set(named->name, secret ? Value(std::move(secret->version)) : Value());
  }
  if (!versions.empty()) environment.set("secrets", std::move(versions));
  return Value(std::move(environment));
}

}  // namespace sluice::executors
