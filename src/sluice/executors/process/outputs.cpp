#include "sluice/executors/process/outputs.hpp"

#include <algorithm>
#include <cctype>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/inputs.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

using engine::Failure;
using ir::TaskOutput;
using Kind = ir::Type::Kind;

std::string_view trimmed(std::string_view text) {
  const auto space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  return text;
}

/// `form: text`: the file's text, parsed as the declared type.
Result<Value> value_of_text(const std::string& text, const ir::Type& type) {
  const auto wrong = [&](std::string_view what) {
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("`{}` is not a valid {}", trimmed(text).substr(0, 60), what)));
  };
  const auto word = trimmed(text);
  switch (type.kind) {
    case Kind::any:
    case Kind::string:
      if (!is_utf8(text)) return Fail(user_error(Code::invalid_argument, "it is not UTF-8"));
      return Value(text);
    case Kind::boolean:
      if (word == "true" || word == "True") return Value(true);
      if (word == "false" || word == "False") return Value(false);
      return wrong("boolean (true or false)");
    case Kind::integer: {
      const auto value = parse_integer<std::int64_t>(word);
      return value ? Result<Value>(*value) : wrong("integer");
    }
    case Kind::number: {
      auto value = parse_json(word);
      if (!value || !value->as_double()) return wrong("number");
      return Value(*value->as_double());
    }
    default: return parse_json(word, "it");
  }
}

/// Integers become numbers where numbers are declared: programs often write 1.0 as `json.dumps(1)`.
Value as_declared(const Value& value, const ir::Type& type) {
  if (type.kind == Kind::number) {
    if (const auto number = value.as_double()) return Value(*number);
  } else if (type.kind == Kind::list && type.element && value.is_list()) {
    List out;
    for (const auto& element : *value.if_list()) out.push_back(as_declared(element, *type.element));
    return Value(std::move(out));
  }
  return value;
}

/// Opens for reading, and never waits for the other end of a pipe that the task left there. `resolve`: flags
/// of openat2(2).
os::UniqueFd open_in(int folder, const std::filesystem::path& path, std::uint64_t resolve) {
  open_how how{};
  how.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  how.resolve = resolve;
  return os::UniqueFd(static_cast<int>(syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how)));
}

class OutputReader {
 public:
  OutputReader(const ports::Attempt& attempt, const Places& places, ports::ObjectStore& objects)
      : attempt_(attempt), places_(places), objects_(objects) {}

  /// Returns nothing if the output is optional and was not written.
  std::expected<std::optional<Value>, Failure> read(const TaskOutput& output) const {
    auto found = find(output);
    if (!found) return std::unexpected(std::move(found).error());
    if (!*found) return std::nullopt;
    struct stat info{};
    if (fstat((*found)->fd.get(), &info) != 0) return wrong(output, "which cannot be examined");
    const bool artifact = output.type.kind == Kind::artifact;
    const bool folder =
        artifact && (output.any_form ? S_ISDIR(info.st_mode) : output.form == Form::directory);
    if (folder != S_ISDIR(info.st_mode) || (!folder && !S_ISREG(info.st_mode)))
      return wrong(output, fmt::format("as a {}, where a {} is declared",
                                       S_ISDIR(info.st_mode)   ? "folder"
                                       : S_ISREG(info.st_mode) ? "file"
                                                               : "special file",
                                       folder ? "folder" : "file"));
    if (artifact) return store(output, (*found)->path, folder ? Form::directory : Form::file);
    if (static_cast<std::uint64_t>(info.st_size) > value_bytes_max)
      return wrong(output,
                   fmt::format("with {}, where a value has at most 64 KiB; declare it with `type: artifact`",
                               human_bytes(static_cast<std::uint64_t>(info.st_size))));
    return value(output, (*found)->fd.get());
  }

 private:
  struct Found {
    os::UniqueFd fd;
    std::filesystem::path path;
  };

