#include "sluice/domain/remote/remote_files.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/remote/s3_object.hpp"
#include "sluice/ir/secret.hpp"

namespace sluice::remote {
namespace {

constexpr int redirects_max = 5;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string_view header_of(const ports::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

/// "": there is none, or a weak one, which does not promise equal bytes.
std::string strong_etag(const ports::Response& response) {
  constexpr std::size_t etag_bytes_max = 200;
  const auto etag = header_of(response, "etag");
  const bool strong = etag.size() >= 2 && etag.size() <= etag_bytes_max && etag.front() == '"' &&
                      etag.back() == '"' &&
                      std::ranges::all_of(etag, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  return strong ? std::string(etag) : std::string();
}

/// What may be a header's value: a line end in it would begin another header.
bool is_header_value(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

Error cancelled(const RemoteUrl& url) {
  return user_error(Code::cancelled, "fetching " + url.shown() + " was cancelled");
}

/// Why a response is not what was asked for.
Error refused(const RemoteUrl& url, const ports::Response& response, bool has_secret) {
  const auto code = url.scheme == RemoteUrl::Scheme::s3 ? s3_error_code(response.body) : std::string();
  const auto status = fmt::format("status {}{}", response.status, code.empty() ? "" : " " + code);
  switch (response.status) {
    case 401:
    case 403:
      return user_error(Code::permission_denied,
                        fmt::format("{}: access is denied there ({}); {}", url.shown(), status,
                                    has_secret ? "check what the secret holds"
                                               : "name a secret that grants it with --input-secret"));
    case 404:
    case 410:
      return user_error(Code::not_found, fmt::format("{}: there is no such file ({})", url.shown(), status));
    default: break;
  }
  if (response.status == 429 || response.status >= 500)
    return environment_error(
        Code::unavailable,
        fmt::format("{}: its server responded with {}; try again later", url.shown(), status));
  return environment_error(
      Code::failed_precondition,
      fmt::format("{}: its server responded with {}, not with a file", url.shown(), status));
}

}  // namespace

/// One fetch: its requests, from redirect to redirect.
class RemoteFiles::Fetch {
 public:
  Fetch(RemoteFiles& files, const Source& source, const Report& report, const std::stop_token& stop)
      : files_(files), source_(source), report_(report), stop_(stop) {}

  Result<Fetched> run() {
    SLUICE_TRY(url, files_.check(source_));
    url_ = std::move(url);
    deadline_ = files_.ports_.clock.steady() + files_.limits_.time_max;
    key_ = Digest::of(source_.workspace + '\0' + source_.secret + '\0' + source_.url);
    known_ = files_.ports_.memory.find(key_);
    if (known_ && !files_.ports_.objects.has(known_->digest)) known_.reset();
    if (is_s3()) {
      SLUICE_TRY(access, files_.s3_access_of(source_));
      s3_ = std::move(access);
    } else if (!source_.secret.empty()) {
      SLUICE_TRY(authorization, files_.authorization_of(source_));
      authorization_ = std::move(authorization);
    }
    auto response = is_s3() ? get_from_s3() : get(url_);
    if (!response) return Fail(std::move(response).error());
    if (response->status == 304 && known_) {
      // It may have been swept since the request began.
      if (files_.ports_.objects.has(known_->digest)) return fetched(known_->digest, known_->size, false);
      known_.reset();
      response = is_s3() ? get_from_s3() : get(url_);
      if (!response) return Fail(std::move(response).error());
    }
    if (response->status != 200) return Fail(refused(url_, *response, !source_.secret.empty()));
    return store(*response);
  }

 private:
  [[nodiscard]] bool is_s3() const { return url_.scheme == RemoteUrl::Scheme::s3; }

  [[nodiscard]] Fetched fetched(const Digest& digest, std::int64_t size, bool is_new) const {
    return {.artifact = {.kind = source_.kind, .digest = digest, .size = size, .name = url_.file_name()},
            .from = url_.shown(),
            .is_new = is_new};
  }

  /// Follows redirects.
  Result<ports::Response> get(RemoteUrl url) {
    for (int redirects = 0;; ++redirects) {
      std::vector<std::pair<std::string, std::string>> headers;
      // Not to another host: whoever answers there was not named by the secret's owner.
      if (!authorization_.empty() && url.origin() == url_.origin())
        headers.emplace_back("authorization", authorization_);
      SLUICE_TRY(response, request(url, std::move(headers)));
      if (!is_redirect(response.status)) return response;
      const auto where = fmt::format("{}: redirected", url_.shown());
      if (redirects == redirects_max)
        return Fail(environment_error(Code::failed_precondition, where + " more than 5 times"));
      auto next = resolve_reference(url, header_of(response, "location"));
      if (!next) return Fail(std::move(next).error().at(where));
      if (next->scheme == RemoteUrl::Scheme::s3 ||
          (url.scheme == RemoteUrl::Scheme::https && next->scheme != RemoteUrl::Scheme::https))
        return Fail(environment_error(
            Code::failed_precondition,
            fmt::format("{} from https to {}, which is not followed", where, next->origin())));
      if (auto allowed = files_.allowed_.check(*next); !allowed)
        return Fail(std::move(allowed).error().at(where));
      url = std::move(*next);
    }
  }

  /// Asks again in the right region, once.
  Result<ports::Response> get_from_s3() {
    for (bool may_move = !s3_.endpoint;; may_move = false) {
      const auto url = s3_url(url_, s3_);
      if (s3_.endpoint) SLUICE_DO(files_.allowed_.check(url));
      SLUICE_TRY(response, request(url, s3_headers(url, s3_, files_.ports_.clock.now())));
      const auto region = header_of(response, "x-amz-bucket-region");
      if (response.status == 200 || response.status == 304 || !may_move || region == s3_.region ||
          !is_region(region))
        return response;
      s3_.region = std::string(region);
    }
  }

  Result<ports::Response> request(const RemoteUrl& url,
                                  std::vector<std::pair<std::string, std::string>> headers) {
    const auto left = std::chrono::duration_cast<Milliseconds>(deadline_ - files_.ports_.clock.steady());
    if (left <= Milliseconds(0))
      return Fail(environment_error(
          Code::deadline_exceeded,
          fmt::format("{}: not fetched within {} s", url_.shown(),
                      std::chrono::duration_cast<std::chrono::seconds>(files_.limits_.time_max).count())));
    headers.emplace_back("accept-encoding", "identity");
    if (known_) headers.emplace_back("if-none-match", known_->etag);
    object_.reset();
    size_ = 0;
    failure_ = {};
    auto response = files_.ports_.outbound.request(
        {.tls = url.scheme == RemoteUrl::Scheme::https,
         .host = url.host,
         .port = url.port,
         .target = url.path + url.query,
         .headers = std::move(headers),
         .check_addresses =
             [&](const auto& addresses) { return files_.allowed_.check_addresses(url, addresses); },
         .on_bytes =
             [this](const ports::Response& head, std::string_view bytes) {
               failure_ = take(head, bytes);
               return failure_.has_value();
             },
         .time_max = left,
         .silence_max = files_.limits_.silence_max,
         .stop = stop_});
    if (stop_.stop_requested()) return Fail(cancelled(url_));
    if (!failure_) return Fail(std::move(failure_).error().at(url_.shown()));
    if (!response) return Fail(std::move(response).error().at(url_.shown()));
    return response;
  }

  /// Bytes of a response with a status of 2xx.
  Result<void> take(const ports::Response& head, std::string_view bytes) {
    const auto too_large = [&] {
      return Fail(user_error(
          Code::too_large,
          fmt::format("larger than {}, the most that is fetched; whoever runs Sluice raises it with "
                      "`--fetch-bytes-max`",
                      human_bytes(static_cast<std::uint64_t>(files_.limits_.bytes_max)))));
    };
    if (!object_) {
      if (head.status != 200)
        return Fail(environment_error(Code::failed_precondition,
                                      fmt::format("its server responded with status {}", head.status)));
      if (const auto coding = header_of(head, "content-encoding"); !coding.empty() && coding != "identity")
        return Fail(environment_error(
            Code::failed_precondition,
            "its server sends it compressed, though it was asked not to; fetch it with another program"));
      total_ = parse_integer<std::int64_t>(header_of(head, "content-length"));
      if (total_.value_or(0) > files_.limits_.bytes_max) return too_large();
      SLUICE_TRY(object, files_.ports_.objects.begin());
      object_ = std::move(object);
    }
    size_ += static_cast<std::int64_t>(bytes.size());
    if (size_ > files_.limits_.bytes_max) return too_large();
    SLUICE_DO(object_->append(bytes));
    report_(size_, total_);
    return {};
  }

  Result<Fetched> store(const ports::Response& response) {
    if (!object_) SLUICE_DO(take(response, ""));  // an empty file
    auto stored = object_->finish();
    if (!stored) return Fail(std::move(stored).error().at(url_.shown()));
    if (auto etag = strong_etag(response); !etag.empty())
      files_.ports_.memory.remember(
          key_, {.etag = std::move(etag), .digest = stored->digest, .size = stored->size});
    return fetched(stored->digest, stored->size, true);
  }

  RemoteFiles& files_;
  const Source& source_;
  const Report& report_;
  std::stop_token stop_;
  RemoteUrl url_;
  std::chrono::nanoseconds deadline_{};
  Digest key_;
  std::optional<ports::FetchMemory::Fetched> known_;  ///< it is in the store
  std::string authorization_;
  S3Access s3_;
  // Of the current request:
  std::unique_ptr<ports::NewObject> object_;
  std::int64_t size_ = 0;
  std::optional<std::int64_t> total_;
  Result<void> failure_;
};

Result<RemoteUrl> RemoteFiles::check(const Source& source) const {
  SLUICE_TRY(url, parse_remote_url(source.url));
  if (!source.secret.empty() && !ir::is_secret_word(source.secret))
    return Fail(user_error(Code::invalid_argument, fmt::format("`{}` is not the name of a secret",
                                                               as_utf8(source.secret.substr(0, 100)))));
  SLUICE_DO(allowed_.check(url));
  if (url.scheme == RemoteUrl::Scheme::http && !source.secret.empty())
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("{}: a secret is not sent over plain http; use https", url.shown())));
  return url;
}

Result<std::string> RemoteFiles::value_of(const Source& source, std::string_view key) const {
  SLUICE_TRY(found, ports_.secrets.find(source.workspace, fmt::format("{}.{}", source.secret, key)));
  if (!found) return std::string();
  if (!is_header_value(found->value))
    return Fail(user_error(Code::invalid_argument,
                           fmt::format("the secret `{}.{}` has more than one line", source.secret, key)));
  return std::move(found->value);
}

Result<std::string> RemoteFiles::authorization_of(const Source& source) const {
  SLUICE_TRY(whole, value_of(source, "authorization"));
  if (!whole.empty()) return whole;
  SLUICE_TRY(token, value_of(source, "token"));
  if (!token.empty()) return "Bearer " + token;
  return Fail(user_error(
      Code::not_found,
      fmt::format(
          "the secret `{0}` has no key `token` and no key `authorization`; set one from standard input: "
          "`sluice secrets set {0} token`",
          source.secret)));
}

Result<S3Access> RemoteFiles::s3_access_of(const Source& source) const {
  S3Access access;
  if (source.secret.empty()) return access;
  SLUICE_TRY(id, value_of(source, "access_key_id"));
  SLUICE_TRY(secret, value_of(source, "secret_access_key"));
  SLUICE_TRY(session_token, value_of(source, "session_token"));
  SLUICE_TRY(region, value_of(source, "region"));
  SLUICE_TRY(endpoint, value_of(source, "endpoint"));
  if (id.empty() != secret.empty() || (id.empty() && region.empty() && endpoint.empty()))
    return Fail(user_error(
        Code::not_found,
        fmt::format(
            "the secret `{0}` has no key `{1}`; set it from standard input: `sluice secrets set {0} {1}`",
            source.secret, id.empty() ? "access_key_id" : "secret_access_key")));
  if (!id.empty())
    access.keys =
        AwsKeys{.id = std::move(id), .secret = std::move(secret), .session_token = std::move(session_token)};
  if (!region.empty()) {
    if (!is_region(region))
      return Fail(
          user_error(Code::invalid_argument,
                     fmt::format("the secret `{}.region` is not the name of a region, such as eu-central-1",
                                 source.secret)));
    access.region = std::move(region);
  }
  if (!endpoint.empty()) {
    auto url = parse_remote_url(endpoint);
    if (!url || url->scheme == RemoteUrl::Scheme::s3 || !url->query.empty())
      return Fail(user_error(Code::invalid_argument,
                             fmt::format("the secret `{}.endpoint` is not the URL of a server, such as "
                                         "https://storage.example.org",
                                         source.secret)));
    access.endpoint = std::move(*url);
  }
  return access;
}

Result<RemoteFiles::Fetched> RemoteFiles::fetch(const Source& source, const Report& report,
                                                const std::stop_token& stop) {
  return Fetch(*this, source, report, stop).run();
}

}  // namespace sluice::remote
