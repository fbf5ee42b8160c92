#include "sluice/domain/models/card.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/models/front_matter.hpp"

namespace sluice::models {
namespace {

constexpr std::int64_t few_pictures = 10;  // with fewer, a class's precision and recall are unreliable

struct Metric {
  std::string name;
  double value = 0;
  std::optional<std::pair<double, double>> interval;
};

/// The number with at most `digits` decimal places, without trailing zeros.
std::string number(double x, int digits = 4) {
  std::string text = fmt::format("{:.{}f}", x, digits);
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::vector<Metric> metrics_of(const CardFacts& facts) {
  std::vector<Metric> out;
  for (const auto& [name, value] : facts.metrics) {
    if (!value.if_number() || name.ends_with("_low") || name.ends_with("_high")) continue;
    Metric metric{.name = name, .value = *value.if_number(), .interval = {}};
    const Value* low = facts.metrics.find(name + "_low");
    const Value* high = facts.metrics.find(name + "_high");
    if (low && high && low->as_double() && high->as_double())
      metric.interval = {*low->as_double(), *high->as_double()};
    out.push_back(std::move(metric));
  }
  return out;
}

std::int64_t pictures_measured(const CardFacts& facts) { return Value(facts.metrics).integer_at("pictures"); }

std::string words_of(std::string name) {
  std::ranges::replace(name, '_', ' ');
  return name;
}

std::string code_list(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "`" : ", `") + item + "`";
  return out;
}

/// What a user must know before relying on a prediction; also part of the metadata.
std::vector<std::string> limits_of(const CardFacts& facts) {
  std::vector<std::string> out;
  const Value* strangers = facts.training.find("strangers_rejected");
  const auto flagged = strangers && strangers->as_double()
                           ? fmt::format("{:.0f} %", 100 * *strangers->as_double())
                           : std::string("some");
  const auto* const how = strangers ? " (measured by leaving each class out of training, in turn)" : "";
  out.push_back(
      fmt::format("It knows only these {} classes. A picture of anything else gets one of them as its label; "
                  "`rejected` is true for {} of such pictures{}: check it, but do not rely on it alone.",
                  facts.classes.size(), flagged, how));
  if (const auto pictures = pictures_measured(facts); pictures > 0) {
    out.push_back(fmt::format(
        "The numbers were measured on {} held-out pictures of the collection that it was trained on. Results "
        "on "
        "pictures of another kind, camera or lighting may be worse: measure on your own data first.",
        pictures));
  }
  std::vector<std::string> rare;
  if (const Value* by_class = facts.metrics.find("by_class"); by_class && by_class->if_struct())
    for (const auto& [label, row] : *by_class->if_struct())
      if (row.integer_at("pictures") < few_pictures) rare.push_back(label);
  if (!rare.empty()) {
    out.push_back(fmt::format(
        "{} had fewer than {} held-out pictures{}: treat {} precision and recall as rough estimates.",
        code_list(rare), few_pictures, rare.size() > 1 ? " each" : "", rare.size() > 1 ? "their" : "its"));
  }
  if (!facts.base_repository.empty()) {
    out.push_back(fmt::format("The limits of the base model `{}` also apply to this one; see its card.",
                              facts.base_repository));
    out.push_back(
        fmt::format("The base model's license is `{}`. The pictures that it was trained on may have another "
                    "license, which is not recorded here.",
                    facts.license));
  }
  return out;
}

std::string model_index(const CardFacts& facts) {
  const auto metrics = metrics_of(facts);
  if (metrics.empty()) return {};
  std::string out =
      fmt::format("model-index:\n- name: {}\n  results:\n  - task: {{type: image-classification}}\n",
                  yaml_scalar(facts.name));
  out += fmt::format("    dataset: {{name: {}, type: labelled-pictures, split: held-out{}}}\n    metrics:\n",
                     yaml_scalar(facts.data.empty() ? "pictures" : facts.data.front().name),
                     facts.data.empty() ? "" : ", revision: " + to_json(Value(facts.data.front().digest)));
  for (const auto& metric : metrics) {
    out += fmt::format("    - {{type: {}, value: {}", yaml_scalar(metric.name), number(metric.value, 6));
    if (metric.interval)
      out += fmt::format(", interval_95: [{}, {}]", number(metric.interval->first, 6),
                         number(metric.interval->second, 6));
    out += "}\n";
  }
  return out;
}

std::string front_matter(const CardFacts& facts) {
  std::string out = "---\n";
  out += fmt::format("license: {}\nlibrary_name: onnx\npipeline_tag: image-classification\n",
                     yaml_scalar(facts.license));
  out += "tags: [image-classification, few-shot, sluice]\n";
  if (!facts.base_repository.empty())
    out += fmt::format("base_model: {}\n", yaml_scalar(facts.base_repository));
  std::vector<std::string> data_sets;
  data_sets.reserve(facts.data.size());
  for (const auto& data : facts.data)
    data_sets.push_back(fmt::format("{}@sha256:{}", data.name, data.digest));
  if (!data_sets.empty()) out += fmt::format("datasets: {}\n", yaml_list(data_sets));
  out += model_index(facts);
  out += fmt::format("classes: {}\n", yaml_list(facts.classes));
  if (!facts.base_repository.empty()) {
    out += fmt::format("base: {{repository: {}, commit: {}, digest: {}, tap: {}}}\n",
                       yaml_scalar(facts.base_repository), to_json(Value(facts.base_commit)),
                       to_json(Value(facts.base_digest)), yaml_scalar(facts.base_tap));
  }
  out += "limits:\n";
  for (const auto& limit : limits_of(facts)) out += "- " + to_json(Value(limit)) + "\n";
  return out + "---\n";
}

std::string numbers_section(const CardFacts& facts) {
  const auto metrics = metrics_of(facts);
  if (metrics.empty()) return {};
  std::string out = "\n## Numbers\n";
  if (const auto pictures = pictures_measured(facts); pictures > 0)
    out += fmt::format("On {} held-out pictures:\n\n", pictures);
  out += "| measure | value | 95 % interval |\n| --- | --- | --- |\n";
  for (const auto& metric : metrics) {
    out += fmt::format("| {} | {} | {} |\n", words_of(metric.name), number(metric.value),
                       metric.interval ? fmt::format("{} to {}", number(metric.interval->first),
                                                     number(metric.interval->second))
                                       : "");
  }
  if (const Value* by_class = facts.metrics.find("by_class"); by_class && by_class->if_struct()) {
    const auto cell = [](const Value& row, std::string_view key) {
      const Value* value = row.find(key);
      return value && value->as_double() ? fmt::format("{:.2f}", *value->as_double()) : std::string("–");
    };
    out += "\n| class | precision | recall | pictures |\n| --- | --- | --- | --- |\n";
    for (const auto& [label, row] : *by_class->if_struct())
      out += fmt::format("| {} | {} | {} | {} |\n", label, cell(row, "precision"), cell(row, "recall"),
                         row.integer_at("pictures"));
  }
  if (facts.has_confusion_picture) out += "\n![Confusion matrix](confusion.svg)\n";
  return out;
}

std::string training_section(const CardFacts& facts) {
  std::string rows;
  for (const auto& [key, value] : facts.training)
    if (value.as_double()) rows += fmt::format("| {} | {} |\n", words_of(key), number(*value.as_double(), 6));
  std::string out = "\n## How it was made\n";
  out += "`provenance.json` records the run, its plan, and the digest of every input.\n";
  for (const auto& data : facts.data) out += fmt::format("- {}: SHA-256 `{}`\n", data.name, data.digest);
  if (!facts.base_repository.empty())
    out += fmt::format("- base: `{}` at commit `{}`\n", facts.base_repository, facts.base_commit);
  if (!rows.empty()) out += "\n| | |\n| --- | --- |\n" + rows;
  return out;
}

std::string call_section(const CardFacts& facts) {
  return fmt::format(
      R"text(
## How to call it
On a server where an endpoint named `{0}` serves it (Open Inference Protocol V2):
```
printf '{{"inputs":[{{"name":"image","shape":[1],"datatype":"BYTES","parameters":{{"content_type":"base64"}},"data":["%s"]}}]}}' \
  "$(base64 -w0 picture.png)" | curl -s --json @- http://127.0.0.1:8080/v2/models/{1}/infer
```
The outputs are `label`, `probability` (one number per class, in the order of `classes`) and `rejected`.
)text",
      facts.name, percent_encode(facts.name));
}

}  // namespace

