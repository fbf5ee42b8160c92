#include "sluice/api/kubeflow/lists.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/api/kubeflow/fields.hpp"
#include "sluice/api/kubeflow/states.hpp"
#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/sent_field.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api::kubeflow {
namespace {

using Comparator = ports::SearchCondition::Comparator;
using Condition = ports::SearchCondition;

constexpr std::size_t filter_bytes_max = std::size_t{64} << 10;
constexpr std::size_t token_bytes_max = std::size_t{128} << 10;
constexpr std::size_t predicates_max = 50;
constexpr std::size_t values_max = 1'000;

Fail refusal(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

std::string shown(std::string_view text) {
  constexpr std::size_t shown_max = 100;
  return as_utf8(text.size() > shown_max ? std::string(text.substr(0, shown_max)) + "…" : std::string(text));
}

const ListField* field_of(std::string_view name, std::span<const ListField> fields) {
  const auto found = std::ranges::find(fields, name, &ListField::name);
  return found == fields.end() ? nullptr : &*found;
}

std::string names_of(std::span<const ListField> fields) {
  std::vector<std::string_view> names;
  names.reserve(fields.size());
  for (const auto& field : fields) names.push_back(field.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

struct Operation {
  std::string_view name;
  Comparator comparator;
};
/// In the order of their numbers, from 1.
constexpr std::array<Operation, 8> operations{{{"EQUALS", Comparator::equal},
                                               {"NOT_EQUALS", Comparator::not_equal},
                                               {"GREATER_THAN", Comparator::greater},
                                               {"GREATER_THAN_EQUALS", Comparator::greater_or_equal},
                                               {"LESS_THAN", Comparator::less},
                                               {"LESS_THAN_EQUALS", Comparator::less_or_equal},
                                               {"IN", Comparator::in},
                                               {"IS_SUBSTRING", Comparator::contains}}};

/// One predicate, and where it is, for messages.
class PredicateReader {
 public:
  PredicateReader(const Value& predicate, std::size_t index, std::span<const ListField> fields)
      : fields_(predicate, fmt::format("predicates[{}].", index)),
        where_(fmt::format("filter: predicates[{}]", index)),
        known_(fields) {}

  Result<void> read(std::vector<Condition>& conditions) {
    SLUICE_TRY(key, fields_.text("key"));
    if (key.empty()) return refusal(where_ + ": `key` is empty");
    const auto* field = field_of(key, known_);
    if (field == nullptr)
      return refusal(fmt::format("{}: no support for filtering on unrecognized field `{}`; there are: {}",
                                 where_, shown(key), names_of(known_)));
    SLUICE_TRY(comparator, read_operation());
    SLUICE_TRY(values, read_values());
    const bool is_list = comparator == Comparator::in;
    if (is_list != values.is_list)
      return refusal(where_ + (is_list ? ": IN needs `stringValues`" : ": only IN takes a list of values"));
    switch (field->kind) {
      case ListField::Kind::time: return add_time(*field, comparator, values, conditions);
      case ListField::Kind::storage_state: return add_storage_state(*field, comparator, values, conditions);
      case ListField::Kind::state:
        for (auto& text : values.texts) text = status_named(text);
        break;
      default: break;
    }
    if (!values.numbers.empty())
      return refusal(fmt::format("{}: `{}` is a text; give `stringValue`", where_, field->name));
    Condition::Operand operand;
    if (is_list)
      operand = std::move(values.texts);
    else
      operand = std::move(values.texts.front());
    conditions.push_back(
        {.key = std::string(field->key), .comparator = comparator, .operand = std::move(operand)});
    return {};
  }

 private:
  struct Values {
    bool is_list = false;
    std::vector<std::string> texts;
    std::vector<std::int64_t> numbers;  ///< seconds, or milliseconds of a time
    bool is_time = false;
  };

  Result<Comparator> read_operation() {
    const auto* given = fields_.find("operation");
    if (given == nullptr) return refusal(where_ + ": `operation` is missing");
    if (const auto* number = given->if_integer();
        number != nullptr && *number >= 1 && *number <= static_cast<std::int64_t>(operations.size()))
      return operations.at(static_cast<std::size_t>(*number) - 1).comparator;
    if (const auto* name = given->if_string())
      if (const auto found = std::ranges::find(operations, *name, &Operation::name);
          found != operations.end())
        return found->comparator;
    return refusal(
        fmt::format("{}: `operation` is not one of EQUALS, NOT_EQUALS, GREATER_THAN, "
                    "GREATER_THAN_EQUALS, LESS_THAN, LESS_THAN_EQUALS, IN, IS_SUBSTRING",
                    where_));
  }

  Result<std::int64_t> number_of(const Value& value) const {
    if (const auto* number = value.if_integer()) return *number;
    if (const auto* text = value.if_string())
      if (const auto parsed = parse_integer<std::int64_t>(*text)) return *parsed;
    return refusal(where_ + ": an integer is not one");
  }

  Result<Values> read_values() {
    Values values;
    std::size_t given = 0;
    for (const auto* name : {"int_value", "long_value"})
      if (const auto* value = fields_.find(name)) {
        SLUICE_TRY(number, number_of(*value));
        values.numbers.push_back(number);
        ++given;
      }
    if (fields_.find("string_value") != nullptr) {
      SLUICE_TRY(text, fields_.text("string_value"));
      values.texts.push_back(std::move(text));
      ++given;
    }
    if (fields_.find("timestamp_value") != nullptr) {
      SLUICE_TRY(text, fields_.text("timestamp_value"));
      const auto time = parse_iso8601(text);
      if (!time)
        return refusal(
            fmt::format("{}: `timestampValue` is not a time such as 2026-11-24T08:48:56Z", where_));
      values.numbers.push_back(time->time_since_epoch().count());
      values.is_time = true;
      ++given;
    }
    for (const auto* name : {"int_values", "long_values", "string_values"})
      if (fields_.find(name) != nullptr) {
        SLUICE_TRY(inner, fields_.object(name));
        SLUICE_DO(read_list(inner, name == std::string_view("string_values"), values));
        ++given;
      }
    if (given != 1) return refusal(where_ + ": give one value, such as `stringValue`");
    return values;
  }

  Result<void> read_list(const Fields& inner, bool are_texts, Values& values) const {
    values.is_list = true;
    const auto* list = inner.find("values");
    if (list == nullptr || list->if_list() == nullptr || list->if_list()->empty())
      return refusal(where_ + ": a list of values is empty");
    if (list->if_list()->size() > values_max)
      return refusal(fmt::format("{}: more than {} values", where_, values_max));
    for (const auto& value : *list->if_list()) {
      if (!are_texts) {
        SLUICE_TRY(number, number_of(value));
        values.numbers.push_back(number);
        continue;
      }
      const auto* text = value.if_string();
      if (text == nullptr) return refusal(where_ + ": `stringValues` has a value that is not a text");
      values.texts.push_back(*text);
    }
    return {};
  }

  Result<void> add_time(const ListField& field, Comparator comparator, const Values& values,
                        std::vector<Condition>& conditions) const {
    if (values.numbers.size() != 1 || values.is_list || comparator == Comparator::contains)
      return refusal(fmt::format("{}: `{}` is a time; give `timestampValue`", where_, field.name));
    constexpr std::int64_t seconds_max = 253'402'300'799;  // of the year 9999
    auto at = values.numbers.front();
    if (!values.is_time) at = std::clamp(at, std::int64_t{0}, seconds_max) * 1000;
    conditions.push_back({.key = std::string(field.key), .comparator = comparator, .operand = at});
    return {};
  }

  Result<void> add_storage_state(const ListField& field, Comparator comparator, const Values& values,
                                 std::vector<Condition>& conditions) const {
    const bool differs = comparator == Comparator::not_equal;
    if ((!differs && comparator != Comparator::equal && comparator != Comparator::in) || values.texts.empty())
      return refusal(fmt::format(
          "{}: `{}` is compared with AVAILABLE or ARCHIVED by EQUALS, NOT_EQUALS or IN", where_, field.name));
    const auto fits = [&](std::string_view state) {
      const auto is = [&](const std::string& text) { return lower_ascii(text) == state; };
      return std::ranges::any_of(values.texts, is) != differs;
    };
    const bool available = fits("available");
    const bool archived = fits("archived");
    if (available && archived) return {};
    const std::int64_t wanted = available ? 0 : archived ? 1 : 2;  // 2: none has it
    conditions.push_back({.key = std::string(field.key), .comparator = Comparator::equal, .operand = wanted});
    return {};
  }

  Fields fields_;
  std::string where_;
  std::span<const ListField> known_;
};

Result<std::size_t> page_size_of(std::string_view text) {
  constexpr std::int64_t otherwise = 20;
  constexpr std::int64_t most = 200;
  if (text.empty()) return static_cast<std::size_t>(otherwise);
  const auto number = parse_integer<std::int64_t>(text);
  if (!number || *number < 0)
    return refusal(fmt::format("the page size should be greater than 0; it is `{}`", shown(text)));
  return static_cast<std::size_t>(*number == 0 ? otherwise : std::min(*number, most));
}

/// Sets the order, the filter and the position.
Result<void> read_token(std::string_view text, ListRequest& request) {
  const auto invalid = [] {
    return refusal("invalid page token; pass `next_page_token` of a page as it is");
  };
  if (text.size() > token_bytes_max) return invalid();
  const auto decoded = base64_decode(text);
  if (!decoded) return invalid();
  const auto token = parse_json(*decoded, "page_token");
  if (!token || !token->is_struct()) return invalid();
  const auto* value = token->find("value");
  const auto* id = token->find("id");
  if (value == nullptr || id == nullptr || !id->is_string()) return invalid();
  ports::ListQuery::Position position{.value = {}, .id = *id->if_string()};
  if (const auto* number = value->if_integer())
    position.value = *number;
  else if (const auto* word = value->if_string())
    position.value = *word;
  else
    return invalid();
  const auto sort_by = token->text_at("sort_by");
  const auto filter = token->text_at("filter");
  if ((!request.sort_by.empty() && request.sort_by != sort_by) ||
      (!request.filter.empty() && request.filter != filter))
    return refusal("the page token is of a list with another order or filter; give the same, or none");
  request.sort_by = sort_by;
  request.filter = filter;
  request.query.after = std::move(position);
  return {};
}

}  // namespace

Result<std::vector<Condition>> parse_filter(std::string_view text, std::span<const ListField> fields) {
  std::vector<Condition> conditions;
  if (text.empty()) return conditions;
  if (text.size() > filter_bytes_max)
    return refusal(
        fmt::format("the filter has {} bytes; at most {} are supported", text.size(), filter_bytes_max));
  std::string decoded;
  if (text.starts_with('%')) {
    const auto once_more = percent_decode(text);
    if (!once_more) return refusal("the filter is not JSON");
    decoded = *once_more;
    std::ranges::replace(decoded, '+', ' ');
    text = decoded;
  }
  constexpr std::size_t depth_max = 10;
  auto filter = parse_json(text, "filter", {.depth_max = depth_max, .bytes_max = filter_bytes_max});
  if (!filter) return Fail(std::move(filter).error());
  if (!filter->is_struct()) return refusal("the filter must be a JSON object with `predicates`");
  const auto* predicates = sent_field(*filter, "predicates");
  if (predicates == nullptr) return conditions;
  const auto* list = predicates->if_list();
  if (list == nullptr) return refusal("filter: `predicates` must be a list");
  if (list->size() > predicates_max)
    return refusal(
        fmt::format("the filter has {} predicates; at most {} are supported", list->size(), predicates_max));
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (!(*list)[i].is_struct()) return refusal(fmt::format("filter: predicates[{}] must be an object", i));
    SLUICE_DO(PredicateReader((*list)[i], i, fields).read(conditions));
  }
  return conditions;
}

Result<ports::SearchOrder> parse_order(std::string_view text, std::span<const ListField> fields) {
  const auto folded = lower_ascii(text.substr(0, std::min<std::size_t>(text.size(), 1'000)));
  std::vector<std::string_view> words;
  constexpr std::string_view blanks = " \t\r\n";
  for (std::string_view rest = folded;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
    if (rest.empty()) break;
    const auto end = std::min(rest.find_first_of(blanks), rest.size());
    words.push_back(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  ports::SearchOrder order{.key = "created_at"};
  if (words.empty()) return order;
  if (words.size() > 2 || (words.size() == 2 && words[1] != "desc" && words[1] != "asc"))
    return refusal(
        fmt::format("invalid order `{}`; write `FIELD`, `FIELD asc` or `FIELD desc`", shown(text)));
  const auto* field = field_of(words[0], fields);
  if (field == nullptr)
    return refusal(
        fmt::format("invalid field `{}` of an order; there are: {}", shown(words[0]), names_of(fields)));
  order.key = field->key;
  order.ascending = words.size() == 1 || words[1] == "asc";
  return order;
}

Result<ListRequest> list_request(const ports::Request& request, std::span<const ListField> fields) {
  ListRequest made{.query = {},
                   .sort_by = std::string(request.query_at("sort_by")),
                   .filter = std::string(request.query_at("filter"))};
  SLUICE_TRY(size, page_size_of(request.query_at("page_size")));
  if (const auto token = request.query_at("page_token"); !token.empty()) SLUICE_DO(read_token(token, made));
  SLUICE_TRY(order, parse_order(made.sort_by, fields));
  SLUICE_TRY(conditions, parse_filter(made.filter, fields));
  made.query.limit = size;
  made.query.order = std::move(order);
  made.query.conditions = std::move(conditions);
  return made;
}

std::string token_of(const ListRequest& request, const std::optional<ports::ListQuery::Position>& next) {
  if (!next) return {};
  Struct token;
  if (const auto* number = std::get_if<std::int64_t>(&next->value))
    token.set("value", *number);
  else
    token.set("value", std::get<std::string>(next->value));
  token.set("id", next->id);
  token.set("sort_by", request.sort_by);
  token.set("filter", request.filter);
  return base64_encode(to_json(token));
}

}  // namespace sluice::api::kubeflow
