#include "ledger_fixture.hpp"
#include "result_assertions.hpp"
#include "sluice/stores/sqlite/sqlite_traces.hpp"

namespace sluice::stores {
namespace {

using ports::SearchCondition;
using ports::SearchField;
using Comparator = SearchCondition::Comparator;
using testing::ElementsAre;
using testing::IsEmpty;

class SqliteTracesTest : public LedgerTest {
 protected:
  void SetUp() override {
    LedgerTest::SetUp();
    traces_ = std::make_unique<SqliteTraces>(ledger_->file(), ports::Durability::process, 5);
  }
  static ports::Trace trace(const std::string& id, std::int64_t at_ms = 100) {
    return {.id = id,
            .experiment = 1,
            .at_ms = at_ms,
            .duration_ms = 10,
            .state = ports::TraceState::ok,
            .metadata = {{.key = "mlflow.trace.infoFinalized", .value = "true"}},
            .tags = {{.key = "name", .value = id}}};
  }
  static ports::TraceSpan span(const std::string& id, const std::string& parent = "") {
    return {.id = id,
            .parent = parent,
            .name = "span " + id,
            .type = "LLM",
            .status = "OK",
            .started_ns = 5'000'000,
            .ended_ns = 8'000'000,
            .content = R"({"attributes": {"k": "\"v\"", "n": "5"}, "id": ")" + id + "\"}"};
  }
  ports::TraceSpans logged(const std::string& id, std::vector<ports::TraceSpan> spans) {
    ports::TraceSpans one{.trace = {.id = id,
                                    .experiment = 1,
                                    .at_ms = 50,
                                    .duration_ms = 100,
                                    .state = ports::TraceState::in_progress},
                          .spans = std::move(spans)};
    one.sum = [this](const std::vector<ports::TraceSpan>& all) {
      summed_ = all.size();
      return std::vector<ports::KeyValue>{{.key = "sum", .value = std::to_string(all.size())}};
    };
    return one;
  }
  static ports::Assessment assessment(const std::string& id, std::string value = "true") {
    return {.id = id,
            .name = "ok",
            .value = std::move(value),
            .source_type = "HUMAN",
            .source_id = "ann",
            .created = at(1),
            .updated = at(1)};
  }
  std::vector<std::string> found(std::vector<SearchCondition> conditions) {
    const auto traces = test::value_of(traces_->traces(
        "default", {1},
        {.conditions = std::move(conditions), .order = {{SearchField::attribute, "request_id", true}}}));
    std::vector<std::string> ids;
    for (const auto& one : traces) ids.push_back(one.id);
    return ids;
  }
  const Principal ann_{.workspace = "default", .name = "ann"};
  const Principal other_{.workspace = "team", .name = "bob"};
  std::unique_ptr<SqliteTraces> traces_;
  std::size_t summed_ = 0;
};

TEST_F(SqliteTracesTest, AreStoredAndReadByWorkspace) {
  auto whole = trace("tr-1");
  whole.client_request = "request";
  whole.request_preview = "in";
  whole.assessments = {assessment("a-1")};
  ASSERT_OK(traces_->put_trace(ann_, whole));
  const auto read = test::value_of(traces_->trace("default", "tr-1"));
  EXPECT_EQ(read.client_request, "request");
  EXPECT_EQ(read.request_preview, "in");
  EXPECT_FALSE(read.response_preview);
  EXPECT_EQ(read.tags, whole.tags);
  EXPECT_EQ(read.assessments.at(0).source_id, "ann");
  EXPECT_EQ(traces_->trace("team", "tr-1").error().code, Code::not_found);
  // The same id in another workspace is another trace.
  ASSERT_OK(traces_->put_trace(other_, trace("tr-1", 7)));
  EXPECT_EQ(traces_->trace("default", "tr-1")->at_ms, 100);
  EXPECT_EQ(traces_->trace("team", "tr-1")->at_ms, 7);
  EXPECT_EQ(traces_->traces_of("default", {"tr-2", "tr-1"})->size(), 1U);
}

TEST_F(SqliteTracesTest, SpansThatComeFirstGiveWayToWhatTheClientSays) {
  ASSERT_OK(traces_->add_spans(ann_, {logged("tr-1", {span("a")})}));
  auto read = test::value_of(traces_->trace("default", "tr-1"));
  EXPECT_EQ(read.at_ms, 50);
  EXPECT_EQ(read.state, ports::TraceState::in_progress);
  EXPECT_EQ(read.spans, 1);
  ASSERT_OK(traces_->put_trace(ann_, trace("tr-1")));
  ASSERT_OK(traces_->add_spans(ann_, {logged("tr-1", {span("b", "a")})}));
  read = test::value_of(traces_->trace("default", "tr-1"));
  EXPECT_EQ(read.at_ms, 100);
  EXPECT_EQ(read.duration_ms, 10);
  EXPECT_EQ(read.state, ports::TraceState::ok);
  EXPECT_EQ(read.spans, 2);
}

TEST_F(SqliteTracesTest, SpansOfATraceThatIsOpenWidenIt) {
  ASSERT_OK(traces_->add_spans(ann_, {logged("tr-1", {span("a", "r")})}));
  auto root = logged("tr-1", {span("r")});
  root.trace.at_ms = 20;
  root.trace.duration_ms = 50;
  root.trace.state = ports::TraceState::error;
  root.trace.request_preview = "in";
  ASSERT_OK(traces_->add_spans(ann_, {root}));
  const auto read = test::value_of(traces_->trace("default", "tr-1"));
  EXPECT_EQ(read.at_ms, 20);
  EXPECT_EQ(read.duration_ms, 130);
  EXPECT_EQ(read.state, ports::TraceState::error);
  EXPECT_EQ(read.request_preview, "in");
}

TEST_F(SqliteTracesTest, SpansAreReplacedAndHaveALimit) {
  auto changed = span("a");
  changed.content = "{}";
  ASSERT_OK(traces_->add_spans(ann_, {logged("tr-1", {span("b", "a"), span("a")})}));
  ASSERT_OK(traces_->add_spans(ann_, {logged("tr-1", {changed})}));
  EXPECT_THAT(test::value_of(traces_->spans("default", "tr-1", 1000)), ElementsAre("{}", span("b").content));
  EXPECT_EQ(traces_->spans("default", "tr-1", 10).error().code, Code::too_large);
  const auto refused = traces_->add_spans(
      ann_, {logged("tr-2", {span("x")}), logged("tr-1", {span("c"), span("d"), span("e"), span("f")})});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::too_large);
  EXPECT_EQ(refused.error().message, "Trace 'tr-1' would have more than 5 spans");
  EXPECT_EQ(traces_->spans("default", "tr-1", 1000)->size(), 2U);
  EXPECT_EQ(traces_->trace("default", "tr-2").error().code, Code::not_found);
}

