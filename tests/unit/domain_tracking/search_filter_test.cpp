#include "sluice/domain/tracking/search_filter.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"

namespace sluice::tracking {
namespace {

using Search = const SearchGrammar& (*)();

std::string text_of(ports::SearchField field) {
  constexpr const char* names[] = {"attribute", "metric", "parameter", "tag",        "dataset",
                                   "metadata",  "span",   "feedback",  "expectation"};
  return names[static_cast<std::size_t>(field)];
}

std::string text_of(ports::SearchCondition::Comparator comparator) {
  for (const char* name :
       {"=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "RLIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"})
    if (comparator_named(name) == comparator) return name;
  return "?";
}

std::string text_of(const ports::SearchCondition::Operand& operand) {
  if (const auto* integer = std::get_if<std::int64_t>(&operand)) return " " + std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&operand)) return " " + std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&operand)) return " [" + *text + "]";
  std::string text;
  if (const auto* list = std::get_if<std::vector<std::string>>(&operand))
    for (const auto& value : *list) text += " [" + value + "]";
  return text;
}

/// "metric loss < 0.500000; tag a = [x]", or the error.
std::string read(std::string_view filter, Search search) {
  const auto conditions = parse_filter(filter, search());
  if (!conditions) return conditions.error().message;
  std::string text;
  for (const auto& [field, key, comparator, operand] : *conditions)
    text += (text.empty() ? "" : "; ") + text_of(field) + " " + key + " " + text_of(comparator) +
            text_of(operand);
  return text;
}

struct Case {
  const char* filter;
  const char* meaning;
};

void expect_all(Search search, std::initializer_list<Case> cases) {
  for (const auto& [filter, meaning] : cases) EXPECT_EQ(read(filter, search), meaning) << filter;
}

TEST(SearchFilter, OfRunsHasFiveFieldsInAllTheirSpellings) {
  expect_all(run_search,
             {{"", ""},
              {" \n ", ""},
              {"metrics.loss < 0.5 and params.lr = '0.1' AND tags.team != \"blue\"",
               "metric loss < 0.500000; parameter lr = [0.1]; tag team != [blue]"},
              {"metric.a >= 1", "metric a >= 1.000000"},
              {"param.a = 'x'", "parameter a = [x]"},
              {"parameter.a = 'x'", "parameter a = [x]"},
              {"parameters.a = 'x'", "parameter a = [x]"},
              {"tag.a = 'x'", "tag a = [x]"},
              {"attributes.status = 'FINISHED'", "attribute status = [FINISHED]"},
              {"attribute.status = 'x'", "attribute status = [x]"},
              {"attr.status = 'x'", "attribute status = [x]"},
              {"run.status = 'x'", "attribute status = [x]"},
              {"`tags`.a = 'x'", "tag a = [x]"},
              {"start_time > 1795336529320", "attribute start_time > 1795336529320"},
              {"attributes.created <= 1.5", "attribute start_time <= 1.500000"},
              {"`run name` = 'x'", "attribute run_name = [x]"},
              {"attributes.\"Run Name\" ILIKE '%x%'", "attribute run_name ILIKE [%x%]"},
              {"run_id IN ('a','b') AND attributes.run_id not in (\"c\")",
               "attribute run_id IN [a] [b]; attribute run_id NOT IN [c]"},
              {"datasets.name = 'iris' AND dataset.digest IN ('1', '2')",
               "dataset name = [iris]; dataset digest IN [1] [2]"},
              {"tags.a IS NULL AND params.b is  not\nnull", "tag a IS NULL; parameter b IS NOT NULL"}});
}

