#include "sluice/stores/git/content.hpp"

#include <algorithm>
#include <cerrno>
#include <map>

#include <sys/stat.h>

#include "sluice/base/words.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/git/names.hpp"
#include "sluice/stores/git/pointer.hpp"

namespace sluice::stores::git {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t depth_max = 100;
/// git treats a line of .gitattributes over 2,048 bytes as broken.
constexpr std::size_t path_max = 900;
constexpr std::string_view attributes_name = ".gitattributes";
constexpr std::string_view lfs_attributes = " filter=lfs diff=lfs merge=lfs -text";
constexpr std::string_view onnx_pattern = "*.onnx";

/// The line of .gitattributes that makes this one file a git-lfs file.
std::string attributes_line(std::string_view path) {
  std::string pattern = "/";
  for (const char c : path) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') pattern.push_back('\\');
    pattern.push_back(c);
  }
  const bool plain = std::ranges::all_of(pattern, [](char c) { return c > ' ' && c < '\x7f' && c != '"'; });
  if (plain) return pattern + std::string(lfs_attributes);
  std::string quoted = "\"";
  for (const char c : pattern) {
    if (c == '\n')
      quoted += "\\n";
    else if (c == '\t')
      quoted += "\\t";
    else if (c == '"' || c == '\\')
      quoted += std::string("\\") + c;
    else if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      const auto byte = static_cast<unsigned char>(c);
      quoted += {'\\', static_cast<char>('0' + (byte >> 6)), static_cast<char>('0' + (byte >> 3 & 7)),
                 static_cast<char>('0' + (byte & 7))};
    } else
      quoted.push_back(c);
  }
  return quoted + "\"" + std::string(lfs_attributes);
}

struct ContentReader {
  const ports::ObjectStore& store;
  Content content = {};
  std::vector<std::string> large = {};  ///< paths that need a line of their own in .gitattributes
  std::string own_attributes = {};      ///< of the folder's .gitattributes, less its git-lfs lines

  Result<void> folder(const fs::path& path, const std::string& relative, std::size_t depth,
                      ports::ObjectStore& into) {
    if (depth > depth_max)
      return Fail(invalid_argument(os::printable(path), "folders are nested more than 100 deep"));
    SLUICE_TRY(entries, os::list_directory(path));
    for (const auto& entry : entries) {
      const auto child = path / entry.name;
      const auto child_relative = relative.empty() ? entry.name : relative + "/" + entry.name;
      SLUICE_DO(check_name(child, entry.name));
      SLUICE_DO(check_length(child, child_relative));
      switch (entry.kind) {
        case os::DirectoryEntry::Kind::file: SLUICE_DO(file(child, child_relative, into)); break;
        case os::DirectoryEntry::Kind::directory:
          SLUICE_DO(folder(child, child_relative, depth + 1, into));
          break;
        case os::DirectoryEntry::Kind::symlink:
          return Fail(
              invalid_argument(os::printable(child),
                               "a symlink; a model holds files only, put a copy of the target in its place"));
        case os::DirectoryEntry::Kind::other:
          return Fail(
              invalid_argument(os::printable(child), "not a file; remove it from the model's folder"));
      }
    }
    return {};
  }

  static Result<void> check_name(const fs::path& shown, const std::string& name) {
    if (!is_utf8(name))
      return Fail(invalid_argument(os::printable(shown), "the name is not UTF-8; rename it"));
    if (is_reserved_file_name(name))
      return Fail(invalid_argument(os::printable(shown),
                                   "git reserves this name; remove it from the model's folder"));
    return {};
  }

  static Result<void> check_length(const fs::path& shown, const std::string& relative) {
    if (relative.size() > path_max)
      return Fail(invalid_argument(os::printable(shown), "the path is longer than 900 bytes; shorten it"));
    return {};
  }

