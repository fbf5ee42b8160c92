#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "sluice/base/value.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::app {

/// How a command reaches the platform. One thread.
class Backend {
 public:
  virtual ~Backend() = default;
  /// `target` is a path with its query, encoded. An answer of any status is a response; an Error means that
  /// none came.
  virtual Result<ports::Response> request(std::string_view method, const std::string& target,
                                          std::string body, const std::filesystem::path& body_file) = 0;
};

/// JSON in, JSON out. The API's errors become Errors again.
Result<Value> call(Backend& backend, std::string_view method, const std::string& target,
                   const Value& body = {});
Result<std::string> call_for_text(Backend& backend, const std::string& target);
Result<void> upload(Backend& backend, const std::string& target, const std::filesystem::path& file);

/// A server's.
Result<std::unique_ptr<Backend>> connect(const std::string& url, const std::string& token);
/// The same handlers, called in this process.
Result<std::unique_ptr<Backend>> local_backend(std::vector<ports::Protocol> protocols);

}  // namespace sluice::app
