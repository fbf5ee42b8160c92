#include <functional>
#include <thread>

#include "result_assertions.hpp"
#include "store_fixture.hpp"

namespace sluice::stores {
namespace {

using test::message_of;
using test::value_of;
using testing::HasSubstr;

class Objects : public StoreTest {};

TEST_F(Objects, AreReadByTheirDigest) {
  const auto stored = store_->put("hello");
  ASSERT_OK(stored);
  EXPECT_EQ(stored->digest, Digest::of("hello"));
  EXPECT_EQ(stored->size, 5);
  EXPECT_EQ(store_->get(stored->digest, 100).value(), "hello");
  const auto hex = stored->digest.hex();
  EXPECT_EQ(store_->path_of(stored->digest), objects() / hex.substr(0, 2) / hex.substr(2, 2) / hex);
  struct stat info{};
  ASSERT_EQ(stat(store_->path_of(stored->digest).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0444U);
  EXPECT_TRUE(fs::is_empty(objects() / "tmp"));
  ASSERT_OK(store_->make_durable({stored->digest}));
}

TEST_F(Objects, OfNoBytesAreObjectsToo) {
  const auto stored = store_->put("");
  ASSERT_OK(stored);
  EXPECT_TRUE(store_->has(stored->digest));
  EXPECT_EQ(store_->get(stored->digest, 0).value(), "");
}

TEST_F(Objects, AreWrittenPieceByPiece) {
  std::int64_t admitted = 0;
  store_->set_admission([&](std::int64_t bytes) -> Result<void> {
    if (admitted + bytes > (std::int64_t{40} << 20))
      return Fail(environment_error(Code::exhausted, "no room"));
    admitted += bytes;
    return {};
  });
  auto object = value_of(store_->begin());
  ASSERT_OK(object->append("hel"));
  ASSERT_OK(object->append("lo"));
  EXPECT_FALSE(store_->has(Digest::of("hello"))) << "not before its end";
  const auto stored = object->finish();
  object.reset();
  ASSERT_OK(stored);
  EXPECT_EQ(stored->digest, Digest::of("hello"));
  EXPECT_EQ(store_->get(stored->digest, 100).value(), "hello");
  EXPECT_EQ(admitted, 5) << "as much as it is";

  auto again = value_of(store_->begin());
  ASSERT_OK(again->append("hello"));
  EXPECT_OK(again->finish());
  again.reset();
  EXPECT_EQ(admitted, 5) << "it was there";

  auto large = value_of(store_->begin());
  const std::string piece(std::size_t{20} << 20, 'x');
  ASSERT_OK(large->append(piece));
  EXPECT_EQ(large->append(piece + piece).error().code, Code::exhausted);
  large.reset();
  EXPECT_EQ(admitted, 5);
  EXPECT_TRUE(fs::is_empty(objects() / "tmp")) << "nothing is left";
}

TEST_F(Objects, ThatAreMissingAreNamed) {
  const auto digest = Digest::of("nowhere");
  EXPECT_FALSE(store_->has(digest));
  const auto bytes = store_->get(digest, 100);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, Code::not_found);
  EXPECT_EQ(bytes.error().message, "object " + digest.hex() + " is not in the store (" +
                                       store_->path_of(digest).string() +
                                       "); store its bytes again, or rerun what produced it");
  EXPECT_EQ(store_->missing({digest, store_->put("x")->digest}), std::vector{digest});
}

TEST_F(Objects, ThatWereChangedAreFoundWhenTheyAreReadAndMovedAway) {
  const auto stored = store_->put("hello").value();
  const auto path = store_->path_of(stored.digest);
  const auto away = path.parent_path().parent_path().parent_path() / "damaged" / stored.digest.hex();
  const auto expected = "object " + stored.digest.hex() + " is corrupt: " + away.string() +
                        " now has digest " + Digest::of("hellO").hex() +
                        "; store the right bytes, or rerun what produced it with --no-cache";
  const std::vector<std::function<std::string()>> readings{
      [&] { return message_of(store_->get(stored.digest, 100)); },
      [&] { return message_of(store_->materialize(file(stored))); },
      [&] { return message_of(store_->copy_out(file(stored), outside_ / "copy")); }};
  for (const auto& read : readings) {
    tamper(path, "hellO");
    EXPECT_EQ(read(), expected);
    EXPECT_FALSE(store_->has(stored.digest));
    EXPECT_EQ(value_of(os::read_file(away)), "hellO") << "it may still be of use";
    EXPECT_FALSE(fs::exists(outside_ / "copy"));
    ASSERT_OK(store_->put("hello"));
    EXPECT_EQ(store_->get(stored.digest, 100).value(), "hello");
  }
}

TEST_F(Objects, ThatWereChangedAreReplacedWhenTheyAreMadeAgain) {
  for (const std::size_t size : {5U, 3U << 20}) {  // read at once, and in blocks
    const std::string bytes(size, 'x');
    const auto source = outside_ / std::to_string(size);
    ASSERT_OK(os::write_file(source, bytes));
    const auto stored = store_->put_file(source).value();
    tamper(store_->path_of(stored.digest), std::string(size - 1, 'x') + "y");
    ASSERT_OK(store_->put_file(source, &stored.digest));
    EXPECT_EQ(store_->get(stored.digest, 1 << 30).value(), bytes);
    tamper(store_->path_of(stored.digest), std::string(size - 1, 'x') + "y");
    ASSERT_OK(store_->put(bytes));
    EXPECT_EQ(store_->get(stored.digest, 1 << 30).value(), bytes);
  }
}

TEST_F(Objects, ThatAPowerFailureLeftEmptyAreMissingAndRestored) {
  const auto stored = store_->put("hello").value();
  tamper(store_->path_of(stored.digest), "");
  EXPECT_FALSE(store_->has(stored.digest));
  ASSERT_OK(store_->put("hello"));
  EXPECT_EQ(store_->get(stored.digest, 100).value(), "hello");
}

TEST_F(Objects, LongerThanTheLimitAreNotRead) {
  const auto stored = store_->put(std::string(1000, 'x')).value();
  const auto bytes = store_->get(stored.digest, 999);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, Code::too_large);
  EXPECT_THAT(bytes.error().message, HasSubstr(stored.digest.hex()));
}

TEST_F(Objects, TakeFilesSmallAndLarge) {
  std::string large(3'000'000, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7 >> 3);
  write("small", "abc");
  write("large", large);
  EXPECT_EQ(store_->put_file(outside_ / "small", nullptr)->digest, Digest::of("abc"));
  const auto stored = store_->put_file(outside_ / "large", nullptr);
  ASSERT_OK(stored);
  EXPECT_EQ(stored->digest, Digest::of(large));
  EXPECT_EQ(stored->size, 3'000'000);
  EXPECT_EQ(store_->get(stored->digest, 4'000'000).value(), large);
  EXPECT_TRUE(fs::is_empty(objects() / "tmp"));
}

TEST_F(Objects, TakeAFileAwayThatNobodyElseUses) {
  std::int64_t admitted = 0;
  store_->set_admission([&](std::int64_t bytes) -> Result<void> {
    if (admitted + bytes > 10'000'000) return Fail(environment_error(Code::exhausted, "no room"));
    admitted += bytes;
    return {};
  });
  for (const std::size_t size : {0, 5, 3'000'000}) {
    const std::string bytes(size, 'x');
    for (int times = 0; times < 2; ++times) {
      write("file", bytes, 0600);
      const auto stored = store_->take_file(outside_ / "file");
      ASSERT_OK(stored);
      EXPECT_EQ(stored->digest, Digest::of(bytes));
      EXPECT_EQ(stored->size, static_cast<std::int64_t>(size));
      EXPECT_EQ(store_->get(stored->digest).value(), bytes);
      EXPECT_FALSE(fs::exists(outside_ / "file"));
      struct stat info{};
      ASSERT_EQ(stat(store_->path_of(stored->digest).c_str(), &info), 0);
      EXPECT_EQ(info.st_mode & 07777U, 0444U);
    }
  }
  write("file", std::string(9'000'000, 'y'));
  EXPECT_EQ(store_->take_file(outside_ / "file").error().code, Code::exhausted);
  EXPECT_TRUE(fs::exists(outside_ / "file")) << "it stays the caller's";
  EXPECT_FALSE(store_->take_file(outside_ / "nowhere"));
  EXPECT_FALSE(store_->take_file(outside_));
}

TEST_F(Objects, RefuseOtherBytesThanExpected) {
  for (const std::size_t size : {10U, 2'000'000U}) {
    write("upload", std::string(size, 'x'));
    const auto expected = Digest::of("something else");
    const auto stored = store_->put_file(outside_ / "upload", &expected);
    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().message, (outside_ / "upload").string() + ": digest mismatch: expected " +
                                          expected.hex() + ", found " +
                                          Digest::of(std::string(size, 'x')).hex() + "; send the file again");
    EXPECT_FALSE(store_->has(expected));
    EXPECT_TRUE(fs::is_empty(objects() / "tmp"));
  }
}