TEST(SearchFilter, KeysMayHaveAnyCharacters) {
  expect_all(run_search,
             {{"metrics.`val loss/a.b` > 1", "metric val loss/a.b > 1.000000"},
              {"metrics.\"a b\" > 1", "metric a b > 1.000000"},
              {"metrics.'a b' > 1", "metric a b > 1.000000"},
              {"metrics.a.b.c > 1", "metric a.b.c > 1.000000"},
              {"metrics.`it's \"so\"`>1", "metric it's \"so\" > 1.000000"},
              {"metrics.Größe > 1 AND tags.`ключ 1` = 'ü'", "metric Größe > 1.000000; tag ключ 1 = [ü]"},
              {"metrics.5 > 1 AND metrics.1a > 1", "metric 5 > 1.000000; metric 1a > 1.000000"},
              {"params.in = 'x' AND params.order = 'y' AND tags.`AND` = 'z'",
               "parameter in = [x]; parameter order = [y]; tag AND = [z]"},
              {"metrics.`` > 1", "metric  > 1.000000"}});
}

TEST(SearchFilter, ValuesAreTakenAsTheyAre) {
  expect_all(run_search, {{"tags.a = 'it''s' AND tags.b = 'it\\'s'", "tag a = [it''s]; tag b = [it\\'s]"},
                          {"tags.a = \"it's\" AND tags.b = 'a AND b'", "tag a = [it's]; tag b = [a AND b]"},
                          {"tags.a = 'C:\\'", "tag a = [C:\\]"},
                          {"tags.a = '' AND tags.b = 'x;y -- z'", "tag a = []; tag b = [x;y -- z]"},
                          {"tags.a='x'AND tags.b='y'", "tag a = [x]; tag b = [y]"}});
}

TEST(SearchFilter, OnlyListsHaveEscapes) {
  expect_all(
      run_search,
      {{"run_id IN ('it\\'s', 'a''b', 'c' 'd', 'é\\x41\\u00e9\\101\\n\\q',)",
        "attribute run_id IN [it's] [ab] [cd] [éAéA\n\\q]"},
       {"run_id IN (')', '(', ',')", "attribute run_id IN [)] [(] [,]"},
       {"run_id IN ()",
        "While parsing a list in the query, expected a non-empty list of string values, but got empty list"},
       {"run_id IN ('a', 1)",
        "While parsing a list in the query, expected string value, punctuation, or whitespace, but got "
        "different type in list: ('a', 1)"}});
  for (const auto* list : {"(a)", "(,)", "('a',,'b')", "(('a', 'b')", "('\\ud800')", "('\\x4')",
                           "('\\N{DASH}')", "('C:\\')", "('C:\\\\', 'b')", "(u'a')", "('\\U00110000')"})
    EXPECT_EQ(
        read(std::string("run_id IN ") + list, run_search),
        "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed "
        "list.")
        << list;
}

TEST(SearchFilter, NumbersHaveSignsAndExponents) {
  expect_all(run_search,
             {{"metrics.a = -1 AND metrics.b = .5 AND metrics.c = 5.",
               "metric a = -1.000000; metric b = 0.500000; metric c = 5.000000"},
              {"metrics.a > 1e3 AND metrics.b > -1.5E-1 AND metrics.c > 1e+5",
               "metric a > 1000.000000; metric b > -0.150000; metric c > 100000.000000"},
              {"end_time > 100000000000000000000", "attribute end_time > 100000000000000000000.000000"},
              {"metrics.a > 1e999", "Invalid value for numeric metric 'a': 1e999"},
              {"metrics.a > 0x1F", "Expected numeric value type for metric. Found 0x1F"},
              {"metrics.a > +1", "Invalid clause(s) in filter string: 'metrics.a', '>', '+', '1'"}});
}

TEST(SearchFilter, AnyNumberOfANDsMayBeBetweenConditions) {
  expect_all(run_search, {{" AND tags.a = 'x' AND AND tags.b = 'y' AND ", "tag a = [x]; tag b = [y]"},
                          {"tags.a = 'x' tags.b = 'y'", "tag a = [x]; tag b = [y]"},
                          {"AND", ""},
                          {"tags.a\u00a0=\u3000'x'\u2003", "tag a = [x]"}});
}

