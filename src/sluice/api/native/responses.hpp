#pragma once
// Helpers private to this folder: request bodies, query parameters, responses.
#include "sluice/api/native/native.hpp"
#include "sluice/base/json.hpp"

namespace sluice::api {

ports::Response json_response(const Value& value, int status = 200);
ports::Response error_response(const Error& error);

/// A synchronous handler: responds with what `work` returns, or with its error.
ports::Handler sync_handler(std::function<Result<ports::Response>(const ports::Request&)> work);

/// The body as a JSON object.
Result<Value> body_of(const ports::Request& request);
/// The same for a body that may be missing or `null`: then an empty object.
Result<Value> optional_body_of(const ports::Request& request);
/// A field that must be a string.
Result<std::string> text_of(const Value& body, std::string_view field);
/// The same, and true or false, for a field that may be absent.
Result<std::string> text_of(const Value& body, std::string_view field, std::string_view otherwise);
Result<bool> flag_of(const Value& body, std::string_view field, bool otherwise);
/// What the body of a submission says of a run; `body`: of POST /v1/runs, or of POST /v1/schedules.
Result<runs::Submission> submission_of(const Value& body, const Principal& principal);
/// The longest body with a plan: a longer text would be buffered for nothing.
inline constexpr std::size_t plan_body_max = JsonLimits{}.bytes_max;
/// A non-negative integer in the query, at most `most`; `otherwise` if absent.
Result<std::int64_t> number_of(const ports::Request& request, std::string_view name, std::int64_t otherwise,
                               std::int64_t most);
/// The most entries on a page of a list.
inline constexpr std::int64_t page_max = 10'000;
/// `after` and `limit` in the query; 50 entries without `limit`.
Result<ports::NamePage> page_of(const ports::Request& request);
/// Of a list that was asked for with one entry more than the page has: removes that one. True: more follow
/// the last of those that are left.
template <typename Entry>
bool cut_to_page(std::vector<Entry>& found, std::size_t limit) {
  if (found.size() <= limit) return false;
  found.resize(limit);
  return limit > 0;
}

// One function per resource; each adds its routes.
void add_object_routes(const NativeApi& api, ports::Protocol& protocol);
void add_upload_routes(const NativeApi& api, ports::Protocol& protocol);
void add_fetch_routes(const NativeApi& api, ports::Protocol& protocol);
void add_run_routes(const NativeApi& api, ports::Protocol& protocol);
void add_event_routes(const NativeApi& api, ports::Protocol& protocol);
void add_log_routes(const NativeApi& api, ports::Protocol& protocol);
void add_model_routes(const NativeApi& api, ports::Protocol& protocol);
void add_endpoint_routes(const NativeApi& api, ports::Protocol& protocol);
void add_access_routes(const NativeApi& api, ports::Protocol& protocol);
void add_dataset_routes(const NativeApi& api, ports::Protocol& protocol);
void add_schedule_routes(const NativeApi& api, ports::Protocol& protocol);
void add_secret_routes(const NativeApi& api, ports::Protocol& protocol);
void add_storage_routes(const NativeApi& api, ports::Protocol& protocol);
void add_tracked_run_routes(const NativeApi& api, ports::Protocol& protocol);

}  // namespace sluice::api
