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

// Numbered parts

class NumberedUploads : public Uploads {
 protected:
  void SetUp() override {
    Uploads::SetUp();
    id_ = test::value_of(uploads_->begin_parts({}, 3));
  }
  Result<void> put(std::int64_t number, std::string_view bytes) {
    const auto file = objects() / "tmp" / "part";
    EXPECT_OK(os::write_file(file, bytes));
    return uploads_->put_part({}, id_, number, file);
  }
  std::string id_;
};

TEST_F(NumberedUploads, ArriveInAnyOrder) {
  ASSERT_OK(put(3, "three"));
  EXPECT_EQ(files().size(), 2U);
  ASSERT_OK(put(1, "one, "));
  ASSERT_OK(put(3, "three"));  // again
  ASSERT_OK(put(1, "one, "));
  EXPECT_EQ(put(3, "other").error().code, Code::conflict);
  EXPECT_EQ(put(1, "other").error().message, "other bytes have arrived as part 1; begin the upload again");
  const auto early = uploads_->complete({}, id_);
  EXPECT_EQ(early.error().code, Code::failed_precondition);
  EXPECT_EQ(early.error().message, "part 2 of 3 has not arrived; send it first");
  ASSERT_OK(put(2, "two, "));
  EXPECT_EQ(files().size(), 1U);
  const auto stored = test::value_of(uploads_->complete({}, id_));
  EXPECT_EQ(stored.digest, Digest::of("one, two, three"));
  EXPECT_EQ(stored.size, 15);
  EXPECT_EQ(test::value_of(store_->get(stored.digest)), "one, two, three");
  EXPECT_THAT(files(), IsEmpty());
  EXPECT_EQ(put(2, "two, ").error().code, Code::not_found);
  EXPECT_EQ(uploads_->complete({}, id_).error().code, Code::not_found);
}

TEST_F(NumberedUploads, HaveTheirNumbers) {
  for (const std::int64_t number : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{4}, INT64_MAX})
    EXPECT_EQ(put(number, "x").error().message,
              "there is no part " + std::to_string(number) + ": this upload has parts 1 to 3");
  for (const std::int64_t count : {0, -1, 10'001})
    EXPECT_EQ(uploads_->begin_parts({}, count).error().message,
              "an upload has 1 to 10000 parts, not " + std::to_string(count));
}

TEST_F(NumberedUploads, AreNotThoseOfOneRow) {
  EXPECT_EQ(uploads_->find({}, id_).error().code, Code::not_found);
  EXPECT_EQ(uploads_->append({}, id_, 0, "x").error().code, Code::not_found);
  const auto row = begin(bytes_).id;
  EXPECT_EQ(uploads_->complete({}, row).error().code, Code::not_found);
  EXPECT_EQ(uploads_->put_part({}, row, 1, objects() / "none").error().code, Code::not_found);
  const Principal other{.workspace = "other", .name = "other"};
  EXPECT_EQ(uploads_->complete(other, id_).error().code, Code::not_found);
}

TEST_F(NumberedUploads, LeaveNothingWhenTheyEnd) {
  ASSERT_OK(put(1, "x"));
  ASSERT_OK(put(3, "z"));
  ASSERT_OK(uploads_->cancel({}, id_));
  EXPECT_THAT(files(), IsEmpty());
  for (const bool is_old : {true, false}) {
    id_ = test::value_of(uploads_->begin_parts({}, 3));
    ASSERT_OK(put(2, "y"));
    EXPECT_EQ(files().size(), 2U);
    if (is_old) {
      clock_.ahead = std::chrono::hours(25);
      ASSERT_OK(uploads_->cancel({}, begin(bytes_).id));
    } else {
      restart();
    }
    EXPECT_THAT(files(), IsEmpty());
  }
}

TEST_F(NumberedUploads, AreBoundedInNumberAndSize) {
  restart({.count_max = 2, .bytes_max = 100});
  id_ = test::value_of(uploads_->begin_parts({}, 3));
  ASSERT_OK(put(2, std::string(60, 'x')));
  EXPECT_EQ(put(1, std::string(41, 'x')).error().code, Code::exhausted);
  ASSERT_OK(put(1, std::string(40, 'x')));
  EXPECT_EQ(uploads_->begin({}, 1, {}).error().code, Code::exhausted);
  ASSERT_OK(uploads_->begin_parts({}, 1));
  EXPECT_EQ(uploads_->begin_parts({}, 1).error().code, Code::exhausted);
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
