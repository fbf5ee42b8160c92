#include "sluice/executors/process/python_imports.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "sluice/ir/python_requirements.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

constexpr std::size_t source_bytes_max = std::size_t{256} << 10;
constexpr std::size_t sources_max = 32;
constexpr std::size_t modules_max = 64;
constexpr std::size_t name_bytes_max = 200;

/// Removes and returns the first word: up to a space, or a comma.
std::string_view take_word(std::string_view& rest) {
  const auto begin = std::min(rest.find_first_not_of(" \t"), rest.size());
  rest.remove_prefix(begin);
  const auto end = std::min(rest.find_first_of(" \t,;#\r"), rest.size());
  const auto word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

bool is_module(std::string_view name) { return name.size() <= name_bytes_max && ir::is_python_name(name); }

/// "a.b" → "a/b".
std::filesystem::path path_of(std::string module) {
  std::ranges::replace(module, '.', '/');
  return module;
}

/// Of a module in the folder; nullopt: it is not there, or too large.
std::optional<std::string> source_of(const std::filesystem::path& folder, const std::string& module) {
  const auto path = folder / path_of(module);
  auto source = os::read_file(path.string() + ".py", source_bytes_max);
  if (!source) source = os::read_file(path / "__init__.py", source_bytes_max);
  return source ? std::optional(std::move(*source)) : std::nullopt;
}

}  // namespace

std::vector<std::string> imports_in(std::string_view source) {
  std::vector<std::string> out;
  while (!source.empty()) {
    const auto end = std::min(source.find('\n'), source.size());
    auto line = source.substr(0, end);
    source.remove_prefix(std::min(end + 1, source.size()));
    if (line.starts_with("from ")) {
      line.remove_prefix(5);
      if (const auto name = take_word(line); is_module(name)) out.emplace_back(name);
    } else if (line.starts_with("import ")) {
      line.remove_prefix(7);
      while (true) {
        if (const auto name = take_word(line); is_module(name)) out.emplace_back(name);
        const auto comma = line.find(',');
        if (comma == std::string_view::npos) break;
        line.remove_prefix(comma + 1);
      }
    }
  }
  return out;
}

std::vector<std::string> imported_modules(const std::filesystem::path& folder, const std::string& module) {
  const auto source = source_of(folder, module);
  // Of a package of the environment, which imports what it needs itself.
  return source ? imported_by(folder, *source) : std::vector<std::string>{module};
}

std::vector<std::string> imported_by(const std::filesystem::path& folder, std::string_view source) {
  std::set<std::string> elsewhere;
  std::set<std::string> own;
  std::vector<std::string> unread;
  const auto add = [&](std::string_view text) {
    for (auto& name : imports_in(text)) {
      const auto top = folder / name.substr(0, name.find('.'));
      if (!os::exists(top) && !os::exists(top.string() + ".py"))
        elsewhere.insert(std::move(name));
      else if (own.insert(name).second)
        unread.push_back(std::move(name));
    }
  };
  add(source);
  for (std::size_t read = 1; !unread.empty() && read < sources_max; ++read) {
    const auto module = std::move(unread.back());
    unread.pop_back();
    if (const auto text = source_of(folder, module)) add(*text);
  }
  std::vector<std::string> out(elsewhere.begin(), elsewhere.end());
  if (out.size() > modules_max) out.resize(modules_max);
  return out;
}

}  // namespace sluice::executors
