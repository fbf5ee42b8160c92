#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// Takes a request's body in, in memory or in a file. One thread at a time.
class Body {
 public:
  /// `folder`: where files of routes with `body_to_file` go.
  Body(const ports::Route& route, std::filesystem::path folder);
  /// Removes the file.
  ~Body();
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  /// Code::too_large beyond the route's limit; what the disk said where it is full.
  Result<void> add(std::string_view bytes);
  /// Hands the bytes, or the file's path, to the request. The file stays as long as this object.
  Result<void> give_to(ports::Request& request);

 private:
  Result<void> open();

  const ports::Route& route_;
  std::filesystem::path folder_;
  std::size_t size_ = 0;
  std::string memory_;
  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace sluice::net
