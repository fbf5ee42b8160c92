// What is read of packages of all kinds, and refused, is in tests/system/test_packages.py, which makes them;
// here are the limits that it cannot choose, with the seeds of the fuzzer.
#include "sluice/domain/packages/package.hpp"

#include <fstream>
#include <iterator>

#include "../../places.hpp"
#include "../../result_assertions.hpp"

namespace sluice::packages {
namespace {

using testing::HasSubstr;

constexpr std::size_t enough = std::size_t{1} << 20;

std::string seed(const std::string& name) {
  std::ifstream in(test::source("tests/fuzz/package") / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Package, IsReadAndNamed) {
  for (const auto* name : {"deflated.zip", "streamed.zip", "zip64.zip", "pax.tar.gz", "gnu.tar.gz"}) {
    const auto text = test::value_of(text_of(seed(name), "p", enough));
    EXPECT_EQ(text.text.substr(0, 12), "pipelineInfo") << name;
    EXPECT_EQ(text.file, "p/pipeline.yaml");
  }
}

TEST(Package, IsToldFromATextByItsContent) {
  for (const std::string text : {"", "P", "PK", "PK: 1", "PK\x05", "a: 1", "{}", "\x1f", "\xff\xfe"}) {
    const auto read = test::value_of(text_of(text, "pipeline.zip", enough));
    EXPECT_EQ(read.text, text);
    EXPECT_EQ(read.file, "pipeline.zip");
  }
}

TEST(Package, UnpacksToNoMoreThanTheTextMayHave) {
  const auto size = test::value_of(text_of(seed("deflated.zip"), "p", enough)).text.size();
  EXPECT_TRUE(text_of(seed("deflated.zip"), "p", size));
  for (const auto* name : {"deflated.zip", "pax.tar.gz"}) {
    const auto refused = text_of(seed(name), "p", size - 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::too_large);
    EXPECT_THAT(refused.error().message, HasSubstr("unpacks to more than"));
  }
}

// The directory of the zip says less than there is.
TEST(Package, IsBoundedWhateverItsHeadersSay) {
  auto zip = seed("deflated.zip");
  const auto central = zip.find("PK\x01\x02");
  for (const std::size_t i : {0U, 1U, 2U, 3U}) zip[central + 24 + i] = i == 0 ? 10 : 0;
  const auto refused = text_of(zip, "p", 50);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::too_large);
}

// The library asks for the locale of the thread.
TEST(Package, MayBeReadByManyThreads) {
  const auto zip = seed("utf8.zip");
  std::vector<std::thread> threads;
  std::atomic<int> read = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j)
        if (const auto text = text_of(zip, "p", enough); text && text->file == "p/größe.yaml") ++read;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(read, 200);
}

}  // namespace
}  // namespace sluice::packages
