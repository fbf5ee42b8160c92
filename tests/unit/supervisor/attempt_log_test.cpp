#include "sluice/supervisor/attempt_log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "result_assertions.hpp"

namespace sluice::supervisor {
namespace {

class AttemptLogTest : public ::testing::Test {
 protected:
  AttemptLogTest()
      : folder_(
            *os::TemporaryDirectory::make(std::filesystem::temp_directory_path(), "sluice-attempt-log-")) {}
  [[nodiscard]] std::filesystem::path file() const { return folder_.path() / "supervisor.log"; }
  [[nodiscard]] AttemptLog open(const std::string& boot = "boot") const {
    return test::value_of(AttemptLog::open(file(), boot));
  }
  [[nodiscard]] std::string bytes() const { return *os::read_file(file()); }
  static Ended exited(const std::string& fence) {
    return {.fence = fence, .kind = EndKind::exited, .status = 3};
  }

 private:
  os::TemporaryDirectory folder_;
};

TEST_F(AttemptLogTest, RemembersWhatWasBegunAndHowItEnded) {
  {
    auto log = open();
    ASSERT_TRUE(log.begin("runs", "/cgroup/leaf", 5));
    log.forked("runs", 12, 99);
    ASSERT_TRUE(log.begin("ended", "", 6));
    EXPECT_EQ(log.end(exited("ended")).number, 1U);
    ASSERT_TRUE(log.begin("as new", "", 7));
    log.withdraw("as new");
  }
  const auto log = open();
  EXPECT_TRUE(log.same_boot());
  ASSERT_EQ(log.begun().size(), 1U);
  const auto& begun = log.begun().at("runs");
  EXPECT_EQ(begun.leaf, "/cgroup/leaf");
  EXPECT_EQ(begun.pid, 12);
  EXPECT_EQ(begun.ticks, 99U);
  EXPECT_EQ(begun.started_ms, 5);
  ASSERT_NE(log.ended("ended"), nullptr);
  EXPECT_EQ(log.ended("ended")->status, 3);
  EXPECT_EQ(log.ended("as new"), nullptr);
  EXPECT_FALSE(log.forgotten("as new"));
  EXPECT_EQ(log.last_number(), 1U);
}

TEST_F(AttemptLogTest, PidsOfAnEarlierBootMeanNothing) {
  {
    auto log = open();
    ASSERT_TRUE(log.begin("runs", "/cgroup/leaf", 5));
    log.forked("runs", 12, 99);
  }
  for (int i = 0; i < 2; ++i) {  // also after the file was rewritten
    const auto log = open("another boot");
    EXPECT_EQ(log.same_boot(), i == 1);
    EXPECT_EQ(log.begun().at("runs").pid, 0);
    EXPECT_EQ(log.begun().at("runs").leaf, "");
  }
}

TEST_F(AttemptLogTest, AcknowledgedEndsAreForgottenButTheirFencesAreNot) {
  {
    auto log = open();
    ASSERT_TRUE(log.begin("a", "", 1));
    log.end(exited("a"));
    log.forget("a");
    log.forget("never heard of");
    EXPECT_EQ(log.ended("a"), nullptr);
    EXPECT_FALSE(log.forgotten("never heard of"));
  }
  for (int i = 0; i < 3; ++i) {  // also after the file was rewritten
    const auto log = open();
    EXPECT_TRUE(log.forgotten("a"));
    EXPECT_EQ(log.ended("a"), nullptr);
    EXPECT_TRUE(log.ends().empty());
    EXPECT_EQ(log.last_number(), 1U);  // numbers continue
  }
}

TEST_F(AttemptLogTest, AnAttemptThatWasNotForkedHasNoProcess) {
  auto log = open();
  ASSERT_OK(log.begin("a", "", 1));
  EXPECT_EQ(log.begun().at("a").pid, 0);
  EXPECT_EQ(log.begun().at("a").ticks, 0U);
  EXPECT_EQ(open().begun().at("a").pid, 0);
}

/// While this exists, files can grow to this size only.
class SmallFiles {
 public:
  explicit SmallFiles(std::uint64_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit less{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &less);
    handler_ = signal(SIGXFSZ, SIG_IGN);
  }
  ~SmallFiles() {
    signal(SIGXFSZ, handler_);
    setrlimit(RLIMIT_FSIZE, &before_);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;

 private:
  rlimit before_{};
  sighandler_t handler_ = SIG_DFL;
};

TEST_F(AttemptLogTest, ARecordThatCannotBeWrittenIsLeftOutCompletely) {
  {
    auto log = open();
    ASSERT_OK(log.begin("a", "", 1));
    for (const auto* fence : {"refused", "refused again"}) {
      const auto whole = bytes();
      {
        const SmallFiles small(whole.size() + 10);
        const auto begun = log.begin(fence, "", 2);
        ASSERT_FALSE(begun);
        EXPECT_EQ(begun.error().message, "cannot write " + file().string() + ": File too large");
      }
      EXPECT_FALSE(log.begun().contains(fence));
      EXPECT_EQ(bytes(), whole);
      ASSERT_OK(log.begin(std::string("after ") + fence, "", 3));
    }
  }
  const auto log = open();
  EXPECT_EQ(log.begun().size(), 3U);
  EXPECT_TRUE(log.begun().contains("after refused again"));
}

TEST_F(AttemptLogTest, ALargeFileIsNotRewrittenForEachRecord) {
  const auto inode = [&] {
    struct stat info{};
    EXPECT_EQ(stat(file().c_str(), &info), 0);
    return info.st_ino;
  };
  {
    auto log = open();
    for (int i = 0; i < 20'000; ++i) log.end(exited(std::to_string(i)));
  }
  auto log = open();
  ASSERT_GT(bytes().size(), std::size_t{1} << 20);
  const os::UniqueFd kept =
      test::value_of(os::open_file(file(), O_RDONLY));  // so that its inode is not used again
  const auto before = inode();
  for (int i = 0; i < 10; ++i) log.end(exited("another " + std::to_string(i)));
  EXPECT_EQ(inode(), before);
}

// A process may die at any byte of a write: earlier records are kept, and new records are readable.
TEST_F(AttemptLogTest, ATornTailIsIgnored) {
  {
    auto log = open();
    ASSERT_TRUE(log.begin("a", "", 1));
    log.end(exited("a"));
    ASSERT_TRUE(log.begin("b", "leaf", 2));
  }
  const auto whole = bytes();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    ASSERT_OK(os::write_file(file(), whole.substr(0, length)));
    {
      auto log = open();
      EXPECT_FALSE(log.begun().contains("b"));
      ASSERT_TRUE(log.begin("c", "", 3));
    }
    EXPECT_TRUE(open().begun().contains("c"));
  }
}

TEST_F(AttemptLogTest, AChangedByteEndsTheReadingThere) {
  {
    auto log = open();
    ASSERT_TRUE(log.begin("a", "", 1));
    ASSERT_TRUE(log.begin("bbbb", "", 2));
  }
  auto changed = bytes();
  changed[changed.find("bbbb")] = 'x';
  ASSERT_OK(os::write_file(file(), changed));
  const auto log = open();
  EXPECT_TRUE(log.begun().contains("a"));
  EXPECT_EQ(log.begun().size(), 1U);
}

TEST_F(AttemptLogTest, ARecordOfALaterVersionIsSkipped) {
  {
    auto log = open();
    ASSERT_OK(log.begin("a", "leaf", 1));
    log.forked("a", 77, 5);
  }
  // Kind 0xee: a length, the CRC-32 of the content, the content.
  const std::string later("\x01\0\0\0\xf2\x20\xb0\x95\xee", 9);
  ASSERT_OK(os::write_file(file(), bytes() + later));
  const auto log = open();
  EXPECT_TRUE(log.same_boot());
  EXPECT_EQ(log.begun().at("a").pid, 77);
}

// The kinds of ends are stored as numbers.
TEST_F(AttemptLogTest, EndsKeepTheirKind) {
  for (const auto kind : {EndKind::exited, EndKind::signalled, EndKind::not_started, EndKind::log_quota,
                          EndKind::lost, EndKind::memory}) {
    const auto fence = "f" + std::to_string(static_cast<int>(kind));
    {
      auto log = open();
      ASSERT_OK(log.begin(fence, "", 1));
      log.end({.fence = fence, .kind = kind});
    }
    const auto log = open();
    ASSERT_NE(log.ended(fence), nullptr);
    EXPECT_EQ(log.ended(fence)->kind, kind);
  }
  EXPECT_EQ(static_cast<int>(EndKind::forgotten), 5);
  EXPECT_EQ(static_cast<int>(EndKind::memory), 6);
}

// It was begun, and is recorded as lost by this version.
TEST_F(AttemptLogTest, AnEndOfAKindThatALaterVersionAddedIsNotKnown) {
  {
    auto log = open();
    ASSERT_OK(log.begin("a", "", 1));
    log.end({.fence = "a", .kind = static_cast<EndKind>(99)});
  }
  const auto log = open();
  EXPECT_EQ(log.ended("a"), nullptr);
  EXPECT_TRUE(log.begun().contains("a"));
}

TEST_F(AttemptLogTest, StaysSmallHoweverLongItIsUsed) {
  auto log = open();
  ASSERT_TRUE(log.begin("stays", "", 1));
  for (int i = 0; i < 30'000; ++i) {
    const auto fence = "fence-" + std::to_string(i);
    ASSERT_TRUE(log.begin(fence, "", 1));
    log.forked(fence, 1, 1);
    log.end(exited(fence));
    log.forget(fence);
  }
  EXPECT_LT(bytes().size(), std::size_t{3} << 20);
  EXPECT_FALSE(log.forgotten("fence-0"));  // of the acknowledged, the last 10,000 are known
  const auto again = open();
  EXPECT_TRUE(again.begun().contains("stays"));
  EXPECT_EQ(again.last_number(), 30'000U);
  EXPECT_TRUE(again.forgotten("fence-29999"));
}

TEST_F(AttemptLogTest, UnacknowledgedEndsAreLimited) {
  auto log = open();
  for (int i = 0; i < 100'010; ++i) log.end(exited(std::to_string(i)));
  EXPECT_EQ(log.ends().size(), 100'000U);
  EXPECT_EQ(log.ended("9"), nullptr);
  EXPECT_TRUE(log.forgotten("9"));
  EXPECT_NE(log.ended("10"), nullptr);
}

}  // namespace
}  // namespace sluice::supervisor