TEST(SearchFilter, RefusesInTheWordsOfMLflow) {
  const std::string keys =
      "Valid keys are '{'artifact_uri', 'end_time', 'run_id', 'run_name', 'start_time', 'status', 'user_id', "
      "'created', 'Created', 'run name', 'Run name', 'Run Name'}'";
  EXPECT_EQ(read("foo ~ bar", run_search), "Invalid attribute key 'foo' specified. " + keys);
  expect_all(
      run_search,
      {{"foo bar ~~", "Invalid clause(s) in filter string: 'foo bar', '~~'"},
       {"metrics.x > \"a\"", "Expected numeric value type for metric. Found \"a\""},
       {"metrics.x > 'a'", "Expected numeric value type for metric. Found 'a'"},
       {"metrics.x > nan", "Expected numeric value type for metric. Found nan"},
       {"start_time IN ('1')", "Expected numeric value type for numeric attribute: start_time. Found ('1')"},
       {"created = 'x'", "Expected numeric value type for numeric attribute: created. Found 'x'"},
       {"bogus.x = 1",
        "Invalid entity type 'bogus'. Valid values are ['metric', 'parameter', 'tag', 'attribute', "
        "'dataset']"},
       {"Metrics.x = 1",
        "Invalid entity type 'Metrics'. Valid values are ['metric', 'parameter', 'tag', 'attribute', "
        "'dataset']"},
       {"dataset.x = '1'",
        "Invalid dataset key 'x' specified. Valid keys are '{'name', 'digest', 'context'}'"},
       {"params.lr = 0.1", "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 0.1"},
       {"tags.x = NULL", "Expected a quoted string value for tag (e.g. 'my-value'). Got value NULL"},
       {"tags.x IN ('a')", "Expected a quoted string value for tag (e.g. 'my-value'). Got value ('a')"},
       {"status = 1", "Expected a quoted string value for attributes. Got value 1"},
       {"run_id = ('a')", "Expected a quoted string value for attributes. Got value ('a')"},
       {"dataset.name = 1", "Expected a quoted string value for dataset attributes. Got value 1"},
       {"status IN ('a')",
        "Only ['run_id'] attributes support comparison with a list of quoted string values."},
       {"tags.x = y",
        "Parameter value is either not quoted or unidentified quote types used for string value y. Use "
        "either "
        "single or double quotes."},
       {"tags.x = ‘y’",
        "Parameter value is either not quoted or unidentified quote types used for string value ‘y’. Use "
        "either "
        "single or double quotes."},
       {"metrics.x LIKE 1", "Invalid comparator 'LIKE' not one of '{'=', '!=', '<', '<=', '>', '>='}'"},
       {"metrics.x == 1", "Invalid comparator '==' not one of '{'=', '!=', '<', '<=', '>', '>='}'"},
       {"tags.x > 'a'",
        "Invalid comparator '>' not one of '{'=', '!=', 'LIKE', 'ILIKE', 'IS NULL', 'IS NOT NULL'}'"},
       {"tags.x NOT LIKE 'a'",
        "Invalid comparator 'NOT LIKE' not one of '{'=', '!=', 'LIKE', 'ILIKE', 'IS NULL', 'IS NOT NULL'}'"},
       {"status IS NULL",
        "IS NULL / IS NOT NULL is only supported for tags and params, not for attribute 'status'"},
       {"metrics.a IS NOT NULL",
        "IS NULL / IS NOT NULL is only supported for tags and params, not for metric 'a'"},
       {"'a' = 'b'", "Invalid comparison clause. Expected 'Identifier' found ''a''"},
       {"1 = metrics.a", "Invalid comparison clause. Expected 'Identifier' found '1'"},
       {"tags.a = 'x' OR tags.b = 'y'", "Invalid clause(s) in filter string: 'OR'"},
       {"tags.a", "Invalid clause(s) in filter string: 'tags.a'"},
       {"tags.a =", "Invalid clause(s) in filter string: 'tags.a', '='"},
       {"tags.a = AND tags.b = 'x'", "Invalid clause(s) in filter string: 'tags.a', '='"},
       {"tags.a = 'x", "Invalid clause(s) in filter string: 'tags.a', '=', ''', 'x'"},
       {"tags.a LIKE", "Invalid clause(s) in filter string: 'tags.a', 'LIKE'"},
       {"run_id IN 'a'", "Invalid clause(s) in filter string: 'run_id', 'IN', ''a''"},
       {"run_id IN ('a'", "Invalid clause(s) in filter string: 'run_id', 'IN', '(', ''a''"},
       {"tags.a IS 'x'", "Invalid clause(s) in filter string: 'tags.a', 'IS', ''x''"},
       {"metrics.val-loss > 1", "Invalid clause(s) in filter string: 'metrics.val', '-', 'loss', '>', '1'"},
       {"metrics. > 1", "Invalid clause(s) in filter string: 'metrics', '.', '>', '1'"},
       {"(tags.a = 'x')", "Invalid clause(s) in filter string: '(', 'tags.a', '=', ''x'', ')'"},
       {"tags.a = 'x' -- why", "Invalid clause(s) in filter string: '-', '-', 'why'"},
       {"tags.a = 'x'; DROP TABLE runs",
        "Search filter contained multiple expression 'tags.a = 'x'; DROP TABLE runs'. Provide AND-ed "
        "expression "
        "list."},
       {"tags.a = 'x';", "Invalid clause(s) in filter string: ';'"},
       {"tags.a = '\xff'", "Invalid filter: the text is not UTF-8"}});
}

