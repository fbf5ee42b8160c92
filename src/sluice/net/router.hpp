#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// Finds a request's route, segment by segment. A written segment goes before a `{}`. Frozen once made: any
/// thread may ask.
class Router {
 public:
  /// Two routes with the same method and pattern, or a pattern that is none, are a bug of ours:
  /// Code::internal, both named.
  static Result<Router> make(std::vector<ports::Protocol> protocols);
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  struct Match {
    const ports::Route* route = nullptr;  ///< null: none; then `allowed` says whether another method would do
    std::vector<std::string> params;
    std::vector<std::string> allowed;  ///< the methods of this path, sorted
  };
  /// HEAD finds GET's route where it has none of its own.
  [[nodiscard]] Match find(std::string_view method, const std::vector<std::string>& segments) const;

  /// Writes an error as the protocol does that shares the longest beginning with this path; {"error":
  /// MESSAGE} where none shares any.
  [[nodiscard]] ports::Response error(const std::vector<std::string>& segments, const Error& error) const;

 private:
  struct Node;
  Router();
  std::vector<std::unique_ptr<ports::Protocol>> protocols_;
  std::unique_ptr<Node> root_;
};

}  // namespace sluice::net
