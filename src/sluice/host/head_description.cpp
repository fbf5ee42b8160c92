#include "sluice/host/head_description.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/words.hpp"

namespace sluice::host {
namespace {

constexpr std::int64_t format_version = 1;
constexpr std::string_view kind = "image-classifier";
constexpr std::string_view score_kind = "log-probability+centroid-cosine";
constexpr std::size_t classes_max = 10'000;
constexpr std::size_t text_bytes_max = std::size_t{4} << 20;

/// Reads an object of the file that must have exactly the expected fields.
class Fields {
 public:
  Fields(const Value& json, std::string name) : json_(json), name_(std::move(name)) {}

  /// Must be called before the other functions.
  [[nodiscard]] Result<void> check(const std::vector<std::string>& expected) const {
    if (!json_.is_struct())
      return Fail(invalid_argument(name_, fmt::format("must be an object, not {}", kind_name(json_.kind()))));
    for (const auto& [key, value] : *json_.if_struct())
      if (std::ranges::find(expected, key) == expected.end())
        return Fail(
            invalid_argument(name_, fmt::format("unknown field `{}`{}", key, did_you_mean(key, expected))));
    for (const auto& key : expected)
      if (json_.find(key) == nullptr)
        return Fail(invalid_argument(name_, fmt::format("`{}` is missing", key)));
    return {};
  }
  [[nodiscard]] const Value& at(std::string_view key) const { return *json_.find(key); }
  [[nodiscard]] Result<std::string> text(std::string_view key) const {
    const auto* text = at(key).if_string();
    if (text == nullptr || text->empty())
      return Fail(invalid_argument(name_, fmt::format("`{}` must be a string", key)));
    return *text;
  }
  [[nodiscard]] Result<std::string> exactly(std::string_view key, std::string_view only) const {
    if (at(key) != Value(only))
      return Fail(invalid_argument(name_, fmt::format("`{}` is {}, but this program supports only \"{}\"",
                                                      key, to_json(at(key)), only)));
    return std::string(only);
  }
  [[nodiscard]] Result<std::string> hexadecimal(std::string_view key, std::size_t digits) const {
    SLUICE_TRY(digest, text(key));
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (digest.size() != digits || !std::ranges::all_of(digest, is_digit))
      return Fail(
          invalid_argument(name_, fmt::format("`{}` must be {} lower-case hexadecimal digits", key, digits)));
    return digest;
  }
  [[nodiscard]] Result<double> number(std::string_view key, double least, double most) const {
    const auto number = at(key).as_double();
    if (!number || !std::isfinite(*number) || *number < least || *number > most)
      return Fail(
          invalid_argument(name_, fmt::format("`{}` must be a number from {:g} to {:g}", key, least, most)));
    return *number;
  }
  [[nodiscard]] Result<std::string> file(std::string_view key) const {
    SLUICE_TRY(name, text(key));
    if (name.find('/') != std::string::npos || name.starts_with('.') || !name.ends_with(".onnx"))
      return Fail(invalid_argument(
          name_, fmt::format("`{}` is \"{}\", but must name an .onnx file in the same folder", key, name)));
    return name;
  }

 private:
  const Value& json_;
  std::string name_;
};

Result<std::vector<std::string>> read_classes(const Value& json, std::string_view name) {
  if (!json.is_list()) return Fail(invalid_argument(name, "`classes` must be a list of names"));
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const auto& entry : *json.if_list()) {
    const auto* text = entry.if_string();
    if (text == nullptr || text->empty())
      return Fail(invalid_argument(name, "`classes` must be a list of names"));
    if (!seen.insert(*text).second)
      return Fail(invalid_argument(name, fmt::format("class `{}` is listed twice", *text)));
    out.push_back(*text);
  }
  if (out.size() < 2 || out.size() > classes_max)
    return Fail(invalid_argument(
        name, fmt::format("{} classes, but there must be 2 to {}", out.size(), classes_max)));
  return out;
}

}  // namespace

Value to_value(const BaseReference& base) {
  Struct out;
  out.set("repository", base.repository);
  out.set("commit", base.commit);
  out.set("digest", base.digest);
  out.set("tap", base.tap);
  return out;
}

Result<BaseReference> base_reference_from(const Value& json, std::string_view name) {
  const Fields fields(json, std::string(name));
  SLUICE_DO(fields.check({"repository", "commit", "digest", "tap"}));
  SLUICE_TRY(repository, fields.text("repository"));
  SLUICE_TRY(commit, fields.hexadecimal("commit", 40));
  SLUICE_TRY(digest, fields.hexadecimal("digest", 64));
  SLUICE_TRY(tap, fields.text("tap"));
  return BaseReference{.repository = repository, .commit = commit, .digest = digest, .tap = tap};
}

std::string to_text(const HeadDescription& description) {
  Struct score;
  score.set("kind", score_kind);
  score.set("centroid_weight", description.centroid_weight);
  Struct out;
  out.set("format", format_version);
  out.set("kind", kind);
  out.set("base", to_value(description.base));
  out.set("preprocessing", description.preprocessing.to_value());
  out.set("head", description.head_file);
  out.set("temperature", description.temperature);
  out.set("threshold", description.threshold);
  out.set("classes", List(description.classes.begin(), description.classes.end()));
  out.set("score", std::move(score));
  return to_json(Value(std::move(out)), JsonStyle::pretty) + "\n";
}

Result<HeadDescription> head_description_from(std::string_view text, std::string_view name) {
  SLUICE_TRY(json, parse_json(text, name, {.bytes_max = text_bytes_max}));
  const Fields fields(json, std::string(name));
  // Checked first: a later format may have other fields.
  if (const auto* given = json.find("format"); given != nullptr && *given != Value(format_version))
    return Fail(invalid_argument(
        name, fmt::format("`format` is {}, but this program supports {}; a newer Sluice may support it",
                          to_json(*given), format_version)));
  SLUICE_DO(fields.check(
      {"format", "kind", "base", "preprocessing", "head", "temperature", "threshold", "classes", "score"}));
  SLUICE_DO(fields.exactly("kind", kind));
  HeadDescription out;
  SLUICE_TRY(base, base_reference_from(fields.at("base"), fmt::format("{}: base", name)));
  SLUICE_TRY(preprocessing, media::Preprocessing::from_value(fields.at("preprocessing"),
                                                             fmt::format("{}: preprocessing", name)));
  SLUICE_TRY(head_file, fields.file("head"));
  SLUICE_TRY(temperature, fields.number("temperature", 1e-6, 1e6));
  SLUICE_TRY(threshold, fields.number("threshold", -1e6, 1e6));
  SLUICE_TRY(classes, read_classes(fields.at("classes"), name));
  const Fields score(fields.at("score"), fmt::format("{}: score", name));
  SLUICE_DO(score.check({"kind", "centroid_weight"}));
  SLUICE_DO(score.exactly("kind", score_kind));
  SLUICE_TRY(centroid_weight, score.number("centroid_weight", 0, 1e6));
  return HeadDescription{.base = base,
                         .preprocessing = preprocessing,
                         .head_file = head_file,
                         .temperature = temperature,
                         .threshold = threshold,
                         .classes = classes,
                         .centroid_weight = centroid_weight};
}

}  // namespace sluice::host
