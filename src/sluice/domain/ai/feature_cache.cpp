#include "sluice/domain/ai/feature_cache.hpp"

#include <cerrno>
#include <cmath>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::ai {
namespace {

constexpr std::int64_t bytes_max = std::int64_t{4} << 30;

struct IndexEntry {
  Digest picture;
  std::uint64_t check = 0;
};
static_assert(sizeof(IndexEntry) == 40);

std::string_view bytes_of(std::span<const float> row) {
  return {reinterpret_cast<const char*>(row.data()), row.size_bytes()};
}

std::uint64_t check_of(std::span<const float> row) {
  const auto digest = Digest::of(bytes_of(row));
  std::uint64_t check = 0;
  std::memcpy(&check, digest.bytes.data(), sizeof check);
  return check;
}

std::int64_t size_of(int fd) {
  struct stat info{};
  return fstat(fd, &info) == 0 ? info.st_size : 0;
}

}  // namespace

FeatureCache::File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

Result<FeatureCache::File> FeatureCache::open_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Fail(system_error("open " + path.string(), errno));
  return File(fd);
}

Result<FeatureCache> FeatureCache::open(const std::filesystem::path& folder, std::size_t columns) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return Fail(system_error("make " + folder.string(), failed.value()));
  SLUICE_TRY(index, open_file(folder / "index"));
  if (flock(index.get(), LOCK_EX | LOCK_NB) != 0) return Fail(system_error("lock " + folder.string(), errno));
  SLUICE_TRY(rows, open_file(folder / "rows"));
  FeatureCache cache(std::move(index), std::move(rows), columns);
  SLUICE_DO(cache.read_index());
  return cache;
}

Result<void> FeatureCache::read_index() {
  // A row is written before its entry of the index, so what is beyond the last whole entry was never used.
  const auto rows = size_of(rows_.get()) / row_bytes();
  count_ = std::min(size_of(index_.get()) / static_cast<std::int64_t>(sizeof(IndexEntry)), rows);
  if (rows * row_bytes() > bytes_max) count_ = 0;
  if (ftruncate(index_.get(), count_ * static_cast<std::int64_t>(sizeof(IndexEntry))) != 0 ||
      ftruncate(rows_.get(), count_ * row_bytes()) != 0)
    return Fail(system_error("shorten a cache of features", errno));
  std::vector<IndexEntry> entries(static_cast<std::size_t>(count_));
  const auto bytes = entries.size() * sizeof(IndexEntry);
  if (pread(index_.get(), entries.data(), bytes, 0) != static_cast<ssize_t>(bytes))
    return Fail(system_error("read a cache of features", errno));
  places_.reserve(entries.size());
  for (std::int64_t row = 0; row < count_; ++row) {
    const auto& entry = entries[static_cast<std::size_t>(row)];
    places_[entry.picture] = {.row = row, .check = entry.check};
  }
  return {};
}

bool FeatureCache::find(const Digest& picture, std::span<float> row) const {
  const auto found = places_.find(picture);
  if (found == places_.end()) return false;
  const auto got = pread(rows_.get(), row.data(), row.size_bytes(), found->second.row * row_bytes());
  return got == static_cast<ssize_t>(row.size_bytes()) && check_of(row) == found->second.check;
}

void FeatureCache::add(const Digest& picture, std::span<const float> row) {
  if (full_ || (count_ + 1) * row_bytes() > bytes_max) return;
  const IndexEntry entry{.picture = picture, .check = check_of(row)};
  const auto bytes = bytes_of(row);
  full_ = pwrite(rows_.get(), bytes.data(), bytes.size(), count_ * row_bytes()) !=
              static_cast<ssize_t>(bytes.size()) ||
          pwrite(index_.get(), &entry, sizeof entry, count_ * static_cast<std::int64_t>(sizeof entry)) !=
              static_cast<ssize_t>(sizeof entry);
  if (full_) return;
  places_[picture] = {.row = count_, .check = entry.check};
  ++count_;
}

}  // namespace sluice::ai
