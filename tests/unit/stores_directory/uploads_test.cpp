#include <thread>

#include "result_assertions.hpp"
#include "sluice/stores/directory/directory_uploads.hpp"
#include "store_fixture.hpp"

namespace sluice::stores {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class Uploads : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    restart();
  }
  void restart(DirectoryUploads::Options options = {}) {
    uploads_.reset();
    uploads_ = test::value_of(DirectoryUploads::open(*store_, clock_, random_, options));
  }
  ports::Upload begin(std::string_view bytes) {
    return test::value_of(uploads_->begin({}, static_cast<std::int64_t>(bytes.size()), Digest::of(bytes)));
  }
  Result<ports::Uploads::Received> append(const ports::Upload& upload, std::int64_t offset,
                                          std::string_view bytes) {
    return uploads_->append({}, upload.id, offset, bytes);
  }
  std::string problem(const Result<ports::Uploads::Received>& result) {
    EXPECT_FALSE(result);
    return result ? "" : result.error().message;
  }
  /// The files of uploads, by their endings.
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(objects() / "uploads"))
      out.push_back(entry.path().extension().string());
    return out;
  }
  SystemRandom random_;
  std::unique_ptr<DirectoryUploads> uploads_;
  const std::string bytes_ = "the first part, the second part";
};