TEST_F(SqliteTracesTest, SumsAreOfAllSpansUnlessTheClientSaidThem) {
  auto first = span("a");
  first.usage = R"({"input_tokens": 1})";
  ASSERT_OK(traces_->add_spans(ann_, {logged("tr-1", {span("b", "a")})}));
  EXPECT_EQ(summed_, 0U);
  ASSERT_OK(traces_->add_spans(ann_, {logged("tr-1", {first})}));
  EXPECT_EQ(summed_, 2U);
  EXPECT_EQ(traces_->trace("default", "tr-1")->metadata.at(0).value, "2");
  auto whole = trace("tr-1");
  whole.metadata.push_back({.key = "sum", .value = "mine"});
  ASSERT_OK(traces_->put_trace(ann_, whole));
  ASSERT_OK(traces_->add_spans(ann_, {logged("tr-1", {first})}));
  EXPECT_EQ(traces_->trace("default", "tr-1")->metadata.at(1).value, "mine");
}

TEST_F(SqliteTracesTest, AreFoundBySpansAndTheirAttributes) {
  ASSERT_OK(
      traces_->add_spans(ann_, {logged("tr-1", {span("a"), span("b", "a")}), logged("tr-2", {span("c")})}));
  const auto of_span = [](std::string key, Comparator comparator, std::string value) {
    return SearchCondition{.field = SearchField::span,
                           .key = std::move(key),
                           .comparator = comparator,
                           .operand = std::move(value)};
  };
  EXPECT_THAT(found({of_span("name", Comparator::equal, "span b")}), ElementsAre("tr-1"));
  EXPECT_THAT(
      found({of_span("name", Comparator::equal, "span a"), of_span("name", Comparator::equal, "span b")}),
      IsEmpty());
  EXPECT_THAT(found({of_span("attributes.k", Comparator::equal, "v")}), ElementsAre("tr-1", "tr-2"));
  EXPECT_THAT(found({of_span("attributes.k", Comparator::like, "V%")}), IsEmpty());
  EXPECT_THAT(found({of_span("attributes.k", Comparator::ilike, "V%")}), ElementsAre("tr-1", "tr-2"));
  EXPECT_THAT(found({of_span("attributes.n", Comparator::equal, "5")}), ElementsAre("tr-1", "tr-2"));
  EXPECT_THAT(found({of_span("attributes.none", Comparator::not_equal, "5")}), IsEmpty());
  EXPECT_THAT(found({of_span("content", Comparator::like, "%\"id\": \"c\"%")}), ElementsAre("tr-2"));
}

