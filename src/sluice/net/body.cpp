#include "sluice/net/body.hpp"

#include <atomic>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "sluice/net/gate.hpp"

namespace sluice::net {

Body::Body(const ports::Route& route, std::filesystem::path folder, BodyMemory& shared)
    : route_(route), folder_(std::move(folder)), shared_(shared) {}

Body::~Body() { drop(); }

void Body::drop() {
  if (!route_.body_to_file) shared_.release(size_);
  size_ = 0;
  memory_ = {};
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

Result<void> Body::add(std::string_view bytes) {
  if (bytes.size() > route_.body_max - size_) return Fail(body_too_large(route_));
  if (!route_.body_to_file) {
    if (!shared_.reserve(bytes.size()))
      return Fail(environment_error(Code::unavailable, "too much request data is buffered; retry shortly"));
    size_ += bytes.size();
    memory_.append(bytes);
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
  return {};
}

Result<void> Body::move_to(ports::Request& request) {
  if (!route_.body_to_file) {
    request.body = std::move(memory_);
    return {};
  }
  SLUICE_DO(open());
  ::close(descriptor_);
  descriptor_ = -1;
  request.body_file = file_;
  return {};
}

}  // namespace sluice::net