TEST(SearchFilter, OfExperiments) {
  expect_all(
      experiment_search,
      {{"name ILIKE '%alpha%' AND tags.`mlflow.experiment.isGateway` IS NULL",
        "attribute name ILIKE [%alpha%]; tag mlflow.experiment.isGateway IS NULL"},
       {"attribute.name like 'a%' AND tag.x = 'y'", "attribute name LIKE [a%]; tag x = [y]"},
       {"creation_time > 5 AND last_update_time <= 6",
        "attribute creation_time > 5; attribute last_update_time <= 6"},
       {"experiment_id IN ('1','2') AND experiment_id != '3'",
        "attribute experiment_id IN [1] [2]; attribute experiment_id != [3]"},
       {"experiment_id = 'x'", "Invalid experiment ID 'x'. Experiment ID must be a valid integer."},
       {"experiment_id IN ('1','x')", "Invalid experiment ID 'x'. Experiment ID must be a valid integer."},
       {"experiment_id < '3'", "Invalid comparator '<' not one of '{'=', '!=', 'IN', 'NOT IN'}'"},
       {"creation_time > 1.5", "Invalid value for numeric attribute 'creation_time': 1.5"},
       {"creation_time > '5'", "Expected numeric value type for numeric attribute: creation_time. Found '5'"},
       {"name IN ('a')",
        "Only ['experiment_id'] attributes support comparison with a list of quoted string values."},
       {"name IS NULL", "IS NULL / IS NOT NULL is only supported for tags, not for attribute 'name'"},
       {"attributes.name = 'x'",
        "Invalid entity type 'attributes'. Valid entity types are ('attribute', 'tag', 'tags')"},
       {"foo = 'x'",
        "Invalid attribute key 'foo' specified. Valid keys are '{'name', 'experiment_id', 'creation_time', "
        "'last_update_time'}'"}});
}