TEST_F(SqliteTracesTest, AreFoundByWhatIsSaidOfThem) {
  ASSERT_OK(traces_->put_trace(ann_, trace("tr-1")));
  ASSERT_OK(traces_->put_trace(ann_, trace("tr-2")));
  ASSERT_OK(traces_->put_trace(other_, trace("tr-3")));
  ASSERT_OK(traces_->add_assessment("default", "tr-1", assessment("a-1", "0.5")));
  ASSERT_OK(traces_->link_run("default", {"tr-2", "tr-3"}, "run"));
  ASSERT_OK(traces_->link_prompts("default", "tr-2", {"p/1"}));
  const auto of = [](SearchField field, std::string key, Comparator comparator,
                     SearchCondition::Operand operand = {}) {
    return std::vector<SearchCondition>{
        {.field = field, .key = std::move(key), .comparator = comparator, .operand = std::move(operand)}};
  };
  EXPECT_THAT(found(of(SearchField::feedback, "ok", Comparator::less, 0.6)), ElementsAre("tr-1"));
  EXPECT_THAT(found(of(SearchField::feedback, "ok", Comparator::equal, std::string("0.5"))),
              ElementsAre("tr-1"));
  EXPECT_THAT(found(of(SearchField::feedback, "ok", Comparator::is_null)), ElementsAre("tr-2"));
  EXPECT_THAT(found(of(SearchField::expectation, "ok", Comparator::is_not_null)), IsEmpty());
  EXPECT_THAT(found(of(SearchField::metadata, "mlflow.sourceRun", Comparator::equal, std::string("run"))),
              ElementsAre("tr-2"));
  EXPECT_THAT(found(of(SearchField::tag, "mlflow.linkedPrompts", Comparator::equal, std::string("p/1"))),
              ElementsAre("tr-2"));
  EXPECT_THAT(found(of(SearchField::tag, "name", Comparator::not_equal, std::string("tr-1"))),
              ElementsAre("tr-2"));
  EXPECT_THAT(found(of(SearchField::attribute, "end_time_ms", Comparator::equal, std::int64_t{110})),
              ElementsAre("tr-1", "tr-2"));
  EXPECT_EQ(test::value_of(traces_->count("team", {1}, {})), 1);
}

TEST_F(SqliteTracesTest, WhatIsSaidOfASessionStaysInItsWorkspace) {
  const auto in_session = [](const std::string& id) {
    auto one = trace(id);
    one.metadata.push_back({.key = "mlflow.trace.session", .value = "talk"});
    return one;
  };
  ASSERT_OK(traces_->put_trace(ann_, in_session("tr-1")));
  ASSERT_OK(traces_->put_trace(ann_, in_session("tr-2")));
  ASSERT_OK(traces_->put_trace(ann_, trace("tr-3")));
  ASSERT_OK(traces_->put_trace(other_, in_session("tr-4")));
  const std::vector<SearchCondition> said{{.field = SearchField::feedback,
                                           .key = "ok",
                                           .comparator = Comparator::equal,
                                           .operand = std::string("true")}};
  auto of_session = assessment("a-1");
  of_session.metadata = {{.key = "mlflow.trace.session", .value = "talk"}};
  ASSERT_OK(traces_->add_assessment("team", "tr-4", of_session));
  EXPECT_THAT(found(said), IsEmpty());
  ASSERT_OK(traces_->add_assessment("default", "tr-1", of_session));
  EXPECT_THAT(found(said), ElementsAre("tr-1", "tr-2"));
}