Result<CardFacts> read_model_json(const std::string& text) {
  SLUICE_TRY(model, parse_json(text, "model.json"));
  CardFacts facts;
  if (const Value* classes = model.find("classes"); classes && classes->is_list())
    for (const auto& label : *classes->if_list())
      if (const auto* name = label.if_string()) facts.classes.push_back(*name);
  if (facts.classes.empty()) {
    return Fail(user_error(Code::invalid_argument,
                           "model.json: `classes` is missing; a classifier must list its classes"));
  }
  if (const Value* base = model.find("base")) {
    facts.base_repository = base->text_at("repository");
    facts.base_commit = base->text_at("commit");
    facts.base_digest = base->text_at("digest");
    facts.base_tap = base->text_at("tap");
  }
  facts.head_file = model.text_at("head");
  if (const Value* threshold = model.find("threshold")) facts.threshold = threshold->as_double();
  if (const Value* temperature = model.find("temperature")) facts.temperature = temperature->as_double();
  return facts;
}

std::string write_card(const CardFacts& facts) {
  std::string out = front_matter(facts);
  out += fmt::format("# {}\nClassifies pictures into {} classes: {}.\n", facts.name, facts.classes.size(),
                     code_list(facts.classes));
  if (!facts.base_repository.empty()) {
    out += fmt::format(
        "\nIt is a head, `{}`, on the output `{}` of the base model `{}`, which a host loads once for all "
        "heads on it.\n",
        facts.head_file, facts.base_tap, facts.base_repository);
  }
  if (facts.temperature)
    out += fmt::format("Confidence is calibrated (temperature {}).\n", number(*facts.temperature));
  if (facts.threshold)
    out += fmt::format("A prediction whose score is below {} has `rejected` set to true.\n",
                       number(*facts.threshold));
  out += numbers_section(facts);
  out += call_section(facts);
  out += "\n## Limits\n";
  for (const auto& limit : limits_of(facts)) out += "- " + limit + "\n";
  out += training_section(facts);
  return out;
}

std::string brief(const CardFacts& facts) {
  std::string out = fmt::format("{} classes", facts.classes.size());
  for (const auto& metric : metrics_of(facts)) {
    if (metric.name != "accuracy") continue;
    out += fmt::format(", accuracy {:.3f}", metric.value);
    if (metric.interval)
      out += fmt::format(" ({:.3f} to {:.3f} at 95 %)", metric.interval->first, metric.interval->second);
  }
  return out;
}

}  // namespace sluice::models