  /// Opens the output's file, or the file inside another output that `from` names, which must not lead out of
  /// that output.
  std::expected<std::optional<Found>, Failure> find(const TaskOutput& output) const {
    std::string inside;
    std::string base = output.name;
    if (!output.from.empty()) {
      const auto slash = std::min(output.from.find('/'), output.from.size());
      base = output.from.substr(0, slash);
      inside = output.from.substr(std::min(slash + 1, output.from.size()));
    }
    Found found{.fd = {}, .path = places_.out(base)};
    // A process may read what a link of its leads to, and a container not: it is another file outside.
    const bool follows = attempt_.work.kind == engine::TaskSpec::Kind::process;
    const os::UniqueFd root(open(places_.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    found.fd = open_in(root.get(), found.path.lexically_relative(places_.root),
                       follows ? 0 : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (!found.fd && errno == ELOOP && !follows)
      return wrong(output, "as a link, or below one; what a container writes has to be there itself");
    if (found.fd && !inside.empty()) {
      found.fd = open_in(found.fd.get(), inside, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
      found.path /= inside;
      if (!found.fd && errno == EXDEV)
        return wrong(output, fmt::format("under `from: {}`, which leads out of that output", output.from));
    }
    if (found.fd) return std::optional(std::move(found));
    if (errno != ENOENT && errno != ENOTDIR)
      return wrong(output,
                   fmt::format("in a way that cannot be read: {}", system_error("open it", errno).message));
    if (output.optional) return std::optional<Found>();
    return missing(output, found.path);
  }

  [[nodiscard]] std::unexpected<Failure> missing(const TaskOutput& output,
                                                 const std::filesystem::path& path) const {
    const auto how =
        output.type.kind != Kind::artifact
            ? (output.encoding == TaskOutput::Encoding::text ? "write its text" : "write a JSON value")
        : output.any_form                ? "write a file or make a folder"
        : output.form == Form::directory ? "make a folder"
                                         : "write a file";
    auto message = fmt::format("task `{}` did not write its output `{}`", attempt_.path, output.name);
    if (!output.from.empty())
      message += fmt::format(": there is no `{}`", output.from);
    else
      message += fmt::format(
          " (expected at {}); {} at the path that the program is given by ${{out.{}}}, or declare `optional: "
          "true`",
          path.lexically_relative(places_.root).string(), how, output.name);
    return std::unexpected(Failure{.kind = "output", .message = std::move(message), .payload = {}});
  }

  [[nodiscard]] std::unexpected<Failure> wrong(const TaskOutput& output, const std::string& how) const {
    return std::unexpected(
        Failure{.kind = "output",
                .message = fmt::format("task `{}` wrote its output `{}` {}", attempt_.path, output.name, how),
                .payload = {}});
  }

  std::expected<std::optional<Value>, Failure> store(const TaskOutput& output,
                                                     const std::filesystem::path& path, Form form) const {
    const auto stored = form == Form::directory ? objects_.put_directory(path) : objects_.put_file(path);
    if (!stored)
      return std::unexpected(
          Failure{.kind = "output",
                  .message = fmt::format("output `{}` of task `{}` cannot be stored: {}", output.name,
                                         attempt_.path, stored.error().message),
                  .payload = {}});
    return Value(Artifact{.kind = output.type.artifact_kind,
                          .form = form,
                          .digest = stored->digest,
                          .size = stored->size,
                          .name = output.name});
  }

  std::expected<std::optional<Value>, Failure> value(const TaskOutput& output, int fd) const {
    const auto text = os::read_all(fd, value_bytes_max);
    if (!text) return wrong(output, fmt::format("in a way that cannot be read: {}", text.error().message));
    const bool json = output.encoding == TaskOutput::Encoding::json;
    auto value = json ? parse_json(*text, "line") : value_of_text(*text, output.type);
    if (!value && json)
      return wrong(output, fmt::format("as something that is not JSON ({}): `{}`; write it with json.dump or "
                                       "the like, or declare `form: text`",
                                       value.error().message, excerpt(*text)));
    if (!value) return wrong(output, fmt::format("not as declared: {}", value.error().message));
    if (const auto type_mismatch = ir::type_mismatch(*value, output.type, false))
      return wrong(output, fmt::format("as `{}`, but {} where {} is declared", excerpt(*text), *type_mismatch,
                                       ir::print(output.type)));
    return as_declared(*value, output.type);
  }

  /// The beginning of a text, on one line, for a message.
  static std::string excerpt(const std::string& text) {
    std::string out;
    for (const char c : trimmed(text).substr(0, 60)) out.push_back(c >= ' ' && c < 127 ? c : '?');
    return out;
  }

  const ports::Attempt& attempt_;
  const Places& places_;
  ports::ObjectStore& objects_;
};

}  // namespace

std::expected<Struct, Failure> read_outputs(const ports::Attempt& attempt, const Places& places,
                                            ports::ObjectStore& objects) {
  const OutputReader reader(attempt, places, objects);
  Struct outputs;
  for (const auto& output : attempt.work.outputs) {
    auto value = reader.read(output);
    if (!value) return std::unexpected(std::move(value).error());
    if (*value) outputs.append(output.name, std::move(**value));
  }
  return outputs;
}

}  // namespace sluice::executors
