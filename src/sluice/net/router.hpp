#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// Finds the route of a request, segment by segment. A literal segment takes precedence over `{}`,
/// and that over `{*}`. Immutable,
/// and therefore thread-safe.
class Router {
 public:
  /// Two routes with the same method and pattern, or an invalid pattern, are a bug in this program:
  /// Code::internal, with the route in the message.
  static Result<Router> make(std::vector<ports::Protocol> protocols);
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  struct Match {
    const ports::Route* route =
        nullptr;  ///< null if none matches; `allowed` then shows whether another method would
    std::vector<std::string> params;
    std::vector<std::string> allowed;  ///< the methods of this path, sorted
  };
  /// HEAD finds the route of GET if it has none of its own.
  [[nodiscard]] Match find(std::string_view method, const std::vector<std::string>& segments) const;

  /// The error in the form of the protocol that shares the longest prefix with this path; {"error": MESSAGE}
  /// if none does.
  [[nodiscard]] ports::Response error(const std::vector<std::string>& segments, const Error& error) const;

 private:
  struct Node;
  Router();
  std::vector<std::unique_ptr<ports::Protocol>> protocols_;
  std::unique_ptr<Node> root_;
};

}  // namespace sluice::net
