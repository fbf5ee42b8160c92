#include "sluice/domain/tracking/search_order.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"

namespace sluice::tracking {
namespace {

using Search = const SearchGrammar& (*)();
using Clauses = std::vector<std::string>;

std::string text_of(const Result<std::vector<ports::SearchOrder>>& order) {
  if (!order) return order.error().message;
  constexpr const char* names[] = {"", "metric ", "parameter ", "tag ", "dataset ", "metadata ", "span "};
  std::string text;
  for (const auto& [field, key, ascending] : *order)
    text += (text.empty() ? "" : ", ") + std::string(names[static_cast<std::size_t>(field)]) + key +
            (ascending ? " up" : " down");
  return text;
}

std::string read(const Clauses& clauses, Search search) { return text_of(parse_order(clauses, search())); }

TEST(SearchOrder, IsCompleteWithoutAnyClause) {
  EXPECT_EQ(read({}, run_search), "start_time down, run_id up");
  EXPECT_EQ(read({}, experiment_search), "creation_time down, experiment_id up");
  EXPECT_EQ(read({}, registered_model_search), "name up");
  EXPECT_EQ(read({}, model_version_search), "last_updated_timestamp down, name up, version_number down");
  EXPECT_EQ(read({}, trace_search), "timestamp_ms down, request_id up");
  EXPECT_EQ(text_of(parse_logged_model_order({})), "creation_timestamp down, model_id up");
}

TEST(SearchOrder, OfRuns) {
  const std::pair<const char*, const char*> cases[] = {
      {"attributes.start_time DESC", "start_time down, run_id up"},
      {"attributes.start_time", "start_time up, run_id up"},
      {"created asc", "start_time up, run_id up"},
      {"run_id desc", "run_id down, start_time down"},
      {"metrics.`acc` ASC", "metric acc up, start_time down, run_id up"},
      {"metrics.`a b/c.d` Desc", "metric a b/c.d down, start_time down, run_id up"},
      {"metrics.\"a b\"", "metric a b up, start_time down, run_id up"},
      {"  params.lr  DESC ", "parameter lr down, start_time down, run_id up"},
      {"tags.`DESC`", "tag DESC up, start_time down, run_id up"},
      {"metrics.desc desc", "metric desc down, start_time down, run_id up"},
      {"bogus.x",
       "Invalid entity type 'bogus'. Valid values are ['metric', 'parameter', 'tag', 'attribute', "
       "'dataset']"},
      {"dataset.name", "Invalid order_by entity: dataset"},
      {"foo",
       "Invalid attribute key 'foo' specified. Valid keys are '{'artifact_uri', 'end_time', 'run_id', "
       "'run_name', "
       "'start_time', 'status', 'user_id', 'created', 'Created'}'"},
      {"", "Invalid order_by clause ''. Could not be parsed."},
      {"metrics.a/b DESC", "Invalid order_by clause 'metrics.a/b DESC'. Could not be parsed."},
      {"metrics.a DESC NULLS LAST",
       "Invalid order_by clause 'metrics.a DESC NULLS LAST'. Could not be parsed."},
      {"metrics.a, metrics.b", "Invalid order_by clause 'metrics.a, metrics.b'. Could not be parsed."},
      {"'metrics.a'", "Invalid order_by clause ''metrics.a''. Could not be parsed."},
      {"metrics.a down", "Invalid ordering key in order_by clause 'metrics.a down'."},
      {"metrics.\xff", "Invalid order_by clause: the text is not UTF-8"},
  };
  for (const auto& [clause, meaning] : cases) EXPECT_EQ(read({clause}, run_search), meaning) << clause;
}

TEST(SearchOrder, OfTheOthers) {
  EXPECT_EQ(read({"last_update_time DESC"}, experiment_search), "last_update_time down, experiment_id down");
  EXPECT_EQ(read({"tags.a"}, experiment_search), "Invalid order_by entity: tag");
  EXPECT_EQ(read({"timestamp DESC"}, registered_model_search), "last_updated_timestamp down, name up");
  EXPECT_EQ(read({"name ASC"}, registered_model_search), "name up");
  EXPECT_EQ(read({"attribute.name"}, registered_model_search),
            "Invalid order by key 'attribute.name' specified. Valid keys are '{'name', 'timestamp', "
            "'last_updated_timestamp'}'");
  EXPECT_EQ(read({"creation_timestamp DESC"}, model_version_search),
            "creation_timestamp down, name up, version_number down");
  EXPECT_EQ(read({"version_number"}, model_version_search), "version_number up, name up");
  EXPECT_EQ(read({"timestamp DESC", "metadata.`a b`"}, trace_search),
            "timestamp_ms down, metadata a b up, request_id up");
  EXPECT_EQ(read({"name", "run_id DESC", "experiment_id"}, trace_search),
            "tag mlflow.traceName up, metadata mlflow.sourceRun down, experiment_id up, timestamp_ms down, "
            "request_id up");
  EXPECT_EQ(read({"span.name"}, trace_search), "Invalid order_by entity: span");
}

TEST(SearchOrder, OfLoggedModelsNamesFields) {
  EXPECT_EQ(text_of(parse_logged_model_order({{"creation_time", false}})),
            "creation_timestamp down, model_id up");
  EXPECT_EQ(text_of(parse_logged_model_order({{"metrics.a b.c", true}, {"model_id", false}})),
            "metric a b.c up, model_id down, creation_timestamp down");
  EXPECT_EQ(text_of(parse_logged_model_order({{"params.a"}})),
            "Invalid order by field name: params.a. Only metrics are supported.");
  EXPECT_EQ(text_of(parse_logged_model_order({{"foo"}})), "Invalid order by field name: foo");
}

TEST(SearchOrder, RefusesDuplicatesAndTooMuch) {
  EXPECT_EQ(read({"start_time", "attributes.created DESC"}, run_search),
            "`order_by` contains duplicate fields: ['start_time', 'attributes.created DESC']");
  EXPECT_EQ(read({"metrics.a", "params.a"}, run_search),
            "metric a up, parameter a up, start_time down, run_id up");
  EXPECT_EQ(read({"metrics.a", "metrics.a", "\xff"}, run_search),
            "Invalid order_by clause: the text is not UTF-8")
      << "no message shows it";
  Clauses clauses;
  for (std::size_t i = 0; i < order_clauses_max; ++i) clauses.push_back("metrics.a" + std::to_string(i));
  EXPECT_OK(parse_order(clauses, run_search()));
  clauses.emplace_back("metrics.b");
  EXPECT_EQ(read(clauses, run_search), "Invalid order_by: more than 100 clauses");
  EXPECT_EQ(read({"metrics." + std::string(order_clause_bytes_max, 'a')}, run_search),
            "Invalid order_by clause: longer than 4096 bytes");
}

}  // namespace
}  // namespace sluice::tracking
