#include <fstream>

#include "sluice/stores/directory/fetch_memory_files.hpp"
#include "store_fixture.hpp"

namespace sluice::stores {
namespace {

class FetchMemory : public StoreTest {};

TEST_F(FetchMemory, FindsWhatItRemembers) {
  SeededRandom random(1);
  const auto folder = objects().parent_path() / "fetched";
  const auto memory = fetch_memory_files(folder, random);
  const auto key = Digest::of("https://example.org/a");
  EXPECT_FALSE(memory->find(key));
  memory->remember(key, {.etag = "\"v1\"", .digest = Digest::of("bytes"), .size = 5});
  memory->remember(key, {.etag = "\"v2\"", .digest = Digest::of("more"), .size = 4});
  const auto found = fetch_memory_files(folder, random)->find(key);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->etag, "\"v2\"");
  EXPECT_EQ(found->digest, Digest::of("more"));
  EXPECT_EQ(found->size, 4);
}

TEST_F(FetchMemory, TakesWhatIsDamagedForUnknown) {
  SeededRandom random(1);
  const auto folder = objects().parent_path() / "fetched";
  const auto memory = fetch_memory_files(folder, random);
  const auto key = Digest::of("key");
  for (const char* text : {"", "{", "[]", R"({"etag":"x","digest":"y"})", R"({"digest":"y"})"}) {
    std::filesystem::create_directories(folder);
    std::ofstream(folder / key.hex()) << text;
    EXPECT_FALSE(memory->find(key)) << text;
  }
}

TEST_F(FetchMemory, HasALimit) {
  SeededRandom random(1);
  const auto folder = objects().parent_path() / "fetched";
  const auto memory = fetch_memory_files(folder, random, 3);
  for (const char* key : {"1", "2", "3", "4", "5"})
    memory->remember(Digest::of(key), {.etag = "\"v\"", .digest = Digest::of("x"), .size = 1});
  const auto entries = std::filesystem::directory_iterator(folder);
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 3);
  EXPECT_TRUE(memory->find(Digest::of("5")));
}

}  // namespace
}  // namespace sluice::stores
