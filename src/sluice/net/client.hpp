#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/clock.hpp"
#include "sluice/base/result.hpp"
#include "sluice/ports/http.hpp"

namespace sluice::net {

/// What a client asks.
struct Ask {
  std::string method = "GET";
  std::string target;  ///< "/v2/models/stamps?x=1", encoded
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::filesystem::path body_file = {};  ///< not empty: the body is this file, streamed
  std::filesystem::path save_to = {};    ///< not empty: the body of a 2xx answer goes to this new file
  /// Not empty: the body of a 2xx answer is handed over as it comes, and not kept. False ends the request.
  std::function<bool(std::string_view)> on_bytes = {};
  bool may_be_silent =
      false;  ///< such a body may say nothing for any time; a dead server is noticed by the system
};

/// One connection to a server, kept open between requests. Blocks; one thread at a time.
class HttpClient {
 public:
  struct Options {
    std::string url;  ///< "http://127.0.0.1:8080"
    std::optional<std::string> token;
    Milliseconds connect_timeout = std::chrono::seconds(5);
    Milliseconds answer_timeout = std::chrono::minutes(10);  ///< without any progress
    std::uint64_t body_max = std::uint64_t{256} << 20;       ///< of an answer that is kept in memory
  };

  /// Does not connect yet. Code::invalid_argument where the URL is none.
  static Result<HttpClient> make(Options options);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  /// Any status is a response; an Error means that there was none. Header names of the response are in lower
  /// case. A GET or HEAD is sent once more where a kept connection turns out to be dead.
  Result<ports::Response> request(const Ask& ask);

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::net
