#include "sluice/app/backend.hpp"

#include <future>
#include <utility>

#include "sluice/base/json.hpp"
#include "sluice/net/client.hpp"
#include "sluice/net/router.hpp"
#include "sluice/net/target.hpp"
#include "sluice/os/files.hpp"

namespace sluice::app {
namespace {

/// Turns an error response into an Error.
Result<ports::Response> checked(Result<ports::Response> response) {
  if (response && response->status >= 400) return Fail(error_of(*response));
  return response;
}

class RemoteBackend final : public Backend {
 public:
  explicit RemoteBackend(net::HttpClient client) : client_(std::move(client)) {}
  Result<ports::Response> request(BackendRequest request) override {
    return client_.request({.method = std::move(request.method),
                            .target = std::move(request.target),
                            .headers = std::move(request.headers),
                            .body = std::move(request.body),
                            .body_file = std::move(request.body_file),
                            .save_to = std::move(request.save_to)});
  }
  Result<ports::Response> stream(const StreamRequest& request) override {
    return client_.request({.method = request.method,
                            .target = request.target,
                            .headers = request.headers,
                            .body = request.body,
                            .on_bytes = request.on_bytes,
                            .may_be_silent = request.may_be_silent});
  }

 private:
  net::HttpClient client_;
};

class LocalBackend final : public Backend {
 public:
  explicit LocalBackend(net::Router router) : router_(std::move(router)) {}

  Result<ports::Response> request(BackendRequest request) override {
    const auto save_to = std::move(request.save_to);
    SLUICE_TRY(response, handle(std::move(request)));
    if (save_to.empty() || response.status >= 300) return response;
    if (response.body_file.empty()) {
      SLUICE_DO(os::write_file(save_to, response.body));
    } else {
      SLUICE_DO(os::copy_file(response.body_file, save_to));
    }
    response.body_file = save_to;
    return response;
  }

  Result<ports::Response> stream(const StreamRequest& request) override {
    SLUICE_TRY(response, handle({.method = request.method,
                                 .target = request.target,
                                 .headers = request.headers,
                                 .body = request.body}));
    for (bool more = response.stream != nullptr; more;) {
      // Shared: the callback may still hold the promise after its piece was received.
      auto promise = std::make_shared<std::promise<ports::Stream::Piece>>();
      auto next = promise->get_future();
      response.stream->next([promise](ports::Stream::Piece piece) { promise->set_value(std::move(piece)); });
      promise.reset();
      try {
        const auto piece = next.get();
        more = piece && (piece->empty() || request.on_bytes(*piece));
      } catch (const std::future_error&) {
        return Fail(
            environment_error(Code::unavailable, "the response to " + request.target + " was cut off"));
      }
    }
    return response;
  }

 private:
  Result<ports::Response> handle(BackendRequest asked) {
    SLUICE_TRY(parsed, net::parse_target(asked.target));
    auto match = router_.find(asked.method, parsed.segments);
    if (!match.route) return Fail(internal_error(Code::internal, "no route for " + asked.target));
    ports::Request request{.method = std::move(asked.method),
                           .path = parsed.path,
                           .params = std::move(match.params),
                           .query = std::move(parsed.query),
                           .headers = std::move(asked.headers),
                           .body = std::move(asked.body),
                           .body_file = std::move(asked.body_file),
                           .principal = ports::owner().principal};
    auto promise = std::make_shared<std::promise<ports::Response>>();
    auto response = promise->get_future();
    match.route->handler(std::move(request),
                         [promise](ports::Response given) { promise->set_value(std::move(given)); });
    return response.get();
  }

  net::Router router_;
};

}  // namespace

Error error_of(const ports::Response& response) {
  auto message = "the server responded with status " + std::to_string(response.status);
  auto error = response.status >= 500 ? environment_error(Code::unavailable, std::move(message))
                                      : user_error(Code::invalid_argument, std::move(message));
  const auto body = parse_json(response.body, "response");
  if (!body) return error;
  const auto* inner = body->find("error");
  if (!inner) return error;
  if (const auto* text = inner->if_string()) error.message = *text;  // Open Inference Protocol
  if (inner->is_struct()) {
    error.code = code_named(inner->text_at("code"));
    error.message = inner->text_at("message", error.message);
    const auto blame = inner->text_at("blame");
    error.blame = blame == "user" ? Blame::user : blame == "environment" ? Blame::environment : Blame::sluice;
    if (const auto* notes = inner->find("notes"); notes && notes->is_list())
      for (const auto& note : *notes->if_list())
        if (const auto* text = note.if_string()) error.notes.push_back(*text);
  }
  return error;
}

Result<Value> call(Backend& backend, std::string_view method, const std::string& target, const Value& body) {
  BackendRequest request{.method = std::string(method), .target = target};
  if (!body.is_null()) {
    request.headers.emplace_back("content-type", "application/json");
    request.body = to_json(body);
  }
  SLUICE_TRY(response, checked(backend.request(std::move(request))));
  return parse_json(response.body, "response", {.depth_max = 1000, .bytes_max = std::size_t{1} << 30});
}

Result<void> download(Backend& backend, const std::string& target, const std::filesystem::path& to) {
  SLUICE_TRY(response, checked(backend.request({.method = "GET", .target = target, .save_to = to})));
  return {};
}

Result<void> upload(Backend& backend, const std::string& target, const std::filesystem::path& file) {
  SLUICE_TRY(response, checked(backend.request({.method = "PUT", .target = target, .body_file = file})));
  return {};
}

Result<std::string> call_for_text(Backend& backend, const std::string& target) {
  SLUICE_TRY(response, checked(backend.request({.method = "GET", .target = target})));
  if (!response.body_file.empty()) return os::read_file(response.body_file, std::size_t{1} << 30);
  return std::move(response.body);
}

Result<void> stream(Backend& backend, const StreamRequest& request) {
  SLUICE_TRY(response, checked(backend.stream(request)));
  return {};
}

Result<std::unique_ptr<Backend>> connect(const Reach& reach) {
  SLUICE_TRY(client,
             net::HttpClient::make({.url = reach.url,
                                    .token = reach.token.empty() ? std::nullopt : std::optional(reach.token),
                                    .ca = reach.ca,
                                    .socket = reach.socket}));
  return std::make_unique<RemoteBackend>(std::move(client));
}

Result<std::unique_ptr<Backend>> local_backend(std::vector<ports::Protocol> protocols) {
  SLUICE_TRY(router, net::Router::make(std::move(protocols)));
  return std::make_unique<LocalBackend>(std::move(router));
}

}  // namespace sluice::app
