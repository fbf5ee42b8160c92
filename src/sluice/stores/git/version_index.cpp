#include "sluice/stores/git/version_index.hpp"

#include <algorithm>

#include "sluice/base/numbers.hpp"

namespace sluice::stores::git {
namespace {

/// Empty for a table or a folder that does not exist yet.
Result<std::vector<TreeEntry>> entries_of(const Objects& objects, const Oid& tree) {
  if (tree.empty()) return std::vector<TreeEntry>();
  return objects.tree(tree);
}

Result<std::map<std::string, std::int64_t>> lines_of(const Objects& objects, const Oid& file) {
  std::map<std::string, std::int64_t> out;
  if (file.empty()) return out;
  SLUICE_TRY(text, objects.read(file, Objects::Kind::blob));
  for (std::string_view rest = text; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto blank = line.find(' ');
    if (blank == std::string_view::npos) continue;
    if (const auto number = parse_integer<std::int64_t>(line.substr(blank + 1)))
      out.insert_or_assign(std::string(line.substr(0, blank)), *number);
  }
  return out;
}

}  // namespace

Result<std::optional<std::int64_t>> find_in_index(const Objects& objects, const Oid& table,
                                                  const Digest& key) {
  const auto hex = key.hex();
  SLUICE_TRY(folders, entries_of(objects, table));
  SLUICE_TRY(files, entries_of(objects, named(folders, hex.substr(0, 1))));
  SLUICE_TRY(lines, lines_of(objects, named(files, hex.substr(1, 1))));
  const auto found = lines.find(hex);
  if (found == lines.end()) return std::nullopt;
  return found->second;
}

Result<Oid> add_to_index(Objects& objects, const Oid& table, const std::map<Digest, std::int64_t>& entries) {
  SLUICE_TRY(folders, entries_of(objects, table));
  // Sorted by digest, so the entries of a file, and the files of a folder, follow one another.
  for (auto entry = entries.begin(); entry != entries.end();) {
    const auto folder = entry->first.hex().substr(0, 1);
    SLUICE_TRY(files, entries_of(objects, named(folders, folder)));
    while (entry != entries.end() && entry->first.hex().starts_with(folder)) {
      const auto file = entry->first.hex().substr(0, 2);
      SLUICE_TRY(lines, lines_of(objects, named(files, file.substr(1))));
      for (; entry != entries.end() && entry->first.hex().starts_with(file); ++entry)
        lines.insert_or_assign(entry->first.hex(), entry->second);
      std::string text;
      for (const auto& [hex, number] : lines) text += hex + " " + std::to_string(number) + "\n";
      SLUICE_TRY(blob, objects.write(Objects::Kind::blob, text));
      put(files, {.mode = TreeEntry::Mode::file, .name = file.substr(1), .oid = std::move(blob)});
    }
    SLUICE_TRY(tree, objects.write(Objects::Kind::tree, format_tree(std::move(files))));
    put(folders, {.mode = TreeEntry::Mode::folder, .name = folder, .oid = std::move(tree)});
  }
  return objects.write(Objects::Kind::tree, format_tree(std::move(folders)));
}

}  // namespace sluice::stores::git
