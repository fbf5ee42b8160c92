#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/frontends/native/native_frontend.hpp"
#include "sluice/ir/plan.hpp"

namespace sluice::frontends {
namespace {

const NativeFrontend native;

TEST(NativeFrontend, KnowsItsOwn) {
  EXPECT_TRUE(native.recognizes("# a comment\n\nsluice: 1\n", "x.yaml"));
  EXPECT_TRUE(native.recognizes("{\"sluice\": 1}", "x.json"));
  EXPECT_FALSE(native.recognizes("main:\n  params: [args]\n", "x.yaml"));
  EXPECT_FALSE(native.recognizes("", "x.yaml"));
  EXPECT_FALSE(native.recognizes("sluice", "x.yaml"));
  EXPECT_FALSE(native.recognizes("sluices: 1\nmy-sluice: 1\n", "x.yaml"));
}

TEST(NativeFrontend, KnowsItsOwnHoweverItBegins) {
  for (const auto* text : {"\xef\xbb\xbfsluice: 1\npipelines: {}\n", "\xef\xbb\xbf# c\n'sluice': 1\n",
                           "%YAML 1.2\n---\nsluice: 1\n", "pipelines:\n  main: {}\nsluice: 1\n",
                           "x-shared: {a: 1}\r\n\"sluice\" : 1\r\n", "  pipelines: {}\n  sluice: 1\n",
                           "{\"pipelines\": {},\n \"sluice\": 1}", "{pipelines: {}, sluice: 1}"})
    EXPECT_TRUE(native.recognizes(text, "x.yaml")) << text;
  for (const auto* text :
       {"tools:\n  sluice: 1\n", "- sluice: 1\n", "# sluice: 1\nmain: {}\n", "a: \"sluice\"\n"})
    EXPECT_FALSE(native.recognizes(text, "x.yaml")) << text;
}

// What a person writes and what is stored are one language.
TEST(NativeFrontend, ReadsWhatIsStored) {
  const std::string stored =
      "sluice: 1\npipelines:\n  main:\n    graph:\n      a: {process: [echo, hello]}\n";
  ASSERT_TRUE(native.recognizes(stored, "plan.yaml"));
  const auto lowered = native.lower(stored, "plan.yaml", {});
  ASSERT_OK(lowered);
  EXPECT_TRUE(lowered->problems.empty());
  EXPECT_EQ(lowered->plan.file, "plan.yaml");
  EXPECT_EQ(ir::print_plan(lowered->plan), stored);
}

TEST(NativeFrontend, SaysWhereATextIsWrong) {
  const auto lowered = native.lower("sluice: 1\npipelines: 3\n", "plan.yaml", {});
  ASSERT_OK(lowered);
  EXPECT_EQ(syntax::render("plan.yaml", lowered->problems),
            "plan.yaml:2:12: `pipelines` should be a map, not an integer\n");
}

}  // namespace
}  // namespace sluice::frontends
