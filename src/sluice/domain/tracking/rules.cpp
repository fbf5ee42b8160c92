#include "sluice/domain/tracking/rules.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/base/json.hpp"

namespace sluice::tracking {
namespace {

constexpr std::size_t key_max = 250;
constexpr std::size_t parameter_value_max = 6000;
constexpr std::size_t tag_value_max = 8000;
constexpr std::size_t experiment_name_max = 500;
constexpr std::size_t experiment_tag_value_max = 20'000;
constexpr std::size_t dataset_name_max = 500;
constexpr std::size_t dataset_digest_max = 36;
constexpr std::size_t dataset_schema_max = 1'048'575;
constexpr std::size_t dataset_source_max = 65'535;
constexpr std::size_t dataset_profile_max = 16'777'215;
constexpr std::size_t input_tag_key_max = 255;
constexpr std::size_t input_tag_value_max = 500;

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }

/// The byte at which the character number `count` begins; npos: there are no more than so many.
std::size_t byte_of_character(std::string_view text, std::size_t count) {
  if (text.size() <= count) return std::string_view::npos;
  for (std::size_t i = 0, seen = 0; i < text.size(); ++i)
    if (begins_character(text[i]) && seen++ == count) return i;
  return std::string_view::npos;
}

bool is_longer(std::string_view text, std::size_t characters) {
  return byte_of_character(text, characters) != std::string_view::npos;
}

Error too_long(std::string_view what, std::size_t most) {
  return user_error(Code::invalid_argument,
                    fmt::format("'{}' exceeds the maximum length of {} characters", what, most));
}

void cut(std::string& text, std::size_t characters) {
  if (const auto end = byte_of_character(text, characters); end != std::string::npos) text.resize(end);
}

/// Of ASCII; every other character is taken for a letter, as it is in most scripts.
bool is_allowed_in_key(char c) {
  constexpr std::string_view others = "_-. :/";
  return static_cast<unsigned char>(c) >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || others.contains(c);
}

/// What a path would resolve to: without empty names, "." and "..".
std::string normalized(std::string_view path) {
  std::vector<std::string_view> names;
  const bool is_absolute = path.starts_with('/');
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    const auto name = path.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty() || name == ".") continue;
    if (name != ".." || (names.empty() && !is_absolute) || (!names.empty() && names.back() == ".."))
      names.push_back(name);
    else if (!names.empty())
      names.pop_back();
  }
  auto text = (is_absolute ? "/" : "") + fmt::format("{}", fmt::join(names, "/"));
  return text.empty() ? "." : text;
}

/// Whether a name, taken for a path, resolves to itself.
bool is_plain_path(std::string_view name) {
  if (name.starts_with("..")) return false;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

Result<void> check_count(std::string_view what, std::size_t count, std::size_t most) {
  if (count <= most) return {};
  return Fail(user_error(
      Code::invalid_argument,
      fmt::format("A batch logging request can contain at most {} {}. Got {} {}. Please split up {} across "
                  "multiple requests and try again.",
                  most, what, count, what, what)));
}

Result<void> check_unique(const std::vector<ports::KeyValue>& parameters) {
  std::set<std::string_view> seen;
  std::vector<std::string> again;
  for (const auto& parameter : parameters)
    if (!seen.insert(parameter.key).second) again.push_back(python_text(parameter.key));
  if (again.empty()) return {};
  return Fail(user_error(
      Code::invalid_argument,
      fmt::format("Duplicate parameter keys have been submitted: [{}]. Please ensure the request contains "
                  "only one param value per param key.",
                  fmt::join(again, ", "))));
}

}  // namespace

std::string EntryPath::of(std::string_view field) const {
  return list.empty() ? std::string(field) : fmt::format("{}[{}].{}", list, index, field);
}

Error invalid_value(std::string_view path, std::string_view value, std::string_view why) {
  return user_error(Code::invalid_argument, fmt::format("Invalid value {} for parameter '{}' supplied: {}",
                                                        to_json(Value(value)), path, why));
}

std::string python_text(std::string_view text) {
  const char quote = text.contains('\'') && !text.contains('"') ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + quote;
}

namespace {

Result<void> check_key_at(const std::string& key, const EntryPath& path, std::string_view field) {
  if (std::ranges::all_of(key, is_allowed_in_key) && is_plain_path(key)) return {};
  return check_key(key, path.of(field));
}

}  // namespace

Result<void> check_key(const std::string& key, std::string_view path) {
  if (!std::ranges::all_of(key, is_allowed_in_key))
    return Fail(invalid_value(path, key,
                              "Names may only contain alphanumerics, underscores (_), dashes (-), periods "
                              "(.), spaces ( ), colon(:) and slashes (/)."));
  return check_resolved(key, path);
}

Result<void> check_length(std::string_view what, std::string_view text, std::size_t characters) {
  if (is_longer(text, characters)) return Fail(too_long(what, characters));
  return {};
}

Result<void> check_resolved(const std::string& key, std::string_view path) {
  if (is_plain_path(key)) return {};
  return Fail(invalid_value(
      path, key,
      "Names may be treated as files in certain cases, and must not resolve to other names when treated as "
      "such. This name would resolve to " +
          python_text(normalized(key))));
}

