#include "sluice/stores/git/object_text.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/digest.hpp"
#include "sluice/base/numbers.hpp"

namespace sluice::stores::git {
namespace {

constexpr std::size_t oid_bytes = 20;

Error malformed(std::string_view what) {
  return environment_error(Code::data_loss,
                           "not a git " + std::string(what) + "; check the repository with `git fsck`");
}

std::string to_bytes(const Oid& oid) {
  std::string out;
  for (std::string_view rest = oid; rest.size() >= 2; rest.remove_prefix(2))
    out.push_back(static_cast<char>(parse_integer<unsigned>(rest.substr(0, 2), 16).value_or(0)));
  return out;
}

Oid from_bytes(std::string_view bytes) {
  return to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

/// git orders a folder as if its name ended with "/".
std::string sort_key(const TreeEntry& entry) {
  return entry.mode == TreeEntry::Mode::folder ? entry.name + "/" : entry.name;
}

std::string stamp(Time at) {
  return std::to_string(std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count()) + " +0000";
}

/// Removes a line "KEY REST" from the front, and returns REST.
std::optional<std::string_view> take_header(std::string_view& bytes, std::string_view key) {
  const auto line = bytes.substr(0, bytes.find('\n'));
  if (line.size() == bytes.size() || !line.starts_with(key) || line.size() <= key.size() ||
      line[key.size()] != ' ')
    return std::nullopt;
  bytes.remove_prefix(line.size() + 1);
  return line.substr(key.size() + 1);
}

/// "NAME <EMAIL> SECONDS ZONE". What cannot be read stays at its default: an old tool may have written it.
void read_identity(std::string_view line, std::string& who, Time& at) {
  const auto close = line.rfind('>');
  who = line.substr(0, close == std::string_view::npos ? line.size() : close + 1);
  if (close == std::string_view::npos || close + 2 >= line.size()) return;
  auto rest = line.substr(close + 2);
  const auto seconds = take_integer<std::int64_t>(rest).value_or(0);
  constexpr std::int64_t year_10000 = 253'402'300'800;
  if (seconds > -year_10000 && seconds < year_10000) at = Time(std::chrono::seconds(seconds));
}

/// What follows the first empty line.
std::string_view message_of(std::string_view bytes) {
  if (bytes.starts_with('\n')) return bytes.substr(1);
  const auto empty = bytes.find("\n\n");
  return empty == std::string_view::npos ? std::string_view() : bytes.substr(empty + 2);
}

}  // namespace

std::string format_tree(std::vector<TreeEntry> entries) {
  std::ranges::sort(entries, {}, sort_key);
  std::string out;
  for (const auto& entry : entries)
    out += fmt::format("{:o} ", static_cast<unsigned>(entry.mode)) + entry.name + '\0' + to_bytes(entry.oid);
  return out;
}

Result<std::vector<TreeEntry>> parse_tree(std::string_view bytes) {
  std::vector<TreeEntry> entries;
  while (!bytes.empty()) {
    auto rest = bytes.substr(0, 6);  // as many digits as a mode may have
    const auto mode = take_integer<unsigned>(rest, 8);
    const auto length = std::min<std::size_t>(bytes.size(), 6) - rest.size();
    const auto nul = bytes.find('\0');
    if (!mode || nul == std::string_view::npos || length >= nul || bytes[length] != ' ' ||
        bytes.size() - nul - 1 < oid_bytes || nul == length + 1)
      return Fail(malformed("tree"));
    using Mode = TreeEntry::Mode;
    // Old tools wrote other permissions of files; only the executable bit counts.
    const auto kind = (*mode & 0170000U) == 0100000U ? ((*mode & 0100U) != 0 ? Mode::program : Mode::file)
                                                     : static_cast<Mode>(*mode);
    if (kind != Mode::file && kind != Mode::program && kind != Mode::folder && kind != Mode::symlink &&
        kind != Mode::submodule)
      return Fail(malformed("tree"));
    entries.push_back({.mode = kind,
                       .name = std::string(bytes.substr(length + 1, nul - length - 1)),
                       .oid = from_bytes(bytes.substr(nul + 1, oid_bytes))});
    bytes.remove_prefix(nul + 1 + oid_bytes);
  }
  return entries;
}

Oid named(const std::vector<TreeEntry>& entries, std::string_view name) {
  const auto found = std::ranges::find(entries, name, &TreeEntry::name);
  return found == entries.end() ? Oid() : found->oid;
}

void put(std::vector<TreeEntry>& entries, TreeEntry entry) {
  std::erase_if(entries, [&](const TreeEntry& old) { return old.name == entry.name; });
  entries.push_back(std::move(entry));
}

std::string format_commit(const Commit& commit) {
  std::string out = "tree " + commit.tree + "\n";
  for (const auto& parent : commit.parents) out += "parent " + parent + "\n";
  const auto who = commit.author + " " + stamp(commit.at);
  return out + "author " + who + "\ncommitter " + who + "\n\n" + commit.message;
}

Result<Commit> parse_commit(std::string_view bytes) {
  Commit commit;
  const auto tree = take_header(bytes, "tree");
  if (!tree || !is_oid(*tree)) return Fail(malformed("commit"));
  commit.tree = *tree;
  while (const auto parent = take_header(bytes, "parent")) {
    if (!is_oid(*parent)) return Fail(malformed("commit"));
    commit.parents.emplace_back(*parent);
  }
  const auto author = take_header(bytes, "author");
  if (!author) return Fail(malformed("commit"));
  read_identity(*author, commit.author, commit.at);
  commit.message = message_of(bytes);
  return commit;
}

std::string format_tag(const Tag& tag) {
  return "object " + tag.target + "\ntype commit\ntag " + tag.name + "\ntagger " + tag.tagger + " " +
         stamp(tag.at) + "\n\n" + tag.message;
}

Result<Tag> parse_tag(std::string_view bytes) {
  Tag tag;
  const auto target = take_header(bytes, "object");
  const auto type = take_header(bytes, "type");
  const auto name = take_header(bytes, "tag");
  if (!target || !is_oid(*target) || type != "commit" || !name) return Fail(malformed("tag of a commit"));
  tag.target = *target;
  tag.name = *name;
  if (const auto tagger = take_header(bytes, "tagger")) read_identity(*tagger, tag.tagger, tag.at);
  tag.message = message_of(bytes);
  return tag;
}

}  // namespace sluice::stores::git