TEST_F(Objects, AreNotMadeOfFoldersOrPipes) {
  fs::create_directories(outside_ / "folder");
  EXPECT_THAT(store_->put_file(outside_ / "folder", nullptr).error().message,
              HasSubstr("folder: a folder, not a file"));
  ASSERT_EQ(mkfifo((outside_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(store_->put_file(outside_ / "pipe", nullptr).error().message,
              HasSubstr("pipe: not a regular file"));
  const auto gone = store_->put_file(outside_ / "gone", nullptr);
  EXPECT_EQ(gone.error().code, Code::not_found);
  EXPECT_THAT(gone.error().message, HasSubstr((outside_ / "gone").string()));
}

TEST_F(Objects, OfDeadWritersAreRemovedADayLater) {
  ASSERT_OK(os::write_file(objects() / "tmp" / "left", "half"));
  open();
  EXPECT_TRUE(fs::exists(objects() / "tmp" / "left"));
  clock_.ahead = std::chrono::hours(25);
  open();
  EXPECT_FALSE(fs::exists(objects() / "tmp" / "left"));
}

TEST_F(Objects, MayBePutByManyThreadsAtOnce) {
  std::vector<std::jthread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto text = "object " + std::to_string(i);
        const auto stored = store_->put(text);
        if (!stored || store_->get(stored->digest, 100) != text) ++failures;
      }
    });
  threads.clear();
  EXPECT_EQ(failures, 0);
}

TEST_F(Objects, ThatAreOnlyLinksHaveNoBytes) {
  const auto materialized =
      store_->materialize({.name = "weights", .uri = "https://example.org/w.bin", .metadata = {}});
  ASSERT_FALSE(materialized);
  EXPECT_EQ(materialized.error().message,
            "artifact `weights` is only a link to https://example.org/w.bin: its bytes are not in the store; "
            "download it "
            "and pass the file");
}

}  // namespace
}  // namespace sluice::stores
