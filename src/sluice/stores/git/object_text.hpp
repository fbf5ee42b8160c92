#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/stores/git/packed_refs.hpp"

namespace sluice::stores::git {

// Encodes and decodes git's objects, as far as this module needs them.

struct TreeEntry {
  enum class Mode {
    file = 0100644,
    program = 0100755,
    folder = 040000,
    symlink = 0120000,
    submodule = 0160000
  };
  Mode mode = Mode::file;
  std::string name;
  Oid oid;
  bool operator==(const TreeEntry&) const = default;
};

/// In git's order; names as they are.
std::string format_tree(std::vector<TreeEntry> entries);
Result<std::vector<TreeEntry>> parse_tree(std::string_view bytes);
/// The object under that name; "" if there is none.
Oid named(const std::vector<TreeEntry>& entries, std::string_view name);
/// Adds the entry, or replaces the one with its name.
void put(std::vector<TreeEntry>& entries, TreeEntry entry);

struct Commit {
  Oid tree;
  std::vector<Oid> parents;
  std::string author;  ///< "NAME <EMAIL>"; the committer too
  Time at{};
  std::string message;
};
std::string format_commit(const Commit& commit);
/// Tree, parents, the author's line and the message.
Result<Commit> parse_commit(std::string_view bytes);

struct Tag {
  Oid target;  ///< a commit
  std::string name;
  std::string tagger;
  Time at{};
  std::string message;
};
std::string format_tag(const Tag& tag);
Result<Tag> parse_tag(std::string_view bytes);

}  // namespace sluice::stores::git