TEST_F(Uploads, BecomeAnObjectWithTheLastPart) {
  const auto upload = begin(bytes_);
  EXPECT_EQ(upload.received, 0);
  const auto first = append(upload, 0, bytes_.substr(0, 10));
  ASSERT_OK(first);
  EXPECT_FALSE(first->stored);
  EXPECT_EQ(first->upload.received, 10);
  EXPECT_EQ(test::value_of(uploads_->find({}, upload.id)).received, 10);
  EXPECT_FALSE(store_->has(Digest::of(bytes_)));
  EXPECT_THAT(files(), UnorderedElementsAre("", ".json"));
  const auto last = append(upload, 10, bytes_.substr(10));
  ASSERT_OK(last);
  ASSERT_TRUE(last->stored);
  EXPECT_EQ(last->stored->digest, Digest::of(bytes_));
  EXPECT_EQ(last->stored->size, static_cast<std::int64_t>(bytes_.size()));
  EXPECT_EQ(test::value_of(store_->get(Digest::of(bytes_))), bytes_);
  struct stat info{};
  ASSERT_EQ(stat(store_->path_of(Digest::of(bytes_)).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0444U);
  EXPECT_THAT(files(), IsEmpty());
  EXPECT_EQ(uploads_->find({}, upload.id).error().code, Code::not_found);
}

TEST_F(Uploads, NeedNoDigest) {
  const auto upload = test::value_of(uploads_->begin({}, 3, {}));
  EXPECT_EQ(test::value_of(append(upload, 0, "abc")).stored->digest, Digest::of("abc"));
  const auto empty = test::value_of(uploads_->begin({}, 0, {}));
  EXPECT_EQ(test::value_of(append(empty, 0, "")).stored->digest, Digest::of(""));
}

TEST_F(Uploads, RefuseAPartThatBeginsElsewhere) {
  const auto upload = begin(bytes_);
  ASSERT_OK(append(upload, 0, bytes_.substr(0, 10)));
  for (const std::int64_t offset : {0, 9, 11, 1000}) {
    const auto refused = append(upload, offset, "x");
    EXPECT_EQ(refused.error().code, Code::conflict);
    EXPECT_EQ(problem(refused), "upload " + upload.id + " continues at byte 10, not at " +
                                    std::to_string(offset) + "; send the part that begins there");
  }
  const auto beyond = append(upload, 10, bytes_);
  EXPECT_EQ(beyond.error().code, Code::invalid_argument);
  EXPECT_THAT(problem(beyond), HasSubstr("which has 31 bytes"));
  EXPECT_TRUE(test::value_of(append(upload, 10, bytes_.substr(10))).stored);
}

TEST_F(Uploads, RefuseBytesOfAnotherDigest) {
  const auto upload = begin(bytes_);
  const std::string other(bytes_.size(), 'x');
  const auto refused = append(upload, 0, other);
  EXPECT_EQ(problem(refused), "digest mismatch: expected " + Digest::of(bytes_).hex() + ", found " +
                                  Digest::of(other).hex() + "; send the file again");
  EXPECT_FALSE(store_->has(Digest::of(other)));
  EXPECT_THAT(files(), IsEmpty());
  EXPECT_EQ(append(upload, 0, bytes_).error().code, Code::not_found);
}

TEST_F(Uploads, ContinueAfterARestart) {
  const auto upload = begin(bytes_);
  ASSERT_OK(append(upload, 0, bytes_.substr(0, 10)));
  // What a process that is killed leaves behind besides.
  ASSERT_OK(os::write_file(objects() / "uploads/bytesonly", "x"));
  ASSERT_OK(os::write_file(objects() / "uploads/aboutonly.json", "{}"));
  ASSERT_OK(os::write_file(objects() / "uploads" / (upload.id + ".json.new-abc"), "{"));
  restart();
  EXPECT_THAT(files(), UnorderedElementsAre("", ".json"));
  const auto again = begin(bytes_);
  EXPECT_EQ(again.id, upload.id);
  EXPECT_EQ(again.received, 10);
  ASSERT_OK(append(upload, 10, bytes_.substr(10, 5)));
  restart();
  // All bytes have arrived, but the process died before they became an object.
  ASSERT_OK(os::write_file(objects() / "uploads" / upload.id, bytes_));
  restart();
  EXPECT_EQ(begin(bytes_).received, static_cast<std::int64_t>(bytes_.size()));
  const auto last = append(upload, static_cast<std::int64_t>(bytes_.size()), "");
  ASSERT_OK(last);
  EXPECT_TRUE(last->stored);
  EXPECT_EQ(test::value_of(store_->get(Digest::of(bytes_))), bytes_);
}

TEST_F(Uploads, OfTwoClientsAreOne) {
  const std::string large(100'000, 'l');
  constexpr std::size_t part = 1000;
  const auto client = [&] {
    const auto upload = begin(large);
    for (;;) {
      const auto state = uploads_->find({}, upload.id);
      if (!state) break;
      static_cast<void>(
          append(upload, state->received,
                 std::string_view(large).substr(static_cast<std::size_t>(state->received), part)));
    }
  };
  {
    const std::jthread one(client);
    const std::jthread other(client);
  }
  EXPECT_EQ(test::value_of(store_->get(Digest::of(large))), large);
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(Uploads, BelongToAWorkspace) {
  const auto upload = begin(bytes_);
  const Principal other{.workspace = "team", .name = "ann"};
  EXPECT_EQ(uploads_->find(other, upload.id).error().code, Code::not_found);
  EXPECT_EQ(uploads_->append(other, upload.id, 0, bytes_).error().code, Code::not_found);
  EXPECT_EQ(uploads_->cancel(other, upload.id).error().code, Code::not_found);
  const auto theirs = uploads_->begin(other, upload.size, upload.digest);
  ASSERT_OK(theirs);
  EXPECT_NE(theirs->id, upload.id);
}

TEST_F(Uploads, AreBoundedInNumberAndSize) {
  restart({.count_max = 2, .bytes_max = 100});
  EXPECT_EQ(uploads_->begin({}, -1, {}).error().code, Code::invalid_argument);
  EXPECT_EQ(uploads_->begin({}, 101, {}).error().code, Code::too_large);
  const auto first = test::value_of(uploads_->begin({}, 60, {}));
  const auto refused = uploads_->begin({}, 41, {});
  EXPECT_EQ(refused.error().code, Code::exhausted);
  EXPECT_EQ(refused.error().message,
            "too many uploads are under way: 1, of 60 B together; retry when one of them has ended");
  ASSERT_OK(uploads_->begin({}, 40, {}));
  EXPECT_EQ(uploads_->begin({}, 0, {}).error().code, Code::exhausted);
  ASSERT_OK(uploads_->cancel({}, first.id));
  ASSERT_OK(uploads_->begin({}, 0, {}));
  restart({.bytes_max = std::int64_t{1} << 60});
  const auto too_much = uploads_->begin({}, std::int64_t{1} << 59, {});
  EXPECT_EQ(too_much.error().code, Code::disk_full);
}

TEST_F(Uploads, EndADayAfterTheLastPart) {
  const auto upload = begin(bytes_);
  clock_.ahead = std::chrono::hours(23);
  ASSERT_OK(append(upload, 0, bytes_.substr(0, 10)));
  clock_.ahead = std::chrono::hours(46);
  ASSERT_OK(uploads_->begin({}, 1, {}));  // looks for old ones
  ASSERT_OK(uploads_->find({}, upload.id));
  clock_.ahead = std::chrono::hours(48);
  ASSERT_OK(uploads_->begin({}, 1, {}));
  EXPECT_EQ(uploads_->find({}, upload.id).error().code, Code::not_found);
  EXPECT_EQ(files().size(), 4U);
  clock_.ahead = std::chrono::hours(80);
  restart();
  EXPECT_THAT(files(), IsEmpty());
}

}  // namespace
}  // namespace sluice::stores
