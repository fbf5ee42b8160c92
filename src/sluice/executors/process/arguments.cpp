#include "sluice/executors/process/arguments.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

/// Above this size a file is mounted; below, copying is cheaper.
constexpr std::int64_t copied_bytes_max = std::int64_t{1} << 20;
constexpr std::size_t extension_bytes_max = 10;

/// ".png" for "images/cat.png": many programs depend on it. Empty if it is not alphanumeric and short.
std::string extension_of(const std::string& name) {
  const auto dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0 || name[dot - 1] == '/') return "";
  const auto extension = name.substr(dot + 1);
  const bool plain = !extension.empty() && extension.size() <= extension_bytes_max &&
                     std::ranges::all_of(extension, [](unsigned char c) { return std::isalnum(c) != 0; });
  return plain ? "." + extension : "";
}

std::string label_of(const Artifact& artifact) {
  return artifact.name.empty() ? fmt::format("an input of kind `{}`", artifact.kind)
                               : fmt::format("the input `{}`", artifact.name);
}

}  // namespace

Result<std::vector<std::string>> Arguments::argv_of(const List& argv) {
  std::vector<std::string> out;
  for (const auto& value : argv) {
    if (const auto* list = value.if_list()) {
      for (const auto& element : *list) {
        SLUICE_TRY(text, argument_of(element, out.empty()));
        out.push_back(std::move(text));
      }
      continue;
    }
    SLUICE_TRY(text, argument_of(value, out.empty()));
    out.push_back(std::move(text));
  }
  return out;
}

Result<std::string> Arguments::text_of(const Value& value) { return argument_of(value, false); }

Result<std::string> Arguments::argument_of(const Value& value, bool executable) {
  if (const auto* text = value.if_string()) return *text;
  if (const auto* artifact = value.if_artifact()) return path_of(*artifact, executable);
  if (const auto* late = value.if_late()) return filled_in(*late, executable);
  SLUICE_TRY(plain, with_paths(value));
  return to_json(plain);
}

Result<std::string> Arguments::filled_in(const Template& text, bool executable) {
  std::string out;
  for (const auto& part : text.parts) {
    if (const auto* piece = std::get_if<std::string>(&part)) {
      out += *piece;
      continue;
    }
    const auto& hole = std::get<PathPlaceholder>(part);
    switch (hole.kind) {
      case PathPlaceholder::Kind::output: out += seen_.out(hole.output).string(); break;
      case PathPlaceholder::Kind::folder:
        if (!std::exchange(uses_folder_, true)) SLUICE_DO(os::make_directories(places_.folder));
        out += seen_.folder.string();
        break;
      case PathPlaceholder::Kind::input: {
        SLUICE_TRY(path, path_of(*hole.artifact, executable));
        out += path;
      }
    }
  }
  return out;
}

Result<Value> Arguments::with_paths(const Value& value) {
  if (value.is_artifact() || value.if_late() != nullptr) {
    SLUICE_TRY(path, argument_of(value, false));
    return Value(std::move(path));
  }
  if (const auto* list = value.if_list()) {
    List out;
    for (const auto& element : *list) {
      SLUICE_TRY(plain, with_paths(element));
      out.push_back(std::move(plain));
    }
    return Value(std::move(out));
  }
  if (const auto* fields = value.if_struct()) {
    Struct out;
    for (const auto& [name, field] : *fields) {
      SLUICE_TRY(plain, with_paths(field));
      out.append(name, std::move(plain));
    }
    return Value(std::move(out));
  }
  return value;
}

Result<std::string> Arguments::path_of(const Artifact& artifact, bool executable) {
  if (!artifact.digest) return artifact.uri;  // external: the program itself fetches it
  for (const auto& known : inputs_)
    if (known.artifact.digest == artifact.digest && known.artifact.form == artifact.form &&
        known.executable == executable && extension_of(known.artifact.name) == extension_of(artifact.name))
      return known.path;
  if (inputs_.empty()) {
    SLUICE_DO(os::make_directories(places_.in()));
  }
  const auto name = std::to_string(inputs_.size()) + extension_of(artifact.name);
  if (auto done = materialize(artifact, name, executable); !done)
    return Fail(std::move(done).error().at("cannot materialize " + label_of(artifact)));
  auto path = (seen_.in() / name).string();
  inputs_.push_back({.artifact = artifact, .executable = executable, .path = path});
  return path;
}

Result<void> Arguments::materialize(const Artifact& artifact, const std::string& name, bool executable) {
  const auto path = places_.in() / name;
  const bool small = artifact.form == Form::file && artifact.size <= copied_bytes_max;
  if (small || executable || !may_mount_) {
    SLUICE_DO(objects_.copy_out(artifact, path));
    // Objects have no modes; a program must be executable.
    if (executable && artifact.form == Form::file) return os::set_mode(path, 0755);
    return {};
  }
  SLUICE_TRY(source, objects_.materialize(artifact));
  SLUICE_DO(artifact.form == Form::directory ? os::make_directories(path) : os::write_file(path, ""));
  mounts_.push_back({.source = source.string(), .target = (seen_.in() / name).string()});
  return {};
}

}  // namespace sluice::executors
