#include "sluice/domain/tracking/search_grammar.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sluice/base/words.hpp"

namespace sluice::tracking {
namespace {

using Comparator = ports::SearchCondition::Comparator;
using ports::SearchField;
using Values = SearchGrammar::Values;
using Use = SearchGrammar::Use;
using enum Comparator;

constexpr std::array comparator_texts{
    std::pair{equal, "="},
    std::pair{not_equal, "!="},
    std::pair{less, "<"},
    std::pair{less_or_equal, "<="},
    std::pair{greater, ">"},
    std::pair{greater_or_equal, ">="},
    std::pair{like, "LIKE"},
    std::pair{ilike, "ILIKE"},
    std::pair{rlike, "RLIKE"},
    std::pair{in, "IN"},
    std::pair{not_in, "NOT IN"},
    std::pair{is_null, "IS NULL"},
    std::pair{is_not_null, "IS NOT NULL"},
};

constexpr Comparators of_numbers{equal, not_equal, less, less_or_equal, greater, greater_or_equal};
constexpr Comparators of_texts{equal, not_equal, like, ilike};
constexpr Comparators lists{in, not_in};
constexpr Comparators nulls{is_null, is_not_null};
constexpr Comparators patterns = of_texts | Comparators{rlike};

bool is_for(Use wanted, Use use) { return use == Use::both || use == wanted; }

/// The keys, as a set in Python.
std::string keys_text(const SearchGrammar::Field& field, Use use) {
  std::string text;
  for (const auto& key : field.keys)
    if (is_for(use, key.use)) text += fmt::format("{}'{}'", text.empty() ? "" : ", ", key.name);
  return "{" + text + "}";
}

bool is_in_quotes(std::string_view text, char quote) {
  return text.size() >= 2 && text.starts_with(quote) && text.ends_with(quote);
}

std::string_view without_quotes(std::string_view key) {
  for (const char quote : {'\'', '"', '`'})
    if (is_in_quotes(key, quote)) return key.substr(1, key.size() - 2);
  return key;
}

Fail refusal(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

/// What a key means in a field that has keys of its own.
Result<void> find_key(const SearchGrammar& grammar, Use use, SearchGrammar::Target& target) {
  const auto& field = *target.field;
  const auto found = std::ranges::find_if(
      field.keys, [&](const auto& key) { return key.name == target.written && is_for(use, key.use); });
  if (found != field.keys.end()) {
    target.values = found->values;
    target.comparators = found->comparators;
    if (!found->key.empty()) target.key = found->key;
    if (found->field != SearchField::attribute) target.meant = found->field;
    return {};
  }
  const auto prefix = field.any_key_after;
  if (!prefix.empty() && target.written.starts_with(prefix)) {
    const auto name = without_quotes(std::string_view(target.written).substr(prefix.size()));
    if (name.empty()) return refusal(fmt::format("Span attribute name cannot be empty after '{}'", prefix));
    target.key = std::string(prefix) + std::string(name);
    return {};
  }
  if (use == Use::order && grammar.has_bare_order_keys)
    return refusal(fmt::format("Invalid order by key '{}' specified. Valid keys are '{}'",
                               shown(target.written), keys_text(field, use)));
  return refusal(fmt::format("Invalid {} key '{}' specified. Valid keys are '{}'", field.name,
                             shown(target.written), keys_text(field, use)));
}

}  // namespace

std::optional<Comparator> comparator_named(std::string_view text) {
  const auto found = std::ranges::find(comparator_texts, text,
                                       [](const auto& pair) { return std::string_view(pair.second); });
  return found == comparator_texts.end() ? std::nullopt : std::optional(found->first);
}

std::string Comparators::text() const {
  std::string text;
  for (const auto& [comparator, name] : comparator_texts)
    if (contains(comparator)) text += fmt::format("{}'{}'", text.empty() ? "" : ", ", name);
  return "{" + text + "}";
}

std::string shown(std::string_view text) {
  constexpr std::size_t shown_bytes_max = 500;
  if (text.size() <= shown_bytes_max) return std::string(text);
  auto end = shown_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

Result<SearchGrammar::Target> SearchGrammar::target_of(std::string_view identifier, Use use) const {
  Target target{.field = &fields.front()};
  auto key = identifier;
  const auto dot = use == Use::order && has_bare_order_keys ? std::string_view::npos : identifier.find('.');
  if (dot != std::string_view::npos) {
    auto prefix = identifier.substr(0, dot);
    if (is_in_quotes(prefix, '`')) prefix = without_quotes(prefix);
    const auto field = std::ranges::find_if(
        fields, [&](const auto& f) { return std::ranges::find(f.prefixes, prefix) != f.prefixes.end(); });
    if (field == fields.end())
      return refusal(fmt::format("Invalid entity type '{}'. {}", shown(prefix), prefixes_shown));
    target.field = &*field;
    key = identifier.substr(dot + 1);
  }
  target.written = without_quotes(key);
  target.key = target.written;
  target.meant = target.field->field;
  target.values = target.field->values;
  target.comparators = target.field->comparators;
  if (!target.field->keys.empty()) SLUICE_DO(find_key(*this, use, target));
  if (use == Use::order && target.field->field != SearchField::attribute && !target.field->is_ordered)
    return refusal(fmt::format("Invalid order_by entity: {}", target.field->name));
  return target;
}

const SearchGrammar& run_search() {
  static const SearchGrammar grammar{
      .fields = {{.field = SearchField::attribute,
                  .name = "attribute",
                  .prefixes = {"attribute", "attr", "attributes", "run"},
                  .keys = {{"artifact_uri", Values::text, of_texts},
                           {"end_time", Values::number, of_numbers},
                           {"run_id", Values::text, of_texts | lists},
                           {"run_name", Values::text, of_texts},
                           {"start_time", Values::number, of_numbers},
                           {"status", Values::text, of_texts},
                           {"user_id", Values::text, of_texts},
                           {"created", Values::number, of_numbers, Use::both, "start_time"},
                           {"Created", Values::number, of_numbers, Use::both, "start_time"},
                           {"run name", Values::text, of_texts, Use::filter, "run_name"},
                           {"Run name", Values::text, of_texts, Use::filter, "run_name"},
                           {"Run Name", Values::text, of_texts, Use::filter, "run_name"}}},
                 {.field = SearchField::metric,
                  .name = "metric",
                  .prefixes = {"metric", "metrics"},
                  .values = Values::number,
                  .comparators = of_numbers,
                  .is_ordered = true},
                 {.field = SearchField::parameter,
                  .name = "parameter",
                  .prefixes = {"parameter", "parameters", "param", "params"},
                  .comparators = of_texts | nulls,
                  .is_ordered = true},
                 {.field = SearchField::tag,
                  .name = "tag",
                  .prefixes = {"tag", "tags"},
                  .comparators = of_texts | nulls,
                  .is_ordered = true},
                 {.field = SearchField::dataset,
                  .name = "dataset",
                  .prefixes = {"dataset", "datasets"},
                  .keys = {{"name", Values::text, of_texts | lists},
                           {"digest", Values::text, of_texts | lists},
                           {"context", Values::text, of_texts | lists}}}},
      .prefixes_shown = "Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
      .null_shown = "tags and params",
      .default_order = {},
      .tie_breakers = {{SearchField::attribute, "start_time", false},
                       {SearchField::attribute, "run_id", true}}};
  return grammar;
}

namespace {

// What experiments and both kinds of registered entries have.
SearchGrammar::Field plain_tags(Comparators comparators) {
  return {.field = SearchField::tag, .name = "tag", .prefixes = {"tag", "tags"}, .comparators = comparators};
}
constexpr std::string_view plain_prefixes = "Valid entity types are ('attribute', 'tag', 'tags')";

}  // namespace

const SearchGrammar& experiment_search() {
  static const SearchGrammar grammar{
      .fields = {{.field = SearchField::attribute,
                  .name = "attribute",
                  .prefixes = {"attribute"},
                  .keys = {{"name", Values::text, of_texts},
                           {"experiment_id", Values::id, Comparators{equal, not_equal} | lists},
                           {"creation_time", Values::whole, of_numbers},
                           {"last_update_time", Values::whole, of_numbers}}},
                 plain_tags(of_texts | nulls)},
      .prefixes_shown = plain_prefixes,
      .null_shown = "tags",
      .default_order = {{SearchField::attribute, "creation_time", false},
                        {SearchField::attribute, "experiment_id", true}},
      .tie_breakers = {{SearchField::attribute, "experiment_id", false}}};
  return grammar;
}

const SearchGrammar& registered_model_search() {
  static const SearchGrammar grammar{
      .fields = {{.field = SearchField::attribute,
                  .name = "attribute",
                  .prefixes = {"attribute"},
                  .keys = {{"name", Values::text, of_texts | lists},
                           {"timestamp", Values::whole, {}, Use::order, "last_updated_timestamp"},
                           {"last_updated_timestamp", Values::whole, {}, Use::order}}},
                 plain_tags(of_texts)},
      .prefixes_shown = plain_prefixes,
      .has_bare_order_keys = true,
      .default_order = {},
      .tie_breakers = {{SearchField::attribute, "name", true}}};
  return grammar;
}

const SearchGrammar& model_version_search() {
  static const SearchGrammar grammar{
      .fields = {{.field = SearchField::attribute,
                  .name = "attribute",
                  .prefixes = {"attribute"},
                  .keys = {{"name", Values::text, of_texts | lists},
                           {"version_number", Values::whole, of_numbers},
                           {"run_id", Values::text, of_texts | lists, Use::filter},
                           {"source_path", Values::text, of_texts, Use::filter},
                           {"creation_timestamp", Values::whole, {}, Use::order},
                           {"last_updated_timestamp", Values::whole, {}, Use::order}}},
                 plain_tags(of_texts)},
      .prefixes_shown = plain_prefixes,
      .has_quoted_numbers = true,
      .default_order = {{SearchField::attribute, "last_updated_timestamp", false}},
      .tie_breakers = {{SearchField::attribute, "name", true},
                       {SearchField::attribute, "version_number", false}}};
  return grammar;
}

const SearchGrammar& logged_model_search() {
  constexpr auto created = "creation_timestamp";
  constexpr auto updated = "last_updated_timestamp";
  static const SearchGrammar grammar{
      .fields = {{.field = SearchField::attribute,
                  .name = "attribute",
                  .prefixes = {"attributes", "attribute", "attr"},
                  .keys = {{"name", Values::text, of_texts | lists},
                           {"model_id", Values::text, of_texts | lists},
                           {"model_type", Values::text, of_texts | lists},
                           {"status", Values::text, of_texts | lists},
                           {"source_run_id", Values::text, of_texts | lists},
                           {"experiment_id", Values::text, of_texts | lists},
                           {created, Values::number, of_numbers},
                           {"creation_time", Values::number, of_numbers, Use::both, created},
                           {"creation_timestamp_ms", Values::number, of_numbers, Use::both, created},
                           {updated, Values::number, of_numbers},
                           {"last_updated_time", Values::number, of_numbers, Use::both, updated},
                           {"last_updated_timestamp_ms", Values::number, of_numbers, Use::both, updated}}},
                 {.field = SearchField::metric,
                  .name = "metric",
                  .prefixes = {"metrics", "metric"},
                  .values = Values::number,
                  .comparators = of_numbers,
                  .is_ordered = true},
                 {.field = SearchField::parameter,
                  .name = "parameter",
                  .prefixes = {"params", "param", "parameters", "parameter"},
                  .comparators = of_texts | lists},
                 {.field = SearchField::tag,
                  .name = "tag",
                  .prefixes = {"tags", "tag"},
                  .comparators = of_texts | lists}},
      .prefixes_shown = "Expected one of ['attributes', 'metrics', 'params', 'tags']",
      .has_bare_texts = true,
      .default_order = {},
      .tie_breakers = {{SearchField::attribute, created, false}, {SearchField::attribute, "model_id", true}}};
  return grammar;
}

const SearchGrammar& trace_search() {
  constexpr auto comparators = patterns | lists;
  constexpr auto judged = of_numbers | patterns | nulls;
  static const SearchGrammar grammar{
      .fields = {{.field = SearchField::attribute,
                  .name = "attribute",
                  .prefixes = {"attribute", "attributes", "trace"},
                  .keys = {{"request_id", Values::text, comparators},
                           {"timestamp", Values::number, of_numbers, Use::both, "timestamp_ms"},
                           {"timestamp_ms", Values::number, of_numbers},
                           {"execution_time", Values::number, of_numbers, Use::both, "execution_time_ms"},
                           {"execution_time_ms", Values::number, of_numbers},
                           {"end_time", Values::number, of_numbers, Use::both, "end_time_ms"},
                           {"end_time_ms", Values::number, of_numbers},
                           {"status", Values::text, comparators},
                           {"client_request_id", Values::text, comparators, Use::filter},
                           {"name", Values::text, comparators | nulls, Use::both, "mlflow.traceName",
                            SearchField::tag},
                           {"run_id", Values::text, comparators | nulls, Use::both, "mlflow.sourceRun",
                            SearchField::metadata},
                           {"prompt", Values::text, Comparators{equal}, Use::filter, "mlflow.linkedPrompts",
                            SearchField::tag},
                           {"text", Values::text, Comparators{like, ilike}, Use::filter, "content",
                            SearchField::span},
                           {"experiment_id", Values::text, {}, Use::order}}},
                 {.field = SearchField::tag,
                  .name = "tag",
                  .prefixes = {"tag", "tags"},
                  .comparators = patterns | nulls,
                  .is_ordered = true},
                 {.field = SearchField::metadata,
                  .name = "request_metadata",
                  .prefixes = {"request_metadata", "metadata"},
                  .comparators = patterns | nulls,
                  .is_ordered = true},
                 {.field = SearchField::span,
                  .name = "span",
                  .prefixes = {"span"},
                  .keys = {{"name", Values::text, comparators},
                           {"type", Values::text, comparators},
                           {"status", Values::text, comparators},
                           {"content", Values::text, Comparators{like, ilike}}},
                  .comparators = patterns,
                  .any_key_after = "attributes."},
                 {.field = SearchField::feedback,
                  .name = "feedback",
                  .prefixes = {"feedback"},
                  .values = Values::judgment,
                  .comparators = judged},
                 {.field = SearchField::expectation,
                  .name = "expectation",
                  .prefixes = {"expectation"},
                  .values = Values::judgment,
                  .comparators = judged}},
      .prefixes_shown =
          "Valid values are {'attribute', 'attributes', 'trace', 'tag', 'tags', "
          "'request_metadata', 'metadata', 'span', 'feedback', 'expectation'}",
      .has_quoted_numbers = true,
      .default_order = {},
      .tie_breakers = {{SearchField::attribute, "timestamp_ms", false},
                       {SearchField::attribute, "request_id", true}}};
  return grammar;
}

}  // namespace sluice::tracking
