#include <gtest/gtest.h>

#include "test_scope.hpp"

namespace sluice::syntax {
namespace {

struct Case {
  std::string_view source;
  std::string_view result;
};
void check(std::initializer_list<Case> cases, const Scope& scope = TestScope()) {
  for (const auto& [source, result] : cases) EXPECT_EQ(evaluated(source, scope), result) << source;
}

TEST(Evaluate, Arithmetic) {
  check({
      {"9223372036854775807 + 1", "overflow: the result of `+` is out of range"},
      {"-9223372036854775808 - 1", "overflow: the result of `-` is out of range"},
      {"9223372036854775807 * 2", "overflow: the result of `*` is out of range"},
      {"-9223372036854775808 // -1", "overflow: the result of `//` is out of range"},
      {"-9223372036854775808 % -1", "0"},
      {"-(-9223372036854775808)", "overflow: the result of `-` is out of range"},
      {"1e308 * 10", "overflow: the result of `*` is out of range"},
      {"1e300 // 1", "overflow: the result of `//` is out of range"},
      {"1 / 0", "zero_division: `/` by zero"},
      {"1 // 0", "zero_division: `//` by zero"},
      {"1.0 % 0", "zero_division: `%` by zero"},
      {"7.5 // 2", "3"},
      {"-7.5 % 2", "0.5"},
      {"7 % -3", "-2"},
      {"6 / 3", "2.0"},
      {"2 * 1.5", "3.0"},
      {"1.5 - 0.5", "1.0"},
      {"-1.5", "-1.5"},
      {"1 - 'a'", "type: `-` does not take an integer and a string"},
      {"null + null", "type: `+` does not take null and null"},
      {"[1] + 1", "type: `+` does not take a list and an integer"},
      {"'a' + [1]", "type: `+` does not take a string and a list"},
      {"'a' + null", "\"anull\""},
      {"1.0 + 'a'", "\"1.0a\""},
      {"-'a'", "type: `-` takes a number, not a string"},
  });
}

TEST(Evaluate, MapHasAVariableOfItsOwn) {
  check({
      {"map([1, 2], n, n * 10)", "[10,20]"},
      {"map([[1, 2], [3]], row, map(row, n, n + len(row)))", "[[3,4],[4]]"},
      {"map([1, 2], n, map([3], n, n))", "[[3],[3]]"},
      {"map([1, 2], n, get({}, 'x'))", "[]"},
      {"map([{a: 1}], n, n.b)", "key: no key `b`"},
      {"map([], n, n.b)", "[]"},
      {"map(get({}, 'x'), n, n)", "absent"},
      {"map(5, n, n)", "type: `map` takes a list, not an integer"},
      {"map([1], 2, 3)", "type: `map` takes a list, a name and an expression"},
  });
}

TEST(Evaluate, ArtifactSetsProperties) {
  check({
      {"artifact(get({}, 'x'), {uri: 's3://b/o', kind: 'table', metadata: {rows: 3}}).metadata.rows", "3"},
      {"artifact(get({}, 'x'), {uri: 's3://b/o', kind: 'table', name: 't'}).name", "\"t\""},
      {"artifact(artifact(get({}, 'x'), {uri: 'a:b'}), {uri: 'c:d'}).uri", "\"c:d\""},
      {"artifact(get({}, 'x'), {kind: 'table'})", "value: an artifact that is not stored needs a `uri`"},
      {"artifact(5, {uri: 'a:b'})", "type: `artifact` takes an artifact, not an integer"},
      {"artifact(get({}, 'x'), 5)", "type: the properties of `artifact` are a struct, not an integer"},
      {"artifact(get({}, 'x'), {size: 5})", "value: `artifact` cannot set `size` to an integer"},
  });
}

TEST(Evaluate, ComparesExactly) {
  check({
      {"9007199254740993 == 9007199254740992.0", "false"},
      {"9007199254740993 > 9007199254740992.0", "true"},
      {"9223372036854775807 < 9223372036854775808.0", "true"},
      {"-9223372036854775808 == -9223372036854775808.0", "true"},
      {"1 < 1.5", "true"},
      {"1.5 < 1", "false"},
      {"-1 > -1.5", "true"},
      {"[1, {a: 2.0}] == [1.0, {a: 2}]", "true"},
      {"{a: 1, b: 2} == {b: 2, a: 1}", "true"},
      {"{a: 1} == {b: 1}", "false"},
      {"null == null", "true"},
      {"null == false", "false"},
      {"'1' == 1", "false"},
      {"'b' >= 'a'", "true"},
      {"1 < '1'", "type: `<` does not take an integer and a string"},
      {"true < false", "type: `<` does not take a boolean and a boolean"},
      {"1 in 1", "type: cannot look for an integer in an integer"},
      {"1 in 'a'", "type: cannot look for an integer in a string"},
  });
}

TEST(Evaluate, IsLazyAndStrict) {
  TestScope scope;
  scope.outputs["a"] = Value(Struct());
  check(
      {
          {"true or 1 / 0", "true"},
          {"false and 1 / 0", "false"},
          {"true and 1", "type: `and` takes true or false, not an integer"},
          {"0 or true", "type: `or` takes true or false, not an integer"},
          {"!1", "type: `!` takes true or false, not an integer"},
          {"if(true, 1, 1 / 0)", "1"},
          {"if('x', 1, 2)", "type: `if` takes true or false, not a string"},
          {"a.o", "absent"},
          {"a.o.p", "absent"},
          {"a.o + 1", "absent"},
          {"1 + a.o", "absent"},
          {"a.o and true", "absent"},
          {"false and a.o", "false"},
          {"!a.o", "absent"},
          {"a.o == null", "absent"},
          {"text('x', a.o)", "absent"},
          {"len(a.o)", "absent"},
          {"if(a.o, 1, 2)", "absent"},
          {"[a.o, 1]", "[1]"},
          {"{x: a.o, y: 1}", "{\"y\":1}"},
          {"default(a.o, 2)", "2"},
          {"default(a.o, a.p)", "absent"},
          {"first(a.o, a.p)", "absent"},
          {"first(a.o, 0, 1 / 0)", "0"},
          {"present(a.o)", "false"},
          {"present(null)", "true"},
          {"required(a.o)", "required: a value that is required is absent"},
          {"required(a.o, 'no ' + 'o')", "required: no o"},
          {"get(a, 'o')", "absent"},
          {"[1][a.o]", "absent"},
          {"nothing", "absent"},
      },
      scope);
}

TEST(Evaluate, FieldsAndElements) {
  TestScope scope;
  scope.variables["row"] = Value(*parse_json(R"({"name": "x", "list": [1, 2]})"));
  check(
      {
          {"row.name", "\"x\""},
          {"row.nam", "key: no key `nam`; did you mean `name`?"},
          {"row['na' + 'me']", "\"x\""},
          {"row.list[2]", "index: index 2 is outside a list of 2"},
          {"row.list[-1]", "index: index -1 is outside a list of 2"},
          {"row.list['a' + 'b']", "type: the index of a list is an integer, not a string"},
          {"row.list.x", "type: a list has no fields, so no `x`"},
          {"row.name.x", "type: a string has no fields, so no `x`"},
          {"row[1]", "type: a struct cannot be indexed by an integer"},
          {"get(row, 'list', 0)", "1"},
          {"get(row, 'list', 5)", "absent"},
          {"get(row, 'name', 'x')", "absent"},
          {"get(row, ['list', 1])", "2"},
      },
      scope);
}

TEST(Evaluate, StatusAndError) {
  TestScope scope;
  scope.states = {{"good", "succeeded"}, {"for-1", "failed"}};
  check(
      {
          {"status(good) == 'succeeded'", "true"},
          {"status(`for-1`)", "\"failed\""},
          {"status(later)", "absent"},
          {"error(`for-1`).kind", "\"exit\""},
          {"error(good)", "absent"},
          {"get({succeeded: 'COMPLETE', failed: 'FAILED'}, status(`for-1`))", "\"FAILED\""},
          {"status(1)", "type: `status` takes the name of an operation"},
      },
      scope);
}

TEST(Evaluate, Functions) {
  check({
      {"parse(5)", "5"},
      {"parse('5')", "5"},
      {"parse(text([1, {a: 'x'}]))", "[1,{\"a\":\"x\"}]"},
      {"json.decode('{')", "value: cannot decode the JSON: text:1:2: unexpected end of text"},
      {"json.decode(1)", "type: `json.decode` takes a string, not an integer"},
      {"json.encode({a: [1, null]})", R"("{\"a\":[1,null]}")"},
      {"len(5)", "type: `len` takes a string, list or struct, not an integer"},
      {"keys([])", "type: `keys` takes a struct, not a list"},
      {"flatten(1)", "type: `flatten` takes a list, not an integer"},
      {"flatten([[1]], 'x')", "type: `flatten` takes an integer as its second argument, not a string"},
      {"flatten([[[1]]], 0)", "[[[1]]]"},
      {"range(0)", "[]"},
      {"range(-3)", "[]"},
      {"range(1, 4)", "[1,2,3]"},
      {"range(1, 4, 0)", "value: the step of `range` is zero"},
      {"range(1.0)", "type: `range` takes integers, not a number"},
      {"range(9223372036854775806, 9223372036854775807, 5)", "[9223372036854775806]"},
      {"struct([['a', 1], ['a', 2]])", "value: the key `a` is given twice"},
      {"struct([1])", "type: `struct` takes a list of [key, value]"},
      {"struct(1)", "type: `struct` takes a list of [key, value], not an integer"},
      {"min([])", "value: `min` of an empty list"},
      {"min(1)", "type: `min` takes a list, or several values, not an integer"},
      {"max(1, 'a')", "type: cannot compare a string with an integer"},
      {"max([true])", "type: `max` takes numbers or strings, not a boolean"},
      {"split('a', '')", "value: the separator of `split` is empty"},
      {"split(1, ',')", "type: `split` takes a string, not an integer"},
      {"split('a', 1)", "type: `split` takes a string as its separator, not an integer"},
      {"split('', ',')", "[\"\"]"},
      {"join(1, ',')", "type: `join` takes a list, not an integer"},
      {"join([], ',')", "\"\""},
      {"join([1], 1)", "type: `join` takes a string as its separator, not an integer"},
      {"path('x')", "type: `path` takes an artifact, not a string"},
      {"contains('abc', 'b')", "true"},
      {"lenght(1)", "type: unknown function `lenght`"},
      {"len(1, 2)", "type: `len` does not take 2 arguments"},
  });
}

TEST(Evaluate, ArtifactsAndLatePaths) {
  TestScope scope;
  Struct metadata;
  metadata.set("rows", 3);
  const Artifact artifact{.kind = "table",
                          .form = Form::file,
                          .digest = Digest::of("x"),
                          .size = 7,
                          .name = "t",
                          .uri = {},
                          .metadata = std::make_shared<const Struct>(metadata)};
  Struct outputs;
  outputs.set("t", artifact);
  scope.outputs["a"] = Value(outputs);
  const auto late = [&](std::string_view source) {
    const auto parsed = parse_scalar(source, {1, 1});
    EXPECT_TRUE(parsed) << source;
    const auto result = evaluate(**parsed, scope);
    if (!result || !*result) return shown(result);
    if (!(*result)->if_late()) return shown(result);
    std::string text;
    for (const auto& part : (*result)->if_late()->parts) {
      if (const auto* string = std::get_if<std::string>(&part)) {
        text += *string;
        continue;
      }
      const auto& hole = std::get<PathPlaceholder>(part);
      text += hole.kind == PathPlaceholder::Kind::output ? "<out " + hole.output + ">"
                                                         : "<in " + hole.artifact->name + ">";
    }
    return text;
  };
  EXPECT_EQ(late("${out.model}"), "<out model>");
  EXPECT_EQ(late("--out=${out.model}!"), "--out=<out model>!");
  EXPECT_EQ(late("${path(a.t)}"), "<in t>");
  EXPECT_EQ(late("in: ${a.t}, ${path(a.t)}"), "in: <in t>, <in t>");
  EXPECT_EQ(late("${'x' + a.t + 1}"), "x<in t>1");
  EXPECT_EQ(late("${json.encode({p: a.t, q: 'a\"' + out.o, r: [1, 'x']})}"),
            R"({"p":"<in t>","q":"a\"<out o>","r":[1,"x"]})");
  EXPECT_EQ(late("${join([a.t, 'x'], ' ')}"), "<in t> x");
  EXPECT_EQ(late("${a.t.kind} ${a.t.name} ${a.t.size} ${a.t.metadata.rows} ${a.t.form}"),
            "\"table t 7 3 file\"");
  EXPECT_EQ(late("${a.t.colour}"),
            "key: an artifact has no `colour`; it has kind, name, metadata, uri, digest, size, form");
  EXPECT_EQ(late("${a.t == a.t}"), "true");
}

TEST(Evaluate, IsBounded) {
  EXPECT_EQ(evaluated("range(2000000)"), "limit: the expression makes more than 16 MiB of text and lists");
  EXPECT_EQ(evaluated("range(1000000)").size(), 6'888'891U);
  EXPECT_EQ(evaluated("1 + 1 + 1", TestScope(), {.steps_max = 4, .bytes_max = 100}),
            "limit: the expression takes more than 4 steps");
  TestScope scope;
  scope.variables["s"] = Value(std::string(6 << 20, 'x'));
  EXPECT_EQ(evaluated("s + s + s", scope), "limit: the expression makes more than 16 MiB of text and lists");
  EXPECT_EQ(evaluated("[json.encode(s), json.encode(s), json.encode(s)]", scope),
            "limit: the expression makes more than 16 MiB of text and lists");
  Value deep;
  for (int i = 0; i < 199; ++i) deep = Value(List{deep});
  scope.variables["deep"] = deep;
  EXPECT_EQ(evaluated("[deep]", scope), "depth: the value nests more than 200 deep");
  EXPECT_EQ(evaluated("{a: deep}", scope), "depth: the value nests more than 200 deep");
  EXPECT_EQ(evaluated("len(deep)", scope), "1");
}

}  // namespace
}  // namespace sluice::syntax
