#include "sluice/ipc/host/message.hpp"

#include <fmt/format.h>

namespace sluice::host::protocol {
namespace {

std::string_view name_of(Blame blame) {
  switch (blame) {
    case Blame::user: return "user";
    case Blame::environment: return "environment";
    case Blame::sluice: return "sluice";
  }
  return "sluice";
}

Blame blame_named(std::string_view name) {
  if (name == "user") return Blame::user;
  if (name == "environment") return Blame::environment;
  return Blame::sluice;
}

Fail malformed(std::string_view what) {
  return Fail(internal_error(Code::invalid_argument, fmt::format("malformed frame: {}", what)));
}

Result<std::int64_t> id_of(const Value& json) {
  const auto* id = json.find("id");
  if (id == nullptr || id->if_integer() == nullptr) return malformed("`id` must be a whole number");
  return *id->if_integer();
}

}  // namespace

Value to_value(const Request& request) {
  Struct out;
  out.set("id", request.id);
  out.set("method", request.method);
  out.set("params", request.params);
  return out;
}

Result<Request> request_from(const Value& json) {
  SLUICE_TRY(id, id_of(json));
  Request out{.id = id, .method = json.text_at("method")};
  if (out.method.empty()) return malformed("`method` must be a string");
  if (const auto* params = json.find("params")) {
    if (!params->is_struct()) return malformed("`params` must be an object");
    out.params = *params;
  }
  return out;
}

Value to_value(const Progress& progress) {
  Struct amount;
  amount.set("done", progress.done);
  amount.set("total", progress.total);
  amount.set("unit", progress.unit);
  Struct out;
  out.set("id", progress.id);
  out.set("progress", std::move(amount));
  return out;
}

std::optional<Progress> progress_from(const Value& json) {
  const auto* amount = json.find("progress");
  if (!amount) return std::nullopt;
  return Progress{.id = json.integer_at("id"),
                  .done = amount->integer_at("done"),
                  .total = amount->integer_at("total"),
                  .unit = amount->text_at("unit")};
}

Value to_value(const Response& response) {
  Struct out;
  out.set("id", response.id);
  if (response.outcome)
    out.set("result", *response.outcome);
  else
    out.set("error", error_to_value(response.outcome.error()));
  return out;
}

Result<Response> response_from(const Value& json) {
  SLUICE_TRY(id, id_of(json));
  const auto* result = json.find("result");
  const auto* error = json.find("error");
  if ((result == nullptr) == (error == nullptr))
    return malformed("a response must have either `result` or `error`");
  if (error != nullptr) return Response{.id = id, .outcome = Fail(error_from(*error))};
  return Response{.id = id, .outcome = *result};
}

Value error_to_value(const Error& error) {
  Struct out;
  out.set("code", name(error.code));
  out.set("blame", name_of(error.blame));
  out.set("message", error.message);
  if (!error.notes.empty()) {
    List notes;
    for (const auto& note : error.notes) notes.emplace_back(note);
    out.set("notes", std::move(notes));
  }
  return out;
}

Error error_from(const Value& json) {
  Error out(code_named(json.text_at("code")),
            json.text_at("message", "the host reported an error without a message"),
            blame_named(json.text_at("blame")));
  if (const auto* notes = json.find("notes"); notes != nullptr && notes->is_list())
    for (const auto& note : *notes->if_list())
      if (const auto* text = note.if_string()) out.notes.push_back(*text);
  return out;
}

}  // namespace sluice::host::protocol
