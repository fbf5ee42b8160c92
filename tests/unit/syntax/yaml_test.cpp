#include <gtest/gtest.h>

#include "sluice/base/json.hpp"
#include "sluice/syntax/tree.hpp"
#include "sluice/syntax/yaml_writer.hpp"

namespace sluice::syntax {
namespace {

std::string read(const std::string& text, TreeLimits limits = {}) {
  const auto tree = read_yaml(text, "f.yaml", limits);
  return tree ? to_json(tree->to_value()) : tree.error().message;
}

TEST(Yaml, ResolvesScalarsByTheCoreSchema) {
  EXPECT_EQ(read("[null, ~, Null, , true, False, TRUE]"),
            "f.yaml:1:17: invalid YAML: flow sequence with invalid extra comma");
  EXPECT_EQ(read("[null, ~, Null, true, False, TRUE]"), "[null,null,null,true,false,true]");
  EXPECT_EQ(read("[1, -2, +3, 0x1F, 0o17, 007, 9223372036854775807, 9223372036854775808]"),
            "[1,-2,3,31,15,7,9223372036854775807,9223372036854775808.0]");
  EXPECT_EQ(read("[1.5, 1., .5, 1e3, -1E-2, +1.0]"), "[1.5,1.0,0.5,1000.0,-0.01,1.0]");
  EXPECT_EQ(read("[yes, off, 1_000, 0xZZ, 1e, '1', \"true\", 1.2.3, 0x, -x, 2001-01-01]"),
            R"(["yes","off","1_000","0xZZ","1e","1","true","1.2.3","0x","-x","2001-01-01"])");
  EXPECT_EQ(read("a:\nb: ''\n"), R"({"a":null,"b":""})");
  EXPECT_EQ(read("a: |\n  x\n  y\nb: >-\n  x\n  y\n"), R"({"a":"x\ny\n","b":"x y"})");
  EXPECT_EQ(read("5"), "5");
  EXPECT_EQ(read("\xef\xbb\xbf{a: 1}"), R"({"a":1})");
  EXPECT_EQ(read("1: {null: x}"), R"({"1":{"null":"x"}})");
}

TEST(Yaml, SingleQuotesAreReadWhole) {
  EXPECT_EQ(read("['it''s', '', '''', '''''z', 'a''''b''', 'x: {y}', 'ü''']"),
            R"(["it's","","'","''z","a''b'","x: {y}","ü'"])");
  EXPECT_EQ(read("a: 'one\n  two  \n\n\n  three'''\nb: 1\n"), R"({"a":"one two\n\nthree'","b":1})");
  EXPECT_EQ(read("'a''''b': 'c\r\n d'\n"), R"({"a''b":"c d"})");
  std::string many = "'";
  for (int i = 0; i < 1000; ++i) many += "''";
  EXPECT_EQ(read(many + "'").size(), 1002U);
  EXPECT_EQ(read("\xef\xbb\xbf'a''''b'"), R"("a''b")");
}

TEST(Yaml, KeepsLocations) {
  const auto tree = read_yaml("a: 1\nbü:\n  - ü: [x, 'y']\n  - \"q\"\n", "f.yaml");
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->at, (Location{1, 1}));
  EXPECT_EQ(tree->fields[1].at, (Location{2, 1}));
  const auto& list = *tree->find("bü");
  EXPECT_EQ(list.at, (Location{3, 3}));
  EXPECT_EQ(list.items[0].fields[0].at, (Location{3, 5}));
  const auto& inner = *list.items[0].find("ü");
  EXPECT_EQ(inner.at, (Location{3, 8}));
  EXPECT_EQ(inner.items[1].at, (Location{3, 12}));
  EXPECT_TRUE(inner.items[1].quoted);
  EXPECT_FALSE(inner.items[0].quoted);
  EXPECT_EQ(list.items[1].at, (Location{4, 5}));
}

TEST(Yaml, AliasesAreCopies) {
  EXPECT_EQ(read("a: &x {k: [1]}\nb: *x\nc: [*x, *x]\n"),
            R"({"a":{"k":[1]},"b":{"k":[1]},"c":[{"k":[1]},{"k":[1]}]})");
  EXPECT_EQ(read("a: &x 1\nb: &x 2\nc: *x\n"), R"({"a":1,"b":2,"c":2})");
  EXPECT_EQ(read("a: &x [*x]\n"), "f.yaml:1:8: unknown anchor `x`");
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + ", " + before + "]\n";
  }
  EXPECT_NE(read(bomb, {.nodes_max = 100'000}).find("the text holds more than 100000 values"),
            std::string::npos);
}

TEST(Yaml, MergeKeysAddWhatAMapLacks) {
  EXPECT_EQ(read("x: &x {a: 1, b: 2}\ny: {c: 3, <<: *x, b: 4}\n"),
            R"({"x":{"a":1,"b":2},"y":{"c":3,"a":1,"b":4}})");
  EXPECT_EQ(read("- &x {a: 1}\n- &y {a: 2, b: 2}\n- {<<: [*x, *y]}\n- {<<: []}\n"),
            R"([{"a":1},{"a":2,"b":2},{"a":1,"b":2},{}])");
  EXPECT_EQ(read("- &x {a: 1}\n- &y {<<: *x, b: 2}\n- {<<: *y}\n"),
            R"([{"a":1},{"a":1,"b":2},{"a":1,"b":2}])");
  EXPECT_EQ(read("{'<<': 1, \"a\": '<<', b: <<}"), R"({"<<":1,"a":"<<","b":"<<"})");
  EXPECT_EQ(read("{<<: 1}"),
            "f.yaml:1:6: `<<` takes a map or a list of maps, usually aliases, as in `<<: *defaults`");
  std::string bomb = "a0: &a0 {k: [1, 2, 3]}\n";
  for (int i = 1; i < 40; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {<<: [" + before + ", " + before +
            "], k" + std::to_string(i) + ": " + before + "}\n";
  }
  EXPECT_NE(read(bomb, {.nodes_max = 100'000}).find("the text holds more than 100000 values"),
            std::string::npos);
}

TEST(Yaml, KeepsThePlainSpelling) {
  const auto list = read_yaml("[3.10, ~, '3.10', text, .nan]", "f.yaml", {}, InvalidScalars::keep);
  ASSERT_TRUE(list);
  std::string spellings;
  for (const auto& item : list->items) spellings += item.spelling + (item.invalid ? "!" : "") + ";";
  EXPECT_EQ(spellings, "3.10;~;;;.nan!;");
}

TEST(Yaml, SaysWhereAndWhatIsWrong) {
  EXPECT_EQ(read(""), "f.yaml:1:1: the text is empty");
  EXPECT_EQ(read("a: 1\na: 2\n"), "f.yaml:2:1: duplicate key `a`");
  EXPECT_EQ(read("a: .inf"), "f.yaml:1:4: `.inf` is not a valid value; quote it if it is a string");
  EXPECT_EQ(read("a: -.INF"), "f.yaml:1:4: `-.INF` is not a valid value; quote it if it is a string");
  EXPECT_EQ(read("a: 1e999"), "f.yaml:1:4: the number `1e999` is out of range");
  EXPECT_EQ(read("a: 1\n---\nb: 2\n"),
            "f.yaml:2:1: a second document starts here; a file must hold exactly one");
  EXPECT_EQ(read("a: {b: [}"), "f.yaml:1:9: invalid YAML: mismatched flow mapping end");
  EXPECT_EQ(read("a: \"x"), "f.yaml:1:5: invalid YAML: double-quoted scalar without closing quote");
  EXPECT_EQ(read("a: \xff"), "f.yaml: the text is not valid UTF-8; save it as UTF-8");
  EXPECT_EQ(read("[[[[1]]]]", {.depth_max = 3}), "f.yaml:1:4: nested more than 3 deep");
  EXPECT_EQ(read("a: &x [[[1]]]\nb: [[*x]]", {.depth_max = 5}), "f.yaml:1:10: nested more than 5 deep");
  EXPECT_EQ(read("[1, 2, 3]", {.nodes_max = 3}),
            "f.yaml:1:8: the text holds more than 3 values, aliases counted each time; divide it");
  EXPECT_EQ(read("[1, 2, 3]", {.bytes_max = 3}), "f.yaml: 9 B exceeds the limit of 3 B");
  std::string many = "a: 1\n";
  for (int i = 0; i < 100; ++i) many += "k" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(read(many + "k50: 2\n"), "f.yaml:102:1: duplicate key `k50`");
}

TEST(Yaml, DeepTextsNeedNoStack) {
  EXPECT_NE(read(std::string(100'000, '[')).find("nested more than 200 deep"), std::string::npos);
  std::string blocks;
  for (int i = 0; i < 2000; ++i) blocks += "- ";
  EXPECT_NE(read(blocks).find("nested more than 200 deep"), std::string::npos);
}

std::string round(std::string_view text) {
  auto map = Yaml::map();
  map.add("k", Yaml::string(text));
  std::string written;
  map.write(written);
  const auto tree = read_yaml(written, "f.yaml");
  if (!tree) return written + tree.error().message;
  const auto* value = tree->find("k")->scalar.if_string();
  return value ? *value : written + "is not a string";
}

TEST(YamlWriter, StringsReadBackTheSame) {
  using namespace std::string_view_literals;
  for (const auto text : {""sv,         " "sv,      "a"sv,       "a b"sv,       "a  b "sv,
                          "null"sv,     "True"sv,   "1"sv,       "-1.5e3"sv,    "0x10"sv,
                          "~"sv,        "- a"sv,    "-"sv,       "--"sv,        "---"sv,
                          "..."sv,      "? a"sv,    "a: b"sv,    "a:"sv,        "a #b"sv,
                          "#a"sv,       "{a}"sv,    "[a"sv,      "a, b"sv,      "&a"sv,
                          "*a"sv,       "!a"sv,     "%a"sv,      "@a"sv,        "`a`"sv,
                          "'a'"sv,      "\"a\""sv,  "a\tb"sv,    "\ta"sv,       "a\n"sv,
                          "\n"sv,       "a\nb"sv,   "a\n\n"sv,   "\na"sv,       "a\n\nb"sv,
                          "a\n b\nc"sv, " a\nb"sv,  "a\n \nb"sv, "a\n  "sv,     "a\r\nb"sv,
                          "\0x"sv,      "\x7f"sv,   "\u0085"sv,  "\u2028"sv,    "\ufeff"sv,
                          "ü😀"sv,      "ü\nö\n"sv, "a\n#b\n"sv, "a\n---\nb"sv, "\xef\xbf\xbe"sv,
                          ".inf"sv,     "yes"sv,    "=\t"sv,     "a: |\n"sv})
    EXPECT_EQ(round(text), text);
}

TEST(YamlWriter, ShortIsOneLineAndLongIsABlock) {
  auto inner = Yaml::map();
  inner.add("a", Yaml::word("1"));
  inner.add("b", Yaml::list().add(Yaml::string("x")).add(Yaml::string("y, z")));
  auto lists = Yaml::list();
  lists.add(Yaml::list().add(Yaml::word("1")).add(Yaml::word("2")).in_block());
  lists.add(Yaml::map().add("k", Yaml::string("line\nline\n")).add("l", Yaml::list()));
  auto map = Yaml::map();
  map.add("inner", inner);
  map.add("block", std::move(inner.in_block()));
  map.add("lists", lists);
  map.add(std::string(600, 'k'), Yaml::map().add("long", Yaml::word("key")));
  std::string written;
  map.write(written);
  EXPECT_EQ(written,
            "inner: {a: 1, b: [x, \"y, z\"]}\n"
            "block:\n  a: 1\n  b: [x, \"y, z\"]\n"
            "lists:\n  - - 1\n    - 2\n  - k: |\n      line\n      line\n    l: []\n"
            "? \"" +
                std::string(600, 'k') + "\"\n: {long: key}\n");
  EXPECT_TRUE(read_yaml(written, "f.yaml"));
}

}  // namespace
}  // namespace sluice::syntax
