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

struct BackendRequest {
  std::string method;
  std::string target;  ///< a path with its query, percent-encoded
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::filesystem::path body_file = {};  ///< not empty: the body
  std::filesystem::path save_to = {};  ///< not empty: the body of a 2xx response is written to this new file
};

/// A request whose response body is processed as it arrives.
struct StreamRequest {
  std::string method = "GET";
  std::string target;  ///< as in BackendRequest
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::function<bool(std::string_view)> on_bytes;  ///< false ends the request
  bool may_be_silent = false;                      ///< no timeout while the body is idle
};

/// How a command reaches the platform: a server, or handlers in this process. Used by one thread.
class Backend {
 public:
  virtual ~Backend() = default;
  /// A response with any status is a success; an Error means that there was no response.
  virtual Result<ports::Response> request(BackendRequest request) = 0;
  /// Blocks until the body has ended. With a status of 400 or more, the body is in the response.
  virtual Result<ports::Response> stream(const StreamRequest& request) = 0;
};

/// The error that a response with a status of 400 or more carries.
Error error_of(const ports::Response& response);
/// Calls the API with a JSON body; returns the JSON response. Error responses become Errors.
Result<Value> call(Backend& backend, std::string_view method, const std::string& target,
                   const Value& body = {});
Result<std::string> call_for_text(Backend& backend, const std::string& target);
/// Error responses become Errors; a body that was cut off is Code::unavailable.
Result<void> stream(Backend& backend, const StreamRequest& request);
Result<void> download(Backend& backend, const std::string& target, const std::filesystem::path& to);
Result<void> upload(Backend& backend, const std::string& target, const std::filesystem::path& file);

/// How a server is reached.
struct Reach {
  std::string url;
  std::string token = {};             ///< "": none
  std::filesystem::path ca = {};      ///< as in net::HttpClient::Options
  std::filesystem::path socket = {};  ///< likewise
};
/// The backend that uses a server.
Result<std::unique_ptr<Backend>> connect(const Reach& reach);
/// The backend that calls the same handlers in this process.
Result<std::unique_ptr<Backend>> local_backend(std::vector<ports::Protocol> protocols);

}  // namespace sluice::app
