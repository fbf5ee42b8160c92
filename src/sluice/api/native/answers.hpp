#pragma once
// This folder's own: bodies in and out.
#include "sluice/api/native/native.hpp"

namespace sluice::api {

ports::Response json_answer(const Value& value, int status = 200);
ports::Response error_answer(const Error& error);

/// A handler that answers at once: what `work` returns, or its error.
ports::Handler answering(std::function<Result<ports::Response>(const ports::Request&)> work);

/// The body as a JSON object.
Result<Value> body_of(const ports::Request& request);
/// A field that must be a text.
Result<std::string> text_of(const Value& body, std::string_view field);
/// A whole number in the query, or `otherwise`.
Result<std::int64_t> number_of(const ports::Request& request, std::string_view name, std::int64_t otherwise,
                               std::int64_t most);

// One a noun; each adds its routes.
void add_object_routes(const NativeApi& api, ports::Protocol& protocol);
void add_run_routes(const NativeApi& api, ports::Protocol& protocol);
void add_event_routes(const NativeApi& api, ports::Protocol& protocol);
void add_log_routes(const NativeApi& api, ports::Protocol& protocol);
void add_model_routes(const NativeApi& api, ports::Protocol& protocol);
void add_endpoint_routes(const NativeApi& api, ports::Protocol& protocol);

}  // namespace sluice::api
