// Parsing and printing of expressions.
#include <gtest/gtest.h>

#include "test_scope.hpp"

namespace sluice::syntax {
namespace {

std::string printed(std::string_view source) {
  const auto parsed = parse_expression(source, {1, 1});
  return parsed ? print_expression(**parsed) : parsed.error().message;
}

std::string printed_scalar(std::string_view source) {
  const auto parsed = parse_scalar(source, {1, 1});
  return parsed ? print_scalar(**parsed) : parsed.error().message;
}

struct Case {
  std::string_view source;
  std::string_view canonical;
};

TEST(Expression, PrintsCanonically) {
  for (const auto& [source, canonical] : std::initializer_list<Case>{
           {"a.b.c", "a.b.c"},
           {"a['b']", "a.b"},
           {"a['b c']", "a.`b c`"},
           {"a[ 0 ]", "a[0]"},
           {"`for-loop-1`.x", "`for-loop-1`.x"},
           {"`a`", "a"},
           {"`and`.x", "`and`.x"},
           {"x.and", "x.and"},
           {"`tick\\``", "`tick\\``"},
           {"\"it's\"", "'it\\'s'"},
           {"'\\u00fc\\ud83d\\ude00\\u0001'", "'ü😀\\u0001'"},
           {"1+2*3", "1 + 2 * 3"},
           {"(1+2)*3", "(1 + 2) * 3"},
           {"((a))", "a"},
           {"a-(b-c)", "a - (b - c)"},
           {"(a-b)-c", "a - b - c"},
           {"a - -5", "a - -5"},
           {"a -5", "a - 5"},
           {"-5", "-5"},
           {"-(5)", "-5"},
           {"- 5", "-5"},
           {"--a", "--a"},
           {"-9223372036854775808", "-9223372036854775808"},
           {"-(-9223372036854775808)", "-(-9223372036854775808)"},
           {"(-5).x", "(-5).x"},
           {"- 5.x", "-(5.x)"},
           {"1.0", "1.0"},
           {"1e3", "1000.0"},
           {"1E+300", "1e+300"},
           {"not a == b", "!(a == b)"},
           {"!a == b", "!a == b"},
           {"not not a", "!!a"},
           {"a not in b", "!(a in b)"},
           {"a && b || !c", "a and b or !c"},
           {"a and (b or c)", "a and (b or c)"},
           {"a or b and c", "a or b and c"},
           {"(a == b) == c", "(a == b) == c"},
           {"a == (b == c)", "a == (b == c)"},
           {"a\n  +\n  b", "a + b"},
           {"[1, 'a', [x]]", "[1, 'a', [x]]"},
           {"{a: 1, 'b-c': x, \"d\": null}", "{a: 1, 'b-c': x, d: null}"},
           {"[]", "[]"},
           {"{}", "{}"},
           {"json.encode(x)", "json.encode(x)"},
           {"if(a, b, c)", "if(a, b, c)"},
           {"text('a', b, 1, 'c')", "text('a', b, '1c')"},
           {"text('a', text('b', c))", "text('ab', c)"},
           {"text(1, 2)", "'12'"},
           {"f()", "f()"},
           {"f(x).y[0]", "f(x).y[0]"},
           {"true.x", "true.x"},
           {"1 // 2 % 3 / 4", "1 // 2 % 3 / 4"},
       }) {
    EXPECT_EQ(printed(source), canonical) << source;
    EXPECT_EQ(printed(canonical), canonical);
  }
}

TEST(Expression, ScalarsPrintCanonically) {
  for (const auto& [source, canonical] : std::initializer_list<Case>{
           {"plain", "plain"},
           {"", ""},
           {"${x}", "${x}"},
           {"a ${ x } b", "a ${x} b"},
           {"${x}${y}", "${x}${y}"},
           {"${'a'}", "a"},
           {"${'a${b}'}", "a$${b}"},
           {"${1}", "${1}"},
           {"a${1.5}b", "a1.5b"},
           {"a${null}${[1]}", "anull[1]"},
           {"$${x}", "$${x}"},
           {"$$${x}", "$$${x}"},
           {"$5 and $", "$5 and $"},
           {"${'$'}${x}", "${'$'}${x}"},
           {"a${'$$'}${x}", "a${'$$'}${x}"},
           {"${x}${''}", "${text(x)}"},
           {"${text('a', x)}", "a${x}"},
           {"${'}'}", "}"},
           {"${{a: '}'}}", "${{a: '}'}}"},
       }) {
    EXPECT_EQ(printed_scalar(source), canonical) << source;
    EXPECT_EQ(printed_scalar(canonical), canonical);
  }
}

TEST(Expression, SaysWhereAndWhatIsWrong) {
  for (const auto& [source, message] : std::initializer_list<Case>{
           {"", "1:1: unexpected end of expression"},
           {"1 +", "1:4: unexpected end of expression"},
           {"a b", "1:3: unexpected `b` after the expression"},
           {"a\n  ) ", "2:3: unexpected `)` after the expression"},
           {"'ü' ü", "1:5: unexpected `ü` after the expression"},
           {"'open", "1:1: the string is not closed"},
           {"`open", "1:1: the name in backticks is not closed"},
           {"'\\ud800'", "1:2: `\\u` takes four hexadecimal digits, and surrogates come in pairs"},
           {"'\\q'", "1:2: unknown escape; valid escapes are \\\\ \\' \\\" \\` \\/ \\n \\r \\t \\uXXXX"},
           {"[1", "1:3: unexpected end; expected `,` or `]` in the list"},
           {"{a", "1:3: unexpected end; expected `:` after the key"},
           {"{1: 2}", "1:2: unexpected `1`; expected a key: a name or a string"},
           {"{a: 1 b: 2}", "1:7: unexpected `b`; expected `,` or `}` in the struct"},
           {"{a: 1, a: 2}", "1:8: duplicate key `a`"},
           {"a[1", "1:4: unexpected end; the index should end with `]`"},
           {"f(1", "1:4: unexpected end; the arguments should end with `)`"},
           {"(1", "1:3: unexpected end; `(` should be closed by `)`"},
           {"a.1", "1:3: unexpected `1`; expected a name after `.`, in backticks if it is not an identifier"},
           {"a < b < c", "1:7: comparisons do not chain; write `a < b and b < c`"},
           {"a not b", "1:7: expected `in` after `not`, as in `x not in y`"},
           {"9223372036854775808",
            "1:1: the number 9223372036854775808 is out of range; integers have 64 bits"},
           {"1e999", "1:1: the number 1e999 is out of range; integers have 64 bits"},
           {"1x", "1:1: a name cannot begin with a digit; put it in backticks"},
           {"or",
            "1:1: unexpected `or`; expected a value or a name (put the name of an operation in "
            "backticks)"},
           {"'a'(1)", "1:4: only a function of the library can be called, by its name"},
           {"`and`(1)", "1:6: only a function of the library can be called, by its name"},
           {"\xff", "1:1: the text is not valid UTF-8"},
       })
    EXPECT_EQ(printed(source), message) << source;
  EXPECT_EQ(printed_scalar("a ${x"), "1:3: `${` has no `}`; write `$${` for a literal `${`");
  EXPECT_EQ(printed_scalar("a ${x y}"),
            "1:7: unexpected `y`; the expression should end with `}`; write `$${` for a literal `${`");
}

TEST(Expression, DepthIsLimited) {
  const auto repeated = [](std::string_view part, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += part;
    return text;
  };
  const std::string too_deep = "the expression is more than 200 deep; split it";
  for (const auto& source :
       {repeated("(", 100'000), repeated("[", 100'000), repeated("!", 100'000), repeated("-", 100'000),
        repeated("not ", 100'000), repeated("f(", 100'000), "a" + repeated(".a", 100'000),
        "a" + repeated(" + a", 100'000), "a" + repeated("[0]", 100'000), "a" + repeated(" or a", 100'000),
        repeated("{a: ", 100'000)})
    EXPECT_NE(printed(source).find(too_deep), std::string::npos) << source.substr(0, 10);
  const auto deepest = repeated("a + (", 198) + "a + a" + repeated(")", 198);
  EXPECT_EQ(printed(deepest), deepest);
  // A text is flat however many pieces it has.
  EXPECT_EQ(printed_scalar(repeated("${a} ", 1000)), repeated("${a} ", 1000));
}

TEST(Expression, VisitsReferencesOnce) {
  const auto parsed = parse_expression("a.b.c + d[e.f] + g(h.i.j, status(k)) + {x: 1}.y", {1, 1});
  ASSERT_TRUE(parsed);
  std::string seen;
  visit_references(**parsed,
                   [&](std::string_view root, const std::vector<std::string_view>& fields, Location at) {
                     seen += std::string(root);
                     for (const auto field : fields) seen += "." + std::string(field);
                     seen += "@" + std::to_string(at.column) + " ";
                   });
  EXPECT_EQ(seen, "a.b.c@1 d@9 e.f@11 h.i.j@20 k@34 ");
}

TEST(Expression, KnowsTheLibrary) {
  EXPECT_EQ(function_arity("if")->least, 3U);
  EXPECT_FALSE(function_arity("nothing"));
  EXPECT_GT(function_names().size(), 20U);
}

}  // namespace
}  // namespace sluice::syntax
