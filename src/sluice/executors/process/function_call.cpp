#include "sluice/executors/process/function_call.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "sluice/base/json.hpp"
#include "sluice/executors/process/python_imports.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

constexpr char runner[] = {
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
#embed "call_function.py"
#pragma clang diagnostic pop
    , '\0'};

/// The outputs that the function writes itself: those whose paths it is given.
void collect_written(const Value& value, std::set<std::string>& out) {
  if (const auto* list = value.if_list())
    for (const auto& element : *list) collect_written(element, out);
  if (const auto* fields = value.if_struct())
    for (const auto& [name, field] : *fields) collect_written(field, out);
  if (const auto* late = value.if_late())
    for (const auto& part : late->parts)
      if (const auto* hole = std::get_if<PathPlaceholder>(&part);
          hole && hole->kind == PathPlaceholder::Kind::output)
        out.insert(hole->output);
}

List results_of(const engine::TaskSpec& work, const Places& places) {
  std::set<std::string> written;
  collect_written(Value(work.with), written);
  List results;
  for (const auto& output : work.outputs) {
    if (written.contains(output.name) || !output.from.empty()) continue;
    Struct result;
    result.append("name", output.name);
    result.append("path", places.out(output.name).string());
    result.append("text", output.encoding == ir::TaskOutput::Encoding::text);
    result.append("optional", output.optional);
    results.emplace_back(std::move(result));
  }
  return results;
}

/// Whether Python, its loader or the C library reads it when a program starts, so that a fork which sets it
/// would not be like a new interpreter (Python's "Command line and environment", ld.so(8), mallopt(3),
/// locale(7)). PATH is where Python finds itself.
bool is_read_at_start(const std::string& variable) {
  constexpr std::array<std::string_view, 8> beginnings = {"PYTHON",          "LD_",   "LC_",   "MALLOC_",
                                                          "GLIBC_TUNABLES=", "LANG=", "PATH=", "LANGUAGE="};
  return std::ranges::any_of(beginnings,
                             [&](std::string_view beginning) { return variable.starts_with(beginning); });
}

}  // namespace

Result<std::vector<std::string>> prepare_call(const engine::TaskSpec& work, const Places& places,
                                              Arguments& arguments) {
  Struct call;
  if (work.script) {
    call.append("script", *work.script);
    SLUICE_TRY(args, arguments.argv_of(work.args));
    call.append("args", List(args.begin(), args.end()));
  } else {
    call.append("module", work.function->module);
    call.append("function", work.function->function);
    SLUICE_TRY(with, arguments.with_paths(Value(work.with)));
    call.append("with", std::move(with));
    call.append("results", results_of(work, places));
  }
  SLUICE_DO(os::write_file(places.call(), to_json(Value(std::move(call))), 0600));
  return std::vector<std::string>{python_program, "-c", runner, "call", places.call().string()};
}

supervisor::Branch branch_for(const supervisor::Start& start, const engine::TaskSpec& work,
                              std::vector<std::string> shared, const std::filesystem::path& environment) {
  supervisor::Interpreter interpreter{
      .argv = {start.argv.at(0), "-c", runner, "wait"}, .env = {}, .mounts = {}};
  std::ranges::copy_if(shared, std::back_inserter(interpreter.env), is_read_at_start);
  std::ranges::copy_if(start.mounts, std::back_inserter(interpreter.mounts),
                       [&](const supervisor::Mount& mount) {
                         return !environment.empty() && mount.source == environment.string();
                       });
  // What an import keeps of these must not be an attempt's.
  shared.emplace_back("HOME=/nonexistent");
  return {.of = std::move(interpreter),
          .env = std::move(shared),
          .modules = work.script ? imported_by(start.cwd, *work.script)
                                 : imported_modules(start.cwd, work.function->module)};
}

void add_call_variables(const engine::TaskSpec& work, std::vector<std::string>& env) {
  constexpr std::int64_t processor = 1000;
  const auto threads =
      std::to_string(std::max<std::int64_t>(1, (work.resources.cpu + processor - 1) / processor));
  for (const auto& [name, value] : {std::pair<std::string, std::string>{"PYTHONHASHSEED", "0"},
                                    {"OMP_NUM_THREADS", threads},
                                    {"OPENBLAS_NUM_THREADS", threads},
                                    {"MKL_NUM_THREADS", threads}}) {
    const auto prefix = name + "=";
    if (std::ranges::none_of(env, [&](const auto& set) { return set.starts_with(prefix); }))
      env.push_back(prefix + value);
  }
}

}  // namespace sluice::executors
