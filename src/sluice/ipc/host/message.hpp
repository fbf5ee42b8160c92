#pragma once
#include <cstdint>
#include <string>
#include <variant>

#include "sluice/ipc/host/frame.hpp"

namespace sluice::host::protocol {

/// A request from the server.
struct Request {
  std::int64_t id = 0;
  std::string method;
  Value params = Struct{};
};

/// A response from the host.
struct Response {
  std::int64_t id = 0;
  Result<Value> outcome;
};

Value to_value(const Request& request);
Result<Request> request_from(const Value& json);

Value to_value(const Response& response);
Result<Response> response_from(const Value& json);

/// {"code", "blame", "message", "notes"?}
Value error_to_value(const Error& error);
/// Lenient: missing fields get defaults, so that an error is never lost.
Error error_from(const Value& json);

}  // namespace sluice::host::protocol