TEST_F(SqliteTracesTest, AssessmentsReplaceOneAnother) {
  ASSERT_OK(traces_->put_trace(ann_, trace("tr-1")));
  ASSERT_OK(traces_->add_assessment("default", "tr-1", assessment("a-1")));
  EXPECT_EQ(traces_->add_assessment("default", "tr-1", assessment("a-1")).error().code, Code::already_exists);
  auto better = assessment("a-2", "false");
  better.overrides = "a-1";
  ASSERT_OK(traces_->add_assessment("default", "tr-1", better));
  EXPECT_FALSE(traces_->assessment("default", "tr-1", "a-1")->valid);
  ASSERT_OK(traces_->remove_assessment("default", "tr-1", "a-2"));
  ASSERT_OK(traces_->remove_assessment("default", "tr-1", "a-2"));
  EXPECT_TRUE(traces_->assessment("default", "tr-1", "a-1")->valid);
  better.overrides = "a-9";
  EXPECT_EQ(traces_->add_assessment("default", "tr-1", better).error().message,
            "Assessment with ID 'a-9' not found for trace 'tr-1'");
  const auto changed = test::value_of(traces_->change_assessment(
      "default", "tr-1", "a-1",
      {.value = "1.0", .rationale = "why", .metadata = {{.key = "b", .value = "c"}}, .at = at(9)}));
  EXPECT_EQ(changed.value, "1.0");
  EXPECT_EQ(changed.rationale, "why");
  EXPECT_EQ(traces_->assessment("default", "tr-1", "a-1")->updated, at(9));
  EXPECT_EQ(traces_->change_assessment("default", "tr-1", "a-1", {.kind = ports::AssessmentKind::expectation})
                .error()
                .message,
            "Cannot update expectation value on a Feedback assessment.");
  EXPECT_EQ(traces_->assessment("team", "tr-1", "a-1").error().code, Code::not_found);
}

TEST_F(SqliteTracesTest, TagsAreSetAndRemoved) {
  ASSERT_OK(traces_->put_trace(ann_, trace("tr-1")));
  ASSERT_OK(traces_->set_tag("default", "tr-1", {.key = "name", .value = "b"}));
  EXPECT_EQ(traces_->trace("default", "tr-1")->tags.at(0).value, "b");
  ASSERT_OK(traces_->remove_tag("default", "tr-1", "name"));
  EXPECT_EQ(traces_->remove_tag("default", "tr-1", "name").error().message,
            "No trace tag with key 'name' for trace with ID 'tr-1'");
  EXPECT_EQ(traces_->set_tag("team", "tr-1", {.key = "a", .value = "b"}).error().code, Code::not_found);
}

TEST_F(SqliteTracesTest, AreRemovedWithAllTheirParts) {
  for (const auto* id : {"tr-1", "tr-2", "tr-3"}) {
    ASSERT_OK(traces_->put_trace(ann_, trace(id, id[3])));
    ASSERT_OK(traces_->add_spans(ann_, {logged(id, {span("a")})}));
    ASSERT_OK(traces_->add_assessment("default", id, assessment("a-1")));
    ASSERT_OK(traces_->link_run("default", {id}, "run"));
  }
  EXPECT_EQ(test::value_of(traces_->remove("team", {.experiment = 1, .ids = {"tr-1"}})), 0);
  EXPECT_EQ(test::value_of(traces_->remove("default", {.experiment = 2, .ids = {"tr-1"}})), 0);
  EXPECT_EQ(test::value_of(traces_->remove("default", {.experiment = 1, .ids = {"tr-3", "tr-9"}})), 1);
  EXPECT_EQ(test::value_of(traces_->remove("default", {.experiment = 1, .at_ms_max = 1000, .most = 1})), 1);
  EXPECT_THAT(found({}), ElementsAre("tr-2"));
  // A new one of that name has nothing of the old one.
  ASSERT_OK(traces_->put_trace(ann_, trace("tr-1")));
  const auto read = test::value_of(traces_->trace("default", "tr-1"));
  EXPECT_EQ(read.spans, 0);
  EXPECT_THAT(read.assessments, IsEmpty());
  EXPECT_THAT(test::value_of(traces_->spans("default", "tr-1", 100)), IsEmpty());
}

