#include "sluice/executors/process/world.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"
#include "sluice/os/process.hpp"

namespace sluice::executors {
namespace {

/// Above this size a file is shown by a mount; copying is cheaper below (a mount costs about 0.9 ms).
constexpr std::int64_t copied_bytes_max = std::int64_t{1} << 20;
constexpr std::uint64_t log_bytes_max = std::uint64_t{64} << 20;
constexpr std::size_t name_bytes_max = 100;

/// One path segment for any text: readable where that is possible, never longer than a file name may be.
std::string segment_of(const std::string& text) {
  auto name = percent_encode(text, "[]{}");
  if (name.starts_with('.')) name = "%2E" + name.substr(1);
  if (name.size() <= name_bytes_max * 2) return name;
  return name.substr(0, name_bytes_max) + "=" + Digest::of(text).hex();
}

/// Brings inputs into the world, each once, and tells where they are.
class Inputs {
 public:
  Inputs(const Places& places, ports::ObjectStore& objects, bool mounts, supervisor::Start& start)
      : places_(places), objects_(objects), mounts_(mounts), start_(start) {}

  Result<std::string> path_of(const Artifact& artifact) {
    if (!artifact.digest) return artifact.uri;
    for (const auto& [known, path] : brought_)
      if (known.digest == artifact.digest && known.form == artifact.form) return path;
    SLUICE_DO(os::make_directories(places_.in()));
    auto name = artifact.name.empty() ? std::string("input") : segment_of(artifact.name);
    const auto path = places_.in() / fmt::format("{}-{}", brought_.size(), name);
    SLUICE_DO(bring(artifact, path));
    brought_.emplace_back(artifact, path.string());
    return path.string();
  }

 private:
  Result<void> bring(const Artifact& artifact, const std::filesystem::path& path) {
    const bool small = artifact.form == Form::file && artifact.size <= copied_bytes_max;
    if (small || !mounts_) return objects_.copy_out(artifact, path);
    SLUICE_TRY(source, objects_.lay_out(artifact));
    auto target = artifact.form == Form::directory ? os::make_directories(path) : os::write_file(path, "");
    if (!target) return target;
    start_.mounts.push_back({.source = source.string(), .target = path.string()});
    return {};
  }

  const Places& places_;
  ports::ObjectStore& objects_;
  bool mounts_;
  supervisor::Start& start_;
  std::vector<std::pair<Artifact, std::string>> brought_;
};

/// A value as one argument: texts as they are, artifacts and holes as paths, all else as JSON.
Result<std::string> text_of(const Value& value, const Places& places, Inputs& inputs) {
  if (const auto* text = value.if_string()) return *text;
  if (const auto* artifact = value.if_artifact()) return inputs.path_of(*artifact);
  const auto* late = value.if_late();
  if (!late) return to_json(value);
  std::string out;
  for (const auto& part : late->parts) {
    if (const auto* text = std::get_if<std::string>(&part)) {
      out += *text;
      continue;
    }
    const auto& hole = std::get<Hole>(part);
    if (hole.kind == Hole::Kind::output) {
      out += places.out(hole.output).string();
    } else {
      SLUICE_TRY(path, inputs.path_of(*hole.artifact));
      out += path;
    }
  }
  return out;
}

Result<void> refuse_nul(const std::string& text, std::string_view what) {
  if (text.find('\0') == std::string::npos) return {};
  return Fail(user_error(Code::invalid_argument,
                         fmt::format("{} holds a NUL byte, which no program can be given", what)));
}

}  // namespace

std::filesystem::path Places::out(const std::string& output) const {
  return root / "out" / segment_of(output);
}

Places places_of(const std::filesystem::path& data, const RunId& run, const std::string& path, int number) {
  const auto task = segment_of(path);
  return {.root = data / "work" / run.text / task / std::to_string(number),
          .log = data / "logs" / run.text / task / fmt::format("{}.log", number)};
}

std::optional<std::filesystem::path> resolve_program(const std::string& name,
                                                     const std::filesystem::path& cwd) {
  if (name.find('/') == std::string::npos) return os::find_program(name, std::string(task_path));
  const auto path = std::filesystem::path(name).is_absolute() ? std::filesystem::path(name) : cwd / name;
  return os::exists(path) ? std::optional(path) : std::nullopt;
}

Result<supervisor::Start> lay_out(const ports::Attempt& attempt, const Places& places,
                                  ports::ObjectStore& objects, bool mounts) {
  const auto& work = attempt.work;
  // An attempt before a crash may have left half a world.
  SLUICE_DO(os::remove_tree(places.root));
  SLUICE_DO(os::make_directories(places.root));
  SLUICE_DO(os::make_directories(places.log.parent_path()));
  SLUICE_DO(work.code ? objects.copy_out(*work.code, places.cwd()) : os::make_directories(places.cwd()));
  SLUICE_DO(os::make_directories(places.tmp()));
  SLUICE_DO(os::make_directories(places.home()));
  if (!work.outputs.empty()) {
    SLUICE_DO(os::make_directories(places.root / "out"));
  }

  supervisor::Start start{.fence = attempt.fence.text,
                          .cwd = places.cwd().string(),
                          .log = places.log.string(),
                          .log_bytes_max = log_bytes_max};
  Inputs inputs(places, objects, mounts, start);
  for (const auto& value : work.argv) {
    SLUICE_TRY(text, text_of(value, places, inputs));
    SLUICE_DO(refuse_nul(text, "an argument"));
    start.argv.push_back(std::move(text));
  }
  start.env = {"PATH=" + std::string(task_path),      "HOME=" + places.home().string(),
               "TMPDIR=" + places.tmp().string(),     "LANG=C.UTF-8",
               "SLUICE_RUN=" + attempt.run.text,      "SLUICE_TASK=" + attempt.path,
               "SLUICE_ATTEMPT=" + attempt.fence.text};
  for (const auto& [name, value] : work.env) {
    if (name.empty() || name.find('=') != std::string::npos || name.starts_with("SLUICE_"))
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("`{}` cannot be set in a task's environment", name)));
    SLUICE_TRY(text, text_of(value, places, inputs));
    SLUICE_DO(refuse_nul(name + text, fmt::format("the environment's `{}`", name)));
    std::erase_if(start.env, [&](const std::string& set) { return set.starts_with(name + "="); });
    start.env.push_back(name + "=" + text);
  }
  const auto program = resolve_program(start.argv.front(), places.cwd());
  if (!program)
    return Fail(user_error(
        Code::not_found,
        fmt::format(
            "there is no program `{}`; it is looked for in {}, or below `code:` where its name has a slash",
            start.argv.front(), task_path)));
  start.program = program->string();
  return start;
}

}  // namespace sluice::executors
