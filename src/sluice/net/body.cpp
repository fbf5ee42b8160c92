#include "sluice/net/body.hpp"

#include <atomic>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "sluice/net/gate.hpp"

namespace sluice::net {
namespace {

/// One string that grows to a large body is copied again and again, and leaves holes in the heap that are as
/// large as the budget of all bodies.
constexpr std::size_t piece_max = std::size_t{256} << 10;

/// A smaller file is hashed faster than a thread could help.
constexpr std::size_t hashed_from = std::size_t{4} << 20;

}  // namespace

Body::Body(const ports::Route& route, std::filesystem::path folder, BodyMemory& shared, ContentCoding coding)
    : route_(route), folder_(std::move(folder)), shared_(shared), coding_(coding) {}

Body::~Body() { drop(); }

void Body::drop() {
  shared_.release(std::exchange(reserved_, 0));
  size_ = 0;
  is_hashed_ = false;
  digest_.reset();
  pieces_ = {};
  decoder_.reset();
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  if (!file_.empty()) ::unlink(file_.c_str());
  file_.clear();
}

Result<void> Body::open() {
  if (descriptor_ >= 0) return {};
  static std::atomic<std::uint64_t> count{0};
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  const auto path = folder_ / ("body-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor_ < 0) return Fail(system_error("open " + path.string(), errno));
  file_ = path;
  return {};
}

Result<void> Body::reserve(std::size_t bytes) {
  if (!shared_.reserve(bytes))
    return Fail(environment_error(Code::unavailable, "too much request data is buffered; retry shortly"));
  reserved_ += bytes;
  return {};
}

Result<void> Body::add(std::string_view bytes) {
  return coding_ == ContentCoding::identity ? store(bytes) : decode(bytes);
}

Result<void> Body::decode(std::string_view bytes) {
  // Compressed data of any length may decompress to nothing.
  if (bytes.size() > route_.body_max - received_) return Fail(body_too_large(route_));
  received_ += bytes.size();
  if (!decoder_) {
    SLUICE_DO(reserve(Decoder::memory));
    decoder_.emplace(coding_);
  }
  return decoder_->add(bytes, [this](std::string_view decoded) { return store(decoded); });
}

Result<void> Body::store(std::string_view bytes) {
  if (bytes.size() > route_.body_max - size_) {
    auto error = body_too_large(route_);
    return Fail(decoder_ ? std::move(error).at("decompressed") : std::move(error));
  }
  if (!route_.body_to_file) {
    SLUICE_DO(reserve(bytes.size()));
    size_ += bytes.size();
    if (pieces_.empty() || pieces_.back().size() >= piece_max) pieces_.emplace_back();
    pieces_.back().append(bytes);
    return {};
  }
  size_ += bytes.size();
  SLUICE_DO(open());
  while (!bytes.empty()) {
    const auto written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Fail(system_error("write the request body to " + file_.string(), errno));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (route_.hash_body && size_ >= hashed_from && !std::exchange(is_hashed_, true))
    digest_ = BodyDigest::begin(file_);
  if (digest_) digest_->arrived(size_);
  return {};
}

std::string Body::take_memory() {
  if (pieces_.empty()) return {};
  if (pieces_.size() == 1) return std::move(pieces_.front());
  std::string whole;
  whole.reserve(size_);
  for (auto& piece : pieces_) whole += std::exchange(piece, {});
  return whole;
}

Result<void> Body::move_to(ports::Request& request) {
  if (decoder_) SLUICE_DO(decoder_->finish());
  if (!route_.body_to_file) {
    request.body = take_memory();
    return {};
  }
  SLUICE_DO(open());
  ::close(descriptor_);
  descriptor_ = -1;
  request.body_file = file_;
  if (digest_) {
    digest_->complete();
    request.body_digest = [digest = std::exchange(digest_, nullptr)] { return digest->wait(); };
  }
  return {};
}

}  // namespace sluice::net
