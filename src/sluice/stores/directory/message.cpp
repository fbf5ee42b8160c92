#include "sluice/stores/directory/message.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "sluice/base/words.hpp"

namespace sluice::stores::directory {
namespace {

// Field numbers of build/bazel/remote/execution/v2/remote_execution.proto.
enum class Field : unsigned {
  directory_files = 1,
  directory_directories = 2,
  directory_symlinks = 3,
  node_name = 1,
  node_digest = 2,
  file_is_executable = 4,
  symlink_target = 2,
  digest_hash = 1,
  digest_size_bytes = 2,
};
enum class Wire : unsigned { varint = 0, bytes = 2 };

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void put_tag(std::string& out, Field field, Wire wire) {
  put_varint(out, static_cast<unsigned>(field) << 3 | static_cast<unsigned>(wire));
}

void put_bytes(std::string& out, Field field, std::string_view bytes) {
  if (bytes.empty()) return;  // proto3 leaves default values out
  put_tag(out, field, Wire::bytes);
  put_varint(out, bytes.size());
  out += bytes;
}

/// Writes a submessage, even if it is empty.
void put_message(std::string& out, Field field, std::string_view bytes) {
  put_tag(out, field, Wire::bytes);
  put_varint(out, bytes.size());
  out += bytes;
}

void put_number(std::string& out, Field field, std::uint64_t value) {
  if (value == 0) return;
  put_tag(out, field, Wire::varint);
  put_varint(out, value);
}

std::string digest_message(const Digest& digest, std::int64_t size) {
  std::string out;
  put_bytes(out, Field::digest_hash, digest.hex());
  put_number(out, Field::digest_size_bytes, static_cast<std::uint64_t>(size));
  return out;
}

Error malformed(std::string_view why) {
  return user_error(Code::invalid_argument, "not a canonical Directory message: " + std::string(why));
}

/// Reads the fields of one message.
class DirectoryMessageReader {
 public:
  explicit DirectoryMessageReader(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  Result<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return Fail(malformed("a number is truncated"));
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80) return value;
    }
    return Fail(malformed("a number is too long"));
  }

  Result<std::string_view> bytes() {
    SLUICE_TRY(length, varint());
    if (length > rest_.size()) return Fail(malformed("a field is truncated"));
    const auto out = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return out;
  }

 private:
  std::string_view rest_;
};

bool is(std::uint64_t tag, Field field, Wire wire) {
  return tag == (static_cast<unsigned>(field) << 3 | static_cast<unsigned>(wire));
}

struct DigestAndSize {
  Digest digest;
  std::int64_t size = 0;
};

Result<DigestAndSize> read_digest(std::string_view bytes) {
  DigestAndSize out;
  bool has_hash = false;
  for (DirectoryMessageReader reader(bytes); !reader.at_end();) {
    SLUICE_TRY(tag, reader.varint());
    if (is(tag, Field::digest_hash, Wire::bytes)) {
      SLUICE_TRY(hash, reader.bytes());
      SLUICE_TRY(digest, Digest::from_hex(hash));
      out.digest = digest;
      has_hash = true;
    } else if (is(tag, Field::digest_size_bytes, Wire::varint)) {
      SLUICE_TRY(size, reader.varint());
      if (size > static_cast<std::uint64_t>(INT64_MAX)) return Fail(malformed("a size is negative"));
      out.size = static_cast<std::int64_t>(size);
    } else {
      return Fail(malformed("unknown field in a digest"));
    }
  }
  if (!has_hash) return Fail(malformed("a digest without a hash"));
  return out;
}

/// A FileNode, and, without its last field, a DirectoryNode.
Result<Message::File> read_node(std::string_view bytes, bool is_file) {
  Message::File out;
  bool has_digest = false;
  for (DirectoryMessageReader reader(bytes); !reader.at_end();) {
    SLUICE_TRY(tag, reader.varint());
    if (is(tag, Field::node_name, Wire::bytes)) {
      SLUICE_TRY(name, reader.bytes());
      out.name = name;
    } else if (is(tag, Field::node_digest, Wire::bytes)) {
      SLUICE_TRY(inner, reader.bytes());
      SLUICE_TRY(digest, read_digest(inner));
      out.digest = digest.digest;
      out.size = digest.size;
      has_digest = true;
    } else if (is_file && is(tag, Field::file_is_executable, Wire::varint)) {
      SLUICE_TRY(value, reader.varint());
      out.executable = value != 0;
    } else {
      return Fail(malformed("unknown field in a file or folder"));
    }
  }
  if (!has_digest) return Fail(malformed("a child without a digest"));
  return out;
}

