#include "sluice/app/commands/send_object.hpp"

#include <algorithm>
#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/base/json.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

constexpr std::int64_t whole_max = std::int64_t{64} << 20;
constexpr std::int64_t part_bytes = std::int64_t{8} << 20;
constexpr std::size_t asked_at_once = 10'000;
// For a server that restarts, or has enough to do with the uploads of others.
constexpr int failures_max = 60;
constexpr std::chrono::seconds retry_interval{1};

/// A large file on its way to the server.
class PartialUpload {
 public:
  PartialUpload(Backend& backend, const Digest& digest, const std::filesystem::path& file, os::UniqueFd fd,
                std::int64_t size)
      : backend_(backend), digest_(digest), file_(file), fd_(std::move(fd)), size_(size) {}

  Result<void> run() {
    for (int failures = 0;;) {
      auto done = id_.empty() ? begin() : send_part();
      if (done && *done) return {};
      if (done) {
        failures = 0;
        continue;
      }
      id_.clear();  // ask what has arrived
      if (!may_pass(done.error().code) || ++failures == failures_max)
        return Fail(std::move(done).error().at(fmt::format("send {}", os::printable(file_))));
      if (done.error().code != Code::conflict) std::this_thread::sleep_for(retry_interval);
    }
  }

 private:
  static bool may_pass(Code code) {
    // conflict, not found: another client sends the same bytes, or has sent all of them.
    return code == Code::unavailable || code == Code::exhausted || code == Code::deadline_exceeded ||
           code == Code::conflict || code == Code::not_found;
  }

  /// True: the server has the object already.
  Result<bool> begin() {
    Struct body;
    body.set("size", size_);
    body.set("digest", digest_.hex());
    SLUICE_TRY(response, call(backend_, "POST", "/v1/uploads", body));
    if (response.find("digest")) return true;
    id_ = response.text_at("upload");
    received_ = response.integer_at("received");
    return false;
  }

  /// True: it was the last one.
  Result<bool> send_part() {
    std::string bytes(static_cast<std::size_t>(std::clamp(size_ - received_, std::int64_t{0}, part_bytes)),
                      '\0');
    for (std::size_t have = 0; have < bytes.size();) {
      const auto got = ::pread(fd_.get(), bytes.data() + have, bytes.size() - have,
                               received_ + static_cast<std::int64_t>(have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Fail(system_error("read " + os::printable(file_), errno));
      if (got == 0)
        return Fail(environment_error(Code::data_loss, os::printable(file_) + ": shorter than it was"));
      have += static_cast<std::size_t>(got);
    }
    SLUICE_TRY(response, backend_.request({.method = "PATCH",
                                           .target = fmt::format("/v1/uploads/{}?offset={}", id_, received_),
                                           .headers = {{"content-type", "application/octet-stream"}},
                                           .body = std::move(bytes)}));
    if (response.status >= 400) return Fail(error_of(response));
    SLUICE_TRY(json, parse_json(response.body, "response"));
    if (json.find("digest")) return true;
    received_ = json.integer_at("received");
    return false;
  }

  Backend& backend_;
  const Digest digest_;
  const std::filesystem::path& file_;
  const os::UniqueFd fd_;
  const std::int64_t size_;
  std::string id_;  ///< "" : to be asked for
  std::int64_t received_ = 0;
};

}  // namespace

Result<std::vector<Digest>> missing_on_server(Backend& backend, const std::vector<Digest>& digests) {
  std::vector<Digest> out;
  for (std::size_t from = 0; from < digests.size(); from += asked_at_once) {
    List list;
    for (std::size_t i = from; i < std::min(from + asked_at_once, digests.size()); ++i)
      list.emplace_back(digests[i].hex());
    Struct body;
    body.set("digests", std::move(list));
    SLUICE_TRY(response, call(backend, "POST", "/v1/objects/missing", body));
    const auto* missing = response.find("missing");
    for (const auto& hex : missing && missing->is_list() ? *missing->if_list() : List()) {
      SLUICE_TRY(digest, Digest::from_hex(hex.if_string() ? *hex.if_string() : ""));
      out.push_back(digest);
    }
  }
  return out;
}

Result<void> send_object(Backend& backend, const Digest& digest, const std::filesystem::path& file) {
  SLUICE_TRY(fd, os::open_file(file, O_RDONLY));
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return Fail(system_error("stat " + os::printable(file), errno));
  if (status.st_size <= whole_max) return upload(backend, "/v1/objects/" + digest.hex(), file);
  return PartialUpload(backend, digest, file, std::move(fd), status.st_size).run();
}

}  // namespace sluice::app
