#include "sluice/api/kubeflow/states.hpp"

#include <algorithm>
#include <array>

#include "sluice/api/kubeflow/responses.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api::kubeflow {
namespace {

struct Named {
  std::string_view status;
  std::string_view state;
};
constexpr std::array<Named, 6> names{{{"running", "RUNNING"},
                                      {"succeeded", "SUCCEEDED"},
                                      {"failed", "FAILED"},
                                      {"cancelled", "CANCELED"},
                                      {"cancelling", "CANCELING"},
                                      {ports::set_aside, "PAUSED"}}};

Value entry_of(Time at, std::string_view state, const std::string& message = {}) {
  Struct entry;
  entry.set("update_time", time_of(at));
  entry.set("state", state);
  if (!message.empty()) entry.set("error", status_of(message));
  return entry;
}

void add_run(List& history, const ports::GroupedRun& run) {
  history.push_back(entry_of(run.started, "PENDING"));
  history.push_back(entry_of(run.started, "RUNNING"));
  if (run.cancelled && (!run.ended || *run.cancelled <= *run.ended))
    history.push_back(entry_of(*run.cancelled, "CANCELING"));
  if (run.ended)
    history.push_back(
        entry_of(*run.ended, state_of(run.status), run.status == "succeeded" ? "" : run.message));
}

Time time_at(const Value& note, std::string_view field) { return Time(Milliseconds(note.integer_at(field))); }

}  // namespace

std::string_view state_of(std::string_view status) {
  const auto found = std::ranges::find(names, status, &Named::status);
  return found == names.end() ? "RUNTIME_STATE_UNSPECIFIED" : found->state;
}

std::string_view state_of(const ports::GroupedRun& run) {
  return state_of(run.status == "running" && run.cancelled ? std::string_view("cancelling") : run.status);
}

std::string_view state_of(const runs::OperationReport& operation) {
  if (operation.state == "succeeded") return operation.cached ? "SKIPPED" : "SUCCEEDED";
  if (operation.state == "failed") return "FAILED";
  if (operation.state == "cancelled") return "CANCELED";
  if (operation.state == "skipped" || operation.state == "blocked") return "SKIPPED";
  if (operation.state == "open" || (operation.state == "running" && operation.waits_for.empty()))
    return "RUNNING";
  return "PENDING";
}

std::string status_named(std::string_view state) {
  auto folded = lower_ascii(state);
  for (const auto& named : names)
    if (lower_ascii(named.state) == folded) return std::string(named.status);
  return folded;
}

List history_of(const ports::GroupedRun& run) {
  List history;
  for (const auto& note : run.earlier) {
    ports::GroupedRun earlier{.status = note.text_at("status"), .started = time_at(note, "started")};
    if (note.find("cancelled") != nullptr) earlier.cancelled = time_at(note, "cancelled");
    if (note.find("ended") != nullptr) earlier.ended = time_at(note, "ended");
    earlier.message = note.text_at("message");
    add_run(history, earlier);
  }
  add_run(history, run);
  return history;
}

}  // namespace sluice::api::kubeflow
