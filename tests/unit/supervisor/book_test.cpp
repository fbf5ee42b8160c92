#include "sluice/supervisor/book.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"

namespace sluice::supervisor {
namespace {

class BookTest : public ::testing::Test {
 protected:
  BookTest()
      : folder_(*os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-book-")) {}
  [[nodiscard]] std::filesystem::path file() const { return folder_.path() / "supervisor.log"; }
  [[nodiscard]] Book open(const std::string& boot = "boot") const {
    return test::value_of(Book::open(file(), boot));
  }
  [[nodiscard]] std::string bytes() const { return *os::read_file(file()); }
  static Ended exited(const std::string& fence) {
    return {.fence = fence, .kind = EndKind::exited, .status = 3};
  }

 private:
  os::TemporaryDirectory folder_;
};

TEST_F(BookTest, RemembersWhatWasBegunAndHowItEnded) {
  {
    auto book = open();
    ASSERT_TRUE(book.begin("runs", "/cgroup/leaf", 5));
    book.forked("runs", 12, 99);
    ASSERT_TRUE(book.begin("ended", "", 6));
    EXPECT_EQ(book.end(exited("ended")).number, 1U);
    ASSERT_TRUE(book.begin("as new", "", 7));
    book.withdraw("as new");
  }
  const auto book = open();
  EXPECT_TRUE(book.same_boot());
  ASSERT_EQ(book.begun().size(), 1U);
  const auto& begun = book.begun().at("runs");
  EXPECT_EQ(begun.leaf, "/cgroup/leaf");
  EXPECT_EQ(begun.pid, 12);
  EXPECT_EQ(begun.ticks, 99U);
  EXPECT_EQ(begun.started_ms, 5);
  ASSERT_NE(book.ended("ended"), nullptr);
  EXPECT_EQ(book.ended("ended")->status, 3);
  EXPECT_EQ(book.ended("as new"), nullptr);
  EXPECT_FALSE(book.forgotten("as new"));
  EXPECT_EQ(book.last_number(), 1U);
}

TEST_F(BookTest, PidsOfAnEarlierBootMeanNothing) {
  {
    auto book = open();
    ASSERT_TRUE(book.begin("runs", "/cgroup/leaf", 5));
    book.forked("runs", 12, 99);
  }
  for (int i = 0; i < 2; ++i) {  // also after the file was rewritten
    const auto book = open("another boot");
    EXPECT_EQ(book.same_boot(), i == 1);
    EXPECT_EQ(book.begun().at("runs").pid, 0);
    EXPECT_EQ(book.begun().at("runs").leaf, "");
  }
}

TEST_F(BookTest, AcknowledgedEndsAreForgottenButTheirFencesAreNot) {
  {
    auto book = open();
    ASSERT_TRUE(book.begin("a", "", 1));
    book.end(exited("a"));
    book.forget("a");
    book.forget("never heard of");
    EXPECT_EQ(book.ended("a"), nullptr);
    EXPECT_FALSE(book.forgotten("never heard of"));
  }
  const auto book = open();
  EXPECT_TRUE(book.forgotten("a"));
  EXPECT_TRUE(book.ends().empty());
  EXPECT_EQ(book.last_number(), 1U);  // numbers continue
}

// A process may die at any byte of a write: earlier records are kept, and new records are readable.
TEST_F(BookTest, ATornTailIsIgnored) {
  {
    auto book = open();
    ASSERT_TRUE(book.begin("a", "", 1));
    book.end(exited("a"));
    ASSERT_TRUE(book.begin("b", "leaf", 2));
  }
  const auto whole = bytes();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    ASSERT_OK(os::write_file(file(), whole.substr(0, length)));
    {
      auto book = open();
      EXPECT_FALSE(book.begun().contains("b"));
      ASSERT_TRUE(book.begin("c", "", 3));
    }
    EXPECT_TRUE(open().begun().contains("c"));
  }
}

TEST_F(BookTest, AChangedByteEndsTheReadingThere) {
  {
    auto book = open();
    ASSERT_TRUE(book.begin("a", "", 1));
    ASSERT_TRUE(book.begin("bbbb", "", 2));
  }
  auto changed = bytes();
  changed[changed.find("bbbb")] = 'x';
  ASSERT_OK(os::write_file(file(), changed));
  const auto book = open();
  EXPECT_TRUE(book.begun().contains("a"));
  EXPECT_EQ(book.begun().size(), 1U);
}

TEST_F(BookTest, ARecordOfALaterVersionIsSkipped) {
  {
    auto book = open();
    ASSERT_OK(book.begin("a", "leaf", 1));
    book.forked("a", 77, 5);
  }
  // Kind 0xee: a length, the CRC-32 of the content, the content.
  const std::string later("\x01\0\0\0\xf2\x20\xb0\x95\xee", 9);
  ASSERT_OK(os::write_file(file(), bytes() + later));
  const auto book = open();
  EXPECT_TRUE(book.same_boot());
  EXPECT_EQ(book.begun().at("a").pid, 77);
}

TEST_F(BookTest, StaysSmallHoweverLongItIsUsed) {
  auto book = open();
  ASSERT_TRUE(book.begin("stays", "", 1));
  for (int i = 0; i < 30'000; ++i) {
    const auto fence = "fence-" + std::to_string(i);
    ASSERT_TRUE(book.begin(fence, "", 1));
    book.forked(fence, 1, 1);
    book.end(exited(fence));
    book.forget(fence);
  }
  EXPECT_LT(bytes().size(), std::size_t{3} << 20);
  EXPECT_FALSE(book.forgotten("fence-0"));  // of the acknowledged, the last 10,000 are known
  const auto again = open();
  EXPECT_TRUE(again.begun().contains("stays"));
  EXPECT_EQ(again.last_number(), 30'000U);
  EXPECT_TRUE(again.forgotten("fence-29999"));
}

TEST_F(BookTest, UnacknowledgedEndsAreLimited) {
  auto book = open();
  for (int i = 0; i < 100'010; ++i) book.end(exited(std::to_string(i)));
  EXPECT_EQ(book.ends().size(), 100'000U);
  EXPECT_EQ(book.ended("9"), nullptr);
  EXPECT_TRUE(book.forgotten("9"));
  EXPECT_NE(book.ended("10"), nullptr);
}

}  // namespace
}  // namespace sluice::supervisor