TEST_F(SqliteTracesTest, NumbersAreGroupedAndSummed) {
  using Query = ports::TraceMetricQuery;
  for (int i = 0; i < 4; ++i) {
    auto one = trace("tr-" + std::to_string(i), 1000 * i);
    one.duration_ms = 10 * (i + 1);
    one.tags = {{.key = "mlflow.traceName", .value = i == 3 ? "b" : "a"}};
    one.metadata.push_back(
        {.key = "mlflow.trace.tokenUsage", .value = i == 0 ? "nonsense" : R"({"input_tokens": 5})"});
    ASSERT_OK(traces_->put_trace(ann_, one));
  }
  ASSERT_OK(traces_->put_trace(other_, trace("tr-9")));
  const auto ask = [&](const Query& query) {
    return test::value_of(traces_->metrics("default", {1}, query));
  };
  const auto counts = ask({.metric = "trace_count", .wanted = {{}}, .dimensions = {"trace_name"}});
  ASSERT_EQ(counts.size(), 2U);
  EXPECT_EQ(counts[0].dimensions.at(0), "a");
  EXPECT_EQ(counts[0].values.at(0), 3);
  const auto buckets =
      ask({.metric = "trace_count", .wanted = {{}}, .bucket_ms = 2000, .first_ms = 500, .last_ms = 9000});
  ASSERT_EQ(buckets.size(), 2U);
  EXPECT_EQ(buckets[0].bucket_ms, 0);
  EXPECT_EQ(buckets[0].values.at(0), 1);
  EXPECT_EQ(buckets[1].bucket_ms, 2000);
  const auto latency = ask({.metric = "latency",
                            .wanted = {{.aggregation = Query::Aggregation::average},
                                       {.aggregation = Query::Aggregation::percentile, .percentile = 50},
                                       {.aggregation = Query::Aggregation::percentile, .percentile = 100}}});
  ASSERT_EQ(latency.size(), 1U);
  EXPECT_THAT(latency[0].values, ElementsAre(25, 25, 40));
  const auto grouped = ask({.metric = "latency",
                            .wanted = {{.aggregation = Query::Aggregation::percentile, .percentile = 0},
                                       {.aggregation = Query::Aggregation::greatest}},
                            .dimensions = {"trace_name"}});
  ASSERT_EQ(grouped.size(), 2U);
  EXPECT_THAT(grouped[0].values, ElementsAre(10, 30));
  EXPECT_THAT(grouped[1].values, ElementsAre(40, 40));
  const auto tokens = ask({.metric = "input_tokens", .wanted = {{.aggregation = Query::Aggregation::sum}}});
  EXPECT_EQ(tokens.at(0).values.at(0), 15);
  EXPECT_THAT(ask({.view = Query::View::spans,
                   .metric = "total_cost",
                   .wanted = {{.aggregation = Query::Aggregation::sum}}}),
              IsEmpty());
  ASSERT_OK(traces_->add_assessment("default", "tr-1", assessment("a-1", "\"yes\"")));
  ASSERT_OK(traces_->add_assessment("default", "tr-2", assessment("a-1", "false")));
  EXPECT_EQ(ask({.view = Query::View::assessments,
                 .metric = "assessment_value",
                 .wanted = {{.aggregation = Query::Aggregation::average}}})
                .at(0)
                .values.at(0),
            0.5);
}

}  // namespace
}  // namespace sluice::stores
