#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/net/guard.hpp"
#include "sluice/net/router.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// A request's head as it came.
struct RequestHead {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  bool version_1_0 = false;
  std::optional<std::uint64_t> content_length;  ///< absent: none, or chunked
  bool chunked = false;
};

/// A request that may go on: its body is read next.
struct Admission {
  const ports::Route* route = nullptr;
  std::vector<std::string> segments;  ///< of its path, to write later errors by
  ports::Request request;             ///< all but the body
};

/// Decides about a request by its head alone, before memory is spent on its body. Frozen once made: any
/// thread may ask.
class Gate {
 public:
  Gate(Router router, Guard guard) : router_(std::move(router)), guard_(std::move(guard)) {}

  /// `local_ip`: the address at which the connection arrived. The refusal is an answer, ready to be sent.
  [[nodiscard]] std::expected<Admission, ports::Response> admit(RequestHead head,
                                                                std::string_view local_ip) const;

  /// An error about an admitted request, written as its protocol does.
  [[nodiscard]] ports::Response error(const Admission& admission, const Error& error) const {
    return router_.error(admission.segments, error);
  }

 private:
  Router router_;
  Guard guard_;
};

/// Code::too_large: the route takes shorter bodies.
Error body_too_large(const ports::Route& route);

}  // namespace sluice::net