  Result<void> file(const fs::path& path, const std::string& relative, ports::ObjectStore& into) {
    struct stat info{};
    if (lstat(path.c_str(), &info) != 0) return Fail(system_error("stat " + path.string(), errno));
    const bool executable = (info.st_mode & S_IXUSR) != 0;
    if (is_large(relative, info.st_size)) {
      SLUICE_TRY(stored, into.put_file(path));
      return large_file(
          path, {.path = relative, .digest = stored.digest, .size = stored.size, .executable = executable});
    }
    SLUICE_TRY(bytes, os::read_file(path, plain_file_max));
    return small_file(path, relative, executable, std::move(bytes));
  }

  /// A file that is an object already.
  Result<void> object(const ports::TreeFile& file) {
    SLUICE_DO(check_length(file.path, file.path));
    std::size_t depth = 0;
    for (std::size_t begin = 0; begin <= file.path.size(); ++depth) {
      const auto end = std::min(file.path.find('/', begin), file.path.size());
      SLUICE_DO(check_name(file.path, file.path.substr(begin, end - begin)));
      begin = end + 1;
    }
    if (depth > depth_max)
      return Fail(invalid_argument(os::printable(file.path), "folders are nested more than 100 deep"));
    if (is_large(file.path, file.size)) return large_file(file.path, file);
    SLUICE_TRY(bytes, store.get(file.digest, plain_file_max));
    return small_file(file.path, file.path, file.executable, std::move(bytes));
  }

  static bool is_large(std::string_view relative, std::int64_t size) {
    return size > plain_file_max || (size > 0 && is_onnx(relative));
  }
  static bool is_onnx(std::string_view relative) { return relative.ends_with(onnx_pattern.substr(1)); }

  Result<void> large_file(const fs::path& shown, const ports::TreeFile& file) {
    if (file.size < 1024) {
      SLUICE_TRY(bytes, store.get(file.digest));
      SLUICE_DO(refuse_pointer(shown, bytes));
    }
    if (!is_onnx(file.path)) large.push_back(file.path);
    content.objects.push_back(file.digest);
    content.files.push_back(
        {file.path, file.executable, write_pointer({.digest = file.digest, .size = file.size})});
    return {};
  }

  Result<void> small_file(const fs::path& path, const std::string& relative, bool executable,
                          std::string bytes) {
    SLUICE_DO(refuse_pointer(path, bytes));
    if (path.filename() == attributes_name) bytes = without_lfs(bytes);
    if (relative == attributes_name)
      own_attributes = bytes;
    else
      content.files.push_back({relative, executable, std::move(bytes)});
    return {};
  }

  /// A pointer in the folder would add bytes of another user's model, which share the store, to this one.
  static Result<void> refuse_pointer(const fs::path& path, std::string_view bytes) {
    if (!read_pointer(bytes)) return {};
    return Fail(invalid_argument(os::printable(path),
                                 "a git-lfs pointer, not the file itself; fetch it with `git lfs pull`"));
  }

  /// Which files are git-lfs files is decided here, not by what the folder was cloned from.
  static std::string without_lfs(std::string_view text) {
    std::string out;
    while (!text.empty()) {
      const auto line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(text.size(), line.size() + 1));
      if (line.find("filter=lfs") == std::string_view::npos) out += std::string(line) + "\n";
    }
    return out;
  }

  void attributes() {
    std::string text = own_attributes + std::string(onnx_pattern) + std::string(lfs_attributes) + "\n";
    for (const auto& path : large) text += attributes_line(path) + "\n";
    content.files.push_back({std::string(attributes_name), false, std::move(text)});
  }
};

struct TreeNode {
  std::map<std::string, TreeNode> folders;
  std::vector<TreeEntry> files;
};

Result<Oid> write_tree_node(Objects& objects, const TreeNode& node) {
  auto entries = node.files;
  for (const auto& [name, folder] : node.folders) {
    SLUICE_TRY(oid, write_tree_node(objects, folder));
    entries.push_back({.mode = TreeEntry::Mode::folder, .name = name, .oid = std::move(oid)});
  }
  return objects.write(Objects::Kind::tree, format_tree(std::move(entries)));
}