TEST(SearchFilter, OfModelsAndTheirVersions) {
  expect_all(registered_model_search,
             {{"name LIKE 'cli%' AND tag.`mlflow.prompt.is_prompt` != 'true'",
               "attribute name LIKE [cli%]; tag mlflow.prompt.is_prompt != [true]"},
              {"name NOT IN ('a')", "attribute name NOT IN [a]"},
              {"tags.a IS NULL", "Invalid comparator 'IS NULL' not one of '{'=', '!=', 'LIKE', 'ILIKE'}'"},
              {"timestamp > 1", "Invalid attribute key 'timestamp' specified. Valid keys are '{'name'}'"}});
  expect_all(
      model_version_search,
      {{"name='reg-a'", "attribute name = [reg-a]"},
       {"run_id = 'x' AND source_path LIKE 's3:%'",
        "attribute run_id = [x]; attribute source_path LIKE [s3:%]"},
       {"tags.`mlflow.prompt.is_prompt` = 'true' AND tags.`mlflow.prompt.run_ids` ILIKE \"%x%\"",
        "tag mlflow.prompt.is_prompt = [true]; tag mlflow.prompt.run_ids ILIKE [%x%]"},
       {"version_number > 3 AND version_number < '7'",
        "attribute version_number > 3; attribute version_number < 7"},
       {"version_number = 'x'", "Invalid value for numeric attribute 'version_number': 'x'"},
       {"version_number = 1.5", "Invalid value for numeric attribute 'version_number': 1.5"},
       {"source_path IN ('a')",
        "Only ['name', 'run_id'] attributes support comparison with a list of quoted string values."}});
}

TEST(SearchFilter, OfLoggedModelsNeedsNoQuotes) {
  expect_all(logged_model_search,
             {{"name = 'files'", "attribute name = [files]"},
              {"metrics.loss > 0.1 AND params.lr = 0.01 AND params.on = true",
               "metric loss > 0.100000; parameter lr = [0.01]; parameter on = [true]"},
              {"creation_time > 1 AND attributes.creation_timestamp_ms < 2.5 AND last_updated_timestamp = 3",
               "attribute creation_timestamp > 1; attribute creation_timestamp < 2.500000; attribute "
               "last_updated_timestamp = 3"},
              {"model_id IN ('m-1') AND params.a IN ('x', 'y')",
               "attribute model_id IN [m-1]; parameter a IN [x] [y]"},
              {"tags.`a b` LIKE \"%\"", "tag a b LIKE [%]"},
              {"runs.x = 'y'",
               "Invalid entity type 'runs'. Expected one of ['attributes', 'metrics', 'params', 'tags']"}});
}

