#include "sluice/stores/directory/listing.hpp"

#include <algorithm>
#include <map>
#include <memory>

#include "sluice/stores/directory/folder.hpp"
#include "sluice/stores/directory/tree_writer.hpp"

namespace sluice::stores::directory {
namespace {

constexpr int symlinks_max = 40;  ///< on the way to one target, as Linux allows

struct Node {
  std::vector<Message::File> files;  ///< sorted by name, as are the symlinks
  std::vector<Message::Symlink> symlinks;
  Node* parent = nullptr;  ///< null: the root
  std::map<std::string, std::unique_ptr<Node>, std::less<>> folders;
};

/// What a name or a symlink leads to: nothing, a folder or a file.
struct Target {
  Node* folder = nullptr;
  const Message::File* file = nullptr;
};

class Lister {
 public:
  /// `name` is the tree's name in messages.
  explicit Lister(std::string name) : name_(std::move(name)) {}

  Result<std::unique_ptr<Node>> load(const ObjectFiles& objects, const Digest& digest, Node* parent,
                                     std::size_t depth) {
    SLUICE_TRY(message, read_message(objects, digest, depth));
    auto node = std::make_unique<Node>(
        Node{.files = std::move(message.files), .symlinks = std::move(message.symlinks), .parent = parent});
    for (const auto& folder : message.folders) {
      SLUICE_DO(count(loaded_));
      SLUICE_TRY(inner, load(objects, folder.digest, node.get(), depth + 1));
      node->folders.emplace(folder.name, std::move(inner));
    }
    return node;
  }

  Result<std::unique_ptr<Node>> load(Folder folder, Node* parent) {
    std::ranges::sort(folder.files, {}, &Message::File::name);
    std::ranges::sort(folder.symlinks, {}, &Message::Symlink::name);
    auto node = std::make_unique<Node>(
        Node{.files = std::move(folder.files), .symlinks = std::move(folder.symlinks), .parent = parent});
    for (auto& child : folder.folders) {
      SLUICE_DO(count(loaded_));
      auto name = child.name;
      SLUICE_TRY(inner, load(std::move(child), node.get()));
      node->folders.emplace(std::move(name), std::move(inner));
    }
    return node;
  }

  Result<ports::Listing> list_all(Node& root) {
    std::vector<const Node*> inside;
    SLUICE_DO(list(root, "", inside));
    std::ranges::sort(out_.files, {}, &ports::TreeFile::path);
    std::ranges::sort(out_.folders);
    std::ranges::sort(out_.dangling);
    return std::move(out_);
  }

 private:
  /// `inside`: the folders that this one is in, by the path that leads to it.
  Result<void> list(Node& node, const std::string& prefix, std::vector<const Node*>& inside) {
    if (inside.size() > folder_depth_max)
      return Fail(user_error(Code::too_large, "`" + prefix.substr(0, 80) +
                                                  "…`: folders are nested more than " +
                                                  std::to_string(folder_depth_max) + " deep"));
    inside.push_back(&node);
    for (const auto& file : node.files) SLUICE_DO(add(prefix + file.name, file));
    for (auto& [name, folder] : node.folders) SLUICE_DO(enter(prefix + name, *folder, inside));
    for (const auto& symlink : node.symlinks) {
      const auto path = prefix + symlink.name;
      const auto target = follow(node, symlink.target, symlinks_max);
      if (target.file) {
        SLUICE_DO(add(path, *target.file));
      } else if (target.folder && std::ranges::find(inside, target.folder) == inside.end()) {
        SLUICE_DO(enter(path, *target.folder, inside));
      } else {
        out_.dangling.push_back(path);
      }
    }
    inside.pop_back();
    return {};
  }

  Result<void> count(std::size_t& entries) const {
    if (++entries <= tree_entries_max) return {};
    return Fail(user_error(Code::too_large, name_ + ": more than " + std::to_string(tree_entries_max) +
                                                " entries in total; split it"));
  }

  Result<void> add(std::string path, const Message::File& file) {
    SLUICE_DO(count(entries_));
    out_.files.push_back(
        {.path = std::move(path), .digest = file.digest, .size = file.size, .executable = file.executable});
    return {};
  }

  Result<void> enter(const std::string& path, Node& folder, std::vector<const Node*>& inside) {
    SLUICE_DO(count(entries_));
    out_.folders.push_back(path);
    return list(folder, path + "/", inside);
  }

  /// `links_left`: symlinks that may still be followed.
  Target follow(Node& from, std::string_view path, int links_left) {
    Target at{.folder = &from};
    for (std::string_view rest = path; !rest.empty();) {
      const auto slash = rest.find('/');
      const auto name = rest.substr(0, slash);
      rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
      if (name.empty() || name == ".") continue;
      if (!at.folder || links_left == 0 || ++steps_ > tree_entries_max) return {};
      at = name == ".." ? Target{.folder = at.folder->parent} : step(*at.folder, name, links_left);
      if (!at.folder && !at.file) return {};
    }
    return at;
  }

  Target step(Node& folder, std::string_view name, int links_left) {
    if (const auto inner = folder.folders.find(name); inner != folder.folders.end())
      return {.folder = inner->second.get()};
    if (const auto* file = named(folder.files, name)) return {.file = file};
    const auto* symlink = named(folder.symlinks, name);
    return symlink ? follow(folder, symlink->target, links_left - 1) : Target{};
  }

  /// Null if there is none. A message is sorted by name.
  template <typename Child>
  static const Child* named(const std::vector<Child>& children, std::string_view name) {
    const auto found = std::ranges::lower_bound(children, name, {}, &Child::name);
    return found != children.end() && found->name == name ? &*found : nullptr;
  }

  const std::string name_;
  ports::Listing out_;
  std::size_t loaded_ = 0;  ///< folders
  std::size_t entries_ = 0;
  std::size_t steps_ = 0;  ///< of following symlinks: those of a few symlinks can multiply
};

}  // namespace

Result<ports::Listing> list_tree(const ObjectFiles& objects, const Digest& digest) {
  Lister lister("directory " + digest.hex());
  SLUICE_TRY(root, lister.load(objects, digest, nullptr, 0));
  return lister.list_all(*root);
}

Result<ports::Listing> list_tree(Folder folder, const std::string& name) {
  Lister lister(name);
  SLUICE_TRY(root, lister.load(std::move(folder), nullptr));
  return lister.list_all(*root);
}

}  // namespace sluice::stores::directory
