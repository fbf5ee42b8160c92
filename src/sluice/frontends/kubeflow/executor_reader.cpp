#include <cmath>

#include "sluice/base/json.hpp"
#include "sluice/frontends/kubeflow/quantity.hpp"
#include "sluice/frontends/kubeflow/spec_reader.hpp"

namespace sluice::frontends::kubeflow {
namespace {

constexpr double gigabyte = 1e9;

}  // namespace

Executor SpecReader::executor(const Node::Field& field) {
  Executor made{.name = field.key, .at = field.at, .what = {}};
  const auto what = "executor `" + field.key + "`";
  MapReader map(field.value.get(), what, problems_);
  const auto* container_node = map.any("container");
  const auto* importer_node = map.any("importer");
  for (const auto* key : {"resolver", "customJob"})
    if (map.any(key) != nullptr)
      problems_.add(map.place(key),
                    what + " is a `" + key + "`, which only Vertex AI knows; use a container component");
  if (container_node != nullptr)
    made.what = container(*container_node, what);
  else if (importer_node != nullptr)
    made.what = importer(*importer_node, what);
  else if (map.any("resolver") == nullptr && map.any("customJob") == nullptr)
    problems_.add(field.at, what + " has neither a `container` nor an `importer`");
  map.end();
  return made;
}

std::vector<Text> SpecReader::texts(MapReader& map, std::string_view key, const std::string& what) {
  std::vector<Text> made;
  for (const auto& item : map.list(key)) {
    if (const auto* text = item.scalar.if_string())
      made.push_back({.text = *text, .at = item.at});
    else if (!item.spelling.empty())
      made.push_back({.text = item.spelling, .at = item.at});
    else
      problems_.add(item.at, "`" + std::string(key) + "` of " + what + " should be a list of texts");
  }
  return made;
}

Container SpecReader::container(const Node& node, const std::string& what) {
  Container made;
  MapReader map(&node, what, problems_);
  made.image = {.text = map.text("image"), .at = map.place("image")};
  if (made.image.text.empty()) problems_.add(node.at, what + " has no `image`");
  made.command = texts(map, "command", what);
  made.args = texts(map, "args", what);
  for (const auto& item : map.list("env")) {
    MapReader variable(&item, "a variable of " + what, problems_);
    made.env.push_back({.name = variable.text("name"),
                        .value = {.text = variable.text("value"), .at = variable.place("value")}});
    variable.end();
  }
  made.resources = resources(map.any("resources"), what);
  if (map.any("lifecycle") != nullptr)
    problems_.add(map.place("lifecycle"), what + " has a `lifecycle`, which only Vertex AI knows");
  map.end();
  return made;
}

Resources SpecReader::resources(const Node* node, const std::string& what) {
  Resources made;
  MapReader map(node, "the resources of " + what, problems_);
  made.at = map.at();
  // The newer fields are texts as Kubernetes has them; the older ones are numbers, of gigabytes.
  const auto amount = [&](std::string_view newer, std::string_view older,
                          double unit) -> std::optional<double> {
    const auto old = map.number(older);
    const auto text = map.text(newer);
    if (text.empty()) return old && *old > 0 ? std::optional(*old * unit) : std::nullopt;
    const auto read = parse_quantity(text);
    if (!read)
      problems_.add(map.place(newer),
                    "`" + std::string(newer) + ": " + text.substr(0, 60) +
                        "` is not an amount such as 500m or 2Gi" +
                        (text.contains("{{$") ? "; it has to be known before the run" : ""));
    return read;
  };
  made.cpu_request = amount("resourceCpuRequest", "cpuRequest", 1);
  made.cpu_limit = amount("resourceCpuLimit", "cpuLimit", 1);
  made.memory_request = amount("resourceMemoryRequest", "memoryRequest", gigabyte);
  made.memory_limit = amount("resourceMemoryLimit", "memoryLimit", gigabyte);
  if (const auto* accelerator = map.any("accelerator")) {
    MapReader kind(accelerator, "the accelerator of " + what, problems_);
    const auto old = kind.integer("count");
    const auto text = kind.text("resourceCount");
    const auto count =
        text.empty() ? std::optional<double>(static_cast<double>(old.value_or(0))) : parse_quantity(text);
    if (!count || *count != std::floor(*count))
      problems_.add(accelerator->at, "the accelerators of " + what + " should be a number of devices");
    else
      made.accelerators = static_cast<std::int64_t>(*count);
    auto type = kind.text("resourceType");
    if (type.empty()) type = kind.text("type");
    kind.ignore({"type"});
    if (made.accelerators > 0 && !type.empty()) made.accelerator = type;
    if (made.accelerators > 0 && !type.empty())
      warnings_.add(accelerator->at, "`" + type.substr(0, 60) + "` of " + what +
                                         " is any device of this server: it has one kind of them");
    kind.end();
  }
  map.end();
  return made;
}

Importer SpecReader::importer(const Node& node, const std::string& what) {
  Importer made;
  MapReader map(&node, what, problems_);
  MapReader uri(map.any("artifactUri"), "`artifactUri` of " + what, problems_);
  made.uri = {.text = uri.text("constant"), .at = uri.place("constant")};
  made.uri_input = uri.text("runtimeParameter");
  uri.end();
  if (made.uri.text.empty() && made.uri_input.empty())
    problems_.add(node.at, what + " needs an `artifactUri`");
  std::string version;
  made.kind = artifact_kind(map.any("typeSchema"), what, version);
  if (const auto* metadata = map.any("metadata")) made.metadata = with_integers(metadata->to_value());
  map.ignore({"reimport"});  // an artifact that was imported before is not looked for
  made.to_workspace = map.flag("downloadToWorkspace");
  map.end();
  return made;
}

}  // namespace sluice::frontends::kubeflow
