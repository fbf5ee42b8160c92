#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/value.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::app {

/// A body that is taken as it comes.
struct Listening {
  std::string target;  ///< as of `Backend::request`; GET
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::function<bool(std::string_view)> on_bytes;  ///< false ends the request
  bool may_be_silent = false;                      ///< no bytes for a long time mean nothing
};

/// How a command reaches the platform. One thread.
class Backend {
 public:
  virtual ~Backend() = default;
  /// `target` is a path with its query, encoded. An answer of any status is a response; an Error means that
  /// none came.
  virtual Result<ports::Response> request(std::string_view method, const std::string& target,
                                          std::string body, const std::filesystem::path& body_file) = 0;
  /// Blocks until the body has ended. A status of 400 or more has its body in the response.
  virtual Result<ports::Response> listen(const Listening& listening) = 0;
};

/// JSON in, JSON out. The API's errors become Errors again.
Result<Value> call(Backend& backend, std::string_view method, const std::string& target,
                   const Value& body = {});
Result<std::string> call_for_text(Backend& backend, const std::string& target);
/// The API's errors become Errors again; one where the body was cut off is Code::unavailable.
Result<void> listen(Backend& backend, const Listening& listening);
Result<void> upload(Backend& backend, const std::string& target, const std::filesystem::path& file);

/// A server's.
Result<std::unique_ptr<Backend>> connect(const std::string& url, const std::string& token);
/// The same handlers, called in this process.
Result<std::unique_ptr<Backend>> local_backend(std::vector<ports::Protocol> protocols);

}  // namespace sluice::app
