#include "sluice/api/kubeflow/lists.hpp"

#include <array>

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/base/words.hpp"

namespace sluice::api::kubeflow {
namespace {

using Comparator = ports::SearchCondition::Comparator;

constexpr auto fields = std::to_array<ListField>({
    {.name = "run_id", .key = "id", .kind = ListField::Kind::id},
    {.name = "name", .key = "display_name"},
    {.name = "created_at", .key = "created_at", .kind = ListField::Kind::time},
    {.name = "storage_state", .key = "archived", .kind = ListField::Kind::storage_state},
    {.name = "state", .key = "state", .kind = ListField::Kind::state},
});

std::string text_of(Comparator comparator) {
  switch (comparator) {
    case Comparator::equal: return "=";
    case Comparator::not_equal: return "!=";
    case Comparator::less: return "<";
    case Comparator::less_or_equal: return "<=";
    case Comparator::greater: return ">";
    case Comparator::greater_or_equal: return ">=";
    case Comparator::in: return "in";
    case Comparator::contains: return "contains";
    default: return "?";
  }
}

/// "name = [x]; created_at > 5", or the error.
std::string read(std::string_view filter) {
  const auto conditions = parse_filter(filter, fields);
  if (!conditions) return conditions.error().message;
  std::string text;
  for (const auto& condition : *conditions) {
    text += (text.empty() ? "" : "; ") + condition.key + " " + text_of(condition.comparator);
    if (const auto* number = std::get_if<std::int64_t>(&condition.operand))
      text += " " + std::to_string(*number);
    if (const auto* word = std::get_if<std::string>(&condition.operand)) text += " [" + *word + "]";
    if (const auto* list = std::get_if<std::vector<std::string>>(&condition.operand))
      for (const auto& word : *list) text += " [" + word + "]";
  }
  return text;
}

std::string of(const std::string& predicate) { return read(R"({"predicates": [)" + predicate + "]}"); }

TEST(KubeflowFilter, IsReadAsItsClientsWriteIt) {
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("{}"), "");
  EXPECT_EQ(of(""), "");
  EXPECT_EQ(of(R"({"operation": 1, "key": "name", "stringValue": "x"})"), "display_name = [x]");
  EXPECT_EQ(of(R"({"operation": "EQUALS", "key": "run_id", "string_value": "x"})"), "id = [x]");
  EXPECT_EQ(of(R"({"operation": "NOT_EQUALS", "key": "run_id", "stringValue": "x"})"), "id != [x]");
  EXPECT_EQ(of(R"({"operation": 8, "key": "name", "stringValue": "50%"})"), "display_name contains [50%]");
  EXPECT_EQ(of(R"({"operation": "IN", "key": "run_id", "stringValues": {"values": ["a", "b"]}})"),
            "id in [a] [b]");
  EXPECT_EQ(read("%7B%22predicates%22%3A+%5B%7B%22operation%22%3A+1%2C+%22key%22%3A+%22run_id%22%2C+%"
                 "22stringValue%22%3A+%22e1%22%7D%5D%7D"),
            "id = [e1]");
  EXPECT_EQ(
      of(R"({"operation": "GREATER_THAN", "key": "created_at", "timestampValue": "1970-01-01T00:01:00Z"})"),
      "created_at > 60000");
  EXPECT_EQ(of(R"({"operation": "LESS_THAN_EQUALS", "key": "created_at", "longValue": "60"})"),
            "created_at <= 60000");
  EXPECT_EQ(of(R"({"operation": "LESS_THAN", "key": "created_at", "intValue": -9223372036854775808})"),
            "created_at < 0");
  EXPECT_EQ(
      of(R"({"operation": "GREATER_THAN_EQUALS", "key": "created_at", "intValue": 9223372036854775807})"),
      "created_at >= 253402300799000");
}

TEST(KubeflowFilter, OfStatesHasOurWords) {
  EXPECT_EQ(of(R"({"operation": "EQUALS", "key": "state", "stringValue": "SUCCEEDED"})"),
            "state = [succeeded]");
  EXPECT_EQ(of(R"({"operation": "EQUALS", "key": "state", "stringValue": "Canceled"})"),
            "state = [cancelled]");
  EXPECT_EQ(of(R"({"operation": "IN", "key": "state", "stringValues": {"values": ["PAUSED", "ODD"]}})"),
            "state in [set_aside] [odd]");
  EXPECT_EQ(of(R"({"operation": "EQUALS", "key": "storage_state", "stringValue": "ARCHIVED"})"),
            "archived = 1");
  EXPECT_EQ(of(R"({"operation": "NOT_EQUALS", "key": "storage_state", "stringValue": "ARCHIVED"})"),
            "archived = 0");
  EXPECT_EQ(of(R"({"operation": "EQUALS", "key": "storage_state", "stringValue": "odd"})"), "archived = 2");
  EXPECT_EQ(
      of(R"({"operation": "IN", "key": "storage_state", "stringValues": {"values": ["ARCHIVED", "AVAILABLE"]}})"),
      "");
}

TEST(KubeflowFilter, IsRefusedWithItsPlace) {
  EXPECT_EQ(read("nonsense"), "filter:1:1: invalid JSON syntax");
  EXPECT_EQ(read("[]"), "the filter must be a JSON object with `predicates`");
  EXPECT_EQ(read(R"({"predicates": 7})"), "filter: `predicates` must be a list");
  EXPECT_EQ(of("7"), "filter: predicates[0] must be an object");
  EXPECT_EQ(of(R"({"operation": 1, "stringValue": "x"})"), "filter: predicates[0]: `key` is empty");
  EXPECT_EQ(of(R"({"operation": 1, "key": "none", "stringValue": "x"})"),
            "filter: predicates[0]: no support for filtering on unrecognized field `none`; there are: "
            "run_id, name, created_at, storage_state, "
            "state");
  EXPECT_EQ(of(R"({"key": "name", "stringValue": "x"})"), "filter: predicates[0]: `operation` is missing");
  for (const auto* const operation : {"0", "9", "1.5", R"("LIKE")", "true"})
    EXPECT_EQ(of(std::string(R"({"operation": )") + operation + R"(, "key": "name", "stringValue": "x"})"),
              "filter: predicates[0]: `operation` is not one of EQUALS, NOT_EQUALS, GREATER_THAN, "
              "GREATER_THAN_EQUALS, LESS_THAN, "
              "LESS_THAN_EQUALS, IN, IS_SUBSTRING");
  EXPECT_EQ(of(R"({"operation": 1, "key": "name"})"),
            "filter: predicates[0]: give one value, such as `stringValue`");
  EXPECT_EQ(of(R"({"operation": 1, "key": "name", "stringValue": "x", "intValue": 1})"),
            "filter: predicates[0]: give one value, such as `stringValue`");
  EXPECT_EQ(of(R"({"operation": 1, "key": "name", "stringValue": 7})"),
            "`predicates[0].string_value` must be a text, not of the type integer");
  EXPECT_EQ(of(R"({"operation": 1, "key": "name", "intValue": 7})"),
            "filter: predicates[0]: `name` is a text; give `stringValue`");
  EXPECT_EQ(of(R"({"operation": 7, "key": "name", "stringValue": "x"})"),
            "filter: predicates[0]: IN needs `stringValues`");
  EXPECT_EQ(of(R"({"operation": 1, "key": "name", "stringValues": {"values": ["x"]}})"),
            "filter: predicates[0]: only IN takes a list of values");
  EXPECT_EQ(of(R"({"operation": 7, "key": "name", "stringValues": {"values": []}})"),
            "filter: predicates[0]: a list of values is empty");
  EXPECT_EQ(of(R"({"operation": 7, "key": "name", "stringValues": {"values": [7]}})"),
            "filter: predicates[0]: `stringValues` has a value that is not a text");
  EXPECT_EQ(of(R"({"operation": 1, "key": "created_at", "stringValue": "x"})"),
            "filter: predicates[0]: `created_at` is a time; give `timestampValue`");
  EXPECT_EQ(of(R"({"operation": 1, "key": "created_at", "timestampValue": "yesterday"})"),
            "filter: predicates[0]: `timestampValue` is not a time such as 2026-11-24T08:48:56Z");
  EXPECT_EQ(of(R"({"operation": 1, "key": "created_at", "intValue": "x"})"),
            "filter: predicates[0]: an integer is not one");
  EXPECT_EQ(of(R"({"operation": 8, "key": "storage_state", "stringValue": "x"})"),
            "filter: predicates[0]: `storage_state` is compared with AVAILABLE or ARCHIVED by EQUALS, "
            "NOT_EQUALS or IN");
}

TEST(KubeflowFilter, IsBounded) {
  const std::string predicate = R"({"operation": 1, "key": "name", "stringValue": "x"})";
  std::string many;
  for (int i = 0; i < 51; ++i) many += (i == 0 ? "" : ",") + predicate;
  EXPECT_EQ(of(many), "the filter has 51 predicates; at most 50 are supported");
  EXPECT_EQ(read(std::string(65'537, ' ')), "the filter has 65537 bytes; at most 65536 are supported");
  std::string values = R"("a")";
  for (int i = 0; i < 1'000; ++i) values += R"(,"a")";
  EXPECT_EQ(of(R"({"operation": 7, "key": "name", "stringValues": {"values": [)" + values + "]}}"),
            "filter: predicates[0]: more than 1000 values");
  EXPECT_TRUE(read(std::string(1'000, '[')).contains("nested")) << read(std::string(1'000, '['));
}

TEST(KubeflowOrder, IsAFieldAndADirection) {
  const auto order = [](std::string_view text) -> std::string {
    const auto read = parse_order(text, fields);
    if (!read) return read.error().message;
    return read->key + (read->ascending ? " up" : " down");
  };
  EXPECT_EQ(order(""), "created_at up");
  EXPECT_EQ(order("name"), "display_name up");
  EXPECT_EQ(order("  NAME  Desc "), "display_name down");
  EXPECT_EQ(order("run_id asc"), "id up");
  EXPECT_EQ(order("none"),
            "invalid field `none` of an order; there are: run_id, name, created_at, storage_state, state");
  EXPECT_EQ(order("name down"), "invalid order `name down`; write `FIELD`, `FIELD asc` or `FIELD desc`");
  EXPECT_EQ(order("name desc desc"),
            "invalid order `name desc desc`; write `FIELD`, `FIELD asc` or `FIELD desc`");
}

class KubeflowPages : public testing::Test {
 protected:
  static Result<ListRequest> list(std::vector<std::pair<std::string, std::string>> query) {
    ports::Request request;
    request.query = std::move(query);
    return list_request(request, fields);
  }
};

TEST_F(KubeflowPages, HaveASizeWithinBounds) {
  EXPECT_EQ(test::value_of(list({})).query.limit, 20U);
  EXPECT_EQ(test::value_of(list({{"page_size", "0"}})).query.limit, 20U);
  EXPECT_EQ(test::value_of(list({{"page_size", "7"}})).query.limit, 7U);
  EXPECT_EQ(test::value_of(list({{"page_size", "100000"}})).query.limit, 200U);
  EXPECT_EQ(list({{"page_size", "-1"}}).error().message,
            "the page size should be greater than 0; it is `-1`");
  EXPECT_EQ(list({{"page_size", "x"}}).error().message, "the page size should be greater than 0; it is `x`");
}

TEST_F(KubeflowPages, ATokenCarriesTheWholeList) {
  const std::string filter = R"({"predicates": [{"operation": 1, "key": "run_id", "stringValue": "x"}]})";
  const auto first = test::value_of(list({{"sort_by", "name desc"}, {"filter", filter}}));
  EXPECT_EQ(token_of(first, std::nullopt), "");
  for (const ports::ListQuery::Position& position :
       {ports::ListQuery::Position{.value = "a name", .id = "1"}, {.value = std::int64_t{-5}, .id = ""}}) {
    const auto token = token_of(first, position);
    const auto second = test::value_of(list({{"page_token", token}}));
    EXPECT_EQ(second.query.conditions, first.query.conditions);
    EXPECT_EQ(second.query.order, first.query.order);
    EXPECT_EQ(second.query.after->value, position.value);
    EXPECT_EQ(second.query.after->id, position.id);
    EXPECT_TRUE(list({{"page_token", token}, {"sort_by", "name desc"}, {"filter", filter}}));
    EXPECT_EQ(list({{"page_token", token}, {"sort_by", "name"}}).error().message,
              "the page token is of a list with another order or filter; give the same, or none");
  }
}

TEST_F(KubeflowPages, AForgedTokenIsRefused) {
  for (const std::string& token : {std::string("x"), base64_encode("x"), base64_encode("{}"),
                                   base64_encode(R"({"value": [], "id": "x"})"),
                                   base64_encode(R"({"value": 1, "id": 1})"), std::string(200'000, 'A')})
    EXPECT_EQ(list({{"page_token", token}}).error().message,
              "invalid page token; pass `next_page_token` of a page as it is");
}

}  // namespace
}  // namespace sluice::api::kubeflow