Result<Message::Symlink> read_symlink(std::string_view bytes) {
  Message::Symlink out;
  for (DirectoryMessageReader reader(bytes); !reader.at_end();) {
    SLUICE_TRY(tag, reader.varint());
    const bool is_name = is(tag, Field::node_name, Wire::bytes);
    if (!is_name && !is(tag, Field::symlink_target, Wire::bytes))
      return Fail(malformed("unknown field in a symlink"));
    SLUICE_TRY(text, reader.bytes());
    (is_name ? out.name : out.target) = text;
  }
  return out;
}

Result<void> check_name(std::string_view name, std::set<std::string_view>& seen) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos ||
      name.find('\0') != name.npos || !is_utf8(name))
    return Fail(user_error(Code::invalid_argument, "`" + percent_encode(name, " /") +
                                                       "` is not a valid file name in UTF-8; rename it"));
  if (!seen.insert(name).second)
    return Fail(user_error(Code::invalid_argument, "`" + std::string(name) + "` occurs twice in one folder"));
  return {};
}

Result<void> check(const Message& message) {
  std::set<std::string_view> seen;
  for (const auto& file : message.files) SLUICE_DO(check_name(file.name, seen));
  for (const auto& folder : message.folders) SLUICE_DO(check_name(folder.name, seen));
  for (const auto& symlink : message.symlinks) {
    SLUICE_DO(check_name(symlink.name, seen));
    if (symlink.target.empty() || symlink.target.find('\0') != std::string::npos || !is_utf8(symlink.target))
      return Fail(
          user_error(Code::invalid_argument, "symlink `" + symlink.name + "` has no valid target in UTF-8"));
  }
  return {};
}

}  // namespace

Result<std::string> encode(Message message) {
  SLUICE_DO(check(message));
  std::ranges::sort(message.files, {}, &Message::File::name);
  std::ranges::sort(message.folders, {}, &Message::Folder::name);
  std::ranges::sort(message.symlinks, {}, &Message::Symlink::name);
  std::string out;
  for (const auto& file : message.files) {
    std::string node;
    put_bytes(node, Field::node_name, file.name);
    put_message(node, Field::node_digest, digest_message(file.digest, file.size));
    put_number(node, Field::file_is_executable, file.executable ? 1 : 0);
    put_message(out, Field::directory_files, node);
  }
  for (const auto& folder : message.folders) {
    std::string node;
    put_bytes(node, Field::node_name, folder.name);
    put_message(node, Field::node_digest, digest_message(folder.digest, folder.size));
    put_message(out, Field::directory_directories, node);
  }
  for (const auto& symlink : message.symlinks) {
    std::string node;
    put_bytes(node, Field::node_name, symlink.name);
    put_bytes(node, Field::symlink_target, symlink.target);
    put_message(out, Field::directory_symlinks, node);
  }
  return out;
}

Result<Message> decode(std::string_view bytes) {
  Message out;
  for (DirectoryMessageReader reader(bytes); !reader.at_end();) {
    SLUICE_TRY(tag, reader.varint());
    SLUICE_TRY(inner, reader.bytes());
    if (is(tag, Field::directory_files, Wire::bytes)) {
      SLUICE_TRY(file, read_node(inner, true));
      out.files.push_back(std::move(file));
    } else if (is(tag, Field::directory_directories, Wire::bytes)) {
      SLUICE_TRY(node, read_node(inner, false));
      out.folders.push_back({.name = std::move(node.name), .digest = node.digest, .size = node.size});
    } else if (is(tag, Field::directory_symlinks, Wire::bytes)) {
      SLUICE_TRY(symlink, read_symlink(inner));
      out.symlinks.push_back(std::move(symlink));
    } else {
      return Fail(malformed("unknown field"));
    }
  }
  // This detects wrong order, duplicate fields, overlong numbers and default values that were written out.
  SLUICE_TRY(canonical, encode(out));
  if (canonical != bytes) return Fail(malformed("its fields are not in canonical order and form"));
  return out;
}

bool stays_inside(std::string_view target, std::size_t depth) {
  if (target.starts_with('/')) return false;
  bool below_a_name = false;
  for (std::size_t at = 0; at <= target.size();) {
    const auto end = std::min(target.find('/', at), target.size());
    const auto segment = target.substr(at, end - at);
    at = end + 1;
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      below_a_name = true;
      continue;
    }
    if (below_a_name || depth == 0) return false;
    --depth;
  }
  return true;
}

}  // namespace sluice::stores::directory
