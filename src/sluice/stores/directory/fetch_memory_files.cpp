#include "sluice/stores/directory/fetch_memory_files.hpp"

#include "sluice/base/json.hpp"
#include "sluice/base/log.hpp"
#include "sluice/os/files.hpp"

namespace sluice::stores {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t file_bytes_max = 4096;

class FetchMemoryFiles final : public ports::FetchMemory {
 public:
  FetchMemoryFiles(fs::path folder, Random& random, std::size_t files_max)
      : folder_(std::move(folder)), random_(random), files_max_(files_max) {}

  [[nodiscard]] std::optional<Fetched> find(const Digest& key) const override {
    const auto text = os::read_file(folder_ / key.hex(), file_bytes_max);
    if (!text) return std::nullopt;
    const auto json = parse_json(*text);
    if (!json) return std::nullopt;
    const auto digest = Digest::from_hex(json->text_at("digest"));
    if (!digest || json->text_at("etag").empty()) return std::nullopt;
    return Fetched{.etag = json->text_at("etag"), .digest = *digest, .size = json->integer_at("size")};
  }

  void remember(const Digest& key, const Fetched& fetched) override {
    Struct json;
    json.set("etag", fetched.etag);
    json.set("digest", fetched.digest.hex());
    json.set("size", fetched.size);
    if (const auto done = write(key, to_json(Value(std::move(json)))); !done)
      log::warning("what was fetched is not remembered, and will be fetched again: " + done.error().message);
  }

 private:
  [[nodiscard]] Result<void> write(const Digest& key, const std::string& text) {
    SLUICE_DO(os::make_directories(folder_));
    SLUICE_TRY(entries, os::list_directory(folder_));
    if (entries.size() >= files_max_)
      SLUICE_DO(os::remove_tree(folder_ / entries[random_.next() % entries.size()].name));
    return os::write_file_atomically(folder_ / key.hex(), text, os::Sync::no, 0600);
  }

  const fs::path folder_;
  Random& random_;
  const std::size_t files_max_;
};

}  // namespace

std::unique_ptr<ports::FetchMemory> fetch_memory_files(fs::path folder, Random& random,
                                                       std::size_t files_max) {
  return std::make_unique<FetchMemoryFiles>(std::move(folder), random, files_max);
}

}  // namespace sluice::stores
