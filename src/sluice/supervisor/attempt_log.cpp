#include "sluice/supervisor/attempt_log.hpp"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <unistd.h>

#include "sluice/ipc/supervisor/bytes.hpp"
#include "sluice/ipc/supervisor/codec.hpp"

namespace sluice::supervisor {
namespace {

constexpr std::size_t file_bytes_max = std::size_t{1} << 30;
constexpr std::uint64_t rewrite_bytes_min = std::uint64_t{1} << 20;
constexpr std::size_t forgotten_max = 10'000;
constexpr std::size_t ends_max = 100'000;
constexpr std::size_t head_bytes = 8;

enum class Kind : std::uint8_t { boot, begin, forked, withdraw, end, forget };

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1U) != 0 ? (value >> 1) ^ 0xedb88320U : value >> 1;
    table[i] = value;
  }
  return table;
}();

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) crc = crc_table[(crc ^ static_cast<unsigned char>(c)) & 0xffU] ^ (crc >> 8);
  return ~crc;
}

std::string framed(const std::string& record) {
  ByteWriter out;
  out.integer(static_cast<std::uint32_t>(record.size()));
  out.integer(crc32(record));
  return out.bytes() + record;
}

std::string boot_record(const std::string& boot_id, std::uint64_t last_number) {
  ByteWriter out;
  out.integer(Kind::boot);
  out.text(boot_id);
  out.integer(last_number);
  return out.bytes();
}

std::string begin_record(const std::string& fence, const std::string& leaf, std::int64_t now_ms) {
  ByteWriter out;
  out.integer(Kind::begin);
  out.text(fence);
  out.text(leaf);
  out.integer(now_ms);
  return out.bytes();
}

std::string forked_record(const std::string& fence, pid_t pid, std::uint64_t ticks) {
  ByteWriter out;
  out.integer(Kind::forked);
  out.text(fence);
  out.integer(pid);
  out.integer(ticks);
  return out.bytes();
}

std::string fence_record(Kind kind, const std::string& fence) {
  ByteWriter out;
  out.integer(kind);
  out.text(fence);
  return out.bytes();
}

/// The message that reports an end, as it is sent over the socket too.
std::string end_record(const Ended& ended) {
  ByteWriter out;
  out.integer(Kind::end);
  out.text(std::string_view(encode(Response(ended))).substr(4));
  return out.bytes();
}

}  // namespace

Result<AttemptLog> AttemptLog::open(const std::filesystem::path& file, const std::string& boot_id) {
  AttemptLog log(file, boot_id);
  if (os::exists(file)) {
    SLUICE_TRY(bytes, os::read_file(file, file_bytes_max));
    std::string_view rest = bytes;
    while (rest.size() >= head_bytes) {
      ByteReader head(rest);
      const auto length = head.integer<std::uint32_t>();
      const auto crc = head.integer<std::uint32_t>();
      if (rest.size() - head_bytes < length) break;  // torn: the process died in the middle of the write
      const auto record = rest.substr(head_bytes, length);
      if (crc32(record) != crc) break;
      log.apply(record);
      rest.remove_prefix(head_bytes + length);
    }
  }
  // Pids and cgroups of an earlier boot belong to other processes now.
  if (!log.same_boot_)
    for (auto& [fence, begun] : log.begun_) begun = {.started_ms = begun.started_ms};
  SLUICE_DO(log.rewrite());
  return log;
}

void AttemptLog::apply(std::string_view record) {
  ByteReader in(record);
  const auto kind = in.one_of(Kind::forget);
  if (!in.good()) return;  // of a later version
  switch (kind) {
    case Kind::boot:
      same_boot_ = in.text() == boot_id_;
      last_number_ = std::max(last_number_, in.integer<std::uint64_t>());
      return;
    case Kind::begin: {
      const auto fence = in.text();
      Begun begun{.leaf = in.text()};
      begun.started_ms = in.integer<std::int64_t>();
      if (in.done()) begun_.insert_or_assign(fence, std::move(begun));
      return;
    }
    case Kind::forked: {
      const auto found = begun_.find(in.text());
      const auto pid = in.integer<pid_t>();
      const auto ticks = in.integer<std::uint64_t>();
      if (found == begun_.end() || !in.done()) return;
      found->second.pid = pid;
      found->second.ticks = ticks;
      return;
    }
    case Kind::withdraw: begun_.erase(in.text()); return;
    case Kind::end: {
      const auto response = decode_response(in.text());
      const auto* ended = response ? std::get_if<Ended>(&*response) : nullptr;
      if (ended == nullptr) return;
      begun_.erase(ended->fence);
      last_number_ = std::max(last_number_, ended->number);
      number_of_.insert_or_assign(ended->fence, ended->number);
      ends_.insert_or_assign(ended->number, *ended);
      return;
    }
    case Kind::forget: {
      const auto fence = in.text();
      if (const auto found = number_of_.find(fence); found != number_of_.end()) {
        ends_.erase(found->second);
        number_of_.erase(found);
      }
      remember_forgotten(fence);
      return;
    }
  }
}

