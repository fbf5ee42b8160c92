#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/net/codings.hpp"
#include "sluice/net/guard.hpp"
#include "sluice/net/router.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// A request's head as it was received.
struct RequestHead {
  std::string method;
  std::string target;
  Headers headers;
  bool version_1_0 = false;
  std::optional<std::uint64_t> content_length;  ///< absent: none, or chunked
  bool chunked = false;
};

/// A request that was admitted: its body is read next.
struct Admission {
  const ports::Route* route = nullptr;
  std::vector<std::string> segments;  ///< of its path; selects the protocol that writes later errors
  ContentCoding coding = ContentCoding::identity;  ///< of its body
  ports::Request
      request;  ///< all but the body, and without the header Content-Encoding, which handlers need not know
};

/// Admits or refuses a request by its head alone, before memory is spent on its body. Immutable, and
/// therefore thread-safe.
class Gate {
 public:
  Gate(Router router, Guard guard) : router_(std::move(router)), guard_(std::move(guard)) {}

  /// How a request arrived.
  struct Source {
    std::string local_ip;   ///< the address at which its connection arrived
    bool is_owner = false;  ///< the process at the other end is one of the server's own user
  };
  /// A refusal is a response, ready to be sent. The owner needs no token, except through a proxy: that speaks
  /// for strangers. Others need one whose role the route asks for.
  [[nodiscard]] std::expected<Admission, ports::Response> admit(RequestHead head, const Source& source) const;

  /// The error response for an admitted request, in the form of its protocol.
  [[nodiscard]] ports::Response error(const Admission& admission, const Error& error) const {
    return router_.error(admission.segments, error);
  }

 private:
  Router router_;
  Guard guard_;
};

/// Code::too_large: the body exceeds the route's limit.
Error body_too_large(const ports::Route& route);

}  // namespace sluice::net
