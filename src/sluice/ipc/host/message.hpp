#pragma once
#include <cstdint>
#include <optional>
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

/// From the host: the request is being worked on. `done` of `total` units; total 0: not known.
struct Progress {
  std::int64_t id = 0;
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::string unit;
  bool operator==(const Progress&) const = default;
};

Value to_value(const Progress& progress);
/// nullopt: the frame is a response.
std::optional<Progress> progress_from(const Value& json);

Value to_value(const Request& request);
Result<Request> request_from(const Value& json);

Value to_value(const Response& response);
Result<Response> response_from(const Value& json);

/// {"code", "blame", "message", "notes"?}
Value error_to_value(const Error& error);
/// Lenient: missing fields get defaults, so that an error is never lost.
Error error_from(const Value& json);

}  // namespace sluice::host::protocol