const Ended* AttemptLog::ended(const std::string& fence) const {
  const auto found = number_of_.find(fence);
  return found == number_of_.end() ? nullptr : &ends_.at(found->second);
}

Result<void> AttemptLog::begin(const std::string& fence, const std::string& leaf, std::int64_t now_ms) {
  // In memory first, here and below: an append may rewrite the whole file from memory.
  begun_.insert_or_assign(fence, Begun{.leaf = leaf, .pid = 0, .ticks = 0, .started_ms = now_ms});
  append(begin_record(fence, leaf, now_ms));
  if (written_) return {};
  const int why = errno;
  begun_.erase(fence);
  return Fail(system_error("write " + file_.string(), why));
}

void AttemptLog::forked(const std::string& fence, pid_t pid, std::uint64_t ticks) {
  const auto found = begun_.find(fence);
  if (found == begun_.end()) return;
  found->second.pid = pid;
  found->second.ticks = ticks;
  append(forked_record(fence, pid, ticks));
}

void AttemptLog::withdraw(const std::string& fence) {
  if (begun_.erase(fence) > 0) append(fence_record(Kind::withdraw, fence));
}

const Ended& AttemptLog::end(Ended ended) {
  begun_.erase(ended.fence);
  ended.number = ++last_number_;
  drop_oldest();
  number_of_.insert_or_assign(ended.fence, ended.number);
  const auto& kept = ends_.insert_or_assign(ended.number, std::move(ended)).first->second;
  append(end_record(kept));
  return kept;
}

void AttemptLog::forget(const std::string& fence) {
  const auto found = number_of_.find(fence);
  if (found == number_of_.end()) return;
  ends_.erase(found->second);
  number_of_.erase(found);
  remember_forgotten(fence);
  append(fence_record(Kind::forget, fence));
}

void AttemptLog::remember_forgotten(const std::string& fence) {
  if (!forgotten_.insert(fence).second) return;
  forgotten_order_.push_back(fence);
  while (forgotten_order_.size() > forgotten_max) {
    forgotten_.erase(forgotten_order_.front());
    forgotten_order_.pop_front();
  }
}

void AttemptLog::drop_oldest() {
  while (ends_.size() >= ends_max) {
    number_of_.erase(ends_.begin()->second.fence);
    remember_forgotten(ends_.begin()->second.fence);
    ends_.erase(ends_.begin());
  }
}

void AttemptLog::append(const std::string& record) {
  const auto bytes = framed(record);
  written_ = os::write_fd(fd_.get(), bytes).has_value();
  if (!written_) {
    // What follows an incomplete record could not be read: truncate it, and keep errno for the caller.
    const int why = errno;
    static_cast<void>(ftruncate(fd_.get(), static_cast<off_t>(size_)) == 0);
    errno = why;
    return;
  }
  size_ += bytes.size();
  // If the file cannot be rewritten, it is still appended to.
  if (size_ > rewrite_at_) static_cast<void>(rewrite());
}

Result<void> AttemptLog::rewrite() {
  std::string bytes = framed(boot_record(boot_id_, last_number_));
  for (const auto& fence : forgotten_order_) bytes += framed(fence_record(Kind::forget, fence));
  for (const auto& [number, ended] : ends_) bytes += framed(end_record(ended));
  for (const auto& [fence, begun] : begun_) {
    bytes += framed(begin_record(fence, begun.leaf, begun.started_ms));
    if (begun.pid != 0) bytes += framed(forked_record(fence, begun.pid, begun.ticks));
  }
  rewrite_at_ = std::max(rewrite_bytes_min, 2 * bytes.size());
  SLUICE_DO(os::write_file_atomically(file_, bytes, os::Sync::no, 0600));
  SLUICE_TRY(fd, os::open_file(file_, O_WRONLY | O_APPEND));
  fd_ = std::move(fd);
  size_ = bytes.size();
  return {};
}

}  // namespace sluice::supervisor
