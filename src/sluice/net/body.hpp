#pragma once
#include <atomic>
#include <filesystem>
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// What all bodies may hold in memory together. Any thread.
class BodyMemory {
 public:
  explicit BodyMemory(std::size_t most) : most_(most) {}
  bool take(std::size_t bytes) {
    if (held_.fetch_add(bytes) + bytes <= most_) return true;
    give_back(bytes);
    return false;
  }
  void give_back(std::size_t bytes) { held_.fetch_sub(bytes); }

 private:
  std::size_t most_;
  std::atomic<std::size_t> held_{0};
};

/// Takes a request's body in, in memory or in a file. One thread at a time.
class Body {
 public:
  /// `folder`: where files of routes with `body_to_file` go. `shared` outlives this; what is taken of it is
  /// given back at the end.
  Body(const ports::Route& route, std::filesystem::path folder, BodyMemory& shared);
  /// Removes the file.
  ~Body();
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  /// Code::too_large beyond the route's limit, Code::unavailable beyond what all may hold; what the disk said
  /// where it is full.
  Result<void> add(std::string_view bytes);
  /// Hands the bytes, or the file's path, to the request. The file stays until `drop`.
  Result<void> give_to(ports::Request& request);
  /// Lets go of what came so far: the request is refused, or answered. Once more does nothing.
  void drop();

 private:
  Result<void> open();

  const ports::Route& route_;
  std::filesystem::path folder_;
  BodyMemory& shared_;
  std::size_t size_ = 0;
  std::string memory_;
  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace sluice::net
