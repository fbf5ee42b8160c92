#include "sluice/net/body_digest.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace sluice::net {
namespace {

std::atomic<int> under_way{0};

/// Small enough to stay in the cache of a core between being read and being hashed.
constexpr std::size_t block_bytes = std::size_t{256} << 10;

}  // namespace

std::shared_ptr<BodyDigest> BodyDigest::begin(const std::filesystem::path& file) {
  if (under_way.fetch_add(1) < at_once_max)
    if (const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW); opened >= 0)
      return std::shared_ptr<BodyDigest>(new BodyDigest(opened));
  under_way.fetch_sub(1);
  return nullptr;
}

BodyDigest::BodyDigest(int file)
    : file_(file), thread_([this](const std::stop_token& stop) { work(stop); }) {}

BodyDigest::~BodyDigest() {
  thread_.request_stop();
  thread_.join();
  ::close(file_);
  under_way.fetch_sub(1);
}

void BodyDigest::arrived(std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  const bool is_block = bytes / block_bytes > arrived_ / block_bytes;
  arrived_ = bytes;
  if (is_block) changed_.notify_all();
}

void BodyDigest::complete() {
  const std::scoped_lock lock(mutex_);
  complete_ = true;
  changed_.notify_all();
}

std::optional<Digest> BodyDigest::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ended_; });
  return digest_;
}

std::optional<std::uint64_t> BodyDigest::next(std::uint64_t done, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, stop, [&] { return complete_ || arrived_ - done >= block_bytes; }))
    return std::nullopt;
  return arrived_ - done;
}

void BodyDigest::end(std::optional<Digest> digest) {
  const std::scoped_lock lock(mutex_);
  digest_ = digest;
  ended_ = true;
  changed_.notify_all();
}

void BodyDigest::work(const std::stop_token& stop) {
  Hasher hasher;
  std::string block(block_bytes, '\0');
  std::uint64_t done = 0;
  for (;;) {
    const auto more = next(done, stop);
    if (!more) return end(std::nullopt);
    if (*more == 0) return end(hasher.finish());
    const auto got =
        ::pread(file_, block.data(), std::min<std::uint64_t>(*more, block.size()), static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return end(std::nullopt);
    hasher.update({block.data(), static_cast<std::size_t>(got)});
    done += static_cast<std::uint64_t>(got);
  }
}

}  // namespace sluice::net
