#include "sluice/domain/tracking/task_outputs.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/rules.hpp"

namespace sluice::tracking {
namespace {

enum class Shown { metrics, json, html, markdown };

struct LoggedKind {
  std::string_view kind;
  Shown shown;
};
constexpr std::string_view prefix = "system.";
constexpr std::array kinds{
    LoggedKind{"system.Metrics", Shown::metrics}, LoggedKind{"system.ClassificationMetrics", Shown::json},
    LoggedKind{"system.SlicedClassificationMetrics", Shown::json}, LoggedKind{"system.HTML", Shown::html},
    LoggedKind{"system.Markdown", Shown::markdown}};

std::string allowed_key(std::string_view key) {
  std::string made(key);
  for (char& c : made) {
    const auto byte = static_cast<unsigned char>(c);
    // Beyond ASCII the rules of keys decide.
    if (byte < 0x80 && std::isalnum(byte) == 0 && !std::string_view("_-. :/").contains(c)) c = '_';
  }
  return made;
}

void add_metrics(const std::string& name, const Artifact& artifact, Time at, std::set<std::string>& keys,
                 LoggedOutputs& out) {
  for (const auto& [key, value] : *artifact.metadata) {
    const auto number = value.as_double();
    if (!number) continue;
    auto allowed = allowed_key(key);
    if (!keys.insert(allowed).second) {
      allowed = allowed_key(name).append("/").append(allowed);
      if (!keys.insert(allowed).second) continue;
    }
    auto metric =
        checked_metric({.key = std::move(allowed),
                        .point = {.step = 0, .at_ms = at.time_since_epoch().count(), .value = *number}});
    if (metric) out.metrics.push_back(std::move(*metric));
  }
}

}  // namespace

LoggedOutputs logged_outputs(const Struct& outputs, Time at) {
  LoggedOutputs out;
  std::set<std::string> keys;
  for (const auto& [name, value] : outputs) {
    const auto* artifact = value.if_artifact();
    if (artifact == nullptr) continue;
    const auto found = std::ranges::find(kinds, artifact->kind, &LoggedKind::kind);
    if (found == kinds.end()) continue;
    const bool has_metadata = artifact->metadata && !artifact->metadata->empty();
    const bool is_file = artifact->digest && artifact->form == Form::file;
    const auto path = percent_encode(name);
    switch (found->shown) {
      case Shown::metrics:
        if (has_metadata) add_metrics(name, *artifact, at, keys, out);
        break;
      case Shown::json:
        if (has_metadata)
          out.files.push_back({.path = path + ".json", .text = to_json(Value(*artifact->metadata))});
        break;
      case Shown::html:
        if (is_file) out.files.push_back({.path = path + ".html", .object = *artifact});
        break;
      case Shown::markdown:
        if (is_file) out.files.push_back({.path = path + ".md", .object = *artifact});
        break;
    }
  }
  return out;
}

bool may_have_logged_outputs(std::string_view event) {
  constexpr std::string_view of_kind = R"({"$artifact":{"kind":")";
  if (!event.starts_with(R"({"t":"ended")")) return false;
  for (auto at = event.find(of_kind); at != std::string_view::npos; at = event.find(of_kind, at + 1)) {
    const auto rest = event.substr(at + of_kind.size());
    if (!rest.starts_with(prefix)) continue;
    if (std::ranges::any_of(kinds, [&](const LoggedKind& one) {
          return rest.starts_with(one.kind) && rest.substr(one.kind.size()).starts_with('"');
        }))
      return true;
  }
  return false;
}

}  // namespace sluice::tracking
