#include "sluice/stores/directory/digest_cache.hpp"

#include <array>
#include <sstream>
#include <string_view>

#include <fcntl.h>

#include "sluice/base/numbers.hpp"
#include "sluice/os/files.hpp"

namespace sluice::stores::directory {
namespace {

constexpr std::size_t entries_max = 1'000'000;
constexpr std::size_t file_bytes_max = std::size_t{512} << 20;
constexpr std::chrono::seconds timestamp_margin{2};

std::string line_of(const FileIdentity& id, const Digest& digest) {
  return "1 " + std::to_string(id.device) + " " + std::to_string(id.inode) + " " + std::to_string(id.size) +
         " " + std::to_string(id.modified_ns) + " " + std::to_string(id.changed_ns) + " " + digest.hex() +
         "\n";
}

/// Exactly the fields that `line_of` writes, so that a line truncated by a crash, alone or with the next one
/// joined to it, is never accepted.
bool read_line(std::string_view line, FileIdentity& id, Digest& digest) {
  std::array<std::string_view, 7> fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto end = line.find(' ');
    if ((end == std::string_view::npos) != (i + 1 == fields.size())) return false;
    fields[i] = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  const auto number = [&]<typename T>(std::size_t i, T& value) {
    const auto read_number = parse_integer<T>(fields[i]);
    value = read_number.value_or(0);
    return read_number.has_value();
  };
  auto read = Digest::from_hex(fields[6]);
  if (fields[0] != "1" || !read || !number(1, id.device) || !number(2, id.inode) || !number(3, id.size) ||
      !number(4, id.modified_ns) || !number(5, id.changed_ns))
    return false;
  digest = *read;
  return true;
}

std::int64_t nanoseconds(const struct timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

FileIdentity FileIdentity::of(const struct stat& info) {
  return {.device = info.st_dev,
          .inode = info.st_ino,
          .size = info.st_size,
          .modified_ns = nanoseconds(info.st_mtim),
          .changed_ns = nanoseconds(info.st_ctim)};
}

void DigestCache::load_once() {
  if (loaded_) return;
  loaded_ = true;
  const auto text = os::read_file(file_, file_bytes_max);
  if (!text) return;
  std::size_t lines = 0;
  for (std::string_view rest = *text; !rest.empty(); ++lines) {
    const auto end = rest.find('\n');
    Entry entry;
    if (end != std::string_view::npos && read_line(rest.substr(0, end), entry.identity, entry.digest))
      known_.insert_or_assign({entry.identity.device, entry.identity.inode}, entry);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  if (known_.size() > entries_max) known_.clear();
  if (lines <= 2 * known_.size() + 1000) return;
  std::string compact;
  for (const auto& [key, entry] : known_) compact += line_of(entry.identity, entry.digest);
  // Lines that another process appends meanwhile may be lost: it will read those files once more.
  static_cast<void>(os::write_file_atomically(file_, compact, os::Sync::no));
}

std::optional<Digest> DigestCache::find(const FileIdentity& identity) {
  const std::scoped_lock lock(mutex_);
  load_once();
  const auto found = known_.find({identity.device, identity.inode});
  if (found == known_.end() || found->second.identity != identity) return std::nullopt;
  return found->second.digest;
}

void DigestCache::remember(const FileIdentity& identity, const Digest& digest, Time began) {
  const auto newest = std::max(identity.modified_ns, identity.changed_ns);
  const auto limit = std::chrono::nanoseconds((began - timestamp_margin).time_since_epoch()).count();
  if (newest >= limit) return;
  const std::scoped_lock lock(mutex_);
  load_once();
  if (known_.size() >= entries_max) known_.clear();
  known_.insert_or_assign({identity.device, identity.inode}, Entry{identity, digest});
  unsaved_ += line_of(identity, digest);
}

void DigestCache::save() {
  std::string lines;
  {
    const std::scoped_lock lock(mutex_);
    lines.swap(unsaved_);
  }
  if (lines.empty()) return;
  // One append: the lines of several processes never interleave.
  if (auto fd = os::open_file(file_, O_WRONLY | O_CREAT | O_APPEND, 0600))
    static_cast<void>(os::write_fd(fd->get(), lines));
}

}  // namespace sluice::stores::directory