Result<void> list_into(const Objects& objects, const Oid& tree, const std::string& prefix, std::size_t depth,
                       std::vector<TreeBlob>& out) {
  if (depth > depth_max)
    return Fail(invalid_argument(os::printable(prefix), "folders are nested more than 100 deep"));
  SLUICE_TRY(entries, objects.tree(tree));
  for (auto& entry : entries) {
    const auto path = prefix + entry.name;
    switch (entry.mode) {
      case TreeEntry::Mode::folder:
        SLUICE_DO(list_into(objects, entry.oid, path + "/", depth + 1, out));
        break;
      case TreeEntry::Mode::symlink:
      case TreeEntry::Mode::submodule:
        return Fail(invalid_argument(
            os::printable(path),
            "a symlink or submodule in the model's repository; a model holds files only, make a "
            "version without it"));
      default: out.push_back({.path = path, .mode = entry.mode, .oid = std::move(entry.oid)});
    }
  }
  return {};
}

}  // namespace

Result<Content> read_content(const fs::path& folder, ports::ObjectStore& store) {
  ContentReader reader{.store = store};
  SLUICE_DO(reader.folder(folder, "", 0, store));
  if (reader.content.files.empty())
    return Fail(
        invalid_argument(os::printable(folder), "the folder contains no file; a version needs at least one"));
  reader.attributes();
  return std::move(reader.content);
}

Result<Content> stored_content(const std::vector<ports::TreeFile>& files, const ports::ObjectStore& store) {
  ContentReader reader{.store = store};
  for (const auto& file : files) SLUICE_DO(reader.object(file));
  if (!files.empty()) reader.attributes();
  return std::move(reader.content);
}

Result<Content> content_of(const Objects& objects, const Oid& root) {
  Content content;
  SLUICE_TRY(blobs, list_blobs(objects, root));
  for (const auto& blob : blobs) {
    SLUICE_TRY(bytes, objects.read(blob.oid, Objects::Kind::blob));
    if (const auto pointer = read_pointer(bytes)) content.objects.push_back(pointer->digest);
    content.files.push_back({blob.path, blob.mode == TreeEntry::Mode::program, std::move(bytes)});
  }
  return content;
}

Result<Oid> write_tree(Objects& objects, const std::vector<ContentFile>& files) {
  TreeNode root;
  for (const auto& file : files) {
    SLUICE_TRY(oid, objects.write(Objects::Kind::blob, file.blob));
    auto* node = &root;
    std::string_view rest = file.path;
    for (auto slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
      node = &node->folders[std::string(rest.substr(0, slash))];
      rest.remove_prefix(slash + 1);
    }
    node->files.push_back({.mode = file.executable ? TreeEntry::Mode::program : TreeEntry::Mode::file,
                           .name = std::string(rest),
                           .oid = std::move(oid)});
  }
  return write_tree_node(objects, root);
}

Result<std::vector<TreeBlob>> list_blobs(const Objects& objects, const Oid& root) {
  std::vector<TreeBlob> out;
  SLUICE_DO(list_into(objects, root, "", 0, out));
  return out;
}

Result<std::string> content_key(const Objects& objects, const Oid& root,
                                const std::vector<std::string>& incidental) {
  SLUICE_TRY(blobs, list_blobs(objects, root));
  std::string out;
  for (const auto& blob : blobs) {
    if (std::ranges::find(incidental, blob.path) != incidental.end()) continue;
    out += std::to_string(static_cast<int>(blob.mode)) + " " + blob.path + '\0';
    if (blob.path != attributes_name) {
      out += blob.oid + '\0';
      continue;
    }
    // This file also depends on which incidental files are large.
    SLUICE_TRY(text, objects.read(blob.oid, Objects::Kind::blob));
    for (const auto& path : incidental) {
      const auto line = attributes_line(path) + "\n";
      if (const auto found = text.find(line); found != std::string::npos) text.erase(found, line.size());
    }
    out += text + '\0';
  }
  return out;
}

}  // namespace sluice::stores::git
