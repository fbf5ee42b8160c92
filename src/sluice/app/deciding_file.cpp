#include "sluice/app/deciding_file.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

using Id = std::array<char, 64>;  // zero-terminated

constexpr std::array<char, 8> magic{'S', 'L', 'U', 'I', 'D', 'E', 'C', '1'};
constexpr std::uint32_t deaths_max = 2;

void assign(Id& id, std::string_view text) {
  const auto length = std::min(text.size(), id.size() - 1);
  std::memcpy(id.data(), text.data(), length);
  id[length] = '\0';
}

std::string_view text_of(const Id& id) { return {id.data(), strnlen(id.data(), id.size())}; }

Error system_error(const std::filesystem::path& file) {
  return environment_error(Code::internal, file.string() + ": " + std::strerror(errno));
}

}  // namespace

struct DecidingFile::Record {
  std::array<char, 8> magic;
  std::atomic<std::uint32_t> is_deciding;
  std::uint32_t deaths;  ///< in a row, of processes that were deciding `suspect`
  Id deciding;
  Id suspect;
};

Result<std::unique_ptr<DecidingFile>> DecidingFile::open(const std::filesystem::path& file) {
  SLUICE_TRY(fd, os::open_file(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (ftruncate(fd.get(), sizeof(Record)) != 0) return Fail(system_error(file));
  void* mapped = mmap(nullptr, sizeof(Record), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (mapped == MAP_FAILED) return Fail(system_error(file));
  auto* record = static_cast<Record*>(mapped);
  if (record->magic != magic) {
    std::memset(mapped, 0, sizeof(Record));
    record->magic = magic;
  }
  if (record->is_deciding != 0) {
    const bool again = text_of(record->deciding) == text_of(record->suspect);
    record->deaths = again ? record->deaths + 1 : 1;
    record->suspect = record->deciding;
    record->is_deciding = 0;
  } else {
    record->deaths = 0;
  }
  return std::unique_ptr<DecidingFile>(new DecidingFile(record));
}

DecidingFile::~DecidingFile() { munmap(record_, sizeof(Record)); }

std::optional<RunId> DecidingFile::take_culprit() {
  if (record_->deaths < deaths_max) return std::nullopt;
  record_->deaths = 0;
  return RunId{std::string(text_of(record_->suspect))};
}

void DecidingFile::begin(const RunId& run) {
  assign(record_->deciding, run.text);
  record_->is_deciding.store(1, std::memory_order_release);
}

void DecidingFile::end() { record_->is_deciding.store(0, std::memory_order_release); }

}  // namespace sluice::app
