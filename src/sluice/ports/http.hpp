#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/base/digest.hpp"
#include "sluice/base/ids.hpp"
#include "sluice/base/result.hpp"
#include "sluice/ports/access.hpp"

namespace sluice::ports {

/// One HTTP request as handlers see it. Header names are in lower case.
struct Request {
  std::string method;
  std::string path;                 ///< decoded, without the query
  std::vector<std::string> params;  ///< what the route's `{…}` matched, in order, decoded
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::filesystem::path
      body_file;  ///< routes with `body_to_file`: the body's bytes; removed after the handler has responded
  /// Routes with `hash_body`: waits for the SHA-256 of `body_file`. Not set, or nullopt: nobody has computed
  /// it.
  std::function<std::optional<Digest>()> body_digest = nullptr;
  Principal principal;
  std::optional<TaskCaller> task = {};  ///< Caller::task

  [[nodiscard]] std::string_view header(std::string_view name) const {
    for (const auto& [k, v] : headers)
      if (k == name) return v;
    return {};
  }
  [[nodiscard]] std::string_view query_at(std::string_view name) const {
    for (const auto& [k, v] : query)
      if (k == name) return v;
    return {};
  }
};

/// A response body that is produced in pieces, for as long as its source has more. It is pulled: for a client
/// that is slow or has disconnected, at most one piece is produced. Released once the body has ended or the
/// client has disconnected.
class Stream {
 public:
  using Piece = std::optional<std::string>;  ///< "" : nothing yet, ask again; nullopt: the body has ended
  virtual ~Stream() = default;
  /// Requests the next piece, once the previous one has been sent. Called on a thread where it may block for
  /// as long as reading takes; to wait for something else, call `done` later. `done` is called once, from any
  /// thread, also after the stream was destroyed. Destroying `done` without calling it truncates the body,
  /// and the client can detect that.
  virtual void next(std::move_only_function<void(Piece)> done) = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::filesystem::path body_file = {};      ///< not empty: the body is this file, streamed
  std::shared_ptr<Stream> stream = nullptr;  ///< not null: the body is what it produces
  std::string subject = {};  ///< of a change: what was changed; "": the first of the request's `params`
};

/// Sends the response. Called exactly once, from any thread, immediately or later.
using Responder = std::move_only_function<void(Response)>;
using Handler = std::function<void(Request, Responder)>;

struct Route {
  std::string method;
  std::string pattern;  ///< "/v2/models/{}/infer": each {} one segment; a {*} at the end: all that follow,
                        ///< joined by "/"
  Handler handler;
  std::size_t body_max = std::size_t{1} << 20;
  bool body_to_file = false;  ///< the body is streamed into a file instead of memory
  bool hash_body = false;     ///< Request::body_digest: of a large file, computed while it arrives
  /// Null: never. If it returns true for a request, the handler does not block and returns quickly: it may be
  /// called on the thread that reads the connection, which saves a switch to another thread. Called on that
  /// thread.
  std::function<bool(const Request&)> is_brief = nullptr;
  /// What a caller needs who is not the owner; nullopt: `read` for GET and HEAD, else `run`.
  std::optional<Role> role = std::nullopt;
  /// Also for tasks (Caller::task), whatever role is needed: the handler refuses what is not the task's.
  bool for_tasks = false;
  /// How a successful call is named in the log of changes, "endpoint.deploy"; "": it changes nothing that has
  /// a name.
  std::string change = {};

  [[nodiscard]] Role needed_role() const {
    return role.value_or(method == "GET" || method == "HEAD" ? Role::read : Role::run);
  }
};

/// A wire protocol: its routes, and how it writes an error of ours.
struct Protocol {
  std::string name;
  std::vector<Route> routes;
  std::function<Response(const Error&)> error;
};

}  // namespace sluice::ports
