#include <fmt/format.h>

#include "sluice/api/native/responses.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/sent_field.hpp"

namespace sluice::api {
namespace {

/// A field that is a non-negative integer, or absent.
Result<std::optional<std::int64_t>> amount_of(const Value& body, std::string_view field) {
  const auto* value = sent_field(body, field);
  if (!value) return std::nullopt;
  const auto* amount = value->if_integer();
  if (!amount || *amount < 0)
    return Fail(
        user_error(Code::invalid_argument, fmt::format("`{}` must be a non-negative integer", field)));
  return *amount;
}

/// A field that is a number of seconds, or absent.
Result<std::optional<Milliseconds>> time_of(const Value& body, std::string_view field) {
  constexpr std::int64_t seconds_max = std::int64_t{1'000} * 366 * 86'400;
  SLUICE_TRY(seconds, amount_of(body, field));
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(std::min(*seconds, seconds_max));
}

ports::Response begun(std::int64_t number) {
  Struct result;
  result.set("number", number);
  return json_response(result, 202);
}

Result<ports::Response> sweep(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(body, optional_body_of(request));
  storage::SweepOptions options;
  SLUICE_TRY(dry_run, flag_of(body, "dry_run", false));
  options.dry_run = dry_run;
  SLUICE_TRY(keep_runs, time_of(body, "keep_runs"));
  options.policy.keep_runs = keep_runs;
  SLUICE_TRY(keep_removed, time_of(body, "keep_removed"));
  options.policy.keep_removed = keep_removed;
  SLUICE_TRY(keep_last, amount_of(body, "keep_last"));
  options.policy.keep_last = keep_last;
  SLUICE_TRY(cache_bytes, amount_of(body, "cache_bytes"));
  options.policy.cache_bytes = cache_bytes;
  SLUICE_TRY(explain, text_of(body, "explain", ""));
  if (!explain.empty()) {
    SLUICE_TRY(digest, Digest::from_hex(explain));
    options.explain = digest;
  }
  SLUICE_TRY(number, api.storage->begin_sweep(options));
  return begun(number);
}

Result<ports::Response> check(const NativeApi& api) {
  SLUICE_TRY(number, api.storage->begin_check());
  return begun(number);
}

Result<ports::Response> work(const NativeApi& api, const ports::Request& request) {
  SLUICE_TRY(work, api.storage->work(parse_integer<std::int64_t>(request.params.at(0)).value_or(0)));
  return json_response(work);
}

Result<ports::Response> usage(const NativeApi& api) {
  SLUICE_TRY(usage, api.storage->usage());
  return json_response(usage);
}

}  // namespace

void add_storage_routes(const NativeApi& api, ports::Protocol& protocol) {
  auto& routes = protocol.routes;
  routes.push_back({.method = "GET", .pattern = "/v1/storage", .handler = sync_handler([api](const auto&) {
                                                                 return usage(api);
                                                               })});
  routes.push_back({.method = "POST",
                    .pattern = "/v1/storage/sweep",
                    .handler = sync_handler([api](const auto& r) { return sweep(api, r); }),
                    .role = ports::Role::admin,
                    .change = "storage.sweep"});
  routes.push_back({.method = "POST",
                    .pattern = "/v1/storage/check",
                    .handler = sync_handler([api](const auto&) { return check(api); }),
                    .role = ports::Role::admin});
  routes.push_back({.method = "GET",
                    .pattern = "/v1/storage/work/{}",
                    .handler = sync_handler([api](const auto& r) { return work(api, r); })});
}

}  // namespace sluice::api