TEST(SearchFilter, OfTraces) {
  expect_all(
      trace_search,
      {{"attributes.timestamp_ms > 1795336529320 AND timestamp < '1795941329320'",
        "attribute timestamp_ms > 1795336529320; attribute timestamp_ms < 1795941329320"},
       {"trace.status = 'OK' AND execution_time >= 1.5 AND end_time_ms < 7",
        "attribute status = [OK]; attribute execution_time_ms >= 1.500000; attribute end_time_ms < 7"},
       {"name RLIKE '^a' AND attributes.run_id = 'x' AND run_id IN ('y')",
        "tag mlflow.traceName RLIKE [^a]; metadata mlflow.sourceRun = [x]; metadata mlflow.sourceRun IN [y]"},
       {"tags.name = 'x' AND metadata.`mlflow.trace.session` = 'y' AND request_metadata.a IS NULL",
        "tag name = [x]; metadata mlflow.trace.session = [y]; metadata a IS NULL"},
       {"prompt = 'greeting/3'", "tag mlflow.linkedPrompts = [greeting/3]"},
       {"trace.text LIKE '%x%' AND span.content ILIKE '%y%'",
        "span content LIKE [%x%]; span content ILIKE [%y%]"},
       {"span.name IN ('a', 'b') AND span.attributes.`llm.model` != 'x' AND span.attributes.a.b LIKE 'y'",
        "span name IN [a] [b]; span attributes.llm.model != [x]; span attributes.a.b LIKE [y]"},
       {"feedback.`is ok` = 'true' AND feedback.score >= 0.5 AND expectation.a < 3 AND expectation.b IS NOT "
        "NULL",
        "feedback is ok = [true]; feedback score >= 0.500000; expectation a < 3; expectation b IS NOT NULL"},
       {"feedback.x = 5", "Expected a quoted string value for feedback (e.g. 'my-value'). Got value 5"},
       {"feedback.x > 'a'", "Expected a numeric value for feedback when using comparator '>'. Got value 'a'"},
       {"feedback.`` = 'a'", "Assessment field name cannot be empty"},
       {"span.attributes.`` = 'a'", "Span attribute name cannot be empty after 'attributes.'"},
       {"span.attributes.a IN ('x')",
        "Expected a quoted string value for span (e.g. 'my-value'). Got value ('x')"},
       {"span.x = 'a'",
        "Invalid span key 'x' specified. Valid keys are '{'name', 'type', 'status', 'content'}'"},
       {"prompt = 'greeting'",
        "Invalid prompts filter value 'greeting'. Expected format: prompt = \"name/version\""},
       {"prompt LIKE 'a/b'",
        "Invalid comparator 'LIKE' for prompts filter. Only '=' is supported with format: prompt = "
        "\"name/version\""},
       {"tags.`mlflow.linkedPrompts` IS NULL",
        "Invalid comparator 'IS NULL' for prompts filter. Only '=' is supported with format: prompt = "
        "\"name/version\""},
       {"timestamp > 'x'", "Invalid value for numeric attribute 'timestamp': 'x'"},
       {"status IS NULL",
        "Invalid comparator 'IS NULL' not one of '{'=', '!=', 'LIKE', 'ILIKE', 'RLIKE', 'IN', 'NOT IN'}'"},
       {"experiment_id = 'x'",
        "Invalid attribute key 'experiment_id' specified. Valid keys are '{'request_id', 'timestamp', "
        "'timestamp_ms', 'execution_time', 'execution_time_ms', 'end_time', 'end_time_ms', 'status', "
        "'client_request_id', 'name', 'run_id', 'prompt', 'text'}'"},
       {"issue.id = 'x'",
        "Invalid entity type 'issue'. Valid values are {'attribute', 'attributes', 'trace', 'tag', 'tags', "
        "'request_metadata', 'metadata', 'span', 'feedback', 'expectation'}"}});
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(SearchFilter, IsBounded) {
  const auto conditions = [](std::size_t count) { return repeated("tags.a='x' AND ", count); };
  EXPECT_EQ(test::value_of(parse_filter(conditions(filter_conditions_max), run_search())).size(),
            filter_conditions_max);
  EXPECT_EQ(read(conditions(filter_conditions_max + 1), run_search),
            "Invalid filter: more than 200 conditions");

  const auto list = [](std::size_t count) { return "run_id IN (" + repeated("'a',", count) + ")"; };
  EXPECT_OK(parse_filter(list(filter_list_max), run_search()));
  EXPECT_EQ(read(list(filter_list_max + 1), run_search), "Invalid filter: a list of more than 1000 values");

  const auto pattern = [](std::string_view word, std::size_t bytes) {
    return "tags.a " + std::string(word) + " '" + std::string(bytes, '%') + "'";
  };
  EXPECT_OK(parse_filter(pattern("LIKE", filter_pattern_bytes_max), run_search()));
  EXPECT_EQ(read(pattern("LIKE", filter_pattern_bytes_max + 1), run_search),
            "Invalid pattern of LIKE: longer than 32768 bytes");
  EXPECT_EQ(read(pattern("ILIKE", filter_pattern_bytes_max + 1), run_search),
            "Invalid pattern of ILIKE: longer than 32768 bytes");

  const auto long_value = [](std::size_t bytes) { return "tags.a='" + std::string(bytes - 9, 'x') + "'"; };
  EXPECT_OK(parse_filter(long_value(filter_bytes_max), run_search()));
  EXPECT_EQ(read(long_value(filter_bytes_max + 1), run_search), "Invalid filter: longer than 65536 bytes");
}

TEST(SearchFilter, ShowsLittleOfALongText) {
  const auto message = read("tags.a = " + repeated("é", 10000), run_search);
  EXPECT_LT(message.size(), 1000);
  EXPECT_TRUE(message.contains("éé…")) << message;
  EXPECT_LT(read(repeated("( ", 10000), run_search).size(), 1000);
}

}  // namespace
}  // namespace sluice::tracking