Result<void> check_experiment_name(const std::string& name) {
  if (name.empty()) return Fail(user_error(Code::invalid_argument, "Invalid experiment name: ''"));
  if (is_longer(name, experiment_name_max)) return Fail(too_long("name", experiment_name_max));
  return {};
}

Result<void> check_experiment_tag(const ports::KeyValue& tag) {
  SLUICE_DO(check_key(tag.key, "key"));
  if (is_longer(tag.key, key_max)) return Fail(too_long("key", key_max));
  if (is_longer(tag.value, experiment_tag_value_max))
    return Fail(too_long("value", experiment_tag_value_max));
  return {};
}

Result<void> check_run_id(const std::string& id) {
  constexpr std::size_t id_max = 256;
  const auto is_word = [](char c) {
    return static_cast<unsigned char>(c) >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (!id.empty() && id.front() != '_' && id.front() != '-' && !is_longer(id, id_max) &&
      std::ranges::all_of(id, is_word))
    return {};
  return Fail(
      user_error(Code::invalid_argument,
                 fmt::format("Invalid value {} for parameter 'run_id' supplied.", to_json(Value(id)))));
}

Result<ports::KeyValue> checked_parameter(ports::KeyValue parameter, const EntryPath& path) {
  SLUICE_DO(check_key_at(parameter.key, path, "key"));
  if (is_longer(parameter.key, key_max)) return Fail(too_long("Param key", key_max));
  cut(parameter.value, parameter_value_max);
  return parameter;
}

Result<ports::KeyValue> checked_tag(ports::KeyValue tag, const EntryPath& path) {
  SLUICE_DO(check_key_at(tag.key, path, "key"));
  if (is_longer(tag.key, key_max)) return Fail(too_long(path.of("key"), key_max));
  cut(tag.value, tag_value_max);
  return tag;
}

Result<ports::Metric> checked_metric(ports::Metric metric, const EntryPath& path) {
  SLUICE_DO(check_key_at(metric.key, path, "name"));
  auto& point = metric.point;
  if (point.at_ms < 0)
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format(
            "Invalid value {} for parameter '{}' supplied: metric '{}' (value={}). Timestamp must be a "
            "nonnegative long (64-bit integer) ",
            point.at_ms, path.of("timestamp"), metric.key, point.value)));
  if (is_longer(metric.key, key_max)) return Fail(too_long("Metric name", key_max));
  constexpr auto most = std::numeric_limits<double>::max();
  if (std::isinf(point.value)) point.value = point.value > 0 ? most : -most;
  return metric;
}

Result<ports::TrackedRunChange> checked_batch(ports::TrackedRunChange change) {
  std::size_t i = 0;
  for (auto& metric : change.metrics) {
    SLUICE_TRY(checked, checked_metric(std::move(metric), {.list = "metrics", .index = i++}));
    metric = std::move(checked);
  }
  i = 0;
  for (auto& parameter : change.parameters) {
    SLUICE_TRY(checked, checked_parameter(std::move(parameter), {.list = "params", .index = i++}));
    parameter = std::move(checked);
  }
  i = 0;
  for (auto& tag : change.tags) {
    SLUICE_TRY(checked, checked_tag(std::move(tag), {.list = "tags", .index = i++}));
    tag = std::move(checked);
  }
  SLUICE_DO(check_count("metrics", change.metrics.size(), metrics_max));
  SLUICE_DO(check_count("params", change.parameters.size(), params_and_tags_max));
  SLUICE_DO(check_count("tags", change.tags.size(), params_and_tags_max));
  SLUICE_DO(check_count("metrics, params, and tags",
                        change.metrics.size() + change.parameters.size() + change.tags.size(), entries_max));
  SLUICE_DO(check_unique(change.parameters));
  return change;
}

Result<void> check_dataset(const ports::DatasetInput& input) {
  const auto check = [](std::string_view what, const std::string& text, std::size_t most) -> Result<void> {
    if (!is_longer(text, most)) return {};
    return Fail(
        user_error(Code::invalid_argument, fmt::format("{} exceeds the maximum length of {}", what, most)));
  };
  if (input.name.empty()) return Fail(user_error(Code::invalid_argument, "Dataset name cannot be empty"));
  SLUICE_DO(check("Dataset name", input.name, dataset_name_max));
  if (input.digest.empty()) return Fail(user_error(Code::invalid_argument, "Dataset digest cannot be empty"));
  SLUICE_DO(check("Dataset digest", input.digest, dataset_digest_max));
  SLUICE_DO(check("Dataset schema", input.schema, dataset_schema_max));
  SLUICE_DO(check("Dataset source", input.source, dataset_source_max));
  SLUICE_DO(check("Dataset profile", input.profile, dataset_profile_max));
  for (const auto& tag : input.tags) {
    SLUICE_DO(check("InputTag key", tag.key, input_tag_key_max));
    SLUICE_DO(check("InputTag value", tag.value, input_tag_value_max));
  }
  return {};
}

Result<void> check_uses(const ports::TrackedRunChange& change) {
  SLUICE_DO(check_count("datasets", change.datasets.size(), entries_max));
  SLUICE_DO(check_count("models", change.model_inputs.size() + change.model_outputs.size(), entries_max));
  for (const auto& input : change.datasets) SLUICE_DO(check_dataset(input));
  return {};
}

}  // namespace sluice::tracking
