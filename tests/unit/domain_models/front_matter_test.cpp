#include "sluice/domain/models/front_matter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "result_assertions.hpp"

namespace sluice::models {
namespace {

TEST(FrontMatter, IsTheYamlBetweenTheDelimiters) {
  const auto read = read_front_matter("---\nlicense: mit\ntags: [a, b]\n---\n# Title\n---\n", "README.md");
  ASSERT_OK(read);
  EXPECT_EQ(read->text_at("license"), "mit");
  EXPECT_EQ(read->find("tags")->if_list()->size(), 2U);
}

TEST(FrontMatter, IsEmptyForACardWithoutIt) {
  EXPECT_EQ(*read_front_matter("# Title\n", "README.md"), Value(Struct{}));
  EXPECT_EQ(*read_front_matter("", "README.md"), Value(Struct{}));
  EXPECT_EQ(*read_front_matter("---\n---\n# Title\n", "README.md"), Value(Struct{}));
}

TEST(FrontMatter, MustBeTerminated) {
  EXPECT_EQ(read_front_matter("---\nlicense: mit\n", "README.md").error().message,
            "README.md: the front matter is not terminated; close it with a line `---`");
}

TEST(FrontMatter, ScalarsReadBackAsTheStringsTheyWere) {
  for (const std::string text : {"bird", "efficientnet-lite0", "yes", "No", "null", "1.5", "7", "a: b", "",
                                 "- x", "say \"hi\"", "Käfer", "#1"}) {
    const auto read = read_front_matter(
        "---\nx: " + yaml_scalar(text) + "\nlist: " + yaml_list({text, text}) + "\n---\n", "README.md");
    ASSERT_OK(read);
    ASSERT_TRUE(read->find("x")->is_string()) << text;
    EXPECT_EQ(read->text_at("x"), text);
    EXPECT_EQ(*read->find("list"), Value(List{text, text}));
  }
  EXPECT_EQ(yaml_scalar("efficientnet-lite0"), "efficientnet-lite0");
  EXPECT_EQ(yaml_scalar("yes"), "\"yes\"");
}

}  // namespace
}  // namespace sluice::models
